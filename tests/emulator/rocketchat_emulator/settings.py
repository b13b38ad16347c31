# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a whole cluster: `up` stores them, every node reads them when it starts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from rocketchat_emulator.roster import Place
    from rocketchat_emulator.version import Version

# How processes reach each other: directly, or through a NATS server.
Transport = Literal["tcp", "nats"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)


# The releases that migrate the database.
Migrating = Literal["major", "minor"]
MIGRATING: tuple[Migrating, ...] = get_args(Migrating)


@dataclass(frozen=True)
class RateLimit:
    """A number of calls per seconds, for one client address, route and method."""

    calls: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> RateLimit | None:
        """Read ``10/60``; ``off`` is None."""
        if text == "off":
            return None
        calls, _unused, seconds = text.partition("/")
        try:
            limit = cls(int(calls), float(seconds))
        except ValueError:
            limit = cls(0, 0)
        if limit.calls < 1 or not 0 < limit.seconds < float("inf"):
            raise ValueError(f"'{text}' is neither CALLS/SECONDS, such as 10/60, nor off")
        return limit


@dataclass(frozen=True)
class Settings:
    """All durations are in seconds.

    ``host_field`` and ``port_field`` are the values in the records, not where a node listens. ``{n}`` in ``host_field``
    stands for the node's number, an empty field for the node's real address or port. ``start_gap`` is the time between
    reading the peers and writing the own record, from 7.3 to 7.8.

    A second of a real server is a tenth of ``ping`` here: a real server pings every ten seconds.
    """

    ping: float
    expire: float
    sweep: float
    lifetime: float
    start_gap: float
    transport: Transport
    migrating: Migrating
    migration_time: float
    microservices: bool
    host_field: str
    port_field: str
    rate_limit: RateLimit | None

    def scaled(self, seconds: float) -> float:
        """A duration of a real server as one of this cluster."""
        return seconds * self.ping / 10

    def migration_of(self, version: Version) -> int:
        """The number of the newest migration that a release has."""
        return version.major * 100 + (version.minor if self.migrating == "minor" else 0)

    def host_of(self, place: Place) -> str:
        return self.host_field.replace("{n}", str(place.number)) or place.address

    def port_of(self, place: Place) -> str:
        """A string, as in Rocket.Chat's own records."""
        return self.port_field or str(place.port)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        values = json.loads(text)
        limit = values.pop("rate_limit")
        return cls(**values, rate_limit=RateLimit(**limit) if limit else None)
