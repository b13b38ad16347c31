# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Misspelt variables: names that are almost those of options of the collection's roles and of the playbook.

Other variables with the same prefix may be the user's own.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_ROLES = Path(__file__).parents[3] / "roles"


@cache
def argument_specs(role: str) -> dict[str, Any]:
    """The argument specs of a role of this collection, by entry point."""
    text = (_ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    specs: dict[str, Any] = yaml.safe_load(text)["argument_specs"]
    return specs


def options_of(role: str) -> frozenset[str]:
    """The options of all entry points of a role."""
    return frozenset(option for spec in argument_specs(role).values() for option in spec["options"])


def misspelt(names: Iterable[str], options: Collection[str], prefix: str) -> Iterator[tuple[str, str]]:
    """Each name that is almost an option, and that option. All begin with the prefix, which is not compared."""
    rests = sorted(option[len(prefix) :] for option in options)
    for name in names:
        close = [] if name in options else get_close_matches(name[len(prefix) :], rests, n=1, cutoff=0.8)
        yield from ((name, f"{prefix}{rest}") for rest in close)
