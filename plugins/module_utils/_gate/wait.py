# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The wait: observe and judge until the gate opens, cannot open, or its time is over."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import WORST, is_number, to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome, Verdict, judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    INTERVAL,
    STABLE_FOR,
    Phase,
    Policy,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import interval
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import OptionsError, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import Record, State
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus

SPEAK_EVERY = 30.0
HISTORY_LIMIT = 50
UNCLAIMED_LIMIT = 50
LONGEST_PAUSE = 60.0


class ObserverError(Exception):
    """No observation could be made, for a reason that waiting does not cure."""


@dataclass(frozen=True)
class Timing:
    """Seconds. ``deadline`` 0: one observation. ``progress_deadline``: give up when nothing changes so long.

    Not while it is time that has to pass, as for a process to grow old enough.
    """

    deadline: float = 600.0
    progress_deadline: float | None = None


@dataclass(frozen=True)
class GateResult:
    """How the wait ended; the same structure on pass and on failure. ``began``: by the wall clock, if it is known."""

    verdict: Verdict
    policy: Policy
    elapsed: float
    observations: int
    gave_up: str = ""
    history: tuple[Mapping[str, Any], ...] = field(default=())
    unclaimed: tuple[Mapping[str, Any], ...] = field(default=())
    began: datetime | None = None

    @property
    def passed(self) -> bool:
        return self.verdict.outcome is Outcome.PASS

    @property
    def message(self) -> str:
        """``2 of 3 members serve, 3 needed: rc2 unreachable (connection refused); waited 600 s``."""
        line = f"{self.verdict.summary}; waited {self.elapsed:.0f} s"
        if self.gave_up:
            line += f", {self.gave_up}"
        if self.verdict.outcome is Outcome.FAIL:
            # Nobody waits any more: say in full what the first of the nodes said, and what to do.
            line += next((f"; {f.message}" for f in self.verdict.findings if f.blocking and f.brief), "")
        return line

    def to_dict(self) -> dict[str, Any]:
        verdict, policy = self.verdict, self.policy
        return {
            "verdict": verdict.outcome.value,
            "msg": self.message,
            "phase": policy.phase.value,
            "targets": list(policy.targets),
            "members": [_member(standing) for standing in verdict.members],
            "serving": list(verdict.serving),
            "needed": verdict.needed,
            "ids": list(verdict.ids),
            "unclaimed": [dict(record) for record in self.unclaimed],
            "links": [{"member": name, "sees": list(seen)} for name, seen in verdict.sees.items()],
            "findings": [finding.to_dict() for finding in verdict.findings],
            "waived": [{**waiver.to_dict(), "message": finding.message} for waiver, finding in verdict.waived],
            "exempt": verdict.exempt.value if verdict.exempt else None,
            "next_safe": list(verdict.next_safe),
            "safe_batch": verdict.safe_batch,
            "observations": self.observations,
            "began": to_iso(self.began),
            "elapsed": round(self.elapsed, 1),
            "stable": round(verdict.held, 1),
            "history": [dict(change) for change in self.history],
        }


def _member(standing: MemberStatus) -> dict[str, Any]:
    record = standing.record
    return {
        "name": standing.name,
        "url": standing.view.member.url,
        "instance_id": record.id if record else standing.last_id,
        "place": list(record.place) if record and record.place else None,
        "version": standing.version,
        "state": standing.state.value if standing.state else None,
        "serving": standing.serving,
        "reason": standing.why_not.message if standing.why_not else None,
    }


def _briefly(verdict: Verdict, policy: Policy) -> list[dict[str, Any]] | None:
    """The targets, and each member that does not serve or that a blocking finding names. None: nobody was seen."""
    if not verdict.members:
        return None
    blamed = {name: f.code.value for f in reversed(verdict.findings) if f.blocking for name in f.members}
    return [
        {
            "name": standing.name,
            "instance_id": standing.record.id if standing.record else None,
            "serving": standing.serving,
            "code": standing.why_not.code.value if standing.why_not else blamed.get(standing.name),
        }
        for standing in verdict.members
        if not standing.serving or standing.name in blamed or standing.name in policy.targets
    ]


