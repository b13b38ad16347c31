# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Rocket.Chat cluster on a simulated clock: its true state, and the answers of its nodes. All times in seconds.

Changes are events. Everything that lasts (pings, sweeps, views of each other) is computed for a moment from the time
when it began.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
EXPIRE = 60.0  # time after its last ping when a record may be swept
SWEEP = 60.0  # time between two runs of the TTL monitor
FIND_PEER = 4.0  # longest time until a new peer is seen
LOSE_PEER = {"stopped": 1.0, "killed": 2.0}  # longest time over TCP until an ended peer is noticed
STOPPING = 1.0  # longest duration of a graceful stop; the broker may be down already meanwhile
READ_PEERS = 1.0  # time between reading the peers and registering
STARTING = (-2.0, 2.5)  # time from the first answer of the URL to the registration
FLAP = 8.0  # time for which a pair that is cut with resets shows the same
FLAP_GOOD = 38  # percent of the time that it looks good, because of gossip of a third node
FLICKER_BAD = 5  # percent of the time that a healthy pair looks bad meanwhile
RATE_CALLS, RATE_WINDOW = 10, 60.0
FOREVER = math.inf


@dataclass
class Process:
    """One run of the server at a place. ``spans``: when it pings, each from a first ping until its pings stop."""

    place: str
    id: str
    version: str
    started: float
    listens: float
    registers: float
    healthy: bool = True  # a bad build answers, but never becomes healthy
    database: str = "rocketchat"
    ended: float = FOREVER
    end_kind: str = "killed"
    hangs: list[list[float]] = field(default_factory=list)
    spans: list[list[float]] = field(default_factory=list)
    created: list[tuple[float, float]] = field(default_factory=list)  # from when on, the shown time
    calls: list[float] = field(default_factory=lambda: [-FOREVER, 0])  # rate limit: window's begin, number of calls
    cached: tuple[float, float, dict[str, Any]] | None = None
    record_removed: float = FOREVER  # when it was first removed by hand
    unlisted: list[list[float]] = field(default_factory=list)  # when it had no record, because it was removed by hand
    migrates: bool = False  # whether it holds the migration lock from its start until its URL answers
    turn: int = 0  # the number of the peer that answers next in its place

    def __post_init__(self) -> None:
        self.spans = [[self.registers, FOREVER]]
        self.created = [(self.registers, self.registers)]

    @cached_property
    def release(self) -> tuple[int, ...]:
        return tuple(map(int, self.version.split(".")))

    @property
    def first_seen(self) -> float:
        """The first time when it could be known: its record may exist before its URL answers."""
        return min(self.listens, self.created[0][0])

    def runs(self, t: float) -> bool:
        return self.started <= t < self.ended

    def hung(self, t: float) -> bool:
        return any(begin <= t < end for begin, end in self.hangs)

    def answers(self, t: float) -> bool:
        return self.listens <= t < self.ended and not self.hung(t)

    def pings(self, t: float) -> bool:
        return self.runs(t) and self.spans[0][0] <= t and self.silent_since(t) is None

    def registered(self, t: float) -> float:
        return next((moment for since, moment in reversed(self.created) if since <= t), self.created[0][1])

    def last_ping(self, t: float, ping: float) -> float | None:
        """The last ping in its record; None if it has no record."""
        for begin, end in self.unlisted:
            if begin <= t < end:
                return None
        for begin, end in reversed(self.spans):
            if begin <= t and begin < end:
                return begin + math.floor((min(t, end) - begin) / ping) * ping
        return None

    def silent_since(self, t: float) -> float | None:
        """When its pings stopped, or None."""
        for begin, end in reversed(self.spans):
            if end <= t:
                return end
            if begin <= t:
                return None
        return None

    def fall_silent(self, t: float) -> None:
        self.spans[-1][1] = min(self.spans[-1][1], t)
        if self.unlisted and self.unlisted[-1][1] > t:
            self.unlisted[-1][1] = FOREVER  # only a ping registers it again

    def ping_again(self, t: float) -> None:
        self.spans.append([t, FOREVER])
        if self.unlisted:
            self.unlisted[-1][1] = min(self.unlisted[-1][1], t)


