# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate of this collection, and one with ``uri`` as users write it, checked against the truth at every step."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Ask
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.gates import gate_options
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Seen, Stage
from ansible_collections.rocketops.rocketchat.tests.simulation.eyes import Eyes, Look, connected
from ansible_collections.rocketops.rocketchat.tests.simulation.truth import Step, Truth
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

RETRY_DELAY = 10.0
RECHECK_DEADLINE = 120.0


@dataclass
class Tally:
    """``faults``: texts with the time and the step in the schedule, the worst first."""

    steps: int = 0
    passes: int = 0
    ready: int = 0  # how often a target was found ready
    false_passes: int = 0
    missed_bounds: int = 0
    unseen_cuts: int = 0  # passes in spite of a cut that no view had shown
    faults: list[str] = field(default_factory=list)
    slowest: Counter[str] = field(default_factory=Counter)  # largest share of its bound that a step took

    def lied(self, t: float, step: Step, lies: Sequence[str]) -> None:
        self.false_passes += 1
        self.faults.append(f"{t:7.1f} false pass {step.phase} {','.join(step.targets)}: {'; '.join(lies)}")

    def missed(self, t: float, step: Step, took: float, bound: float, what: str) -> None:
        self.missed_bounds += 1
        self.faults.append(
            f"{t:7.1f} missed bound {step.phase} {','.join(step.targets)}: {what} for {took:.1f} s, bound {bound:.1f} s"
        )


