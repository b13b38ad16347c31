# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Secrets are masked in all that leaves a plugin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from ansible.module_utils.common.parameters import remove_values

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def masked(value: T, secrets: Iterable[str]) -> T:
    """What can be written as JSON, with secrets masked as Ansible does it.

    Looking for one in the text of all is ten times as quick as in every value, and mostly there is none.
    """
    return remove_values(value, secrets) if has_secret(as_text(value), secrets) else value


def as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def has_secret(text: str, secrets: Iterable[str]) -> bool:
    """Whether one of them is in what :func:`as_text` has made."""
    return any(as_text(secret)[1:-1] in text for secret in secrets)
