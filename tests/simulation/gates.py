# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate of this collection, and the one that people write with ``uri``, held against the truth at every step."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.simulation.eyes import Eyes, connected
from ansible_collections.rocketops.rocketchat.tests.simulation.truth import Step, Truth, misled
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

RETRY_DELAY = 10.0


@dataclass
class Tally:
    """``faults``: each with the time and the place in the schedule, worst first to be read by people."""

    steps: int = 0
    passes: int = 0
    ready: int = 0  # times that a target was found to be ready
    false_passes: int = 0
    missed_bounds: int = 0
    unseen_cuts: int = 0  # passes in spite of a cut that no view had shown
    faults: list[str] = field(default_factory=list)
    slowest: Counter[str] = field(default_factory=Counter)  # greatest share of its bound that a step took

    def lied(self, t: float, step: Step, lies: Sequence[str]) -> None:
        self.false_passes += 1
        self.faults.append(f"{t:7.1f} false pass {step.phase} {','.join(step.targets)}: {'; '.join(lies)}")

    def missed(self, t: float, step: Step, took: float, bound: float, what: str) -> None:
        self.missed_bounds += 1
        self.faults.append(
            f"{t:7.1f} missed bound {step.phase} {','.join(step.targets)}: {what} for {took:.1f} s, bound {bound:.1f} s"
        )


class _Checked:
    """What both gates share: the truth, and the tally."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        self.truth = Truth(schedule)
        self.tally = Tally()
        self.options = schedule.options
        self.eyes = Eyes(schedule)

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
        now = self.cluster.now
        return frozenset(p.id for place in self.cluster.places.values() for p in place.processes if p.runs(now))

    def check(self, step: Step, *, passed: bool, gave_up: bool = False) -> None:
        """``gave_up``: the verdict said that waiting is of no use."""
        now = self.cluster.now
        self.tally.steps += 1
        if passed:
            self.tally.passes += 1
            self.tally.unseen_cuts += bool(self.truth.unseen_cuts(step, now))
            lies = self.truth.lies(step, now)
            if lies:
                self.tally.lied(now, step, lies)
        for what, since, bound in self._due(step):
            self._check_bound(step, since, bound, passed, gave_up, what)

    def _due(self, step: Step) -> list[tuple[str, float | None, float]]:
        """Since when the gate should have passed, for what reason, and within how long."""
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
        """Never is more than the batch down by the roll's own doing, beyond what ``min_serving`` allows."""
        now = self.cluster.now
        step = self.last_before
        wrong = {name for _place, name in misled(step)}
        others = {name for name in out - set(targets) - wrong if not self.truth.serves(name, now)}
        left = len(self.schedule.names) - len(others | set(targets))
        if others and step.exempt is None and left < step.needed:
            self.tally.lied(now, step, [f"{', '.join(sorted(others))} not back, and more are taken down"])

    last_before: Step


