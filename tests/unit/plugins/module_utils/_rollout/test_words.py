# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Ask, End, Run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, Stage, State
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.words import (
    last_line,
    plan_lines,
    step_line,
)

OLD, NEW = "7.10.0", "7.11.0"
HOOKS = frozenset({Hook.DRAIN, Hook.DEPLOY, Hook.READMIT})


def plan(*names: str, **options: Any) -> Plan:
    names = names or ("rc1", "rc2", "rc3")
    return Plan(**{"members": names, "hosts": names, "hooks": HOOKS, "expected_version": NEW, **options})


def looked(**versions: str | None) -> State:
    members = {name: Glimpse(True, "a", version) for name, version in versions.items()}
    return State(stage=Stage.LOOK, seen=Seen("pass", "all well", members))


@pytest.mark.parametrize(
    ("wanted", "state", "todo", "lines"),
    [
        (
            plan(),
            looked(rc1=OLD, rc2=NEW, rc3=None),
            ("rc3", "rc1"),
            [
                "version: 7.11.0 wanted; now 7.10.0 on 1, 7.11.0 on 1, unknown on 1",
                "order: rc3, rc1",
                "passed over: rc2: 7.11.0 runs there already",
            ],
        ),
        (
            plan("rc1", expected_version=None),
            State(),
            ("rc1",),
            [
                "version: not checked wanted; now none is known",
                "order: rc1",
                "single node: users are disconnected meanwhile",
            ],
        ),
        (
            plan(hosts=("rc1",), keep_out=frozenset({"rc3"})),
            looked(rc1=NEW, rc2=OLD, rc3=OLD),
            (),
            [
                "version: 7.11.0 wanted; now 7.10.0 on 2, 7.11.0 on 1",
                "order: nothing to deploy",
                "passed over: rc1: 7.11.0 runs there already",
                "not in this play: rc2, rc3; counted as out of rotation",
                "kept out of rotation: rc3",
            ],
        ),
        (
            plan(hosts=("rc1",), in_rotation=frozenset({"rc2", "rc3"})),
            looked(rc1=OLD, rc2=OLD, rc3=OLD),
            ("rc1",),
            ["version: 7.11.0 wanted; now 7.10.0 on 3", "order: rc1", "not in this play: rc2, rc3"],
        ),
    ],
    ids=["three nodes", "one node", "limited", "limited, the others in rotation"],
)
def test_the_plan(wanted: Plan, state: State, todo: tuple[str, ...], lines: list[str]) -> None:
    assert plan_lines(wanted, state, todo) == lines


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (Run(Stage.DRAIN, Hook.DRAIN, ("rc1", "rc2")), "drain rc1, rc2"),
        (Run(Stage.RETURN, Hook.READMIT, ("rc1",)), "readmit rc1"),
        (Ask(Stage.LOOK), "ask all members"),
        (Ask(Stage.BEFORE, ("rc1", "rc2")), "gate before rc1, rc2"),
        (Ask(Stage.RECHECK, ("rc1",)), "gate before rc1, again"),
        (Ask(Stage.AFTER, ("rc1",)), "gate after rc1"),
        (Ask(Stage.SETTLE, ("rc1",)), "wait for members that run the version already: rc1"),
        (Ask(Stage.REVIEW), "ask all members, since a hook failed"),
        (Ask(Stage.SOAK, hold_for=60.0), "the cluster must hold"),
        (Ask(Stage.FINAL), "gate for the whole cluster"),
        (End(True, ("no",), (), ()), "the roll stops"),
        (End(False, (), (), ()), "the roll is over"),
    ],
    ids=str,
)
def test_a_step(step: Ask | Run | End, line: str) -> None:
    assert step_line(step) == line


@pytest.mark.parametrize(
    ("wanted", "state", "end", "line"),
    [
        (
            plan(),
            State(batch=("rc2",)),
            End(True, ("rc2 unreachable",), ("rc2",), ("rc2", "rc3")),
            "the roll stopped at rc2; rc2 unreachable; out of rotation: rc2. Mend that, and run the same command "
            "again: it readmits what is well of rc2, then goes on with rc2, rc3.",
        ),
        (
            plan(),
            State(),
            End(True, ("credentials refused",), (), ()),
            "the roll stopped before the first deployment; credentials refused. Mend that, and run the same command "
            "again: it checks the whole cluster again.",
        ),
        (
            plan(batches=1),
            State(batches=1),
            End(False, (), (), ("rc2", "rc3")),
            "the roll stopped as planned after 1 batch. Run the same command again to go on with rc2, rc3.",
        ),
        (
            plan(batches=2),
            State(batches=2),
            End(False, (), (), ("rc3",)),
            "the roll stopped as planned after 2 batches. Run the same command again to go on with rc3.",
        ),
        (
            plan(),
            State(batches=3),
            End(False, (), (), ()),
            "the roll is done: 7.11.0 runs on rc1, rc2, rc3. The same command again changes nothing.",
        ),
        (
            plan("rc1", expected_version=None),
            State(batches=1),
            End(False, (), (), ()),
            "the roll is done: deployed to rc1. The same command again deploys to all of them again.",
        ),
        (
            plan(check=True),
            State(),
            End(False, (), (), ()),
            "check mode: nothing was deployed. Run the same command without check mode to deploy.",
        ),
    ],
    ids=["stopped", "refused", "one batch", "two batches", "done", "done without a version", "check mode"],
)
def test_the_last_line(wanted: Plan, state: State, end: End, line: str) -> None:
    assert last_line(wanted, state, end) == line
