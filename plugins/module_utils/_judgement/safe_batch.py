# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The safe batch: the members that could be taken down now, one at a time or together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import unjudgeable_kinds

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation


def safe_batch(situation: Situation) -> tuple[tuple[str, ...], int]:
    """The members that could be taken down one at a time, and how many serving ones could be taken down together."""
    policy, size = situation.policy, len(situation.members)
    serving = situation.serving - policy.without_traffic
    if policy.single_view or unjudgeable_kinds((member.view for member in situation.members), policy):
        return (), 0
    unlinked = [finding.members for finding in situation.links.unlinked(serving)]
    # A single member must serve and list no other living instance: no other member could show what is wrong.
    if size == 1 and (not serving or situation.strangers):
        return (), 0
    candidates = [
        member
        for member in situation.members
        if len(serving - {member.name}) >= _left(situation, {member.name})
        and all(member.name in pair for pair in unlinked)
    ]
    names = tuple(member.name for member in sorted(candidates, key=lambda member: member.serving))
    if unlinked:
        return names, 0
    if policy.min_serving is not None:
        return names, max(len(serving) - policy.min_serving.of(size), 0)
    # By default a gate needs all other members, so all that remain must serve, however many are taken down.
    wanted = size - len(policy.keep_out)
    if len(serving) < wanted:
        return names, 0
    return names, 1 if size == 1 else max(wanted - 1, 0)


def _left(situation: Situation, gone: AbstractSet[str]) -> int:
    """How many members must serve in rotation when ``gone`` are taken down, as for a gate before a deployment."""
    policy, size = situation.policy, len(situation.members)
    if policy.min_serving is not None:
        return policy.min_serving.of(size)
    return max(len(situation.by_name.keys() - policy.keep_out - gone), min(size - 1, 1))
