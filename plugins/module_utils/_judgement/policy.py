# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The policy: the conditions that the cluster must meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code

INTERVAL = 5.0
INTERVAL_LIMITED = 7.0  # ten calls a minute are allowed
STABLE_FOR = 30.0
STABLE_FOR_NATS = 135.0  # over NATS a dead peer can look connected for 120 s


class Phase(str, Enum):
    STEADY = "steady"
    BEFORE = "before"
    AFTER = "after"


class Links(str, Enum):
    CONNECTED = "connected"  # each reaches the other
    LISTED = "listed"  # each lists a fresh record of the other, so they use the same database
    IGNORED = "ignored"


@dataclass(frozen=True)
class Waiver:
    """A finding that the user allows. ``members``: one member, a pair, or none for a finding about the cluster."""

    code: Code
    members: frozenset[str]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code.value, "members": sorted(self.members), "reason": self.reason}


@dataclass(frozen=True)
class Share:
    """``min_serving``: a number of members, or a percentage of them, rounded up."""

    amount: int
    percent: bool = False

    def of(self, members: int) -> int:
        return -(-self.amount * members // 100) if self.percent else self.amount

    def __str__(self) -> str:
        return f"{self.amount}%" if self.percent else str(self.amount)


@dataclass(frozen=True)
class Known:
    """What the gate ``before`` knew about one member.

    ``instance_id``: its last known process. ``answered_by``: the process that answered in the last observation, errors
    included; none if the member was silent or the header was missing. ``date``: the member's own clock at that time.
    ``place``: host and port, if they identify the node.
    """

    url: str
    instance_id: str | None
    answered_by: str | None
    date: datetime | None
    version: str | None
    place: tuple[str, int] | None
    serving: bool


@dataclass(frozen=True)
class Before:
    """The result of the gate ``before``: all ids that any view listed or that answered, and each member at that time.

    ``ended``: when the last observation was made, by the wall clock of the host that asked. ``needs_restart``: whether
    the gate passed although members had a fault that only a restart cures.
    """

    ids: frozenset[str]
    targets: frozenset[str]
    ended: datetime | None
    needs_restart: bool
    members: Mapping[str, Known]


@dataclass(frozen=True)
class Policy:
    """The conditions, and how long a gate waits for them. Times in seconds; the argument spec has the defaults.

    ``out_of_rotation``: members that get no traffic now. ``keep_out``: members that the user keeps out of rotation on
    purpose. ``stable_for`` none: chosen by the transport of the instances. ``interval`` none: chosen by whether the
    server limits calls. ``hold_for``: how long a pass must hold in ``steady``. ``deadline`` begins after it; 0: one
    observation. ``progress_deadline``: give up after this time without a change; time that must pass does not count.
    """

    phase: Phase
    members: tuple[Member, ...]
    targets: tuple[str, ...]
    out_of_rotation: frozenset[str]
    keep_out: frozenset[str]
    expected: int | None
    min_serving: Share | None
    expected_version: str | None
    ping_interval: float
    max_record_age: float
    links: Links
    link_memory: float
    readiness_required: bool
    upgrade_path_ignored: bool
    restart_required: bool
    restart_confirmed: bool
    waivers: tuple[Waiver, ...]
    before: Before | None
    interval: float | None
    stable_for: float | None
    hold_for: float
    deadline: float
    progress_deadline: float | None

    @property
    def single_view(self) -> bool:
        """Whether one URL stands for the whole cluster: then its records are the members."""
        return self.expected is not None

    @property
    def others(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members if member.name not in self.targets)

    @property
    def without_traffic(self) -> frozenset[str]:
        """Members that do not count among those that carry the service, whether they serve or not."""
        return self.out_of_rotation | self.keep_out

    @property
    def others_in_rotation(self) -> tuple[str, ...]:
        return tuple(name for name in self.others if name not in self.without_traffic)

    @property
    def needed(self) -> int:
        """How many members must serve: of all members in ``steady`` and ``after``, of the others in ``before``."""
        size = self.expected if self.expected is not None else len(self.members)
        if self.min_serving is not None:
            return self.min_serving.of(size)
        if self.phase is Phase.BEFORE:
            # At least one if there is another member: the users of the target need a member to go to.
            return max(len(set(self.others) - self.keep_out), min(len(self.others), 1))
        if self.phase is Phase.AFTER and self.before is not None:
            served = {name for name, known in self.before.members.items() if known.serving}
            return len((served | set(self.targets)) - self.keep_out)
        return size - len(self.keep_out)

    @property
    def as_processes(self) -> bool:
        """Whether the members of a microservices deployment are judged as processes without a record."""
        return self.links is Links.IGNORED and self.readiness_required and not self.single_view

    @property
    def time_limit(self) -> float:
        """Seconds after which a gate gives up."""
        return self.hold_for + self.deadline

    def waiver(self, code: Code, *members: str) -> Waiver | None:
        concerned = frozenset(members)
        return next((w for w in self.waivers if w.code is code and w.members == concerned), None)

    def without_wait(self) -> Policy:
        """The same policy for a gate that makes one observation."""
        return replace(self, hold_for=0.0, deadline=0.0, progress_deadline=None)
