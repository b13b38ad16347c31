# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of each gate of a roll."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Ask
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.gates import gate_options
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Stage
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

PLAN = Plan(("rc1", "rc2", "rc3"), ("rc1", "rc2"), frozenset(), keep_out=frozenset({"rc3"}))
BEFORE = {"ids": ["a"]}
AWAY = {"phase": "before", "targets": ["rc1"], "out_of_rotation": ["rc2"]}
STEADY = {"phase": "steady", "hold_for": 0.0}


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        (Stage.LOOK, {**STEADY, "deadline": 0.0}),
        (Stage.BEFORE, AWAY),
        (Stage.RECHECK, {**AWAY, "deadline": 120.0}),
        (Stage.AFTER, {"phase": "after", "targets": ["rc1"], "before": BEFORE}),
        (Stage.SETTLE, {"phase": "after", "targets": ["rc1"], "restart_required": False, "min_serving": "1"}),
        (Stage.REVIEW, {**STEADY, "deadline": 120.0}),
        (
            Stage.RECOVER,
            {"phase": "after", "targets": ["rc1"], "restart_required": False, "min_serving": "1", "deadline": 120.0},
        ),
        (Stage.SOAK, {"phase": "steady", "hold_for": 60.0}),
        (Stage.FINAL, STEADY),
    ],
)
def test_the_options_of_each_gate(stage: Stage, options: dict[str, Any]) -> None:
    hold_for = 60.0 if stage is Stage.SOAK else 0.0
    asked = Ask(stage, ("rc1",), frozenset({"rc2"}), expected_version="7.11.0", hold_for=hold_for)
    of_all = {"keep_out": ["rc3"], "expected_version": "7.11.0", "min_serving": None}
    assert gate_options(PLAN, asked, before=BEFORE, short=120.0, min_serving=None) == {**of_all, **options}


@pytest.mark.parametrize(
    "asked",
    [
        Ask(Stage.LOOK),
        Ask(Stage.BEFORE, ("rc1",), frozenset({"rc2"}), expected_version="7.11.0"),
        Ask(Stage.RECHECK, ("rc1",), frozenset({"rc2"}), expected_version="7.11.0"),
        Ask(Stage.SETTLE, ("rc1",), expected_version="7.11.0"),
        Ask(Stage.REVIEW),
        Ask(Stage.RECOVER, ("rc1",), expected_version="7.11.0"),
        Ask(Stage.SOAK, hold_for=60.0, min_serving=2),
        Ask(Stage.FINAL, min_serving=2),
    ],
    ids=lambda asked: asked.stage.value,
)
def test_the_gate_accepts_its_options(asked: Ask) -> None:
    members = [Member(name, f"http://{name}:3000") for name in PLAN.members]
    options = gate_options(PLAN, asked, before=None, short=120.0, min_serving="1")
    given = {name: value for name, value in options.items() if value is not None}
    policy = policy_from(params(**given, members=[{"name": member.name} for member in members]), members)
    assert (policy.phase.value, policy.targets) == (options["phase"], tuple(options.get("targets", ())))


@pytest.mark.parametrize(
    ("stage", "given", "asked", "least"),
    [
        (Stage.BEFORE, None, None, None),
        (Stage.BEFORE, "1", None, "1"),
        (Stage.FINAL, None, 2, None),
        (Stage.FINAL, "1", 2, "2"),
        (Stage.FINAL, "100%", 2, "3"),
        (Stage.FINAL, "34%", 1, "2"),
        (Stage.FINAL, "few", 2, "few"),
        (Stage.SOAK, None, 2, "2"),
        (Stage.SOAK, "3", 2, "3"),
        (Stage.SOAK, "50%%", 2, "50%%"),
    ],
)
def test_min_serving_of_each_gate(stage: Stage, given: str | None, asked: int | None, least: str | None) -> None:
    """At the end of a roll more members must serve than during a batch."""
    options = gate_options(PLAN, Ask(stage, min_serving=asked), before=None, short=1.0, min_serving=given)
    assert options["min_serving"] == least
