# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the nodes of a simulated cluster as the observer does, and records what the answers truly showed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    Statistics,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import parse
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, Code, Ends
from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import (
    EPOCH,
    RATE_CALLS,
    RATE_WINDOW,
)

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import Process
    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule


@dataclass
class Look:
    """What one observation truly found.

    ``answered``: the process that sent each member's answer, as far as that can be known and its record exists;
    ``heard``: the same for any answer, errors included. Without the header, a list counts as an answer of the process
    whose list it is. ``passed_on``: members whose list is known to be a peer's.
    """

    at: float
    answered: dict[str, Process | None] = field(default_factory=dict)
    heard: dict[str, Process | None] = field(default_factory=dict)
    passed_on: set[str] = field(default_factory=set)
    bad_pairs: set[frozenset[str]] = field(default_factory=set)
    listed_ids: set[str] = field(default_factory=set)
    connected_ids: set[str] = field(default_factory=set)


@dataclass
class Reply:
    """The result of a request: a ``payload``, or the ``code`` of the failure.

    ``process``: the process that answered, errors included; ``whose``: the process whose list it is.
    """

    at: float
    code: str = ""
    process: Process | None = None
    whose: Process | None = None
    payload: dict[str, Any] | None = None
    limit: dict[str, Any] | None = None


def _has_database(code: Code | None) -> bool:
    """Whether a process that answers the list with this code can still read the database."""
    return code is None or code.row.ends is Ends.RESTART


