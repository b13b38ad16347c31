# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The situation: everything that one observation shows under a policy. The rules use nothing else."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Ends
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.answerers import answering
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.links import links_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import (
    members_of,
    stable_for,
    states_of,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.pulses import pulses_after
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.statistics import (
    lock_after,
    restarted_after,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.unclaimed import unclaimed_living
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.upgrade_path import upgrade_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Finding
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


class Situation:
    """The situation in one observation. It does not change.

    ``states``: the state of each record, by member and instance id. ``down``: targets that have no living process, and
    since when by the gate's clock. ``last``: the memory before this observation; ``pulses``, ``answering``, ``links``,
    ``down``, ``restarted`` and ``lock`` continue it.
    """

    def __init__(self, observation: Observation, policy: Policy, memory: Memory) -> None:
        self.observation = observation
        self.policy = policy
        self.last = memory
        self.states = states_of(observation, policy)
        self.answering = answering(observation, policy, memory.answerers)
        self.pulses = pulses_after(observation, policy, memory.pulses, self.answering.claims)
        self.members = members_of(observation, policy, self.states, self.pulses, self.answering)
        self.by_name: Mapping[str, MemberStatus] = {member.name: member for member in self.members}
        self.links = links_of(self.members, observation, policy, self.states, memory.bad_links)
        self.restarted = restarted_after(observation, policy, memory.restarted)
        self.lock = lock_after(observation, policy, memory.lock)
        self.down = self._down()

    def _down(self) -> dict[str, float]:
        if self.policy.phase is not Phase.BEFORE or self.observation.reference is None or self.unclaimed:
            return {}
        if any(view.listing and view.listing.microservices for view in self.observation.views):
            return {}  # without records, silence proves nothing
        silent = [name for name in self.policy.targets if self.is_silent(name)]
        return {name: self.last.down.get(name, self.observation.at) for name in silent}

    def is_silent(self, name: str) -> bool:
        """Whether this member gave no answer at all."""
        failure = self.by_name[name].view.failure
        return failure is not None and failure.code.is_silence

    @cached_property
    def silent(self) -> frozenset[str]:
        return frozenset(member.name for member in self.members if self.is_silent(member.name))

    @cached_property
    def unheard(self) -> frozenset[str]:
        """Members whose own process may not have answered: none has, or another one may have answered in its place."""
        return self.silent | {member.name for member in self.members if member.leads_elsewhere}

    @cached_property
    def tell_the_lock(self) -> tuple[str, ...]:
        """Members that can be asked for the migration lock, the serving ones first."""
        able = [member for member in self.members if member.view.listing is not None or _is_cured_by_restart(member)]
        return tuple(member.name for member in sorted(able, key=lambda member: not member.serving))

    @cached_property
    def ill(self) -> frozenset[str]:
        """Members with a fault in this observation that only a restart cures. They still serve the users they have."""
        return frozenset(
            member.name
            for member in self.members
            if _is_cured_by_restart(member) and self._is_one_process(member) and self._may_ping(member)
        )

    @cached_property
    def surely_ill(self) -> frozenset[str]:
        """Members that two observations in a row have found to be ill."""
        return self.ill & self.last.ill

    def _is_one_process(self, member: MemberStatus) -> bool:
        """Whether the process that answers at the member's URL answers at no other member's: an ill one may do so."""
        identity = member.view.answered_by
        return identity is not None and self.answering.claims[identity] == (member.name,)

    def _may_ping(self, member: MemberStatus) -> bool:
        """Whether the member's record is fresh in any view, or no view has it."""
        views = self.observation.views
        identity, age = member.view.instance_id, self.policy.max_record_age
        records = [view.by_id[identity] for view in views if identity is not None and identity in view.by_id]
        return not records or any(record.is_fresh(self.observation.reference, age) for record in records)

    @cached_property
    def serving(self) -> frozenset[str]:
        return frozenset(member.name for member in self.members if member.serving)

    @cached_property
    def unclaimed(self) -> tuple[str, ...]:
        """Ids of processes that may be alive, connected or not, and are not the process of a member that answers."""
        return unclaimed_living(self.observation, self.policy)

    @cached_property
    def strangers(self) -> tuple[str, ...]:
        """The unclaimed ids that are not members. With a single view, every process is a member."""
        return () if self.policy.single_view else self.unclaimed

    @cached_property
    def counted(self) -> tuple[MemberStatus, ...]:
        """The members whose faults count: before a deployment all except the targets, unless there are no others."""
        if self.policy.phase is not Phase.BEFORE:
            return self.members
        return tuple(member for member in self.members if member.name in self.policy.others) or self.members

    @cached_property
    def upgrade_path(self) -> list[Finding]:
        """The findings about the upgrade from the versions that run to the expected one."""
        if self.policy.upgrade_path_ignored:
            return []
        return upgrade_path((member.version for member in self.members), self.policy.expected_version)

    @cached_property
    def stable_for(self) -> float:
        """Seconds that a process must have run, and that a pass must hold."""
        return stable_for(self.observation, self.policy, self.states)


def _is_cured_by_restart(member: MemberStatus) -> bool:
    """Whether it has a fault that only a restart cures. It answers all calls that need only the database."""
    return member.why_not is not None and member.why_not.code.row.ends is Ends.RESTART
