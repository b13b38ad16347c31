# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The node's clock and rate limit, from the headers of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_LIMIT_WINDOW = 60.0


@dataclass(frozen=True)
class RateLimit:
    """The X-RateLimit headers of one answer. ``reset_after``: seconds from the answer's own ``Date``, at most 60."""

    limit: int | None
    remaining: int | None
    reset_after: float | None

    def to_dict(self) -> dict[str, Any]:
        return {"limit": self.limit, "remaining": self.remaining, "reset_after": self.reset_after}


def date_of(headers: Mapping[str, str]) -> datetime | None:
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def rate_limit_of(headers: Mapping[str, str]) -> RateLimit | None:
    """The rate limit; none if the caller is not limited, since the headers are absent then."""
    limit, remaining, reset = (
        _whole(headers.get(f"X-RateLimit-{name}", "")) for name in ("Limit", "Remaining", "Reset")
    )
    if limit is None and remaining is None and reset is None:
        return None
    date = date_of(headers)
    reset_after = None
    if reset is not None and date is not None:
        reset_after = min(max(reset / 1000 - date.timestamp(), 0.0), RATE_LIMIT_WINDOW)
    return RateLimit(limit=limit, remaining=remaining, reset_after=reset_after)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None
