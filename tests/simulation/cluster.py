# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Rocket.Chat cluster on a simulated clock: what truly is, and what its nodes say of it. All times in seconds.

What happens is an event; everything that lasts (pings, sweeps, views of each other) is computed for the moment that
is asked about, from when it began.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
EXPIRE = 60.0  # a record may be swept so long after its last ping
SWEEP = 60.0  # the TTL monitor comes by so often
FIND_PEER = 4.0  # at most, until a new peer is seen
LOSE_PEER = {"stopped": 1.0, "killed": 2.0}  # over TCP, at most
NATS_HEARTBEAT = 60.0  # until a silent peer is given up
FLAP = 8.0  # a pair cut with resets shows the same for so long
FLAP_GOOD = 38  # per cent of the time that it looks good, as gossip of a third node
FLICKER_BAD = 5  # per cent of the time that a healthy pair looks bad meanwhile
RATE_CALLS, RATE_WINDOW = 10, 60.0
FOREVER = math.inf


@dataclass
class Process:
    """One run of the server at a place. ``spans``: when it pings, each from its first ping until it falls silent."""

    place: str
    id: str
    version: str
    started: float
    listens: float
    healthy: bool = True  # a bad build answers, but never becomes well
    database: str = "rocketchat"
    ended: float = FOREVER
    end_kind: str = "killed"
    hangs: list[list[float]] = field(default_factory=list)
    spans: list[list[float]] = field(default_factory=list)
    created: list[tuple[float, float]] = field(default_factory=list)  # from when on, which time of registration
    calls: list[float] = field(default_factory=lambda: [-FOREVER, 0])  # of the rate limit: window's begin, number
    cached: tuple[float, float, dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        self.spans = [[self.listens, FOREVER]]
        self.created = [(self.listens, self.listens)]

    def runs(self, t: float) -> bool:
        return self.started <= t < self.ended

    def hung(self, t: float) -> bool:
        return any(begin <= t < end for begin, end in self.hangs)

    def answers(self, t: float) -> bool:
        return self.listens <= t < self.ended and not self.hung(t)

    def registered(self, t: float) -> float:
        return next(moment for since, moment in reversed(self.created) if since <= t)

    def last_ping(self, t: float, ping: float) -> float | None:
        for begin, end in reversed(self.spans):
            if begin <= t and begin < end:
                return begin + math.floor((min(t, end) - begin) / ping) * ping
        return None

    def silent_since(self, t: float) -> float | None:
        """When its pings stopped, if they have."""
        for begin, end in reversed(self.spans):
            if end <= t:
                return end
            if begin <= t:
                return None
        return None

    def fall_silent(self, t: float) -> None:
        self.spans[-1][1] = min(self.spans[-1][1], t)


@dataclass
class Cut:
    """Two places that do not reach each other. A silent one is invisible for long."""

    pair: frozenset[str]
    begin: float
    end: float
    silent: bool
    shows_at: float
    salt: int


@dataclass
class Place:
    """Where a node runs: a host and port that outlive its processes. ``spells``: what it answers instead, and when."""

    name: str
    host: str
    clock: float  # ahead of true time
    processes: list[Process] = field(default_factory=list)
    spells: list[tuple[float, float, str]] = field(default_factory=list)
    leads_to: list[tuple[float, str]] = field(default_factory=list)  # its URL, from when on

    def spell(self, t: float) -> str | None:
        return next((kind for begin, end, kind in self.spells if begin <= t < end), None)


class Cluster:
    """``transport``: tcp, nats, or none where instances do not connect to each other (no licence)."""

    def __init__(self, *, salt: int, transport: str, ping: float, clock: float, old: bool = False) -> None:
        self.salt = salt
        self.transport = transport
        self.ping = ping
        self.clock = clock  # the database's, ahead of true time
        self.old = old
        self.microservices = False
        self.now = 0.0
        self.sweep_phase = float(salt % 60)
        self.places: dict[str, Place] = {}
        self.cuts: list[Cut] = []
        self.ghosts: list[dict[str, Any]] = []
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        self.log: list[tuple[float, str]] = []

    # What happens

    def at(self, t: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.events, (t, next(self.order), act))

    def advance(self, t: float) -> None:
        while self.events and self.events[0][0] <= t:
            moment, _order, act = heapq.heappop(self.events)
            self.now = max(self.now, moment)
            act()
        self.now = max(self.now, t)

    def note(self, text: str) -> None:
        self.log.append((self.now, text))

    def start(self, name: str, *, version: str, boot: float, **how: Any) -> Process:
        place = self.places[name]
        number = len(place.processes)
        process = Process(name, f"{name}-{number}-{self.salt % 997}", version, self.now, self.now + boot, **how)
        place.processes.append(process)
        self.note(f"{name} starts {version} as {process.id}, listens in {boot:.0f} s")
        return process

    def end(self, process: Process, kind: str) -> None:
        if process.ended < FOREVER:
            return
        process.ended, process.end_kind = self.now, kind
        process.fall_silent(self.now)
        self.note(f"{process.id} is {kind}")

    def hang(self, process: Process) -> None:
        if not process.answers(self.now):
            return
        process.hangs.append([self.now, FOREVER])
        process.fall_silent(self.now)
        self.note(f"{process.id} hangs")

    def resume(self, process: Process) -> None:
        if process.ended < FOREVER or not process.hung(self.now):
            return
        process.hangs[-1][1] = self.now
        self._ping_again(process)
        self.note(f"{process.id} resumes")

    def lose_database(self, process: Process) -> None:
        """It goes on answering, but pings no more."""
        process.fall_silent(self.now)
        self.note(f"{process.id} pings no more")

    def find_database(self, process: Process) -> None:
        if process.ended == FOREVER and not process.hung(self.now) and process.silent_since(self.now) is not None:
            self._ping_again(process)
            self.note(f"{process.id} pings again")

    def lose_record(self, process: Process) -> None:
        """Its record is gone until its next ping registers it anew."""
        last = process.last_ping(self.now, self.ping)
        if last is None or not process.answers(self.now) or process.silent_since(self.now) is not None:
            return
        again = last + self.ping
        process.spans = [[again, FOREVER]]
        process.created.append((again, again))
        self.note(f"{process.id} has lost its record")

    def cut(self, a: str, b: str, *, until: float, silent: bool, shows_after: float) -> None:
        pair = frozenset({a, b})
        self.cuts.append(Cut(pair, self.now, until, silent, self.now + shows_after, len(self.cuts) + self.salt % 1009))
        self.note(f"{a} and {b} are cut off from each other{' silently' if silent else ''} until {until:.0f}")

    def _ping_again(self, process: Process) -> None:
        if self.swept(process, self.now):
            process.created.append((self.now, self.now))
        process.spans.append([self.now, FOREVER])

    # What truly is

    def process(self, name: str, t: float) -> Process | None:
        """The latest process of a place that has not ended."""
        return next((p for p in reversed(self.places[name].processes) if p.runs(t)), None)

    def truly_cut(self, a: str, b: str, t: float) -> Cut | None:
        pair = frozenset({a, b})
        return next((cut for cut in self.cuts if cut.pair == pair and cut.begin <= t < cut.end), None)

    def swept(self, process: Process, t: float) -> bool:
        last = process.last_ping(t, self.ping)
        if last is None:
            return True
        due = last + EXPIRE
        return t >= self.sweep_phase + math.ceil((due - self.sweep_phase) / SWEEP) * SWEEP

    # What nodes say

    def answerer(self, name: str, t: float) -> Process | None:
        """The process that a member's URL leads to. A place may have two, then the younger has the port."""
        place = self.places[name]
        target = next((where for since, where in reversed(place.leads_to) if since <= t), name)
        running = [p for p in self.places[target].processes if p.started <= t < p.ended]
        listening = [p for p in running if p.listens <= t]
        candidates = listening or running
        return candidates[-1] if candidates else None

    def connected(self, a: Process, b: Process, t: float) -> bool:
        """Whether the node of one process shows that of the other as connected."""
        if a is b:
            return True
        if self.transport == "none" or self.microservices or a.database != b.database:
            return False
        if t < max(a.listens, b.listens) + self._noise(a.id, b.id, 7) % 1000 / 1000 * FIND_PEER:
            return False
        nats = self.transport == "nats"
        if t >= b.ended + (NATS_HEARTBEAT if nats and b.end_kind == "killed" else LOSE_PEER[b.end_kind]):
            return False
        if nats:
            silent = next((begin for begin, end in b.hangs if begin <= t < end), None)
            if silent is not None and t >= silent + NATS_HEARTBEAT:
                return False
        return self._reached(a, b, t)

    def _reached(self, a: Process, b: Process, t: float) -> bool:
        pair = frozenset({a.place, b.place})
        if len(pair) == 1:
            return True
        flaky = False
        for cut in self.cuts:
            if not cut.begin <= t < cut.end + FIND_PEER:
                continue
            if cut.pair != pair:
                flaky = flaky or (not cut.silent and t < cut.end)
            elif t >= cut.end:
                if t >= cut.shows_at and t < cut.end + self._noise(a.id, b.id, cut.salt) % 1000 / 1000 * FIND_PEER:
                    return False
            elif cut.silent or self.transport == "nats":
                return t < cut.shows_at
            else:
                return (
                    self._third(pair, t)
                    and self._noise(min(pair), max(pair), int(t / FLAP) + cut.salt) % 100 < FLAP_GOOD
                )
        return not flaky or self._noise(min(pair), max(pair), int(t / FLAP)) % 100 >= FLICKER_BAD

    def _third(self, pair: frozenset[str], t: float) -> bool:
        others = (name for name in self.places if name not in pair)
        return any(self.process(name, t) and not any(self.truly_cut(name, one, t) for one in pair) for name in others)

    def _noise(self, a: str, b: str, slot: int) -> int:
        """Always the same for the same arguments, in every process."""
        return crc32(f"{a}|{b}|{slot}".encode(), self.salt)

    def listing(self, asked: Process, t: float) -> dict[str, Any]:
        """The answer to ``GET /api/v1/instances.get``."""
        items = [
            self._item(asked, process, t)
            for place in self.places.values()
            for process in place.processes
            if process.database == asked.database and not self.swept(process, t)
        ]
        if self.microservices:
            record = {"_id": "streamer", "name": "ddp-streamer", "_updatedAt": self.iso(t), "extraInformation": {}}
            return {"instances": [{"currentStatus": {"connected": False}, "instanceRecord": record}]}
        return {"instances": items + self.ghosts, "success": True}

    def _item(self, asked: Process, process: Process, t: float) -> dict[str, Any]:
        record = self._record(process, t)
        connected = self.connected(asked, process, t)
        if self.old:
            if asked is process:
                return record
            return {**record, "connection": {"address": "", "currentStatus": {"connected": connected}}}
        status: dict[str, Any] = {"connected": connected}
        if asked is process:
            status["local"] = True
        if connected:
            # Uptime of the node asked: it looks like an age, and is none.
            status["lastHeartbeatTime"] = 0 if asked is process else int(t - asked.started)
        return {"currentStatus": status, "instanceRecord": record}

    def _record(self, process: Process, t: float) -> dict[str, Any]:
        last, created = process.last_ping(t, self.ping), process.registered(t)
        assert last is not None
        if process.cached is None or process.cached[:2] != (last, created):
            record = {
                "_id": process.id,
                "name": "rocket.chat",
                "_createdAt": self.iso(created),
                "_updatedAt": self.iso(last),
                "extraInformation": {
                    "host": self.places[process.place].host,
                    "port": "3000",
                    **({} if self.transport == "nats" or self.old else {"tcpPort": 40000}),
                },
            }
            process.cached = (last, created, record)
        return process.cached[2]

    def iso(self, t: float) -> str:
        """A moment by the database's clock."""
        moment = EPOCH + timedelta(milliseconds=round((t + self.clock) * 1000))
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