class OurGate(_Checked):
    """The real one."""

    def _due(self, step: Step) -> list[tuple[str, float | None, float]]:
        truth = self.truth
        return [
            ("well", truth.well_since(step), truth.bound(step.phase)),
            ("repairable", truth.repairable_since(step), truth.repair_bound),
        ]

    def preflight(self) -> dict[str, Any] | None:
        self.step("steady")
        result, _gave_up = self._run("steady", {"deadline": 0.0, "expected_version": None})
        return result if result and result["verdict"] in ("pass", "wait") and result["members"] else None

    def before(self, targets: Sequence[str], *, deadline: float | None = None) -> dict[str, Any] | None:
        step = self.step("before", targets)
        more = {"expected_version": None} if deadline is None else {"deadline": deadline}
        result, gave_up = self._run("before", {"targets": list(targets), **more})
        if result is None:
            return None
        passed = result["verdict"] == "pass"
        step.exempt = result["exempt"]
        step.counted = tuple(name for name in result["serving"] if name not in targets)
        self.check(step, passed=passed, gave_up=gave_up)
        step.known = (
            {name: process.id for name in targets if (process := step.looks[-1].answered[name])} if step.looks else {}
        )
        self.last_before, self.former = step, self._former()
        return result if passed else None

    def after(self, targets: Sequence[str], before: dict[str, Any] | None) -> bool:
        expects = self.options["expected_version"]
        step = self.step("after", targets, expects=expects)
        if before is not None:
            step.must_restart, step.former, step.known = True, self.former, self.last_before.known
            if self.options["min_serving"] is None:
                step.needed = len({m["name"] for m in before["members"] if m["serving"]} | set(targets))
        result, gave_up = self._run(
            "after", {"targets": list(targets), "before": before, "restart_required": before is not None}, step
        )
        if result is None:
            return False
        step.counted = tuple(result["serving"])
        passed = bool(result["verdict"] == "pass")
        self.check(step, passed=passed, gave_up=gave_up)
        return passed

    def steady(self) -> bool:
        step = self.step("steady", expects=self.options["expected_version"])
        result, gave_up = self._run("steady", {})
        if result is None:
            return False
        step.counted = tuple(result["serving"])
        passed = bool(result["verdict"] == "pass")
        self.check(step, passed=passed, gave_up=gave_up)
        return passed

    def one_view(self, expected: int, through: str) -> None:
        """A health check by one URL, a node's or a load balancer's."""
        step = self.step("steady")
        self.eyes.through = {"cluster": through}
        more = {"expected": expected, "expected_version": None, "min_serving": None}
        result, _gave_up = self._run("steady", more)
        if result is None:
            return
        now = self.cluster.now
        self.tally.steps += 1
        if result["verdict"] == "pass":
            self.tally.passes += 1
            alive = self.truth.alive(now)
            if alive < expected:
                self.tally.lied(now, step, [f"{alive} of {expected} live"])
        since = self.truth.quiet_since(step.began)
        if since is not None and len(self.schedule.names) >= expected:
            bound = self.truth.bound_of_one_view
            self._check_bound(step, since, bound, result["verdict"] == "pass", _gave_up, "one view")

    def _run(self, phase: str, more: dict[str, Any], after: Step | None = None) -> tuple[dict[str, Any] | None, bool]:
        """``after``: the step after a deployment, in which the gate returns for each target that becomes ready."""
        given = params(phase, **{**self.options, **more})
        try:
            policy = policy_from(given, self.eyes.members())
        except OptionsError as error:
            self.cluster.note(f"refused: {error}")
            return None, False
        cluster = self.cluster
        known: frozenset[str] | None = frozenset() if after else None
        going_on: dict[str, Any] = {}
        while True:
            gate = run(
                self.eyes.observe,
                policy,
                clock=self.eyes.clock,
                sleep=self.eyes.sleep,
                on_progress=lambda line: cluster.note(f"{phase} {','.join(given['targets'] or ())}: {line}"),
                known_ready=known,
                **going_on,
            )
            if after is None or known is None:
                break
            self._check_ready(after, gate.verdict)
            if gate.verdict.outcome.value != "wait" or known.issuperset(gate.verdict.ready):
                break
            known |= set(gate.verdict.ready)
            kept = json.loads(json.dumps(gate.memory.to_dict()))
            going_on = {"memory": Memory.from_dict(kept), "waited": gate.elapsed}
        cluster.note(f"{phase} {','.join(given['targets'] or ())}: {gate.verdict.outcome.value}: {gate.message}")
        return gate.to_dict(), gate.verdict.outcome.value in ("fail", "inconclusive")

    def _check_ready(self, step: Step, verdict: Verdict) -> None:
        """Each target is in one place, and what is ready is so, whatever the verdict on the whole."""
        now = self.cluster.now
        told = [*verdict.ready, *verdict.failed, *verdict.pending]
        if sorted(told) != sorted(step.targets):
            self.tally.lied(now, step, [f"the targets are said to be {', '.join(told)}"])
        if verdict.outcome.value == "pass" and verdict.ready != step.targets:
            self.tally.lied(now, step, ["passed, and not all targets are ready"])
        for name in verdict.ready:
            self.tally.ready += 1
            lies = self.truth.not_ready(name, step, now)
            if lies:
                self.tally.lied(now, step, [f"{name} is called ready: {'; '.join(lies)}"])


class UriGate(_Checked):
    """``ansible.builtin.uri`` on one node, ``until`` all that it lists are connected, with ``retries`` and ``delay``.

    In its favour, it counts: as many as there are members have to be listed. Before a deployment it asks one of the
    other nodes, after it the node that was deployed, and at the end the first.
    """

    def _due(self, step: Step) -> list[tuple[str, float | None, float]]:
        return [("well", self.truth.quiet_since(step.began), self.truth.bound(step.phase))]

    def preflight(self) -> dict[str, Any] | None:
        names = self.schedule.names
        return {"serving": names, "members": [{"name": name, "version": None} for name in names]}

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