class _Checked:
    """The common part of both gates: the truth, and the tally."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        self.truth = Truth(schedule)
        self.tally = Tally()
        self.options = schedule.options
        self.eyes = Eyes(schedule)
        self.last_before = Step("before", (), 0.0, 0)

    def step(self, phase: str, targets: Sequence[str] = (), **how: Any) -> Step:
        self.eyes.looks = []
        self.eyes.through = {name: name for name in self.schedule.names}
        step = Step(phase, tuple(targets), self.cluster.now, self._needed(phase, targets), **how)
        step.looks = self.eyes.looks
        return step

    def _needed(self, phase: str, targets: Sequence[str]) -> int:
        size = len(self.schedule.names)
        least = self.options["min_serving"]
        if least is None:
            return size - len(targets) if phase == "before" else size
        return -(-int(least[:-1]) * size // 100) if least.endswith("%") else int(least)

    def _former(self) -> frozenset[str]:
        """The ids that a gate could know, without a process that just starts beside one that answered in its place.

        Microservices have no records: there only the processes are known that have answered.
        """
        now = self.cluster.now
        look = self.eyes.looks[-1] if self.eyes.looks else Look(now)
        shown = look.listed_ids | {p.id for each in self.eyes.looks for p in each.heard.values() if p}
        running = [p for place in self.cluster.places.values() for p in place.processes if p.runs(now)]
        if self.cluster.microservices:
            return frozenset(p.id for p in running if p.id in shown)
        seen_by = now - self.truth.look
        return frozenset(
            p.id for p in running if p.first_seen <= seen_by or look.heard.get(p.place) is None or p.id in shown
        )

    def check(self, step: Step, *, passed: bool, gave_up: bool = False) -> None:
        """``gave_up``: the verdict was final before the deadline."""
        self.tally.steps += 1
        if passed:
            self.check_pass(step)
        for what, since, bound in self._due(step):
            self._check_bound(step, since, bound, passed, gave_up, what)

    def check_pass(self, step: Step) -> None:
        now = self.cluster.now
        self.tally.passes += 1
        self.tally.unseen_cuts += bool(self.truth.unseen_cuts(step, now))
        lies = self.truth.lies(step, now)
        if lies:
            self.tally.lied(now, step, lies)

    def _due(self, step: Step) -> list[tuple[str, float | None, float]]:
        """For each reason to pass: its name, since when it holds, and the bound."""
        raise NotImplementedError

    def _check_bound(
        self, step: Step, since: float | None, bound: float, passed: bool, gave_up: bool, what: str
    ) -> None:
        if since is None or self.schedule.controller != "steady":
            return
        took = self.cluster.now - since
        if took > bound or (gave_up and took > self.truth.pause + self.truth.look):
            self.tally.missed(self.cluster.now, step, took, bound, what)
        elif passed:
            key = f"{what} {step.phase}"
            self.tally.slowest[key] = max(self.tally.slowest[key], int(100 * took / bound))

    def about_to_deploy(self, targets: Sequence[str], out: set[str]) -> None:
        """The roll itself never takes down more than the batch, or than ``min_serving`` allows."""
        now = self.cluster.now
        step = self.last_before
        wrong = self.truth.taken_for_others(step)
        others = {name for name in out - set(targets) - wrong if not self.truth.serves(name, now)}
        left = len(self.schedule.names) - len(others | set(targets))
        if others and step.exempt is None and left < step.needed:
            self.tally.lied(now, step, [f"{', '.join(sorted(others))} not back, and more are taken down"])


class OurGate(_Checked):
    """The gate of this collection."""

    # The result of the last gate with phase before that has passed.
    before: dict[str, Any] | None = None
    # The memory of the last gate.
    memory = Memory()

    def _due(self, step: Step) -> list[tuple[str, float | None, float]]:
        truth = self.truth
        return [
            ("well", truth.well_since(step), truth.bound_of(step)),
            ("repairable", truth.repairable_since(step), truth.repair_bound),
            ("curable", truth.curable_since(step), truth.bound(step.phase) + truth.pause),
        ]

    def steady(self) -> None:
        """Run a health check of all members."""
        names = tuple(self.schedule.names)
        ask = Ask(Stage.FINAL, expected_version=self.options["expected_version"])
        self._steady(ask, Plan(members=names, hosts=names, hooks=frozenset()))

    def begin(self) -> None:
        """Begin another run of the same command, which has no memory of the previous one."""
        self.before = None
        self.memory = Memory()
        self.waiting: tuple[Step, GateResult] | None = None

    def ask(self, ask: Ask, plan: Plan) -> Seen:
        """The result of the gate of a roll's stage, checked against the truth."""
        if ask.stage in (Stage.BEFORE, Stage.RECHECK):
            gate = self._before(ask, plan)
        elif ask.stage in (Stage.AFTER, Stage.SETTLE, Stage.RECOVER):
            gate = self._after(ask, plan)
        else:
            gate = self._steady(ask, plan)
        return Seen("refused", "the gate was refused") if gate is None else Seen.of(gate, known_ready=ask.ready)

    def _before(self, ask: Ask, plan: Plan) -> GateResult | None:
        step = self.step("before", ask.targets)
        if self.options["min_serving"] is None:
            others = [name for name in plan.members if name not in ask.targets]
            step.needed = max(len(set(others) - plan.keep_out), min(len(others), 1))
        gate = self._run(self._options_of(ask, plan))
        if gate is None:
            return None
        step.exempt = gate.verdict.exempt.value if gate.verdict.exempt else None
        away = ask.out_of_rotation | plan.keep_out
        step.ill_count = step.exempt == "needs_restart"
        step.counted = tuple(n for n in _counted(gate, step) if n not in (*ask.targets, *away))
        if not away:  # otherwise it may rightly wait for a readmission without end
            self.check(step, passed=gate.passed, gave_up=_is_final(gate))
        else:
            self.tally.steps += 1
            if gate.passed:
                self.check_pass(step)
        self._remember(step)
        self.last_before, self.former = step, self._former()
        self.before = json.loads(json.dumps(gate.to_dict())) if gate.passed else None
        return gate

    def _remember(self, step: Step) -> None:
        """Record what is known of the targets when they are taken down."""
        step.taken_down = self.cluster.now
        if not step.looks:
            return
        look, stripped = step.looks[-1], self.schedule.stripped
        step.known = {name: process.id for name in step.targets if (process := look.heard[name])}
        step.named = frozenset(step.known) - stripped
        if self.schedule.privileged:
            answered = {name: process for name in step.targets if (process := look.answered[name])}
            step.versions = {name: process.version for name, process in answered.items()}

    def _after(self, ask: Ask, plan: Plan) -> GateResult | None:
        before = self.before if ask.stage is Stage.AFTER else None
        going_on: dict[str, Any] = {}
        if ask.ready and self.waiting:
            step, earlier = self.waiting
            going_on = {"memory": self.memory, "waited": earlier.elapsed}
        else:
            step = self.step("after", ask.targets, expects=ask.expected_version, keep_out=plan.keep_out)
            if self.options["min_serving"] is None:
                step.needed -= len(plan.keep_out)
            if before is None:
                step.needed = len(set(ask.targets) - plan.keep_out)
            else:
                last = self.last_before
                step.must_restart, step.former, step.known = True, self.former, last.known
                step.named, step.versions, step.taken_down = last.named, last.versions, last.taken_down
                step.ill_count = last.exempt == "needs_restart"
                if self.options["min_serving"] is None:
                    served = {m["name"] for m in before["members"] if m["serving"]}
                    step.needed = len((served | set(ask.targets)) - plan.keep_out)
        known_ready = ask.ready if ask.stage is Stage.AFTER else None
        gate = self._run(self._options_of(ask, plan), known_ready=known_ready, **going_on)
        if gate is None:
            return None
        step.counted = tuple(name for name in _counted(gate, step) if name not in plan.keep_out)
        self._check_ready(step, gate.verdict)
        self.waiting = (step, gate)
        if known_ready is None or not set(gate.verdict.ready) - known_ready or gate.passed:
            self.check(step, passed=gate.passed, gave_up=_is_final(gate))
        return gate

    def _steady(self, ask: Ask, plan: Plan) -> GateResult | None:
        step = self.step("steady", expects=ask.expected_version)
        if self.options["min_serving"] is None:
            step.needed -= len(plan.keep_out)
        step.needed = max(step.needed, ask.min_serving or 0)
        gate = self._run(self._options_of(ask, plan))
        if gate is None:
            return None
        step.counted = tuple(name for name in gate.verdict.serving if name not in plan.keep_out)
        if ask.stage is Stage.FINAL:
            self.check(step, passed=gate.passed, gave_up=_is_final(gate))
        else:
            self.tally.steps += 1
            if gate.passed:
                self.check_pass(step)
        return gate

    def one_view(self, expected: int, through: str) -> None:
        """Run a health check with one URL, a node's or a load balancer's."""
        step = self.step("steady")
        self.eyes.through = {"cluster": through}
        more = {"phase": "steady", "expected": expected, "expected_version": None, "min_serving": None}
        gate = self._run(more)
        if gate is None:
            return
        now = self.cluster.now
        self.tally.steps += 1
        if gate.passed:
            self.tally.passes += 1
            alive = self.truth.alive(now)
            if alive < expected:
                self.tally.lied(now, step, [f"{alive} of {expected} live"])
        since = self.truth.quiet_since(step.began)
        if since is not None and len(self.schedule.names) >= expected:
            bound = self.truth.bound_of_one_view
            self._check_bound(step, since, bound, gate.passed, _is_final(gate), "one view")

    def _options_of(self, ask: Ask, plan: Plan) -> dict[str, Any]:
        least = self.options["min_serving"]
        return gate_options(plan, ask, before=self.before, short=RECHECK_DEADLINE, min_serving=least)

    def _run(self, more: dict[str, Any], **how: Any) -> GateResult | None:
        phase = more["phase"]
        given = params(**{**self.options, **more})
        try:
            policy = policy_from(given, self.eyes.members())
        except OptionsError as error:
            self.cluster.note(f"refused: {error}")
            return None
        cluster = self.cluster
        gate = run(
            self.eyes.observe,
            policy,
            clock=self.eyes.clock,
            sleep=self.eyes.sleep,
            on_progress=lambda line: cluster.note(f"{phase} {','.join(given['targets'] or ())}: {line}"),
            **{"memory": self.memory.of_pings(), **how},
        )
        self.memory = Memory.from_dict(json.loads(json.dumps(gate.memory.to_dict())))
        cluster.note(f"{phase} {','.join(given['targets'] or ())}: {gate.verdict.outcome.value}: {gate.message}")
        return gate

    def _check_ready(self, step: Step, verdict: Verdict) -> None:
        """Each target has one status, and ready targets are truly ready, whatever the verdict on the cluster."""
        now = self.cluster.now
        told = [*verdict.ready, *verdict.failed, *verdict.pending]
        if sorted(told) != sorted(step.targets):
            self.tally.lied(now, step, [f"the targets are said to be {', '.join(told)}"])
        if verdict.outcome.value == "pass" and verdict.ready != step.targets:
            self.tally.lied(now, step, ["passed, and not all targets are ready"])
        wrong = self.truth.taken_for_others(step)
        for name in [name for name in verdict.ready if name not in wrong]:
            self.tally.ready += 1
            lies = self.truth.not_ready(name, step, now)
            if lies:
                self.tally.lied(now, step, [f"{name} is called ready: {'; '.join(lies)}"])


