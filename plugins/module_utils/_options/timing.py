# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options that are times, all in seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Mapping

PINGS = 3  # ping intervals for which a record is fresh


def seconds(params: Mapping[str, Any], name: str, *, least: float = 0.001, most: float = math.inf) -> float:
    """The value of an option that is a time. Raises :class:`OptionsError`."""
    value = float(params[name])
    if math.isfinite(value) and least <= value <= most:
        return value
    limit = f"at least {least:g} s" if value < least else f"at most {most:g} s"
    raise OptionsError(f"{name} is {value:g}, it must be {limit if math.isfinite(value) else 'finite'}")


def optional_seconds(params: Mapping[str, Any], name: str, *, least: float) -> float | None:
    """The value of an option that is a time; none if it is left out."""
    return None if params[name] is None else seconds(params, name, least=least)


def max_record_age(params: Mapping[str, Any]) -> float:
    """Seconds for which a record is fresh after its last ping. Raises :class:`OptionsError`."""
    ping_interval = seconds(params, "ping_interval")
    if params["max_record_age"] is None:
        return PINGS * ping_interval
    age = seconds(params, "max_record_age")
    if age < ping_interval:
        raise OptionsError(
            f"max_record_age ({age:g} s) is shorter than ping_interval ({ping_interval:g} s): "
            "every record would look stale between two pings"
        )
    return age
