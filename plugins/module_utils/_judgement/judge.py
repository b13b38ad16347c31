# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The judgement: from an observation, a policy and a memory to a verdict and the next memory. Pure and total.

The rules find what is wrong, and only an observation without a blocking finding can pass. The stability adds what
depends on time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.advisories import advisories_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory, pair
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase, Policy
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.questions import statistics_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.rules import Exempt, exemption, found_in
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.safe_batch import safe_batch
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import (
    MAY_BECOME_JUDGEABLE,
    incurable,
    next_streak,
    not_stable,
    not_waived,
    unjudgeable,
    unjudgeable_since,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.summary import summary
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.target_status import Targets, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Pair, Reason, Streak
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Waiver


class Outcome(str, Enum):
    """The outcome of a judgement. Only ``pass`` opens the gate."""

    PASS = "pass"
    WAIT = "wait"
    FAIL = "fail"  # waiting does not help
    INCONCLUSIVE = "inconclusive"  # the cluster cannot be judged


@dataclass(frozen=True)
class Verdict:
    """The verdict on one observation."""

    outcome: Outcome
    # The verdict in one line.
    summary: str
    # All findings that are not waived, the blocking ones first.
    findings: tuple[Finding, ...] = ()
    # The findings that a waiver allows.
    waived: tuple[tuple[Waiver, Finding], ...] = ()
    members: tuple[MemberStatus, ...] = ()
    # How many members must serve: of all members, or of the others before a deployment.
    needed: int = 0
    # All ids that any view listed or that answered; before a deployment, in all observations so far.
    ids: tuple[str, ...] = ()
    # By member: the members that it sees.
    sees: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exempt: Exempt | None = None
    # Members that could be taken down now one at a time, and how many could be taken down together.
    next_safe: tuple[str, ...] = ()
    safe_batch: int = 0
    # Pairs of serving members that are not linked, or not for long enough, without those that a waiver allows.
    unlinked: frozenset[Pair] = frozenset()
    # Seconds for which all conditions have held without a break, and for which they must hold.
    held: float = 0.0
    stable_for: float = 0.0
    # Members to ask for their statistics with the next observation.
    statistics_of: frozenset[str] = frozenset()
    # Waiting does not help, but one more observation must confirm it.
    incurable: bool = False
    # After a deployment: the targets that are ready now, those that have failed, and the rest.
    ready: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def serving(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members if member.serving)


@dataclass(frozen=True)
class _Findings:
    """The findings in one situation, and what depends on time."""

    # All findings of the rules, and those of them that are not waived.
    found: list[Finding]
    blocking: list[Finding]
    # The streak after this observation, and the missing views that keep it from growing.
    streak: Streak | None
    missing_views: list[Finding]
    # The members that cannot be judged: since when, and the findings that make the verdict inconclusive.
    unjudgeable_since: Mapping[Reason, float]
    unjudgeable: list[Finding]
    # The findings that waiting cannot change.
    incurable: frozenset[Reason]
    # What follows for each target.
    targets: Targets


def judge(observation: Observation, policy: Policy, memory: Memory) -> tuple[Verdict, Memory]:
    """The verdict on one observation, and the next memory. Never raises, and passes only what is proven."""
    if observation.lost is not None:
        return _judge_lost(observation.lost, policy, memory)
    situation = Situation(observation, policy, memory)
    findings = _find(situation, memory)
    outcome, unsettled = _outcome(situation, memory, findings)
    # The gate after a deployment must know every id that was ever listed; a watch runs for months and must forget them.
    # Ids that an earlier gate has seen belong to them: a process that hangs may have been removed from all lists.
    former = memory.ids.union(pulse.instance_id for pulse in situation.pulses.values())
    ids = frozenset(observation.ids).union(former if policy.phase is Phase.BEFORE else ())
    verdict = _verdict(situation, findings, outcome, unsettled, ids)
    return verdict, Memory(
        pulses=situation.pulses,
        answerers=situation.answering.lately,
        bad_links=situation.links.bad,
        unjudgeable=findings.unjudgeable_since,
        incurable=findings.incurable,
        served=situation.serving.union(*(finding.members for finding in findings.missing_views)),
        missed=frozenset(view.member.name for view in observation.views if view.failure),
        silent=situation.silent,
        ill=situation.ill,
        restarted=situation.restarted,
        lock=situation.lock,
        down=situation.down,
        ids=ids,
        streak=findings.streak,
        target_streaks=findings.targets.streaks,
        ready=frozenset(findings.targets.ready),
        disturbed=memory.disturbed or not (outcome is Outcome.PASS or unsettled or _waits_for_the_lock(findings)),
    )


def _find(situation: Situation, memory: Memory) -> _Findings:
    found = found_in(situation, situation.serving)
    findings = not_waived(situation.policy, found)
    streak, missing_views = next_streak(situation, memory, findings)
    since = unjudgeable_since(situation, memory)
    refused = incurable(situation, findings)
    return _Findings(
        found=found,
        blocking=findings,
        streak=streak,
        missing_views=missing_views,
        unjudgeable_since=since,
        unjudgeable=unjudgeable(situation, since),
        incurable=refused,
        targets=targets_of(situation, memory, findings, refused),
    )


def _outcome(situation: Situation, memory: Memory, findings: _Findings) -> tuple[Outcome, list[Finding]]:
    """The outcome, and what the streak still lacks if nothing else blocks the gate."""
    targets = findings.targets
    if findings.unjudgeable and not _is_worth_a_wait(findings):
        return Outcome.INCONCLUSIVE, []
    if findings.incurable & memory.incurable and not targets.pending:
        return Outcome.FAIL, []
    if findings.blocking or findings.incurable or findings.streak is None:
        return Outcome.WAIT, []
    unsettled = not_stable(situation, memory, findings.streak)
    return (Outcome.WAIT if unsettled or targets.pending else Outcome.PASS), unsettled


def _waits_for_the_lock(findings: _Findings) -> bool:
    """Whether only the migration lock blocks the gate, which says nothing against any member."""
    return {finding.code for finding in findings.blocking} == {Code.MIGRATION_RUNNING} and not findings.unjudgeable


def _is_worth_a_wait(findings: _Findings) -> bool:
    """Whether a target may still become ready although a member other than this target cannot be judged."""
    if any(finding.code not in MAY_BECOME_JUDGEABLE for finding in findings.unjudgeable):
        return False
    return bool(set(findings.targets.pending).difference(*(finding.members for finding in findings.unjudgeable)))


def _verdict(
    situation: Situation, findings: _Findings, outcome: Outcome, unsettled: list[Finding], ids: frozenset[str]
) -> Verdict:
    policy, exempt = situation.policy, exemption(situation)
    shown = _shown(situation, findings, unsettled)
    waivers = ((policy.waiver(finding.code, *finding.members), finding) for finding in findings.found)
    waived = {waiver: finding for waiver, finding in waivers if waiver is not None}
    next_safe, together = safe_batch(situation)
    return Verdict(
        outcome=outcome,
        summary=summary(policy, situation.serving, shown, waived, exempt),
        findings=shown,
        waived=tuple(waived.items()),
        members=situation.members,
        needed=policy.needed,
        ids=tuple(sorted(ids)),
        sees=situation.links.by_name(),
        exempt=None if findings.blocking else exempt,
        next_safe=next_safe,
        safe_batch=together,
        unlinked=_unlinked(situation),
        held=findings.streak.seconds if findings.streak else 0.0,
        stable_for=situation.stable_for,
        statistics_of=statistics_of(situation),
        incurable=bool(findings.incurable),
        ready=findings.targets.ready,
        failed=findings.targets.failed,
        pending=findings.targets.pending,
    )


def _unlinked(situation: Situation) -> frozenset[Pair]:
    found = situation.links.unlinked(situation.serving)
    return frozenset(pair(*one.members) for one in found if not situation.policy.waiver(one.code, *one.members))


def _shown(situation: Situation, findings: _Findings, unsettled: list[Finding]) -> tuple[Finding, ...]:
    """All findings to show, each once: one that makes the verdict inconclusive is not repeated as a blocking one."""
    lasting = {(finding.code, finding.members) for finding in findings.unjudgeable}
    others = [finding for finding in findings.blocking if (finding.code, finding.members) not in lasting]
    advisories = advisories_for(situation, [*findings.unjudgeable, *findings.blocking])
    return (*findings.unjudgeable, *others, *findings.missing_views, *unsettled, *advisories)


def _judge_lost(reason: str, policy: Policy, memory: Memory) -> tuple[Verdict, Memory]:
    """The verdict if no observation could be made. A first loss changes nothing, a second in a row ends all streaks."""
    finding = Finding(Code.OBSERVATION_LOST, f"no member was asked: {reason}")
    if memory.lost:
        memory = replace(memory, streak=None, target_streaks={}, ready=frozenset())
    held = memory.streak.seconds if memory.streak else 0.0
    pending = policy.targets if policy.phase is Phase.AFTER else ()
    verdict = Verdict(Outcome.WAIT, finding.message, findings=(finding,), held=held, pending=pending)
    return verdict, replace(memory, lost=True, disturbed=True, incurable=frozenset())
