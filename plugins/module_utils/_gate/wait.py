# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The wait: observe and judge until the gate passes, cannot pass, or its time is over."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import is_number
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import (
    GateResult,
    briefly,
    unclaimed_records,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome, Verdict, judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import pause_after

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

# Makes one observation. The argument names the members that are also asked for their statistics.
Observe = Callable[[AbstractSet[str]], "Observation"]

SPEAK_EVERY = 30.0
HISTORY_LIMIT = 50


class ObserverError(Exception):
    """No observation could be made, for a reason that waiting does not change."""


def run(
    observe: Observe,
    policy: Policy,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    on_progress: Callable[[str], None],
    began: datetime | None = None,
    memory: Memory | None = None,
    waited: float = 0.0,
    known_ready: AbstractSet[str] | None = None,
) -> GateResult:
    """Wait until the cluster meets the policy, cannot meet it any more, or the time is over.

    Never raises for what it observes. ``clock`` is monotonic, in seconds; ``began`` is the wall clock's time now, for
    the result. The last observation is made at the deadline, and may exceed it by one call.

    To continue an earlier wait, pass the ``memory`` of its result, and its ``elapsed`` as ``waited``: these seconds
    count for this wait too. With ``known_ready``, the wait ends with the verdict ``wait`` as soon as a target that is
    not in it is ready.
    """
    wait = _Wait(observe, policy, clock, sleep, on_progress, waited=waited, known_ready=known_ready)
    return replace(wait.run(memory or Memory()), began=began)


def judge_once(observation: Observation, policy: Policy, *, began: datetime | None = None) -> GateResult:
    """The result of a gate that makes one observation and does not wait."""
    return run(
        lambda _statistics_of: observation,
        policy.without_wait(),
        clock=lambda: observation.at,
        sleep=lambda _seconds: None,
        on_progress=lambda _line: None,
        began=began,
    )


class _Wait:
    def __init__(
        self,
        observe: Observe,
        policy: Policy,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        on_progress: Callable[[str], None],
        *,
        waited: float,
        known_ready: AbstractSet[str] | None,
    ) -> None:
        self.observe = observe
        self.policy = policy
        self.clock = clock
        self.sleep = sleep
        self.on_progress = on_progress
        # Seconds of an earlier wait that this one continues.
        self.waited = waited
        # Targets that were ready before. With none, a ready target does not end the wait.
        self.known_ready = known_ready
        self.memory = Memory()
        self.began = clock()
        # When the verdict last changed, except for its seconds.
        self.changed_at = self.began
        # When progress was last shown, and whether it ever was.
        self.spoke_at = -math.inf
        self.spoke = False
        # What identifies the last verdict in the history.
        self.told: object = None
        self.observations = 0
        # When the last observation was made, by the wall clock.
        self.made: datetime | None = None
        # The first change of the verdict and the latest others, at most HISTORY_LIMIT.
        self.history: list[dict[str, Any]] = []

    @property
    def elapsed(self) -> float:
        return self.waited + self.clock() - self.began

    def run(self, memory: Memory) -> GateResult:
        self.memory = memory
        statistics_of: AbstractSet[str] = frozenset()
        while True:
            try:
                observation = self.observe(statistics_of)
            except ObserverError as error:
                return self._result(_cannot_observe(str(error), self.policy))
            self.observations += 1
            verdict, self.memory = judge(observation, self.policy, self.memory)
            statistics_of = verdict.statistics_of
            self.made = observation.made or self.made
            verdict = self._at_once(verdict)
            self._note(verdict)
            gave_up = self._newly_ready(verdict) or self._gave_up(verdict)
            if verdict.outcome is not Outcome.WAIT or gave_up:
                unclaimed = unclaimed_records(observation, verdict, self.policy)
                return self._result(verdict, gave_up if verdict.outcome is Outcome.WAIT else "", unclaimed)
            self._speak(verdict)
            left = max(self.policy.time_limit - self.elapsed, 0.0)
            self._pause(min(pause_after(observation, self.policy), left), verdict)

    def _at_once(self, verdict: Verdict) -> Verdict:
        """The verdict of a gate that makes one observation: no second one could confirm a failure."""
        if self.policy.deadline == 0 and verdict.incurable and verdict.outcome is Outcome.WAIT:
            return replace(verdict, outcome=Outcome.FAIL)
        return verdict

    def _newly_ready(self, verdict: Verdict) -> str:
        known = self.known_ready
        ready = [] if known is None else [name for name in verdict.ready if name not in known]
        return f"{' and '.join(ready)} ready" if ready else ""

    def _gave_up(self, verdict: Verdict) -> str:
        if self.policy.deadline and self.elapsed >= self.policy.time_limit:
            after = f" after hold_for ({self.policy.hold_for:g} s)" if self.policy.hold_for else ""
            return f"the deadline of {self.policy.deadline:g} s{after} has passed"
        unchanged = self.clock() - self.changed_at
        limit = self.policy.progress_deadline
        # A finding that ends with time and counts its seconds is progress.
        passing = any(f.code.settles and is_number(f.actual) for f in verdict.findings if f.blocking)
        if limit is not None and unchanged >= limit and not passing:
            return f"nothing changed for {int(unchanged)} s (progress_deadline)"
        return "" if self.policy.deadline else "one observation only (deadline: 0)"

    def _pause(self, seconds: float, verdict: Verdict) -> None:
        """Sleep in short pieces, so that progress is shown at least every 30 seconds."""
        until = self.clock() + seconds
        while True:
            left = until - self.clock()
            if left <= 0:
                return
            self.sleep(min(left, max(self.spoke_at + SPEAK_EVERY - self.clock(), 0.05)))
            if until > self.clock():
                self._speak(verdict)

    def _note(self, verdict: Verdict) -> None:
        """Add the verdict to the history if it has changed: the first change is kept, and the latest of the others."""
        change = _essence(verdict)
        if self.told == change:
            return
        self.told = change
        self.changed_at = self.clock()
        self.spoke_at = -math.inf
        self.history.append(
            {
                "elapsed": round(self.elapsed, 1),
                "verdict": verdict.outcome.value,
                "msg": verdict.summary,
                "members": briefly(verdict, self.policy),
            }
        )
        if len(self.history) > HISTORY_LIMIT:
            del self.history[1]

    def _speak(self, verdict: Verdict) -> None:
        now = self.clock()
        if now - self.spoke_at >= SPEAK_EVERY:
            self.spoke_at = now
            self.spoke = True
            limit = f" of {self.policy.time_limit:.0f} s" if self.policy.deadline else " s"
            self.on_progress(f"waiting, {int(self.elapsed)}{limit}: {verdict.summary}")

    def _result(self, verdict: Verdict, gave_up: str = "", unclaimed: tuple[Mapping[str, Any], ...] = ()) -> GateResult:
        result = GateResult(
            verdict=verdict,
            policy=self.policy,
            elapsed=self.elapsed,
            observations=self.observations,
            gave_up=gave_up,
            history=tuple(self.history),
            unclaimed=unclaimed,
            ended=self.made,
            memory=self.memory,
        )
        if self.spoke and result.passed:
            self.on_progress(f"passed: {result.message}")
        return result


def _essence(verdict: Verdict) -> object:
    """What identifies a verdict: everything in it that matters, without its seconds."""
    findings = frozenset((f.code, f.members, f.blocking) for f in verdict.findings)
    return verdict.outcome, findings, verdict.serving, verdict.ready, verdict.failed


def _cannot_observe(reason: str, policy: Policy) -> Verdict:
    finding = Finding(Code.OBSERVER_FAILED, f"no observation can be made: {reason}")
    pending = policy.targets if policy.phase is Phase.AFTER else ()
    return Verdict(Outcome.INCONCLUSIVE, finding.message, findings=(finding,), pending=pending)
