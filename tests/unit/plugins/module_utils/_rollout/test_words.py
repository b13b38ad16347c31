# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome, Verdict
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Ask, End, Run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, Stage, State
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.words import (
    gate_line,
    gate_name,
    last_line,
    plan_lines,
    step_line,
)
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

OLD, NEW = "7.10.0", "7.11.0"
HOOKS = frozenset({Hook.DRAIN, Hook.DEPLOY, Hook.READMIT})


def plan(*names: str, **options: Any) -> Plan:
    names = names or ("rc1", "rc2", "rc3")
    return Plan(**{"members": names, "hosts": names, "hooks": HOOKS, "expected_version": NEW, **options})


def looked(**versions: str | None) -> State:
    members = {name: Glimpse(True, "a", version) for name, version in versions.items()}
    return State(stage=Stage.LOOK, seen=Seen("pass", "all well", members))


@pytest.mark.parametrize(
    ("wanted", "state", "lines"),
    [
        (
            plan(),
            looked(rc1=OLD, rc2=NEW, rc3=None),
            [
                "version: 7.11.0 expected; now 7.10.0 on rc1; 7.11.0 on rc2; unknown on rc3",
                "order: rc1, rc3",
                "skipped: rc2: 7.11.0 runs there already",
            ],
        ),
        (
            plan("rc1", expected_version=None),
            State(),
            [
                "version: not checked; now unknown",
                "order: rc1",
                "single node: its users are disconnected during the deployment",
            ],
        ),
        (
            plan(hosts=("rc1",), keep_out=frozenset({"rc3"})),
            looked(rc1=NEW, rc2=OLD, rc3=OLD),
            [
                "version: 7.11.0 expected; now 7.10.0 on rc2, rc3; 7.11.0 on rc1",
                "order: no node needs a deployment",
                "skipped: rc1: 7.11.0 runs there already",
                "not in this play: rc2, rc3; counted as out of rotation",
                "kept out of rotation: rc3",
            ],
        ),
        (
            plan(hosts=("rc1",), in_rotation=frozenset({"rc2", "rc3"})),
            looked(rc1=OLD, rc2=OLD, rc3=OLD),
            ["version: 7.11.0 expected; now 7.10.0 on rc1, rc2, rc3", "order: rc1", "not in this play: rc2, rc3"],
        ),
        (
            plan(expected_version="6.9.0"),
            looked(rc1=OLD, rc2=NEW, rc3=None),
            [
                "version: 6.9.0 expected; now 7.10.0 on rc1; 7.11.0 on rc2; unknown on rc3",
                "upgrade path: 6.9.0 is older than 7.11.0, which runs and has migrated the database: "
                "deploy 7.11.0 or a later version",
                "order: rc1, rc2, rc3",
            ],
        ),
    ],
    ids=["three nodes", "one node", "limited", "limited, the others in rotation", "a downgrade"],
)
def test_the_lines_of_the_plan(wanted: Plan, state: State, lines: list[str]) -> None:
    assert plan_lines(wanted, state) == lines


@pytest.mark.parametrize(("members", "named"), [(6, "rc1, rc2, rc3, rc4, rc5, rc6"), (7, "7 members")])
def test_many_members_of_a_version_are_counted(members: int, named: str) -> None:
    names = [f"rc{number}" for number in range(1, members + 1)]
    lines = plan_lines(plan(*names), looked(**dict.fromkeys(names, OLD)))
    assert lines[0] == f"version: 7.11.0 expected; now 7.10.0 on {named}"


def test_the_line_of_a_step() -> None:
    assert step_line(Run(Stage.DRAIN, Hook.DRAIN, ("rc1", "rc2"))) == "drain rc1, rc2"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (Ask(Stage.LOOK), "all members"),
        (Ask(Stage.BEFORE, ("rc1", "rc2")), "before rc1, rc2"),
        (Ask(Stage.RECHECK, ("rc1",)), "before rc1, again"),
        (Ask(Stage.AFTER, ("rc1",)), "after rc1"),
        (Ask(Stage.SETTLE, ("rc1",)), "already deployed: rc1"),
        (Ask(Stage.REVIEW), "all members"),
        (Ask(Stage.RECOVER, ("rc1", "rc2")), "recovery of rc1, rc2"),
        (Ask(Stage.SOAK, hold_for=60.0), "soak"),
        (Ask(Stage.FINAL), "whole cluster"),
    ],
    ids=lambda value: value.stage.value if isinstance(value, Ask) else "",
)
def test_the_name_of_a_gate(asked: Ask, name: str) -> None:
    assert gate_name(asked) == name


