# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of Rocket.Chat, and the behaviour of the server that changes between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# The default release of `up`.
DEFAULT = "8.6.1"

_PATTERN = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})(-[0-9A-Za-z.]+)?")


@dataclass(frozen=True, order=True)
class Version:
    """One release, such as 7.10.0. A pre-release label is kept, but ignored when releases are compared."""

    major: int
    minor: int
    patch: int
    label: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``7.10.0`` or ``8.0.0-rc.1``; anything else, and releases without the endpoint, is a ValueError."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a version such as 7.10.0")
        version = cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "")
        if version < cls(3, 10, 0):
            raise ValueError(f"version {text} is too old: instances.get exists since 3.10")
        return version

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}{self.label}"

    @property
    def public(self) -> str:
        """The version for callers without permissions: major.minor, the full version before 4.0."""
        return f"{self.major}.{self.minor}" if self.major >= 4 else str(self)

    @property
    def lists_raw_records(self) -> bool:
        """Whether instances.get has its old shape (before 6.0)."""
        return self.major < 6

    @property
    def says_401_twice(self) -> bool:
        """Whether a 401 has ``success`` and ``error`` beside ``status`` and ``message`` (since 7.7)."""
        return self >= Version(7, 7, 0)

    @property
    def has_terse_403(self) -> bool:
        """Whether the answer to a missing permission is only "unauthorized" (up to 6.x)."""
        return self.major < 7

    @property
    def limits_rates(self) -> bool:
        """Whether the rate limiter is enforced; in 7.7.x it was not, and its headers were absent.

        It is known to be enforced again in 7.9; the emulator enforces it from 7.8.
        """
        return not Version(7, 7, 0) <= self < Version(7, 8, 0)

    @property
    def limits_rates_first(self) -> bool:
        """Whether calls are counted before login and permission are checked (before 8.0), or after."""
        return self.major < 8

    @property
    def health_is_constant(self) -> bool:
        """Whether /health is always "ok", whatever happens (since 7.7)."""
        return self >= Version(7, 7, 0)

    @property
    def speaks_nats(self) -> bool:
        """Whether processes can be linked over NATS (since 6.3)."""
        return self >= Version(6, 3, 0)

    @property
    def forgets_removed(self) -> bool:
        """Whether all processes, its own included, forget a process whose record is removed (over TCP).

        True from 6.2.7 until 7.2; the exact release of the fix is not known, the emulator takes 7.3.
        """
        return Version(6, 2, 7) <= self < Version(7, 3, 0)

    @property
    def watches_records(self) -> bool:
        """Whether a process finds new peers; from 7.3 to 7.8 it reads its peers only at its start (over TCP)."""
        return not Version(7, 3, 0) <= self < Version(7, 9, 0)

    @property
    def heartbeat_timeout(self) -> int:
        """Ping intervals (10 s) that a peer may be silent over NATS: 3 up to 7.2, 6 since."""
        return 3 if self < Version(7, 3, 0) else 6

    @property
    def has_probes(self) -> bool:
        """Whether /livez and /readyz exist (since 7.11)."""
        return self >= Version(7, 11, 0)

    @property
    def has_health(self) -> bool:
        """Whether /health exists (since 5.3)."""
        return self >= Version(5, 3, 0)

    @property
    def node_js(self) -> str:
        """The version of Node.js that a release ships with; an example, nothing depends on it."""
        if self.major < 7:
            return "v14.21.3"
        return "v22.16.0" if self >= Version(7, 7, 0) else "v20.19.2"
