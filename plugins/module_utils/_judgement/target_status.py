# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The status of each target after a deployment: ready, failed or pending. Each target is judged separately.

A target is not ready while a rule finds something about it, or while its link to a serving member is bad. Faults of
other members do not hold it back: a member that does not serve says nothing against a target that a serving member
sees. Of two targets that are not linked to each other, only one is held back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import (
    lacking,
    longer,
    unjudgeable_kinds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Finding
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory, Reason, Streak
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation


@dataclass(frozen=True)
class Targets:
    """The targets, each in one of three groups, in the order of the policy. All empty except after a deployment."""

    # Without a fault now and for ``stable_for``, with a new ping in that time.
    ready: tuple[str, ...] = ()
    # With a fault that waiting cannot change, found by two observations in a row.
    failed: tuple[str, ...] = ()
    # All others.
    pending: tuple[str, ...] = ()
    # The streak of each target that has no fault, or only faults that time alone ends.
    streaks: Mapping[str, Streak] = field(default_factory=dict)


def targets_of(
    situation: Situation, memory: Memory, blocking: Iterable[Finding], incurable: AbstractSet[Reason]
) -> Targets:
    """The status of each target. ``blocking``: all blocking findings. ``incurable``: those that no wait can change."""
    if situation.policy.phase is not Phase.AFTER:
        return Targets()
    faults = faults_of(situation, list(blocking), first=memory.ready)
    streaks = {
        name: longer(situation, memory.target_streaks.get(name), [name])
        for name, found in faults.items()
        if all(finding.code.settles for finding in found)
    }
    ready = {name for name, streak in streaks.items() if not faults[name] and not lacking(situation, streak)}
    confirmed = incurable & memory.incurable
    failed = {name for name in faults if any(not members or name in members for _code, members in confirmed)}
    return Targets(
        ready=_of(situation, ready - failed),
        failed=_of(situation, failed),
        pending=_of(situation, faults.keys() - ready - failed),
        streaks=streaks,
    )


def faults_of(situation: Situation, blocking: Iterable[Finding], first: AbstractSet[str]) -> dict[str, list[Finding]]:
    """By target: the findings that hold it back.

    If a link between two targets is bad, one of ``first`` is preferred, and one that is not kept out before it.
    """
    blocking = list(blocking)
    faults = {name: _own(situation, name, blocking) for name in situation.policy.targets}
    free: set[str] = set()
    keep_out = situation.policy.keep_out
    for name in sorted(faults, key=lambda target: (target in keep_out, target not in first)):
        faults[name] += [finding for finding in blocking if name in finding.members and free & set(finding.members)]
        if not faults[name] and name in situation.serving:
            free.add(name)
    return faults


def _own(situation: Situation, name: str, blocking: Iterable[Finding]) -> list[Finding]:
    """The findings that hold this target back, whatever the other targets do."""
    found = [finding for finding in blocking if name in finding.members and _counts(situation, name, finding)]
    return found + unjudgeable_kinds([situation.by_name[name].view], situation.policy)


def _counts(situation: Situation, name: str, finding: Finding) -> bool:
    """Whether the finding counts for this target.

    It does not if it is also about another target. If it is also about a member that does not serve, it counts only
    while no other member serves that is neither a target nor kept out.
    """
    targets = set(situation.policy.targets)
    others = set(finding.members) - {name}
    if others & targets:
        return False
    return others <= situation.serving or not situation.serving - targets - situation.policy.keep_out


def _of(situation: Situation, names: AbstractSet[str]) -> tuple[str, ...]:
    return tuple(name for name in situation.policy.targets if name in names)