def _counted(gate: GateResult, step: Step) -> list[str]:
    """The members that the gate counts as serving."""
    return [*gate.verdict.serving, *(sorted(gate.memory.ill) if step.ill_count else ())]


def _is_final(gate: GateResult) -> bool:
    """Whether its verdict was final before the deadline."""
    return gate.verdict.outcome.value in ("fail", "inconclusive")


class UriGate(_Checked):
    """``ansible.builtin.uri`` on one node ``until`` all listed ones are connected, with ``retries`` and ``delay``.

    In its favour, it also counts: as many must be listed as there are members. Before a deployment it asks one of the
    other nodes, after it the deployed node, and at the end the first node.
    """

    def _due(self, step: Step) -> list[tuple[str, float | None, float]]:
        return [("well", self.truth.quiet_since(step.began), self.truth.bound(step.phase))]

    def before(self, targets: Sequence[str], *, deadline: float | None = None) -> dict[str, Any] | None:
        others = [name for name in self.schedule.names if name not in targets]
        step = self.step("before", targets, counted=tuple(others))
        passed = self._until_connected(others[0], deadline or self.options["deadline"])
        self.check(step, passed=passed)
        self.last_before, self.former = step, self._former()
        return {} if passed else None

    def after(self, targets: Sequence[str], before: dict[str, Any] | None) -> bool:
        del before
        step = self.step("after", targets, expects=self.options["expected_version"], counted=tuple(self.schedule.names))
        step.must_restart, step.former = True, self.former
        passed = all(self._until_connected(name, self.options["deadline"]) for name in targets)
        self.check(step, passed=passed)
        return passed

    def steady(self) -> bool:
        names = self.schedule.names
        step = self.step("steady", counted=tuple(names))
        passed = self._until_connected(names[0], self.options["deadline"])
        self.check(step, passed=passed)
        return passed

    def _until_connected(self, name: str, deadline: float) -> bool:
        for _retry in range(max(int(deadline / RETRY_DELAY), 1)):
            reply = self.eyes.ask(name, self.cluster.now)
            self.cluster.advance(reply.at)
            listed = connected(reply.payload or {"instances": []})
            if len(listed) >= len(self.schedule.names) and all(listed.values()):
                return True
            self.cluster.advance(self.cluster.now + RETRY_DELAY)
        return False
