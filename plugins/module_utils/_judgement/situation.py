# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The situation: all that one observation shows under a policy. The rules look at nothing else."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.links import links_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import (
    members_of,
    stable_for,
    states_of,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.pulses import pulses_after
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.unclaimed import unclaimed_living

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


class Situation:
    """Nothing in it changes.

    ``states``: each record classified once, member to instance id to state. ``pulses``, ``links`` and ``down`` (targets
    that no living process can belong to, and since when by the gate's clock) carry on from the memory.
    """

    def __init__(self, observation: Observation, policy: Policy, memory: Memory) -> None:
        self.observation = observation
        self.policy = policy
        self.states = states_of(observation, policy)
        self.pulses = pulses_after(observation, policy, memory.pulses)
        self.members = members_of(observation, policy, self.states, self.pulses)
        self.by_name: Mapping[str, MemberStatus] = {member.name: member for member in self.members}
        self.links = links_of(self.members, policy, self.states, at=observation.at, bad=memory.bad_links)
        self.down = self._down(memory)

    def _down(self, memory: Memory) -> dict[str, float]:
        if self.policy.phase is not Phase.BEFORE or self.observation.reference is None or self.unclaimed:
            return {}
        silent = [name for name in self.policy.targets if self.is_silent(name)]
        return {name: memory.down.get(name, self.observation.at) for name in silent}

    def is_silent(self, name: str) -> bool:
        """Whether no answer at all came from this member."""
        failure = self.by_name[name].view.failure
        return failure is not None and failure.code.is_silence

    @cached_property
    def serving(self) -> frozenset[str]:
        return frozenset(member.name for member in self.members if member.serving)

    @cached_property
    def unclaimed(self) -> tuple[str, ...]:
        """Ids of what may be a living process, connected or not, that no answering member calls its own."""
        return unclaimed_living(self.observation, self.policy)

    @cached_property
    def strangers(self) -> tuple[str, ...]:
        """The same where members are declared; with one URL for all, every process is a member."""
        return () if self.policy.single_view else self.unclaimed

    @cached_property
    def counted(self) -> tuple[MemberStatus, ...]:
        """Before a deployment nothing that is found about a target counts, unless there is no other member."""
        if self.policy.phase is not Phase.BEFORE:
            return self.members
        return tuple(member for member in self.members if member.name in self.policy.others) or self.members

    @cached_property
    def stable_for(self) -> float:
        """Seconds for which a process must have lived, and a pass must hold."""
        return stable_for(self.observation, self.policy, self.states)
