# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The watch: one observation after the other, judged as the gate does, and an event for every change that lasts."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate import LONGEST_PAUSE, pause_after
from ansible_collections.rocketops.rocketchat.plugins.module_utils._instances import to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options import OptionsError, seconds
from ansible_collections.rocketops.rocketchat.plugins.module_utils._policy import Code, Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._standing import stable_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._verdict import Memory, Outcome, judge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._policy import Policy
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._standing import Standing
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._verdict import Verdict

Event = dict[str, Any]

SERVING = "serving"
GONE = "gone"  # with one URL for all, members are records, and records are removed
GOOD = (SERVING, Code.TOO_YOUNG.value, Code.PINGS_UNSEEN.value)  # or what time alone makes so
JITTER = 0.25


@dataclass(frozen=True)
class _Course:
    """How a member, or the verdict, has been lately. ``told``: what the last event said; ``now``: what was seen last.

    ``since``: when ``now`` was first seen. ``bad_at``: when (s) it was last seen bad twice running.
    """

    told: str
    now: str
    since: datetime
    bad_at: float | None = None


class Watch:
    """What became of the members of a policy. Not for more than one thread at a time.

    ``heartbeat``: seconds after which the whole state is told again, none if never.
    """

    def __init__(self, policy: Policy, *, heartbeat: float | None = None) -> None:
        self.policy = policy
        self._heartbeat = heartbeat
        self._memory = Memory()
        self._members: dict[str, _Course] = {}
        self._verdict: _Course | None = None
        self._whole_at = 0.0
        self._silent = 0

    def events(self, observation: Observation, now: datetime) -> list[Event]:
        """What to tell after an observation. ``now`` is for people.

        A change for the worse is told when two observations running have seen it, as one missing view is no news. A
        member serves again when it has for ``stable_for``, and the verdict is pass again when the gate's would be.
        """
        verdict, self._memory = judge(observation, self.policy, self._memory)
        states = {standing.name: _state(standing) for standing in verdict.standings}
        self._silent = self._silent + 1 if not any(view.listing for view in observation.views) else 0
        outcome = verdict.outcome.value
        if self._verdict is None:
            self._verdict = _Course(told=outcome, now=outcome, since=now)
            self._members = {name: _Course(told=state, now=state, since=now) for name, state in states.items()}
            self._whole_at = observation.at
            return [self._of_all("state", replace(self._verdict, told=""), verdict)]
        events = self._of_members(states, verdict, observation, now)
        before, self._verdict = self._verdict, _seen(self._verdict, outcome, now)
        # The judgement itself takes its time to pass, to fail and to give up: only the first doubt is no news.
        if outcome != before.told and (outcome != Outcome.WAIT.value or before.now == Outcome.WAIT.value):
            events.append(self._of_all("verdict", self._verdict, verdict))
            self._verdict = replace(self._verdict, told=outcome)
        if self._heartbeat is not None and observation.at - self._whole_at >= self._heartbeat:
            self._whole_at = observation.at
            events.append(self._of_all("heartbeat", self._verdict, verdict))
        return events

    def pause_after(self, observation: Observation) -> float:
        """Seconds to the next observation: the gate's, and longer and longer while nobody answers at all.

        Never sooner than the gate, which keeps to the rate limits of the nodes.
        """
        pause = pause_after(observation, self.policy)
        if self._silent < 2:
            return pause
        longer = min(pause * 2.0 ** min(self._silent - 1, 16), LONGEST_PAUSE)
        return max(pause, longer * random.uniform(1 - JITTER, 1 + JITTER))

    def _of_members(
        self, states: Mapping[str, str], verdict: Verdict, observation: Observation, now: datetime
    ) -> list[Event]:
        events = []
        settled = stable_for(observation, self.policy)
        for name in sorted({*self._members, *states}):
            before = self._members.get(name) or _Course(GONE, GONE, now)
            course = _seen(before, states.get(name, GONE), now)
            if course.now not in GOOD and before.now not in GOOD:
                course = replace(course, bad_at=observation.at)
            if course.now == SERVING:
                lasts = course.bad_at is None or observation.at - course.bad_at >= settled
            else:
                lasts = before.now != SERVING if course.told == SERVING else before.now == course.now
            if lasts and course.now != course.told:
                findings = [finding.to_dict() for finding in verdict.findings if name in finding.members]
                events.append(self._event("member", course, verdict, findings, [name], member=name))
                course = replace(course, told=course.now)
            self._members[name] = course
            if course.told == course.now == GONE:
                del self._members[name]
        return events

    def _of_all(self, kind: str, course: _Course, verdict: Verdict) -> Event:
        unwell = [standing.name for standing in verdict.standings if not standing.serving]
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
                "members": [_member(standing) for standing in verdict.standings],
            },
            # With one URL for all, the members are instances, and no hosts of an inventory.
            "meta": {"hosts": [] if self.policy.single_view else concerned, "uuid": str(uuid.uuid4())},
        }


def watch_from(params: Mapping[str, Any], policy: Policy) -> Watch:
    """The watch in validated options. Raises :class:`OptionsError`."""
    if policy.phase is not Phase.STEADY:
        raise OptionsError(f"phase: {policy.phase.value} is for gates; a watch has phase: steady")
    heartbeat = params.get("heartbeat")
    return Watch(policy, heartbeat=None if heartbeat is None else seconds(params, "heartbeat"))


def _seen(course: _Course, state: str, now: datetime) -> _Course:
    return course if state == course.now else replace(course, now=state, since=now)


def _state(standing: Standing) -> str:
    return standing.why_not.code.value if standing.why_not else SERVING


def _member(standing: Standing) -> dict[str, Any]:
    return {
        "name": standing.name,
        "state": _state(standing),
        "instance_id": standing.record.id if standing.record else None,
        "version": standing.version,
    }
