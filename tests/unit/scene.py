# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scripted cluster: nodes whose state a test sets, and the observations that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    Statistics,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import parse, to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict, judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.options import left_out

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass
class Node:
    """``error``: the code of its missing view. ``record``: whether it is in the database. Times in seconds.

    ``header``: whether its answers have X-Instance-ID. ``peer``: the node whose list it passes on.
    ``answers_as``: the id in its header, if it is another process's; ``also_answers_as``: the id of a second call.
    ``uptime``: the uptime in its statistics, if they have it.
    """

    name: str
    id: str
    started: float = -600.0
    error: str | None = None
    version: str | None = "7.10.0"
    ready: bool | None = None
    pings: bool = True
    pinged: float = 0.0
    record: bool = True
    local: bool = True
    header: bool = True
    peer: str | None = None
    answers_as: str | None = None
    also_answers_as: str | None = None
    uptime: float | None = None
    date: datetime | None = None
    host: str | None = None
    tcp_port: int | None = 4000
    rate_limit: dict[str, Any] | None = None


@dataclass
class Scene:
    """``cut``: pairs of ids that are not linked. ``remnants``: records of dead processes, id to last ping.

    ``unlisted``: nodes that only their own list has, as on another database.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    now: float = 0.0
    cut: set[frozenset[str]] = field(default_factory=set)
    remnants: dict[str, float] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    lost: str | None = None
    lock_age: float | None = None
    microservices: bool = False
    old_shape: bool = False
    memory: Memory = field(default_factory=Memory)
    pings: float = 5.0
    asked: AbstractSet[str] = frozenset()

    @classmethod
    def of(cls, *names: str) -> Scene:
        return cls(
            nodes={name: Node(name=name, id=f"{name}-1", host=f"10.0.0.{rank}") for rank, name in enumerate(names)}
        )

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    @classmethod
    def today(cls, *names: str) -> Scene:
        """A cluster at the present time, so that the dates of answers agree with the pings."""
        scene = cls.of(*names)
        scene.now = (datetime.now(timezone.utc) - EPOCH).total_seconds()
        for node in scene.nodes.values():
            node.pinged = scene.now
        return scene

    @property
    def members(self) -> list[Member]:
        return [Member(name, f"http://{name}:3000") for name in self.nodes]

    def restart(self, name: str, *, version: str = "7.11.0") -> None:
        """Restart the node at once as a new process; the record of the old one stays."""
        node = self.nodes[name]
        self.remnants[node.id] = node.pinged
        family, number = node.id.rsplit("-", 1)
        node.id, node.started, node.error, node.version = f"{family}-{int(number) + 1}", self.now, None, version
        node.pings, node.pinged, node.record, node.local, node.peer = True, self.now, True, True, None

    def kill(self, name: str) -> None:
        """End the node; its record stays."""
        node = self.nodes[name]
        node.error, node.pings = "unreachable", False

    def observe(self, statistics_of: AbstractSet[str] = frozenset()) -> Observation:
        if self.lost:
            return Observation(views=(), at=self.now, lost=self.lost)
        for node in self.nodes.values():
            if node.pings:
                node.pinged = max(node.pinged, self.now - self.now % self.pings, node.started)
        return Observation(
            views=tuple(self._view(node, statistics=node.name in statistics_of) for node in self.nodes.values()),
            at=self.now,
            made=EPOCH + timedelta(seconds=self.now),
        )

    def judge(self, policy: Policy) -> Verdict:
        verdict, self.memory = judge(self.observe(self.asked), policy, self.memory)
        self.asked = verdict.statistics_of
        return verdict

    def policy(self, phase: str = "steady", **options: Any) -> Policy:
        return policy_from(params(phase, **options), self.members)

    def _view(self, node: Node, *, statistics: bool = False) -> View:
        member = Member(node.name, f"http://{node.name}:3000")
        answered_by = (node.answers_as or node.id) if node.header else None
        if node.error:
            code = CODES[node.error]
            failure = Failure(code, "as scripted", f"GET {member.url}: as scripted")
            return View(
                member=member,
                failure=failure,
                answered_by=answered_by if code.row.statuses else None,
                statistics=Statistics(None, None, self.lock_age) if statistics else None,
            )
        asked = self.nodes[node.peer] if node.peer else node
        listed = [other for other in self.nodes.values() if other is asked or other.name not in self.unlisted]
        items = [self._item(asked, other) for other in listed if other.record]
        items += [
            {"currentStatus": {"connected": False}, "instanceRecord": _raw(identity, pinged, -900.0, None, 4000)}
            for identity, pinged in self.remnants.items()
        ]
        return View(
            member=member,
            listing=parse({"instances": [STREAMER] if self.microservices else items}, answered_by=answered_by),
            answered_by=answered_by,
            also_answered=node.also_answers_as,
            statistics=Statistics(node.uptime, node.uptime, self.lock_age) if statistics else None,
            date=node.date,
            version=node.version,
            ready=node.ready,
            rate_limit=node.rate_limit,
        )

    def _item(self, node: Node, other: Node) -> dict[str, Any]:
        record = _raw(other.id, other.pinged, other.started, other.host, other.tcp_port)
        dead = other.peer or (other.error == "unreachable" and not other.pings)
        connected = node.id == other.id or not (dead or frozenset({node.id, other.id}) in self.cut)
        if self.old_shape:
            return {**record, **({} if node is other else {"connection": {"currentStatus": {"connected": connected}}})}
        status: dict[str, Any] = {"connected": connected, "lastHeartbeatTime": 16}
        if node.id == other.id and node.local:
            status["local"] = True
        return {"currentStatus": status, "instanceRecord": record}


STREAMER = {
    "currentStatus": {"connected": False},
    "instanceRecord": {"_id": "streamer", "name": "ddp-streamer", "extraInformation": {}},
}


def _raw(identity: str, pinged: float, started: float, host: str | None, tcp_port: int | None) -> dict[str, Any]:
    return {
        "_id": identity,
        "name": "rocket.chat",
        "_createdAt": to_iso(EPOCH + timedelta(seconds=started)),
        "_updatedAt": to_iso(EPOCH + timedelta(seconds=pinged)),
        "extraInformation": {"host": host, "port": "3000", "tcpPort": tcp_port},
    }


def params(phase: str = "steady", **options: Any) -> dict[str, Any]:
    """A task's validated options, as from Ansible."""
    members = None if "expected" in options else [{"name": "as given"}]
    mode = {"check_mode": options.pop("check_mode", False)}
    return {**left_out(GATE, **{"phase": phase, "members": members, **options}), **mode}