@pytest.mark.parametrize(
    ("outcome", "observations", "line"),
    [
        (Outcome.PASS, 1, "passed at once: 3 of 3 members serve"),
        (Outcome.PASS, 2, "passed: 3 of 3 members serve; waited 7 s"),
        (Outcome.WAIT, 2, "gave up: 3 of 3 members serve; waited 7 s"),
        (Outcome.FAIL, 2, "failed: 3 of 3 members serve; waited 7 s"),
        (Outcome.INCONCLUSIVE, 1, "inconclusive: 3 of 3 members serve; waited 7 s"),
    ],
)
def test_the_line_of_a_gate(outcome: Outcome, observations: int, line: str) -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    verdict = Verdict(outcome, "3 of 3 members serve")
    gate = GateResult(verdict, scene.policy("steady"), 7.0, observations)
    assert gate_line(gate) == line


def test_a_gate_that_ends_for_a_ready_target_has_not_given_up() -> None:
    verdict = Verdict(Outcome.WAIT, "2 of 3 members serve", ready=("rc1",))
    gate = GateResult(verdict, Scene.of("rc1", "rc2", "rc3").policy("steady"), 7.0, 3, gave_up="rc1 ready")
    assert gate_line(gate) == "stopped waiting: 2 of 3 members serve; waited 7 s, rc1 ready"


@pytest.mark.parametrize(
    ("wanted", "state", "end", "line"),
    [
        (
            plan(),
            State(batch=("rc2",)),
            End(True, ("rc2 unreachable",), ("rc2",), ("rc2", "rc3")),
            "the roll stopped at rc2; rc2 unreachable; out of rotation: rc2. Fix the cause and run the same command "
            "again: it readmits the healthy nodes of rc2, then continues with rc2, rc3.",
        ),
        (
            plan(),
            State(),
            End(True, ("credentials refused",), (), ()),
            "the roll stopped before the first deployment; credentials refused. Fix the cause and run the same command "
            "again: it checks the whole cluster again.",
        ),
        (
            plan(),
            State(batches=2, stopped_at=Stage.FINAL),
            End(True, ("no",), (), ()),
            "the roll stopped after the last deployment; no. Fix the cause and run the same command again: it "
            "checks the whole cluster again.",
        ),
        (
            plan(),
            State(batch=("rc1",), batches=1, stopped_at=Stage.SOAK),
            End(True, ("no",), (), ("rc2",)),
            "the roll stopped in the soak after 1 batch; no. Fix the cause and run the same command "
            "again: it continues with rc2.",
        ),
        (
            plan(),
            State(batches=1),
            End(True, ("no",), (), ("rc2",)),
            "the roll stopped after 1 batch; no. Fix the cause and run the same command again: it continues with rc2.",
        ),
        (
            plan(batches=1),
            State(batches=1),
            End(False, (), (), ("rc2", "rc3")),
            "the roll stopped as planned after 1 batch. Run the same command again to continue with rc2, rc3.",
        ),
        (
            plan(batches=2),
            State(batches=2),
            End(False, (), (), ("rc3",)),
            "the roll stopped as planned after 2 batches. Run the same command again to continue with rc3.",
        ),
        (
            plan(),
            State(batches=3),
            End(False, (), (), ()),
            "the roll is done: 7.11.0 runs on rc1, rc2, rc3. Running the same command again changes nothing.",
        ),
        (
            plan("rc1", expected_version=None),
            State(batches=1),
            End(False, (), (), ()),
            "the roll is done: deployed to rc1. Running the same command again deploys to all of them again.",
        ),
        (
            plan(check=True),
            State(),
            End(False, (), (), ()),
            "check mode: nothing was deployed. Run the same command without check mode to deploy.",
        ),
    ],
    ids=[
        "stopped",
        "refused",
        "at the end",
        "soak",
        "between batches",
        "one batch",
        "two batches",
        "done",
        "done without a version",
        "check mode",
    ],
)
def test_the_last_line(wanted: Plan, state: State, end: End, line: str) -> None:
    assert last_line(wanted, state, end) == line
