# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The status of each target after a deployment: ready, failed or pending, each judged by itself.

A target is held back by what the rules found of it, and by a bad link to a member that serves. The trouble of another
member does not hold it back: one that does not serve says nothing against a target that a serving member sees, and of
two targets that are not linked to each other, one is held back.
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
    """Each target is in one of the three, in the order of the policy. Empty but after a deployment."""

    # All is well with them now, and has been for as long as a pass needs, with a ping since.
    ready: tuple[str, ...] = ()
    # Waiting cannot change what two observations running have found of them.
    failed: tuple[str, ...] = ()
    # All others.
    pending: tuple[str, ...] = ()
    # Of each target with which nothing is wrong that time alone does not end.
    streaks: Mapping[str, Streak] = field(default_factory=dict)


def targets_of(
    situation: Situation, memory: Memory, blocking: Iterable[Finding], incurable: AbstractSet[Reason]
) -> Targets:
    """``blocking``: all that keeps the gate shut. ``incurable``: what of it no wait can change."""
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
    """What holds each target back. ``first``: targets that go before the others where a link between two is bad."""
    blocking = list(blocking)
    faults = {name: _own(situation, name, blocking) for name in situation.policy.targets}
    free: set[str] = set()
    for name in sorted(faults, key=lambda target: target not in first):
        faults[name] += [finding for finding in blocking if name in finding.members and free & set(finding.members)]
        if not faults[name] and name in situation.serving:
            free.add(name)
    return faults


def _own(situation: Situation, name: str, blocking: Iterable[Finding]) -> list[Finding]:
    """What holds this target back, whatever the other targets do."""
    found = [finding for finding in blocking if name in finding.members and _counts(situation, name, finding)]
    return found + unjudgeable_kinds([situation.by_name[name].view], situation.policy)


def _counts(situation: Situation, name: str, finding: Finding) -> bool:
    """A member that does not serve tells of a target only where no other member serves that can tell."""
    targets = set(situation.policy.targets)
    others = set(finding.members) - {name}
    if others & targets:
        return False
    return others <= situation.serving or not situation.serving - targets


def _of(situation: Situation, names: AbstractSet[str]) -> tuple[str, ...]:
    return tuple(name for name in situation.policy.targets if name in names)
