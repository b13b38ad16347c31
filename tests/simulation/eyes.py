# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the nodes of a simulated cluster, as the observer does, and keeps what was truly shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import parse
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES
from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import (
    EPOCH,
    RATE_CALLS,
    RATE_WINDOW,
)

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import Process
    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule


@dataclass
class Look:
    """What one observation truly found, before anybody judged it. ``answered``: each member's process, if it did."""

    at: float
    answered: dict[str, Process | None] = field(default_factory=dict)
    bad_pairs: set[frozenset[str]] = field(default_factory=set)
    connected_ids: set[str] = field(default_factory=set)


@dataclass
class Reply:
    """What a request came to: a ``payload`` from a process, or the ``code`` of its failure."""

    at: float
    code: str = ""
    process: Process | None = None
    payload: dict[str, Any] | None = None
    limit: dict[str, Any] | None = None


class Eyes:
    """``through``: all that are asked, a member's name to the place its URL leads to (or ``any``, a load balancer)."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        self.through: dict[str, str] = {}
        self.random = Random(schedule.seed ^ 0x5EED)
        self.looks: list[Look] = []

    def members(self) -> list[Member]:
        return [Member(name, f"http://{name}:3000") for name in self.through]

    def observe(self) -> Observation:
        begin = end = self.cluster.now
        if self.schedule.controller == "loses_observations" and self.random.random() < 0.1:
            self.cluster.advance(begin + self.random.uniform(0, 60))
            return Observation(views=(), at=self.clock(), lost="as simulated")
        look = Look(0.0)
        views = []
        listed: dict[str, dict[str, bool]] = {}
        for member in self.members():
            moment, view = self._ask(member, begin, look, listed)
            views.append(view)
            end = max(end, moment)
        self.cluster.advance(end)
        look.at = end
        for a, b in combinations(listed, 2):
            first, second = look.answered[a], look.answered[b]
            assert first
            assert second
            if not (listed[a].get(second.id) and listed[b].get(first.id)):
                look.bad_pairs.add(frozenset({a, b}))
        self.looks.append(look)
        return Observation(views=tuple(views), at=self.clock())

    def sleep(self, seconds: float) -> None:
        if self.schedule.controller == "suspended" and self.random.random() < 0.05:
            seconds += self.random.uniform(5, 300)
        self.cluster.advance(self.cluster.now + seconds)

    def clock(self) -> float:
        """The gate's own, which began some time ago and knows no date."""
        return self.cluster.now + 86400.0

    def _ask(self, member: Member, begin: float, look: Look, listed: dict[str, dict[str, bool]]) -> tuple[float, View]:
        reply = self.ask(self.through[member.name], begin)
        look.answered[member.name] = None
        if reply.payload is None:
            message = f"GET {member.url}/api/v1/instances.get: {reply.code}"
            failure = Failure(CODES[reply.code], "as simulated", message)
            return reply.at, View(member, failure=failure, rate_limit=reply.limit)
        process = reply.process
        assert process
        if not self.cluster.swept(process, reply.at):
            look.answered[member.name] = process
            listed[member.name] = connected(reply.payload)
            look.connected_ids.update(identity for identity, good in listed[member.name].items() if good)
        view = View(
            member,
            listing=parse(reply.payload),
            version=process.version if self.schedule.privileged else process.version.rpartition(".")[0],
            date=EPOCH + timedelta(seconds=reply.at + self.cluster.places[process.place].clock),
            rate_limit=reply.limit,
        )
        return reply.at, view

    def ask(self, name: str, begin: float) -> Reply:
        """One request to the place of this name, or to ``any``."""
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
            return Reply(moment, spell)
        if not process.healthy:
            return Reply(moment, "server_error")
        limit = self._limit(process, moment)
        if limit and limit.pop("over"):
            return Reply(moment, "rate_limited", limit=limit)
        return Reply(moment, process=process, payload=cluster.listing(process, moment), limit=limit)

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


def connected(payload: dict[str, Any]) -> dict[str, bool]:
    """The ids that an answer lists, and whether it says that they are connected."""
    found = {}
    for item in payload["instances"]:
        record = item.get("instanceRecord", item)
        status = item.get("currentStatus") or item.get("connection", {}).get("currentStatus", {"connected": True})
        found[record["_id"]] = bool(status["connected"])
    return found