def _unclaimed(observation: Observation, verdict: Verdict, policy: Policy) -> tuple[dict[str, Any], ...]:
    """Records that are no member's process: what a dead one has left, or a stranger. The worst opinion of each."""
    known = {standing.record.id for standing in verdict.members if standing.record}
    worst: dict[str, tuple[State, Record]] = {}
    for identity in [identity for identity in observation.ids if identity not in known]:
        records = [view.by_id[identity] for view in observation.views if identity in view.by_id]
        states = [(record.state(observation.reference, policy.max_record_age), record) for record in records]
        worst[identity] = max(states, key=lambda seen: WORST[seen[0]])
    ranked = sorted(worst.items(), key=lambda item: (-WORST[item[1][0]], item[0]))
    return tuple(
        {"instance_id": identity, "state": state.value, "place": list(record.place) if record.place else None}
        for identity, (state, record) in ranked[:UNCLAIMED_LIMIT]
    )


def timing_from(params: Mapping[str, Any], policy: Policy) -> Timing:
    """The timing in a task's validated options. Raises :class:`OptionsError` for a wait that can never pass."""
    deadline = seconds(params, "deadline", least=0.0)
    patience = params.get("progress_deadline")
    if patience is not None:
        patience = seconds(params, "progress_deadline", least=0.0)
    if params.get("check_mode"):
        return Timing(deadline=0.0)
    timing = Timing(deadline=deadline, progress_deadline=patience)
    pause = INTERVAL if policy.interval is None else policy.interval
    stable = STABLE_FOR if policy.stable_for is None else policy.stable_for
    if policy.phase is Phase.AFTER and timing.deadline == 0:
        raise OptionsError("phase: after with deadline: 0 can never pass: what came back has to be seen to stay")
    if timing.deadline and stable + pause > timing.deadline:
        raise OptionsError(
            f"stable_for ({stable:g} s) + interval ({pause:g} s) is longer than deadline ({timing.deadline:g} s): "
            "the gate could never pass"
        )
    return timing


def run(
    observe: Callable[[], Observation],
    policy: Policy,
    timing: Timing,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    on_progress: Callable[[str], None],
    began: datetime | None = None,
) -> GateResult:
    """Wait until the cluster is as the policy wants, or until that cannot be any more. Never raises for what it sees.

    ``clock`` is monotonic, in seconds; ``began`` is what the wall clock shows now, for the result. The last observation
    is made at the deadline, and may outlast it by one call.
    """
    return replace(_Wait(observe, policy, timing, clock, sleep, on_progress).run(), began=began)


def judge_once(observation: Observation, policy: Policy, *, began: datetime | None = None) -> GateResult:
    """The result of a gate that neither waits nor gets another observation."""
    return run(
        lambda: observation,
        policy,
        Timing(deadline=0.0),
        clock=lambda: observation.at,
        sleep=lambda _seconds: None,
        on_progress=lambda _line: None,
        began=began,
    )


def pause_after(observation: Observation, policy: Policy) -> float:
    """Seconds to the next observation: the interval, longer where a node's rate limit says so."""
    pauses = [interval(policy, observation)]
    for view in observation.views:
        limit = view.rate_limit or {}
        remaining, reset = limit.get("remaining"), limit.get("reset_after")
        if reset is not None and (remaining is None or remaining <= 1):
            pauses.append(min(reset, LONGEST_PAUSE))
    return max(pauses)


