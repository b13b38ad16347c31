# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The watch: observations judged like the gate's, and an event for every change that lasts."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome, judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import (
    LONGEST_PAUSE,
    pause_after,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.timing import optional_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

Event = dict[str, Any]

SERVING = "serving"
GONE = "gone"  # with a single view, members are records, and records are removed
GOOD = frozenset({SERVING, *(code.value for code in Code if code.settles)})  # serving, or will serve with time
JITTER = 0.25
# With a single view, the members are instances, and the server chooses their ids. A playbook that an event starts must
# not run on hosts that such an id happens to match, and an empty limit would mean all hosts.
NO_HOSTS = "instances-are-no-hosts"


@dataclass(frozen=True)
class _Course:
    """The recent states of a member, or of the verdict.

    ``told``: the state in the last event. ``now``: the state seen last. ``since``: when ``now`` was first seen.
    ``bad_at``: when (s) a bad state was last seen; a first one without an event does not count.
    """

    told: str
    now: str
    since: datetime
    bad_at: float | None = None


class Watch:
    """The watch of the members of a policy. For one thread at a time.

    ``heartbeat``: seconds after which the whole state is sent again; none: never.
    """

    def __init__(self, policy: Policy, *, heartbeat: float | None = None) -> None:
        self.policy = policy
        self._heartbeat = heartbeat
        self._memory = Memory()
        # By member, without those that are gone; none until any member is known.
        self._members: dict[str, _Course] | None = None
        # None before the first observation.
        self._verdict: _Course | None = None
        # When the whole state was last sent, in seconds of the observer's clock.
        self._whole_at = 0.0
        # The number of observations in a row in which no member has answered.
        self._silent = 0

    def events(self, observation: Observation, now: datetime) -> list[Event]:
        """The events after an observation. ``now`` is the wall clock's time, only shown.

        A change for the worse is sent when two observations in a row have seen it, since one missing view means little.
        A member counts as serving again after ``stable_for``, and the verdict is pass again when the gate would pass.
        """
        verdict, self._memory = judge(observation, self.policy, self._memory)
        states = self._states(observation, verdict)
        self._silent = self._silent + 1 if not any(view.listing for view in observation.views) else 0
        outcome = verdict.outcome.value
        if self._verdict is None:
            self._verdict = _Course(told=outcome, now=outcome, since=now)
            self._members = _courses(states, now)
            self._whole_at = observation.at
            return [self._of_all("state", replace(self._verdict, told=""), verdict)]
        events: list[Event] = []
        if self._members is None:
            self._members = _courses(states, now)
        elif states is not None:  # otherwise nothing is known about any member, not even that it is gone
            events += self._of_members(self._members, states, verdict, observation, now)
        before, self._verdict = self._verdict, _seen(self._verdict, outcome, now)
        # A first wait is not sent: it may be one missing view. All other verdicts need several observations anyway.
        if outcome != before.told and (outcome != Outcome.WAIT.value or before.now == Outcome.WAIT.value):
            events.append(self._of_all("verdict", self._verdict, verdict))
            self._verdict = replace(self._verdict, told=outcome)
        if self._heartbeat is not None and observation.at - self._whole_at >= self._heartbeat:
            self._whole_at = observation.at
            events.append(self._of_all("heartbeat", self._verdict, verdict))
        return events

    def pause_after(self, observation: Observation) -> float:
        """Seconds until the next observation: those of the gate, and more and more while no member answers at all.

        Never fewer than those of the gate, which respects the nodes' rate limits.
        """
        pause = pause_after(observation, self.policy)
        if self._silent < 2:
            return pause
        longer = min(pause * 2.0 ** min(self._silent - 1, 16), LONGEST_PAUSE)
        return max(pause, longer * random.uniform(1 - JITTER, 1 + JITTER))

    def _states(self, observation: Observation, verdict: Verdict) -> Mapping[str, str] | None:
        """The state of each member; none if no member could be asked, or the single view does not list its own node."""
        if observation.lost is not None or (self.policy.single_view and observation.views[0].own is None):
            return None
        return {member.name: _state(member) for member in verdict.members}

    def _of_members(
        self,
        courses: dict[str, _Course],
        states: Mapping[str, str],
        verdict: Verdict,
        observation: Observation,
        now: datetime,
    ) -> list[Event]:
        events = []
        settled = verdict.stable_for
        for name in sorted({*courses, *states}):
            before = courses.get(name) or _Course(GONE, GONE, now)
            course = _seen(before, states.get(name, GONE), now)
            if course.now not in GOOD and (before.now not in GOOD or before.told not in GOOD):
                course = replace(course, bad_at=observation.at)
            if course.now == SERVING:
                lasts = course.bad_at is None or observation.at - course.bad_at >= settled
            else:
                lasts = before.now != SERVING if course.told == SERVING else before.now == course.now
            if lasts and course.now != course.told:
                findings = [finding.to_dict() for finding in verdict.findings if name in finding.members]
                events.append(self._event("member", course, verdict, findings, [name], member=name))
                course = replace(course, told=course.now)
            courses[name] = course
            if course.told == course.now == GONE:
                del courses[name]
        return events

    def _of_all(self, kind: str, course: _Course, verdict: Verdict) -> Event:
        blamed = {name for finding in verdict.findings if finding.blocking for name in finding.members}
        unwell = [s.name for s in verdict.members if not s.serving or s.name in blamed]
        return self._event(kind, course, verdict, [finding.to_dict() for finding in verdict.findings], unwell)

    def _event(
        self,
        kind: str,
        course: _Course,
        verdict: Verdict,
        findings: list[Any],
        concerned: list[str],
        *,
        member: str | None = None,
    ) -> Event:
        return {
            "type": kind,
            "member": member,
            "previous": course.told or None,
            "current": course.now,
            "since": to_iso(course.since),
            "verdict": verdict.outcome.value,
            "msg": verdict.summary,
            "findings": findings,
            "cluster": {
                "serving": list(verdict.serving),
                "needed": verdict.needed,
                "members": [_member(member) for member in verdict.members],
            },
            "meta": {"hosts": self._hosts(concerned), "uuid": str(uuid.uuid4())},
        }

    def _hosts(self, concerned: list[str]) -> list[str]:
        return [NO_HOSTS] if concerned and self.policy.single_view else concerned


def watch_from(params: Mapping[str, Any], policy: Policy) -> Watch:
    """The watch for validated options. Raises :class:`OptionsError`."""
    return Watch(policy, heartbeat=optional_seconds(params, "heartbeat", least=0.001))


def _courses(states: Mapping[str, str] | None, now: datetime) -> dict[str, _Course] | None:
    """The courses after the first observation: nothing has changed yet."""
    return (
        None if states is None else {name: _Course(told=state, now=state, since=now) for name, state in states.items()}
    )


def _seen(course: _Course, state: str, now: datetime) -> _Course:
    return course if state == course.now else replace(course, now=state, since=now)


def _state(member: MemberStatus) -> str:
    return member.why_not.code.value if member.why_not else SERVING


def _member(member: MemberStatus) -> dict[str, Any]:
    return {
        "name": member.name,
        "state": _state(member),
        "instance_id": member.last_id if member.identified else None,
        "answered_by": member.answered_by,
        "version": member.version,
    }
