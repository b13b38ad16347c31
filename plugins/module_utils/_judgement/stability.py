# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The stability: how long all conditions have held, which missing views are forgiven, and what no wait can change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Ends, Finding, Scope
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import as_process
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Streak
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    INTERVAL,
    INTERVAL_LIMITED,
    Phase,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.rules import Exempt, exemption, found_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation, View
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory, Reason
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation

# The server answers and refuses the credentials.
CREDENTIALS = frozenset(
    code for code in Code if code.is_client_error and code.row.statuses and code.row.ends is Ends.NEVER
)
LONGEST_PAUSE = 60.0
SILENCE = frozenset(code for code in Code if code.is_silence)
# A missing view that says nothing about the process behind it.
SAYS_NOTHING = frozenset(
    code for code in Code if code.is_silence or (code.is_client_error and code.row.ends is Ends.TIME)
)
# Waiting changes neither what the deployment has done or not done, nor which members get traffic.
TOO_LATE = frozenset(
    code for code in Code if code.row.ends is Ends.NEVER and code.row.judgeable and not code.is_client_error
)
# Waiting does not change which version is deployed, whatever the members do.
WRONG_PATH = frozenset(code for code in TOO_LATE if code.row.scope is Scope.CLUSTER)
# The member cannot be judged while it lasts, but it may end.
MAY_BECOME_JUDGEABLE = frozenset(code for code in Code if not code.row.judgeable and code.row.ends is Ends.WAIT)


def not_waived(policy: Policy, findings: Iterable[Finding]) -> list[Finding]:
    """The findings that no waiver of the user allows."""
    return [finding for finding in findings if policy.waiver(finding.code, *finding.members) is None]


def interval(policy: Policy, observation: Observation | None) -> float:
    """Seconds between two observations: the user's value, or one that respects the server's rate limit."""
    if policy.interval is not None:
        return policy.interval
    limited = observation is not None and any(view.rate_limit for view in observation.views)
    return INTERVAL_LIMITED if limited else INTERVAL


def pause_after(observation: Observation, policy: Policy) -> float:
    """Seconds until the next observation: the interval, or longer if a node's rate limit requires it."""
    pauses = [interval(policy, observation)]
    for view in observation.views:
        limit = view.rate_limit or {}
        remaining, reset = limit.get("remaining"), limit.get("reset_after")
        if reset is not None and (remaining is None or remaining <= 1):
            pauses.append(min(reset, LONGEST_PAUSE))
    return max(pauses)


# How long all conditions have held


def next_streak(situation: Situation, memory: Memory, findings: list[Finding]) -> tuple[Streak | None, list[Finding]]:
    """The streak after this observation, and the missing views because of which it does not grow.

    A finding that time alone ends (a young process, a link that was bad recently) blocks the gate, but does not end the
    streak.
    """
    if _only_settles(situation, situation.serving, findings):
        targets = situation.policy.targets if situation.policy.phase is Phase.AFTER else ()
        return longer(situation, memory.streak, targets), []
    absent = _forgiven(situation, memory)
    if absent and memory.streak:
        present = situation.serving | absent
        if _only_settles(situation, present, not_waived(situation.policy, found_in(situation, present))):
            return memory.streak, [_view_missing(name) for name in sorted(absent)]
    return None, []


def _only_settles(situation: Situation, serving: AbstractSet[str], findings: list[Finding]) -> bool:
    """Whether time alone ends all findings, if these members serve."""
    if not findings:
        return True
    if any(not (finding.code.settles or finding.code is Code.TOO_FEW_SERVING) for finding in findings):
        return False
    grown_up = serving | {member.name for member in situation.members if member.settles}
    return all(finding.code.settles for finding in not_waived(situation.policy, found_in(situation, grown_up)))