@dataclass
class Cut:
    """Two places that do not reach each other. A silent cut is not visible for a long time."""

    pair: frozenset[str]
    begin: float
    end: float
    silent: bool
    shows_at: float
    salt: int


@dataclass
class Place:
    """A host and port where a node runs. ``spells``: other answers that it gives, with their times."""

    name: str
    host: str
    clock: float  # how much it is ahead of true time
    processes: list[Process] = field(default_factory=list)
    spells: list[tuple[float, float, str]] = field(default_factory=list)
    port: int = 3000
    leads_to: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)  # from when on, the places in turn
    shared: bool = False  # whether its URL leads to all of its processes in turn

    def spell(self, t: float) -> str | None:
        return next((kind for begin, end, kind in self.spells if begin <= t < end), None)


class Cluster:
    """``transport``: tcp or nats. ``deaf``: no two nodes are linked, for example because each announces ``localhost``
    over TCP, or because each has its own NATS servers.
    """

    def __init__(
        self, *, salt: int, transport: str, ping: float, clock: float, deaf: bool = False, old: bool = False
    ) -> None:
        self.salt = salt
        self.transport = transport
        self.deaf = deaf
        self.ping = ping
        self.clock = clock  # how much the database's clock is ahead of true time
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
        # Migration locks: since when, and by which process; None for a left-over lock.
        self.locks: list[tuple[float, Process | None]] = []

    # Events

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
        identity, listens = f"{name}-{number}-{self.salt % 997}", self.now + boot
        early, late = STARTING
        shift = early + (late - early) * (self._noise(identity, "registers", 0) % 1000) / 1000
        registers = listens + (shift if boot else 0.0)
        process = Process(name, identity, version, self.now, listens, max(registers, self.now + boot / 2), **how)
        place.processes.append(process)
        if process.migrates:
            self.locks.append((self.now, process))
        self.note(f"{name} starts {version} as {process.id}, listens in {boot:.0f} s")
        return process

    def end(self, process: Process, kind: str) -> None:
        if process.ended < FOREVER:
            return
        process.ended, process.end_kind = self.now, kind
        if kind == "stopped" and process.answers(self.now - 0.001):
            process.ended += STOPPING * (self._noise(process.id, "stops", 0) % 1000) / 1000
        process.fall_silent(self.now)
        self.note(f"{process.id} is {kind}")

    def hang(self, process: Process) -> None:
        if process.ended < FOREVER or not process.answers(self.now):
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
        """It still answers, but stops pinging."""
        process.fall_silent(self.now)
        self.note(f"{process.id} pings no more")

    def find_database(self, process: Process) -> None:
        if process.ended == FOREVER and not process.hung(self.now) and process.silent_since(self.now) is not None:
            self._ping_again(process)
            self.note(f"{process.id} pings again")

    def lose_record(self, process: Process) -> None:
        """Its record is removed until its next ping registers it again."""
        last = process.last_ping(self.now, self.ping)
        if last is None or not process.answers(self.now) or process.silent_since(self.now) is not None:
            return
        again = last + self.ping
        process.record_removed = min(process.record_removed, self.now)
        process.unlisted.append([self.now, again])
        process.created.append((again, again))
        self.note(f"{process.id} has lost its record")

    def cut(self, a: str, b: str, *, until: float, silent: bool, shows_after: float) -> None:
        pair = frozenset({a, b})
        self.cuts.append(Cut(pair, self.now, until, silent, self.now + shows_after, len(self.cuts) + self.salt % 1009))
        self.note(f"{a} and {b} are cut off from each other{' silently' if silent else ''} until {until:.0f}")

    def _ping_again(self, process: Process) -> None:
        if self.swept(process, self.now):
            process.created.append((self.now, self.now))
        process.ping_again(self.now)

    # The truth

    def process(self, name: str, t: float) -> Process | None:
        """The latest process of a place that has not ended."""
        return next((p for p in reversed(self.places[name].processes) if p.runs(t)), None)

    def truly_cut(self, a: str, b: str, t: float) -> Cut | None:
        pair = frozenset({a, b})
        return next((cut for cut in self.cuts if cut.pair == pair and cut.begin <= t < cut.end), None)

    def swept(self, process: Process, t: float) -> bool:
        last = process.last_ping(t, self.ping)
        return last is None or t >= self._sweep_after(last)

    def _sweep_after(self, ping: float) -> float:
        """When a record with this last ping is removed."""
        return self.sweep_phase + math.ceil((ping + EXPIRE - self.sweep_phase) / SWEEP) * SWEEP

    def dropped_since(self, process: Process, t: float) -> float | None:
        """Since when a process has dropped out of its broker, which only a restart cures.

        From 6.3 until 7.3, over TCP, every node forgets a peer whose record is removed, and the peer forgets itself.
        """
        if self.transport != "tcp" or self.microservices or not (6, 3) <= process.release < (7, 3):
            return None
        removed = [process.record_removed]
        for number, (begin, end) in enumerate(process.spans):
            again = process.spans[number + 1][0] if number + 1 < len(process.spans) else FOREVER
            if begin < end < FOREVER:
                sweep = self._sweep_after(begin + math.floor((end - begin) / self.ping) * self.ping)
                removed += [sweep] if sweep <= again else []
        since = min(removed)
        return since if since <= t and since < process.ended else None

    def lock(self, t: float) -> tuple[float, Process | None] | None:
        """Since when the database is locked for migrations, and by which process; a dead process leaves its lock."""
        for begin, process in reversed(self.locks):
            if begin <= t:
                return None if process and process.listens <= min(t, process.ended) else (begin, process)
        return None

    def heartbeat(self, process: Process) -> float:
        """The timeout over NATS: a peer is lost after one to two of these without a heartbeat."""
        return 30.0 if process.release < (7, 3) else 60.0

    def met(self, a: Process, b: Process) -> bool:
        """Whether two nodes know each other.

        From 7.3 until 7.9, over TCP, a process reads its peers once, before it registers, and does not connect to
        others later. A third process that knows both makes them known to each other.
        """
        if self.transport != "tcp" or not all((7, 3) <= p.release < (7, 9) for p in (a, b)):
            return True
        if _read_each_other(a, b):
            return True
        thirds = (p for place in self.places.values() for p in place.processes if p is not a and p is not b)
        return any(
            _read_each_other(a, c) and _read_each_other(b, c) and _together(a, b, c, until=self.now) for c in thirds
        )

    # Answers of nodes

    def answerer(self, name: str, t: float) -> Process | None:
        """The process that a member's URL leads to. If a place has two, the younger one has the port."""
        place = self.places[name]
        targets = next((where for since, where in reversed(place.leads_to) if since <= t), (name,))
        target = self.places[targets[self._noise(name, "leads to", int(t * 10)) % len(targets)]]
        running = [p for p in target.processes if p.started <= t < p.ended]
        candidates = [p for p in running if p.listens <= t] or running
        if target.shared and candidates:
            return candidates[self._noise(name, "shares", int(t * 10)) % len(candidates)]
        return candidates[-1] if candidates else None

    def answer(self, asked: Process, t: float) -> tuple[str, Process | None]:
        """The code of the error, or the process whose list is sent."""
        broker = not (self.old or self.microservices)
        dropped = self.dropped_since(asked, t) is not None
        stopping = asked.end_kind == "stopped" and asked.silent_since(t) is not None and asked.ended < FOREVER
        if stopping and not dropped:
            return ("broker_down" if broker and self._noise(asked.id, "stopping", 0) % 2 else ""), asked
        if t < asked.registers and broker and self._noise(asked.id, "starting", 0) % 2:
            return "starting", None
        if not dropped:
            return "", asked
        peers = self._peers(asked, t)
        if not peers:
            return "broker_down", None
        asked.turn += 1
        peer = peers[asked.turn % len(peers)]
        return ("timeout" if peer.hung(t) else ""), peer

    def refuses_its_list(self, asked: Process, t: float) -> bool:
        """Whether it answers that its broker is down: it has dropped out of it, and reaches no peer."""
        return self.dropped_since(asked, t) is not None and asked.answers(t) and not self._peers(asked, t)

    def _peers(self, asked: Process, t: float) -> list[Process]:
        """The peers that a process still reaches after it has dropped out of its broker."""
        processes = (p for place in self.places.values() for p in place.processes)
        return [
            p
            for p in processes
            if p is not asked and p.listens <= t < p.ended and p.database == asked.database
            if not self.deaf and self.dropped_since(p, t) is None and self._reached(asked, p, t)
        ]

    def connected(self, a: Process, b: Process, t: float) -> bool:
        """Whether the node of one process shows that of the other as connected."""
        if a is b:
            return True
        if self.deaf or self.microservices or a.database != b.database:
            return False
        if t < max(a.listens, b.listens) + self._noise(a.id, b.id, 7) % 1000 / 1000 * FIND_PEER:
            return False
        if not self.met(a, b):
            return False
        dropped = self.dropped_since(b, t)
        if dropped is not None and not (a.registers > dropped and self._noise(a.id, b.id, 11) % 2):
            return False  # a process that starts later connects to it again
        lost = self._lost_at(a, b, t)
        return t < lost and self._reached(a, b, t)

    def _lost_at(self, a: Process, b: Process, t: float) -> float:
        """When a node notices that another one has ended, or hangs over NATS."""
        if self.transport != "nats":
            return b.ended + LOSE_PEER[b.end_kind]
        missed = self.heartbeat(a) * (1 + self._noise(a.id, b.id, 13) % 1000 / 1000)
        hung = next((begin for begin, end in b.hangs if begin <= t < end), FOREVER)
        return min(b.ended + (missed if b.end_kind == "killed" else LOSE_PEER["stopped"]), hung + missed)

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
        """A number that is always the same for the same arguments, in every process."""
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
        if self.old:
            return self._old_item(record, asked, process, t)
        connected = self.connected(asked, process, t)
        status: dict[str, Any] = {"connected": connected}
        if asked is process:
            status["local"] = True
        if connected:
            # The uptime of the asked node, which looks like an age.
            status["lastHeartbeatTime"] = 0 if asked is process else int(t - asked.started)
        return {"currentStatus": status, "instanceRecord": record}

    def _old_item(self, record: dict[str, Any], asked: Process, process: Process, t: float) -> dict[str, Any]:
        """Before 6 a connection belongs to a host and port: the record of a dead process shows its successor's."""
        if asked.place == process.place:
            return record
        connected = self.connected(asked, self.process(process.place, t) or process, t)
        if not connected and self._noise(asked.id, process.id, 17) % 2:
            return record
        return {**record, "connection": {"address": "", "currentStatus": {"connected": connected}}}

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
                    "port": str(self.places[process.place].port),
                    **({} if self.transport == "nats" or self.old else {"tcpPort": 40000}),
                },
            }
            process.cached = (last, created, record)
        return process.cached[2]

    def iso(self, t: float) -> str:
        """A moment by the database's clock."""
        moment = EPOCH + timedelta(milliseconds=round((t + self.clock) * 1000))
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_each_other(a: Process, b: Process) -> bool:
    """Whether one has read the other's record when it started."""
    first, second = sorted((a, b), key=lambda process: process.registers)
    read_at = second.registers - READ_PEERS
    return first.registers <= read_at < first.ended


def _together(*processes: Process, until: float) -> bool:
    """Whether all ran at the same time, for long enough to find each other."""
    return max(p.registers for p in processes) + FIND_PEER < min(until, *(p.ended for p in processes))