class _Wait:
    def __init__(
        self,
        observe: Callable[[], Observation],
        policy: Policy,
        timing: Timing,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        on_progress: Callable[[str], None],
    ) -> None:
        self.observe = observe
        self.policy = policy
        self.timing = timing
        self.clock = clock
        self.sleep = sleep
        self.on_progress = on_progress
        self.began = clock()
        self.changed_at = self.began
        self.spoke_at = -math.inf
        self.spoke = False
        self.told: object = None
        self.observations = 0
        self.history: list[dict[str, Any]] = []

    @property
    def elapsed(self) -> float:
        return self.clock() - self.began

    def run(self) -> GateResult:
        memory = Memory()
        while True:
            try:
                observation = self.observe()
            except ObserverError as error:
                return self._result(_cannot_observe(str(error)))
            self.observations += 1
            verdict, memory = judge(observation, self.policy, memory)
            verdict = self._at_once(verdict)
            self._note(verdict)
            gave_up = self._gave_up(verdict)
            if verdict.outcome is not Outcome.WAIT or gave_up:
                unclaimed = _unclaimed(observation, verdict, self.policy)
                return self._result(verdict, gave_up if verdict.outcome is Outcome.WAIT else "", unclaimed)
            self._speak(verdict)
            left = max(self.timing.deadline - self.elapsed, 0.0)
            self._pause(min(pause_after(observation, self.policy), left), verdict)

    def _at_once(self, verdict: Verdict) -> Verdict:
        """Without a deadline there is no second observation that could confirm a failure."""
        if self.timing.deadline == 0 and verdict.incurable and verdict.outcome is Outcome.WAIT:
            return replace(verdict, outcome=Outcome.FAIL)
        return verdict

    def _gave_up(self, verdict: Verdict) -> str:
        if self.timing.deadline and self.elapsed >= self.timing.deadline:
            return f"the deadline of {self.timing.deadline:g} s is over"
        unchanged = self.clock() - self.changed_at
        limit = self.timing.progress_deadline
        # A finding that says how many seconds it has lasted ends by itself.
        passing = any(f.code.settles and is_number(f.actual) for f in verdict.findings if f.blocking)
        if limit is not None and unchanged >= limit and not passing:
            return f"nothing changed for {unchanged:.0f} s"
        return "" if self.timing.deadline else "one observation only (deadline: 0)"

    def _pause(self, seconds: float, verdict: Verdict) -> None:
        """Sleep in pieces, so that nobody waits longer than half a minute for a sign of life."""
        until = self.clock() + seconds
        while True:
            left = until - self.clock()
            if left <= 0:
                return
            self.sleep(min(left, max(self.spoke_at + SPEAK_EVERY - self.clock(), 0.05)))
            if until > self.clock():
                self._speak(verdict)

    def _note(self, verdict: Verdict) -> None:
        """Keep changes only: the first, and the latest of the others."""
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
                "members": _briefly(verdict, self.policy),
            }
        )
        if len(self.history) > HISTORY_LIMIT:
            del self.history[1]

    def _speak(self, verdict: Verdict) -> None:
        now = self.clock()
        if now - self.spoke_at >= SPEAK_EVERY:
            self.spoke_at = now
            self.spoke = True
            limit = f" of {self.timing.deadline:.0f} s" if self.timing.deadline else " s"
            self.on_progress(f"waiting, {self.elapsed:.0f}{limit}: {verdict.summary}")

    def _result(self, verdict: Verdict, gave_up: str = "", unclaimed: tuple[Mapping[str, Any], ...] = ()) -> GateResult:
        result = GateResult(
            verdict=verdict,
            policy=self.policy,
            elapsed=self.elapsed,
            observations=self.observations,
            gave_up=gave_up,
            history=tuple(self.history),
            unclaimed=unclaimed,
        )
        if self.spoke and result.passed:
            self.on_progress(f"passed: {result.message}")
        return result


def _essence(verdict: Verdict) -> object:
    """What makes a verdict another one: not its seconds."""
    return verdict.outcome, frozenset((f.code, f.members, f.blocking) for f in verdict.findings), verdict.serving


def _cannot_observe(reason: str) -> Verdict:
    finding = Finding(Code.OBSERVER_FAILED, f"no observation can be made: {reason}")
    return Verdict(Outcome.INCONCLUSIVE, finding.message, findings=(finding,))
