# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a roll keeps of the result of a gate."""

from __future__ import annotations

from typing import Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

WELL = Glimpse(serving=True, instance_id="rc1-1", version="7.10.0")


def looked(scene: Scene, phase: str = "steady", **options: Any) -> Seen:
    return Seen.of(judge_once(scene.observe(), scene.policy(phase, **options)))


def test_what_is_taken_from_a_healthy_cluster() -> None:
    seen = looked(Scene.of("rc1", "rc2"))
    assert seen == Seen(
        verdict="pass",
        message="2 of 2 members serve, 2 needed; waited 0 s",
        members={"rc1": WELL, "rc2": Glimpse(serving=True, instance_id="rc2-1", version="7.10.0")},
    )


def test_why_a_member_does_not_serve_even_if_it_is_not_needed() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene["rc2"].error = "unauthorized"
    scene["rc3"].started = -2.0
    seen = looked(scene, min_serving=1)
    assert seen.verdict == "pass"
    assert seen.members["rc2"] == Glimpse(False, "rc2-1", None, frozenset({"unauthorized"}))
    assert seen.members["rc2"].unheard
    assert seen.members["rc3"] == Glimpse(False, "rc3-1", "7.10.0", frozenset({"too_young"}))
    assert seen.members["rc3"].settling


def test_a_member_that_only_a_restart_cures_is_ill() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene["rc1"].error, scene["rc2"].peer, scene["rc3"].error = "broker_down", "rc3", "unreachable"
    members = looked(scene).members
    assert [members[name].needs_restart for name in ("rc1", "rc2", "rc3")] == [True, True, False]
    assert [members[name].instance_id for name in ("rc1", "rc2", "rc3")] == ["rc1-1", "rc2-1", None]


def test_a_member_that_pings_no_more_is_not_cured_by_a_restart_alone() -> None:
    """It has lost its database too, so it serves no users."""
    scene = Scene.of("rc1", "rc2")
    scene["rc2"].peer, scene["rc2"].pings = "rc1", False
    assert looked(scene).members["rc2"].needs_restart
    scene["rc2"].pinged = -100.0
    assert not looked(scene).members["rc2"].needs_restart


def test_findings_of_a_serving_member_are_kept() -> None:
    seen = looked(Scene.of("rc1", "rc2"), expected_version="7.11.0")
    assert [glimpse.codes for glimpse in seen.members.values()] == [frozenset({"wrong_version"})] * 2
    assert not seen.members["rc1"].healthy


def test_an_unlinked_pair_is_a_finding_of_the_pair_only() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    seen = looked(scene)
    assert seen.unlinked == {("rc1", "rc2")}
    assert [glimpse.healthy for glimpse in seen.members.values()] == [True, True, True]


def test_being_out_of_rotation_is_not_a_finding_of_a_member() -> None:
    """The gate got this as an option and did not observe it."""
    seen = looked(Scene.of("rc1", "rc2"), "before", targets=["rc1"], out_of_rotation=["rc2"])
    assert seen.verdict == "fail"
    assert "rc2 serves, but is out of rotation" in seen.message
    assert seen.members["rc2"].healthy