def _forgiven(situation: Situation, memory: Memory) -> set[str]:
    """Members that served before, whose view is missing this once, and whose process another member still sees."""
    shown = frozenset().union(*situation.links.sees.values())
    return {
        member.name
        for member in situation.members
        if member.why_not is not None
        and member.why_not.code in SAYS_NOTHING
        and member.name not in situation.policy.targets
        and member.name in memory.served - memory.missed
        and member.last_id in shown
    }


def _view_missing(name: str) -> Finding:
    text = f"{name} gave no answer this time, but another member still sees its process"
    return Finding(Code.VIEW_MISSING, text, (name,))


def longer(situation: Situation, last: Streak | None, targets: Iterable[str]) -> Streak:
    """The streak of these targets, or of the whole cluster with these targets, after one more observation."""
    policy, now = situation.policy, situation.observation.at
    known = {name: situation.by_name[name] for name in targets if situation.by_name[name].identified}
    records = {name: target.record for name, target in known.items() if target.record}
    processes = {
        name: (str(target.last_id), target.record.created_at if target.record else None)
        for name, target in known.items()
    }
    pause, pings = pause_after(situation.observation, policy), {name: r.updated_at for name, r in records.items()}
    if last is None or last.processes != processes:
        return Streak(seconds=0.0, held=0.0, last_at=now, pause=pause, processes=processes, pings=pings)
    # A longer gap, as when the machine was suspended, counts only in part: the rest was not watched.
    gap, one = now - last.last_at, interval(policy, situation.observation)
    seconds, held = last.seconds + min(gap, 2 * one), last.held + min(gap, max(2 * one, last.pause + one))
    return replace(last, seconds=seconds, held=held, last_at=now, pause=pause)


def not_stable(situation: Situation, memory: Memory, streak: Streak) -> list[Finding]:
    """What the streak still lacks: only ``hold_for`` if nothing was ever wrong, except after a deployment."""
    if exemption(situation) is Exempt.TARGET_DOWN:
        # The targets were down for a ping interval, so to deploy to them takes nothing away from the others.
        return []
    if situation.policy.phase is not Phase.AFTER and not memory.disturbed:
        return _not_held(situation.policy, streak)
    return lacking(situation, streak) or _not_held(situation.policy, streak)


def _not_held(policy: Policy, streak: Streak) -> list[Finding]:
    if streak.held >= policy.hold_for:
        return []
    text = f"healthy for {int(streak.held)} of {policy.hold_for:g} s (hold_for)"
    return [Finding(Code.NOT_STABLE, text, expected=policy.hold_for, actual=streak.held)]


def lacking(situation: Situation, streak: Streak) -> list[Finding]:
    """What a streak still lacks: length, and a new ping of each of its targets."""
    needed, findings = situation.stable_for, []
    if streak.seconds < needed:
        text = f"stable for {int(streak.seconds)} of {needed:g} s"
        findings.append(Finding(Code.NOT_STABLE, text, expected=needed, actual=streak.seconds))
    for name, ping in streak.pings.items():
        record = situation.by_name[name].record
        if record is None or record.updated_at is None or ping is None or record.updated_at <= ping:
            findings.append(Finding(Code.PING_UNCONFIRMED, f"{name}'s next ping has not been seen yet", (name,)))
    return findings


# What waiting cannot change


def incurable(situation: Situation, findings: Iterable[Finding]) -> frozenset[Reason]:
    """The reasons that make the gate fail if the next observation finds them too."""
    codes = {member.why_not.code for member in situation.counted if member.why_not and member.view.failure}
    refused: set[Reason] = set()
    if all(member.view.failure for member in situation.counted):
        answered = codes - SILENCE
        if answered and answered <= CREDENTIALS:
            refused.add((Code.UNAUTHORIZED, ()))  # stands for forbidden too
        if codes == {Code.TLS}:
            refused.add((Code.TLS, ()))
    final = TOO_LATE if situation.policy.phase is Phase.AFTER or _only_readmission_helps(situation) else WRONG_PATH
    refused |= {
        (finding.code, finding.members)
        for finding in findings
        if finding.code in final and not _may_be_proven(situation, finding)
    }
    return frozenset(refused)


