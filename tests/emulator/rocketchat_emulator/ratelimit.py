# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rocket.Chat's rate limiter: a number of calls per window, counted in the memory of one process."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rocketchat_emulator.settings import RateLimit


@dataclass(frozen=True)
class Tally:
    """The state of the limit at one call. ``reset_in`` is the rest of the window in seconds."""

    limit: int
    remaining: int
    reset_in: float
    allowed: bool

    @property
    def wait(self) -> int:
        """The seconds in the error message, a whole number."""
        return math.ceil(self.reset_in)

    def headers(self, *, now: float) -> dict[str, str]:
        """The three headers of every limited answer. The reset is in milliseconds since 1970; ``now`` in seconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(round((now + self.reset_in) * 1000)),
        }


@dataclass
class _Window:
    end: float
    calls: int = 0


@dataclass
class RateLimiter:
    """Counts calls per key (client address, route, method). A window begins with the first call after the previous."""

    limit: RateLimit
    clock: Callable[[], float]
    _windows: dict[tuple[str, str, str], _Window] = field(default_factory=dict)

    def count(self, key: tuple[str, str, str]) -> Tally:
        now = self.clock()
        window = self._windows.get(key)
        if window is None or now >= window.end:
            window = self._windows[key] = _Window(now + self.limit.seconds)
        window.calls += 1
        return Tally(
            limit=self.limit.calls,
            remaining=max(0, self.limit.calls - window.calls),
            reset_in=window.end - now,
            allowed=window.calls <= self.limit.calls,
        )