class Eyes:
    """``through``: for each asked member, the place to which its URL leads (or ``any``, a load balancer)."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        self.through: dict[str, str] = {}
        self.random = Random(schedule.seed ^ 0x5EED)
        self.looks: list[Look] = []

    def members(self) -> list[Member]:
        return [Member(name, f"http://{name}:3000") for name in self.through]

    def observe(self, statistics_of: AbstractSet[str] = frozenset()) -> Observation:
        begin = end = self.cluster.now
        if self.schedule.controller == "loses_observations" and self.random.random() < 0.1:
            self.cluster.advance(begin + self.random.uniform(0, 60))
            return Observation(views=(), at=self.clock(), lost="as simulated")
        look = Look(0.0)
        views = []
        listed: dict[str, dict[str, bool]] = {}
        for member in self.members():
            moment, view = self._ask(member, begin, look, listed)
            if member.name in statistics_of and _has_database(view.failure.code if view.failure else None):
                moment, statistics = self._statistics(self.through[member.name], moment, view.answered_by)
                view = replace(view, statistics=statistics)
            views.append(view)
            end = max(end, moment)
        views = [view.counted_until(end) for view in views]
        self.cluster.advance(end)
        look.at = end
        urls = Counter(process.id for process in look.heard.values() if process)
        for a, b in combinations(listed, 2):
            first, second = look.answered[a], look.answered[b]
            assert first
            assert second
            if max(urls[first.id], urls[second.id]) > 1:
                continue  # whose link it is cannot be known
            if not (listed[a].get(second.id) and listed[b].get(first.id)):
                look.bad_pairs.add(frozenset({a, b}))
        self.looks.append(look)
        return Observation(views=tuple(views), at=self.clock(), made=self.wall_clock())

    def sleep(self, seconds: float) -> None:
        if self.schedule.controller == "suspended" and self.random.random() < 0.05:
            seconds += self.random.uniform(5, 300)
        self.cluster.advance(self.cluster.now + seconds)

    def clock(self) -> float:
        """The gate's monotonic clock."""
        return self.cluster.now + 86400.0

    def wall_clock(self) -> datetime:
        """The controller's clock, which may be set during the roll."""
        now = self.cluster.now
        return EPOCH + timedelta(seconds=now + sum(by for at, by in self.schedule.clock_steps if at <= now))

    def _ask(self, member: Member, begin: float, look: Look, listed: dict[str, dict[str, bool]]) -> tuple[float, View]:
        where = self.through[member.name]
        reply = self.ask(where, begin)
        look.answered[member.name] = look.heard[member.name] = None
        answered_by = reply.process.id if reply.process and self.has_header(where) else None
        if reply.payload is None:
            look.heard[member.name] = reply.process if answered_by else None
            message = f"GET {member.url}/api/v1/instances.get: {reply.code}"
            failure = Failure(CODES[reply.code], "as simulated", message)
            return reply.at, View(member, failure=failure, answered_by=answered_by, rate_limit=reply.limit)
        process, whose = reply.process, reply.whose
        assert process
        assert whose
        known = process if answered_by else whose
        look.listed_ids.update(connected(reply.payload))
        own = known.id in (ids := connected(reply.payload, process.id)) or self.cluster.microservices
        if own or answered_by:
            look.heard[member.name] = known
        if own:
            look.answered[member.name] = known
            if known is whose:
                listed[member.name] = ids
            else:
                look.passed_on.add(member.name)
            look.connected_ids.update(identity for identity, good in ids.items() if good and known is whose)
        view = View(
            member,
            listing=parse(reply.payload, answered_by=answered_by),
            answered_by=answered_by,
            version=process.version if self.schedule.privileged else process.version.rpartition(".")[0],
            ready=self._ready(process, reply.at),
            date=EPOCH + timedelta(seconds=reply.at + self.cluster.places[process.place].clock),
            rate_limit=reply.limit,
        )
        return reply.at, view

    def has_header(self, where: str) -> bool:
        """Whether no proxy on the way removes the header with the id of the process."""
        return where not in self.schedule.stripped

    def _ready(self, process: Process, t: float) -> bool | None:
        """The answer of ``/readyz`` about the database, if it is asked and exists."""
        if self.schedule.options["readiness"] != "required" or process.release < (7, 11):
            return None
        return process.silent_since(t) is None

    def _statistics(self, where: str, begin: float, answered_by: str | None) -> tuple[float, Statistics | None]:
        """The statistics; none if a later call may succeed, as in the observer.

        The uptime is that at the time 0, for :meth:`View.counted_until`; only of the process that sent the list.
        """
        reply = self.ask(where, begin, limited=False)
        process, code = reply.process, CODES[reply.code] if reply.code else None
        if code and code.row.ends in (Ends.WAIT, Ends.TIME) and code is not Code.NOT_ROCKETCHAT:
            return reply.at, None
        if not _has_database(code) or not process or not self.schedule.tells_statistics:
            return reply.at, Statistics(uptime=None, uptime_at_most=None, lock_age=None)
        same = answered_by == (process.id if self.has_header(where) else None)
        lock = self.cluster.lock(reply.at)
        holder = lock[1] if lock else None
        clock = self.cluster.places[process.place].clock
        clock_of_lock = self.cluster.places[holder.place].clock if holder else 0.0
        return reply.at, Statistics(
            uptime=-process.started if same else None,
            uptime_at_most=reply.at - process.started - begin if same else None,
            lock_age=max(reply.at + clock - lock[0] - clock_of_lock, 0.0) if lock else None,
        )

    def ask(self, name: str, begin: float, *, limited: bool = True) -> Reply:
        """Send one request to the place of this name, or to ``any``."""
        cluster, moment = self.cluster, begin + self.random.uniform(0.02, 0.2)
        place = cluster.places[self._balanced(moment) if name == "any" else name]
        process = cluster.answerer(place.name, moment)
        spell = place.spell(moment)
        if process is None or moment < process.listens or spell == "unreachable":
            return Reply(moment, "unreachable")
        if process.hung(moment) or spell == "timeout":
            return Reply(begin + self.schedule.timeout, "timeout")
        if spell == "slow":
            moment = begin + self.schedule.timeout * self.random.uniform(0.1, 0.95)
        elif spell:
            # A proxy, not the server, redirects or answers with a page.
            return Reply(moment, spell, None if spell in ("redirected", "not_rocketchat") else process)
        if not process.healthy:
            return Reply(moment, "server_error", process)
        limit = self._limit(process, moment) if limited else None
        if limit and limit.pop("over"):
            return Reply(moment, "rate_limited", process, limit=limit)
        code, whose = cluster.answer(process, moment)
        if code == "timeout":
            return Reply(begin + self.schedule.timeout, code)
        if whose is None or code:
            return Reply(moment, code, process, limit=limit)
        return Reply(moment, "", process, whose, cluster.listing(whose, moment), limit)

    def _balanced(self, moment: float) -> str:
        up = [name for name, place in self.cluster.places.items() if self.cluster.answerer(name, moment)]
        return self.random.choice(up or list(self.cluster.places))

    def _limit(self, process: Process, moment: float) -> dict[str, Any] | None:
        if not self.schedule.limited:
            return None
        if moment - process.calls[0] >= RATE_WINDOW:
            process.calls[:] = [moment, 0]
        process.calls[1] += 1
        left = RATE_CALLS - process.calls[1]
        reset = process.calls[0] + RATE_WINDOW - moment
        return {"limit": RATE_CALLS, "remaining": max(int(left), 0), "reset_after": reset, "over": left < 0}


def connected(payload: dict[str, Any], own: str | None = None) -> dict[str, bool]:
    """The ids that an answer lists, and whether it shows them as connected.

    Before 6 a record without a connection is the asked node's, or that of one it does not reach: ``own`` decides.
    """
    found = {}
    for item in payload["instances"]:
        record = item.get("instanceRecord", item)
        unknown = {"currentStatus": {"connected": own in (None, record["_id"])}}
        status = item.get("currentStatus") or item.get("connection", unknown)["currentStatus"]
        found[record["_id"]] = bool(status["connected"])
    return found