def _may_be_proven(situation: Situation, finding: Finding) -> bool:
    """Whether the finding is an unproven restart whose process has not been asked for its uptime yet."""
    if finding.code is not Code.RESTART_NOT_PROVABLE:
        return False
    target = situation.by_name[finding.members[0]]
    return target.record is not None and target.last_id not in situation.restarted


def _only_readmission_helps(situation: Situation) -> bool:
    """Whether too few others are in rotation, even if all of them serve."""
    policy = situation.policy
    if policy.phase is not Phase.BEFORE or len(policy.others_in_rotation) >= policy.needed:
        return False
    return not _targets_may_be_down(situation)


def _targets_may_be_down(situation: Situation) -> bool:
    """Whether all targets are silent: they may turn out to be down, and then the gate before a deployment passes."""
    policy = situation.policy
    return policy.phase is Phase.BEFORE and all(situation.is_silent(name) for name in policy.targets)


# What cannot be judged


def unjudgeable_since(situation: Situation, memory: Memory) -> dict[Reason, float]:
    """By reason that may end: since when a member cannot be judged."""
    reasons = [
        (member.why_not.code, (member.name,))
        for member in situation.counted
        if member.why_not and member.why_not.code in MAY_BECOME_JUDGEABLE
    ]
    return {reason: memory.unjudgeable.get(reason, situation.observation.at) for reason in reasons}


def unjudgeable(situation: Situation, since: Mapping[Reason, float]) -> list[Finding]:
    """The findings that make the verdict inconclusive: at once, or after a while if the gate needs the member."""
    findings = unjudgeable_kinds((member.view for member in situation.counted), situation.policy)
    for (_code, (name,)), began in since.items():
        member, lasts = situation.by_name[name], situation.observation.at - began
        why_not = member.why_not
        if why_not and lasts > _patience(situation, member) and _is_needed(situation, name):
            findings.append(replace(why_not, message=f"{why_not.message} (for {int(lasts)} s)"))
    return findings


def _patience(situation: Situation, member: MemberStatus) -> float:
    """Seconds that a member may be unjudgeable.

    Longer for a URL with several processes, since that is remembered, and for a member with one of these processes. And
    longer while the targets may turn out to be down, which shows when their records are old.
    """
    policy, names = situation.policy, situation.answering.claims.get(member.view.instance_id or "", ())
    remembered = not situation.answering.several.keys().isdisjoint({member.name, *names})
    until_down = 2 * (policy.max_record_age + policy.ping_interval) if _targets_may_be_down(situation) else 0.0
    return policy.max_record_age + until_down + (policy.link_memory if remembered else 0.0)


def unjudgeable_kinds(views: Iterable[View], policy: Policy) -> list[Finding]:
    """Findings for deployments that instances.get does not list, and old servers that do not identify their process."""
    findings = []
    for view in views:
        name, listing = view.member.name, view.listing
        if listing and listing.microservices and not as_process(view, policy):
            text = f"{name} belongs to a microservices deployment: instances.get does not list its nodes"
            text += "; set links: ignored and readiness: required to judge each member by its own answers"
            findings.append(Finding(Code.MICROSERVICES, text, (name,)))
        elif listing and listing.old_shape and view.answered_by is None:
            text = (
                f"{name} runs a Rocket.Chat older than 6 behind a proxy that removes the header X-Instance-ID: "
                "let the proxy pass it"
            )
            findings.append(Finding(Code.UNSUPPORTED_VERSION, text, (name,)))
    return findings


def _is_needed(situation: Situation, name: str) -> bool:
    """Whether the gate does not pass without this member."""
    return bool(not_waived(situation.policy, found_in(situation, situation.serving - {name})))
