# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the judgement, case by case, on clusters on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import STREAMER, Listing, parse
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.rules import Exempt
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.unclaimed import may_live
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.scene import EPOCH, Scene, params

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import View
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


def three() -> Scene:
    return Scene.of("rc1", "rc2", "rc3")


def codes(verdict: Verdict) -> set[tuple[str, ...]]:
    """Blocking findings as (code, member …)."""
    return {(finding.code.value, *finding.members) for finding in verdict.findings if finding.blocking}


def judged_for(scene: Scene, policy: Policy, seconds: float, *, interval: float = 5.0) -> Verdict:
    """The verdict after observing for so long; pass ends it."""
    end = scene.now + seconds
    verdict = scene.judge(policy)
    while scene.now < end and verdict.outcome.value == "wait":
        scene.now += interval
        verdict = scene.judge(policy)
    return verdict


def taken_down(scene: Scene, *targets: str, **options: Any) -> dict[str, Any]:
    """The result of the gate before these are deployed."""
    policy = scene.policy("before", targets=list(targets), **options)
    verdict = judged_for(scene, policy, 200)
    scene.memory = Memory()
    result = GateResult(verdict=verdict, policy=policy, elapsed=0.0, observations=1).to_dict()
    assert result["verdict"] == "pass", result["msg"]
    return result


def judged_through_one(scene: Scene, name: str, seconds: float = 0.0, **options: Any) -> Verdict:
    """The verdict on what one node alone says, after observing for so long."""
    member = next(member for member in scene.members if member.name == name)
    policy = policy_from(params(**options), [member])
    end = scene.now + seconds
    while True:
        observation = scene.observe()
        (view,) = (view for view in observation.views if view.member.name == name)
        verdict, scene.memory = judge(replace(observation, views=(view,)), policy, scene.memory)
        if verdict.outcome.value != "wait" or scene.now >= end:
            return verdict
        scene.now += 5


def test_a_healthy_cluster_passes_at_once() -> None:
    scene = three()
    verdict = scene.judge(scene.policy())
    assert (verdict.outcome.value, verdict.summary) == ("pass", "3 of 3 members serve, 3 needed")
    assert verdict.findings == ()
    assert verdict.next_safe == ("rc1", "rc2", "rc3")
    assert verdict.safe_batch == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"error": "unreachable", "pings": False}, {("unreachable", "rc2"), ("too_few_serving",)}),
        ({"error": "timeout"}, {("timeout", "rc2"), ("too_few_serving",)}),
        ({"error": "broker_down"}, {("broker_down", "rc2"), ("too_few_serving",)}),
        ({"error": "unauthorized"}, {("unauthorized", "rc2"), ("too_few_serving",)}),
        ({"pings": False, "pinged": -31.0}, {("stalled", "rc2"), ("too_few_serving",), ("not_linked", "rc2")}),
        ({"started": -29.0}, {("too_young", "rc2"), ("too_few_serving",)}),
        ({"record": False}, {("no_local_record", "rc2"), ("too_few_serving",)}),
    ],
)
def test_a_member_that_does_not_serve_keeps_the_gate_shut(
    change: dict[str, Any], expected: set[tuple[str, ...]]
) -> None:
    scene = three()
    for name, value in change.items():
        setattr(scene["rc2"], name, value)
    verdict = scene.judge(scene.policy())
    assert verdict.outcome.value == "wait"
    assert codes(verdict) <= expected
    assert ("too_few_serving",) in codes(verdict)


def test_min_serving_lets_a_member_be_away() -> None:
    scene = three()
    scene.kill("rc2")
    verdict = scene.judge(scene.policy(min_serving="66%"))
    assert (verdict.outcome.value, verdict.needed, verdict.serving) == ("pass", 2, ("rc1", "rc3"))
    assert [(finding.code.value, finding.blocking) for finding in verdict.findings] == [("unreachable", False)]


def test_a_one_way_link_is_bad() -> None:
    scene = three()
    scene.cut = {frozenset({"rc1-1", "rc3-1"})}
    verdict = scene.judge(scene.policy())
    assert verdict.outcome.value == "wait"
    assert codes(verdict) == {("not_linked", "rc1", "rc3")}
    assert verdict.summary == "3 of 3 members serve, 3 needed: rc1 and rc3 do not see each other"


def test_a_link_that_was_bad_is_remembered() -> None:
    scene = three()
    policy = scene.policy()
    scene.cut = {frozenset({"rc1-1", "rc3-1"})}
    scene.judge(policy)
    scene.cut = set()
    scene.now = 5
    assert codes(scene.judge(policy)) == {("link_unsettled", "rc1", "rc3")}
    for scene.now in range(10, 60, 5):
        assert scene.judge(policy).outcome.value == "wait", scene.now
    scene.now = 60
    assert scene.judge(policy).outcome.value == "pass"


@pytest.mark.parametrize("links", ["listed", "ignored"])
def test_links_need_not_be_connected_where_the_policy_says_so(links: str) -> None:
    scene = three()
    scene.cut = {frozenset({"rc1-1", "rc3-1"})}
    assert scene.judge(scene.policy(links=links)).outcome.value == "pass"


def test_pings_must_move_by_the_gates_own_clock() -> None:
    """All stop together, as when the database hangs: no record looks old beside the others."""
    scene = three()
    policy = scene.policy()
    scene.judge(policy)
    for node in scene.nodes.values():
        node.pings = False
    scene.now = 31
    verdict = scene.judge(policy)
    assert verdict.outcome.value == "wait"
    assert ("stalled", "rc1") in codes(verdict)


def test_after_a_disturbance_the_pass_must_hold() -> None:
    scene = three()
    policy = scene.policy()
    scene["rc2"].error = "timeout"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in range(5, 35, 5):
        verdict = scene.judge(policy)
        assert codes(verdict) == {("not_stable",)}
    scene.now = 35
    assert scene.judge(policy).outcome.value == "pass"


def test_a_long_gap_counts_for_two_intervals_only() -> None:
    scene = three()
    policy = scene.policy()
    scene["rc2"].error = "timeout"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in (5, 25):
        verdict = scene.judge(policy)
    assert verdict.held == 10


@pytest.mark.parametrize("error", ["timeout", "unreachable", "rate_limited"])
def test_one_missing_view_is_no_news_and_two_break_the_streak(error: str) -> None:
    scene = three()
    policy = scene.policy()
    scene["rc2"].error = "server_error"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in (5, 10, 15):
        assert scene.judge(policy).held == scene.now - 5
    scene["rc2"].error, scene.now = error, 20
    verdict = scene.judge(policy)
    assert (verdict.outcome.value, verdict.held) == ("wait", 10)
    assert ("view_missing", "rc2") in codes(verdict)
    scene.now = 25
    assert scene.judge(policy).held == 0


def test_a_missing_view_is_not_forgiven_beside_another_fault() -> None:
    scene = three()
    policy = scene.policy()
    scene["rc2"].error = "server_error"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in (5, 10):
        assert scene.judge(policy).held == scene.now - 5
    scene["rc2"].error, scene.now = "timeout", 15
    scene.cut.add(frozenset({"rc1-1", "rc3-1"}))
    assert scene.judge(policy).held == 0


def test_only_a_member_that_served_just_before_is_forgiven() -> None:
    """rc4 was not ready while another member's view was missing; then its own is."""
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    policy = scene.policy(min_serving="3", readiness="required")
    scene["rc2"].error = "server_error"
    scene["rc3"].ready = False
    scene.judge(policy)
    scene["rc2"].error, scene["rc3"].ready = None, None
    for scene.now in (5, 10, 15):
        scene.judge(policy)
    scene["rc1"].error, scene["rc4"].ready, scene.now = "timeout", False, 20
    assert scene.judge(policy).held == 10
    scene["rc1"].error, scene["rc4"].error, scene["rc4"].ready, scene["rc3"].ready = None, "timeout", None, False
    scene.now = 25
    assert scene.judge(policy).held == 0


def test_a_rate_limited_view_does_not_extend_the_streak() -> None:
    scene = three()
    policy = scene.policy(stable_for=10)
    scene["rc2"].error = "server_error"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in (5, 10):
        scene.judge(policy)
    scene["rc2"].error, scene.now = "rate_limited", 15
    assert scene.judge(policy).outcome.value == "wait"


def test_before_counts_the_others_with_all_targets_away_together() -> None:
    scene = three()
    assert scene.judge(scene.policy("before", targets=["rc1", "rc2"], min_serving=1)).outcome.value == "pass"
    scene.memory = Memory()
    scene.kill("rc3")
    verdict = scene.judge(scene.policy("before", targets=["rc1", "rc2"], min_serving=1))
    assert verdict.outcome.value == "wait"
    assert verdict.summary == "0 of 1 other members serve, 1 needed: rc3 unreachable (as scripted)"


def test_nothing_about_a_target_counts_before() -> None:
    scene = three()
    scene["rc1"].error = "not_rocketchat"
    assert scene.judge(scene.policy("before", targets=["rc1"])).outcome.value == "pass"


def test_before_never_counts_a_target_among_those_who_carry_the_service() -> None:
    scene = three()
    scene.kill("rc3")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], min_serving="2"))
    assert (verdict.outcome.value, verdict.serving) == ("wait", ("rc1", "rc2"))
    assert ("too_few_serving",) in codes(verdict)


def test_before_wants_links_between_the_others_and_none_to_the_targets() -> None:
    scene = three()
    scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    assert scene.judge(scene.policy("before", targets=["rc1"])).outcome.value == "pass"
    assert codes(scene.judge(scene.policy("before", targets=["rc3"]))) == {("not_linked", "rc1", "rc2")}


@pytest.mark.parametrize("option", ["out_of_rotation", "keep_out"])
def test_before_counts_only_others_in_rotation(option: str) -> None:
    scene = three()
    policy = scene.policy("before", targets=["rc1"], min_serving="2", **{option: ["rc3"]})
    verdict = scene.judge(policy)
    assert (verdict.outcome.value, verdict.incurable) == ("wait", True)
    assert codes(verdict) == {("out_of_rotation", "rc3"), ("too_few_serving",)}
    kept = "kept " if option == "keep_out" else ""
    assert verdict.summary == (
        f"1 of 2 other members serve in rotation, 2 needed: rc3 serves, but is {kept}out of rotation"
    )
    scene.now = 5
    assert scene.judge(policy).outcome.value == "fail"


def test_before_does_not_need_by_default_what_is_kept_out_on_purpose() -> None:
    scene = three()
    verdict = scene.judge(scene.policy("before", targets=["rc1"], keep_out=["rc3"]))
    assert (verdict.outcome.value, verdict.needed) == ("pass", 1)
    assert verdict.summary == "1 of 2 other members serve in rotation, 1 needed"
    scene.memory = Memory()
    verdict = judged_for(scene, scene.policy("before", targets=["rc1"], keep_out=["rc2", "rc3"]), 60)
    assert verdict.outcome.value == "fail"
    assert codes(verdict) == {("out_of_rotation", "rc2"), ("out_of_rotation", "rc3"), ("too_few_serving",)}


def test_an_other_out_of_rotation_does_not_matter_where_enough_serve_in_rotation() -> None:
    scene = three()
    scene.cut.add(frozenset({"rc2-1", "rc3-1"}))
    policy = scene.policy("before", targets=["rc1"], min_serving="1", out_of_rotation=["rc3", "rc1"])
    assert scene.judge(policy).outcome.value == "pass"


def test_what_may_come_back_in_rotation_is_waited_for() -> None:
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    scene["rc3"].error = "timeout"
    policy = scene.policy("before", targets=["rc1"], min_serving="2", out_of_rotation=["rc4"])
    verdict = judged_for(scene, policy, 60)
    assert verdict.outcome.value == "wait"
    assert codes(verdict) == {("timeout", "rc3"), ("out_of_rotation", "rc4"), ("too_few_serving",)}
    scene["rc3"].error = None
    assert judged_for(scene, policy, 60).outcome.value == "pass"


def test_a_silent_target_may_turn_out_to_be_down_whatever_is_in_rotation() -> None:
    scene = three()
    scene.kill("rc1")
    policy = scene.policy("before", targets=["rc1"], out_of_rotation=["rc3"])
    verdict = judged_for(scene, policy, 100)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", Exempt.TARGET_DOWN)


def test_what_is_kept_out_is_judged_and_does_not_count() -> None:
    scene = three()
    scene.kill("rc3")
    policy = scene.policy(keep_out=["rc3"])
    verdict = scene.judge(policy)
    assert (verdict.outcome.value, verdict.summary) == ("pass", "2 of 3 members serve in rotation, 2 needed")
    assert advice(verdict) == {"unreachable"}
    scene.memory = Memory()
    scene.restart("rc3")
    scene.now = 60
    scene.kill("rc2")
    assert codes(scene.judge(policy)) == {("unreachable", "rc2"), ("too_few_serving",)}
    scene.restart("rc2")
    scene.cut.add(frozenset({"rc1-1", "rc3-2"}))
    assert ("not_linked", "rc1", "rc3") in codes(judged_for(scene, policy, 100))


def test_after_a_deployment_what_is_kept_out_does_not_count() -> None:
    scene = three()
    before = taken_down(scene, "rc1", keep_out=["rc3"])
    scene.restart("rc1")
    scene.kill("rc3")
    policy = scene.policy("after", targets=["rc1"], before=before, keep_out=["rc3"])
    assert judged_for(scene, policy, 100).outcome.value == "pass"


@pytest.mark.parametrize(
    ("options", "next_safe", "safe_batch"),
    [
        ({}, ("rc1", "rc2", "rc3", "rc4"), 3),
        ({"keep_out": ["rc4"]}, ("rc1", "rc2", "rc3", "rc4"), 2),
        ({"keep_out": ["rc2", "rc3", "rc4"]}, ("rc2", "rc3", "rc4"), 0),
        ({"out_of_rotation": ["rc4"]}, ("rc4",), 0),
        ({"out_of_rotation": ["rc4"], "min_serving": "2"}, ("rc1", "rc2", "rc3", "rc4"), 1),
        ({"keep_out": ["rc4"], "min_serving": "3"}, ("rc4",), 0),
    ],
)
def test_what_is_out_of_rotation_leaves_fewer_that_could_be_taken_down(
    options: dict[str, Any], next_safe: tuple[str, ...], safe_batch: int
) -> None:
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], **options))
    assert (verdict.next_safe, verdict.safe_batch) == (next_safe, safe_batch)


def test_a_target_that_is_down_may_be_replaced_while_others_are_down_too() -> None:
    scene = three()
    scene.now = 0
    scene.kill("rc2")
    scene.kill("rc3")
    policy = scene.policy("before", targets=["rc2"])
    verdict = scene.judge(policy)
    assert ("target_may_live", "rc2") in codes(verdict)  # its last ping is not old yet
    verdict = judged_for(scene, policy, 100)
    assert verdict.outcome.value == "pass"
    assert verdict.exempt is not None
    assert verdict.summary == "1 of 2 other members serve, 2 needed (exempt: target_down)"
    assert 30 < scene.now <= 50  # as soon as its last ping is old, however long the others have been stable


def test_a_node_that_alone_answers_is_never_old_by_its_own_clock() -> None:
    scene = three()
    scene["rc1"].pings, scene["rc1"].pinged = False, -100.0
    for name in ("rc2", "rc3"):
        scene[name].error = "unreachable"
    policy = scene.policy("before", targets=["rc2"], min_serving="1")
    verdict = scene.judge(policy)
    assert ("ping_unconfirmed", "rc1") in codes(verdict)
    assert judged_for(scene, policy, 300).outcome.value == "wait"
    scene["rc1"].pings = True
    assert judged_for(scene, policy, 100).outcome.value == "pass"


def test_a_node_that_alone_pings_is_never_old_by_its_own_clock() -> None:
    """The others answer, but have lost their pings before it did: theirs are old by its last one, which may be old."""
    scene = three()
    scene["rc1"].pings, scene["rc1"].pinged = False, -100.0
    for name in ("rc2", "rc3"):
        scene[name].pings, scene[name].pinged = False, -200.0
    policy = scene.policy("before", targets=["rc2"], min_serving="1")
    verdict = scene.judge(policy)
    assert codes(verdict) >= {("ping_unconfirmed", "rc1"), ("stalled", "rc3")}
    assert judged_for(scene, policy, 300).outcome.value == "wait"
    scene["rc1"].pings = True
    assert judged_for(scene, policy, 100).outcome.value == "pass"


def test_why_a_target_is_not_down_does_not_disturb_the_others() -> None:
    scene = three()
    scene["rc2"].error = "timeout"  # it still pings
    scene["rc3"].started = scene.now - 20.0
    policy = scene.policy("before", targets=["rc2"])
    assert ("target_may_live", "rc2") in codes(scene.judge(policy))
    assert judged_for(scene, policy, 300).outcome.value == "pass"
    assert scene.now <= 35


def test_a_target_out_of_reach_that_still_pings_is_not_down() -> None:
    scene = three()
    scene["rc2"].error = "unreachable"
    scene.kill("rc3")
    verdict = judged_for(scene, scene.policy("before", targets=["rc2"]), 300)
    assert verdict.outcome.value == "wait"
    assert ("target_may_live", "rc2") in codes(verdict)


def test_a_target_out_of_reach_is_not_down_because_the_only_clock_stands_still() -> None:
    scene = three()
    scene["rc1"].pings, scene["rc1"].pinged = False, -200.0
    scene["rc2"].error = "unreachable"
    scene.kill("rc3")
    verdict = judged_for(scene, scene.policy("before", targets=["rc2"]), 300)
    assert verdict.outcome.value == "wait"
    assert ("target_may_live", "rc2") in codes(verdict)


def test_a_target_out_of_reach_that_lost_its_record_is_not_down_before_its_next_ping() -> None:
    scene = three()
    scene["rc2"].error = "unreachable"
    scene.kill("rc3")
    scene["rc3"].record = scene["rc2"].record = False
    policy = scene.policy("before", targets=["rc2"])
    for scene.now in (0, 5, 9):
        assert scene.judge(policy).outcome.value == "wait"
    scene["rc2"].record = True  # it pings again
    scene.now = 10
    assert scene.judge(policy).outcome.value == "wait"


@pytest.mark.parametrize(
    "answer",
    ["tls", "redirected", "unauthorized", "forbidden", "rate_limited", "broker_down", "server_error", "not_rocketchat"],
)
def test_a_target_that_answers_anything_is_not_down(answer: str) -> None:
    """Its record is gone, and no process that may be its own pings: yet something answers at its address."""
    scene = three()
    scene["rc2"].error, scene["rc2"].pings, scene["rc2"].record = answer, False, False
    scene.kill("rc3")
    policy = scene.policy("before", targets=["rc2"])
    assert judged_for(scene, policy, 300).outcome.value == "wait"
    scene["rc2"].error = "unreachable"
    silent = scene.now
    verdict = judged_for(scene, policy, 300)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", Exempt.TARGET_DOWN)
    assert scene.now >= silent + 10  # it has to be silent for ping_interval from now on


def test_a_target_that_answers_an_error_is_not_said_to_be_silent() -> None:
    scene = three()
    scene["rc2"].error = "server_error"
    scene.kill("rc3")
    assert ("target_may_live", "rc2") not in codes(scene.judge(scene.policy("before", targets=["rc2"])))


def test_a_ghost_is_no_living_target() -> None:
    scene = three()
    scene.kill("rc2")
    scene.kill("rc3")
    scene.remnants["ghost"] = 230 * 365 * 86400.0
    assert judged_for(scene, scene.policy("before", targets=["rc2"]), 100).outcome.value == "pass"


def test_ids_that_were_swept_while_the_gate_waited_are_kept() -> None:
    scene = three()
    scene.remnants["hung"] = 0.0
    scene["rc2"].error = "timeout"
    policy = scene.policy("before", targets=["rc1"])
    scene.judge(policy)
    scene.remnants.clear()
    scene.now = 5
    assert "hung" in scene.judge(policy).ids


def test_ids_do_not_pile_up_where_nobody_needs_them() -> None:
    scene = three()
    scene.judge(scene.policy())
    scene.restart("rc1")
    scene.remnants.clear()
    scene.now = 5
    assert scene.judge(scene.policy()).ids == ("rc1-2", "rc2-1", "rc3-1")


def test_no_member_answers() -> None:
    scene = three()
    for name in scene.nodes:
        scene.kill(name)
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 300).outcome.value == "wait"
    scene.memory = Memory()
    assert scene.judge(scene.policy("before", targets=["rc1"], min_serving=0)).outcome.value == "pass"


def test_a_cluster_of_one() -> None:
    scene = Scene.of("rc1")
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert (verdict.outcome.value, verdict.exempt and verdict.exempt.value) == ("pass", "single_node")
    assert verdict.summary == "no other members (exempt: single_node)"
    scene.memory = Memory()
    scene.remnants["unknown"] = scene.now
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert codes(verdict) == {("unexpected_member",)}


def test_after_waits_until_the_new_process_stays() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    verdict = judged_for(scene, policy, 300)
    assert verdict.outcome.value == "pass"
    assert scene.now == 30


def test_after_judges_every_target_of_a_batch() -> None:
    scene = three()
    before = taken_down(scene, "rc1", "rc2", min_serving="1")
    scene.restart("rc1")
    verdict = judged_for(scene, scene.policy("after", targets=["rc1", "rc2"], before=before, min_serving="1"), 300)
    assert codes(verdict) == {("not_restarted", "rc2")}


def test_after_wants_enough_members_to_serve() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="2")
    scene.restart("rc1")
    scene.kill("rc3")
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="3")
    assert codes(judged_for(scene, policy, 300)) == {("unreachable", "rc3"), ("too_few_serving",)}


def test_after_wants_the_target_to_be_linked() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc3-1"}))
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert codes(judged_for(scene, policy, 300)) == {("not_linked", "rc1", "rc3")}


def test_after_counts_anew_when_the_process_changes() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    assert judged_for(scene, policy, 25).outcome.value == "wait"
    scene.restart("rc1")
    restarted = scene.now
    assert judged_for(scene, policy, 300).outcome.value == "pass"
    assert scene.now >= restarted + 30


def test_an_untouched_process_never_passes_after() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    policy = scene.policy("after", targets=["rc1"], before=before)
    verdict = judged_for(scene, policy, 300)
    assert verdict.outcome.value == "wait"
    assert ("not_restarted", "rc1") in codes(verdict)


def test_a_process_that_hung_and_resumed_needs_the_deployments_word() -> None:
    scene = three()
    scene["rc1"].error = "timeout"
    scene["rc1"].pings, scene["rc1"].pinged, scene["rc1"].record = False, -300.0, False
    before = taken_down(scene, "rc1")
    scene["rc1"].error, scene["rc1"].pings, scene["rc1"].record = None, True, True
    scene["rc1"].started = scene.now  # it registers again, under the same id
    policy = scene.policy("after", targets=["rc1"], before=before)
    verdict = judged_for(scene, policy, 300)
    assert ("restart_not_provable", "rc1") in codes(verdict)
    assert verdict.outcome.value == "fail"  # waiting proves nothing
    scene.memory = Memory()
    trusted = scene.policy("after", targets=["rc1"], before=before, restart_confirmed=True)
    assert judged_for(scene, trusted, 300).outcome.value == "pass"


def test_a_target_that_answers_as_any_process_of_before_was_not_restarted() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.host = None  # nothing but the id tells them apart
    before = taken_down(scene, "rc1", min_serving="1")
    scene["rc1"].id = scene["rc2"].id
    scene.kill("rc2")
    scene["rc2"].record = False
    verdict = judged_for(scene, scene.policy("after", targets=["rc1"], before=before, min_serving="1"), 300)
    assert ("not_restarted", "rc1") in codes(verdict)


def test_a_target_that_answers_as_a_process_that_was_only_listed_was_not_restarted() -> None:
    """It was silent before, and others saw its process; no word of the deployment makes that a new one."""
    scene = three()
    scene["rc1"].error = "timeout"
    before = taken_down(scene, "rc1")
    assert before["members"][0]["instance_id"] is None
    scene["rc1"].error = None
    policy = scene.policy("after", targets=["rc1"], before=before, restart_confirmed=True)
    assert ("not_restarted", "rc1") in codes(judged_for(scene, policy, 300))


def test_a_target_that_answers_as_one_process_and_another_is_not_stable() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene["rc1"].header = False  # with it the url is known to lead to several
    policy = scene.policy("after", targets=["rc1"], before=before, link_memory=0.0, restart_confirmed=True)
    for scene.now in range(100, 400, 5):
        scene["rc1"].id = "rc1-2" if scene["rc1"].id == "rc1-3" else "rc1-3"
        assert scene.judge(policy).outcome.value == "wait"


def test_a_target_must_be_seen_to_ping() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene["rc1"].started, scene["rc1"].pinged, scene["rc1"].pings = scene.now - 60, scene.now, False
    scene.remnants["rc1-1"] = scene.now - 60
    policy = scene.policy("after", targets=["rc1"], before=before, stable_for=10.0)
    verdict = judged_for(scene, policy, 25)
    assert codes(verdict) == {("ping_unconfirmed", "rc1")}
    scene["rc1"].pings = True
    assert judged_for(scene, policy, 10).outcome.value == "pass"


def test_who_answers_without_serving_has_to_list_the_target() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="1")
    scene.restart("rc1")
    scene.unlisted.add("rc1")  # it is on a database of its own
    for name in ("rc2", "rc3"):
        scene.restart(name)
    scene["rc3"].error = "unreachable"
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="1")
    scene.now += 60
    scene["rc2"].started = scene.now
    verdict = scene.judge(policy)
    assert codes(verdict) == {("not_linked", "rc1", "rc2")}
    scene.unlisted.clear()
    scene.now += 5
    assert ("not_linked", "rc1", "rc2") not in codes(scene.judge(policy))


def test_a_wrong_version_fails_when_it_is_seen_twice() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1", version="7.10.0")
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    assert scene.judge(policy).outcome.value == "wait"
    scene.now += 5
    assert scene.judge(policy).outcome.value == "fail"


@pytest.mark.parametrize("version", ["7.11", None, "7.11.x"])
def test_half_a_version_is_never_a_match(version: str | None) -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene["rc1"].version = version
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    verdict = judged_for(scene, policy, 120)
    assert verdict.outcome.value == "wait"
    assert ("version_unknown", "rc1") in codes(verdict)


def test_the_old_process_must_be_gone() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    ghost = Scene.of("rc1")["rc1"]
    ghost.name = "old"
    scene.restart("rc1")
    scene.remnants.clear()
    scene.nodes["old"] = ghost
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert ("old_process_alive", "rc1") in codes(judged_for(scene, policy, 100))


def test_a_target_may_have_a_new_address() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene["rc1"].host = "10.0.0.77"
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    verdict = judged_for(scene, policy, 100)
    assert verdict.outcome.value == "pass"
    assert [(f.code.value, f.blocking, f.message) for f in verdict.findings] == [
        ("identity_changed", False, "rc1 now reports 10.0.0.77:3000, before the deployment 10.0.0.0:3000")
    ]


def test_an_url_that_leads_to_another_node() -> None:
    """That of rc1 leads to rc3, which has been restarted meanwhile, and rc3's own leads nowhere."""
    scene = three()
    before = taken_down(scene, "rc1", min_serving="1")
    scene.restart("rc1")
    scene["rc1"].host = scene["rc3"].host
    scene.kill("rc3")
    options: dict[str, Any] = {"targets": ["rc1"], "before": before, "min_serving": "1"}
    policy = scene.policy("after", **options)
    assert ("identity_changed", "rc1") in codes(judged_for(scene, policy, 100))
    waive = [{"code": "identity_changed", "member": "rc1", "reason": "moved to a new host"}]
    scene.memory = Memory()
    verdict = judged_for(scene, scene.policy("after", waive=waive, **options), 100)
    assert verdict.outcome.value == "pass"
    assert verdict.summary.endswith(
        "rc1 now reports 10.0.0.2:3000 (previously rc3's), before the deployment 10.0.0.0:3000: "
        "its URL may lead to another node (moved to a new host)"
    )


def test_a_target_at_the_place_of_another_that_is_still_there() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="1")
    scene.restart("rc1")
    scene["rc1"].host = scene["rc3"].host
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert ("identity_changed", "rc1") in codes(judged_for(scene, policy, 100))


def test_targets_may_change_their_places_with_each_other() -> None:
    """As where containers of one batch get their addresses in another order."""
    scene = three()
    before = taken_down(scene, "rc1", "rc2", min_serving="1")
    for name in ("rc1", "rc2"):
        scene.restart(name)
    scene["rc1"].host, scene["rc2"].host = scene["rc2"].host, scene["rc1"].host
    verdict = judged_for(scene, scene.policy("after", targets=["rc1", "rc2"], before=before), 100)
    assert (verdict.outcome.value, "identity_changed" in advice(verdict)) == ("pass", True)


def test_a_known_process_at_another_place_is_another_node() -> None:
    scene = three()
    scene.nodes["rc4"] = replace(scene["rc3"], name="rc4", id="rc4-1", host="10.0.0.9", error="server_error")
    before = judge_once(scene.observe(), scene.policy("before", targets=["rc1"], min_serving="2")).to_dict()
    assert ("rc4-1" in before["ids"], before["members"][3]["place"]) == (True, None)
    scene.kill("rc1")
    scene["rc1"].error, scene["rc1"].id, scene["rc1"].host = None, "rc4-1", "10.0.0.9"
    scene["rc4"].error, scene["rc4"].record = "unreachable", False
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="1")
    assert {("identity_changed", "rc1"), ("not_restarted", "rc1")} <= codes(scene.judge(policy))


def test_two_urls_that_lead_to_one_process() -> None:
    scene = three()
    scene["rc2"].id = "rc1-1"
    scene["rc2"].record = False
    policy = scene.policy()
    assert {("same_process", "rc1"), ("same_process", "rc2")} <= codes(scene.judge(policy))
    assert judged_for(scene, policy, 100).outcome.value == "inconclusive"
    assert 30 < scene.now <= 40


def test_credentials_that_nobody_accepts_fail_when_seen_twice() -> None:
    scene = three()
    scene["rc1"].error, scene["rc2"].error = "unauthorized", "forbidden"
    scene.kill("rc3")
    policy = scene.policy()
    first = scene.judge(policy)
    assert (first.outcome.value, first.incurable) == ("wait", True)
    scene.now = 5
    assert scene.judge(policy).outcome.value == "fail"


def test_a_lost_observation_is_no_news_once() -> None:
    scene = three()
    policy = scene.policy()
    scene["rc2"].error = "timeout"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in (5, 10):
        scene.judge(policy)
    scene.lost, scene.now = "ssh", 15
    assert scene.judge(policy).held == 5
    scene.now = 20
    assert scene.judge(policy).held == 0


def test_not_ready_only_counts_where_readiness_is_required() -> None:
    scene = three()
    scene["rc2"].ready = False
    assert scene.judge(scene.policy()).outcome.value == "pass"
    scene.memory = Memory()
    scene["rc1"].ready = True
    verdict = scene.judge(scene.policy(readiness="required"))
    assert ("not_ready", "rc2") in codes(verdict)
    assert [f.members for f in verdict.findings if f.code.value == "readiness_unknown"] == [("rc3",)]


def test_a_microservices_deployment_cannot_be_judged() -> None:
    scene = three()
    silent = parse(
        {
            "instances": [
                {
                    "currentStatus": {"connected": False},
                    "instanceRecord": {"_id": "s1", "name": STREAMER, "_updatedAt": "2026-01-01T00:00:00.000Z"},
                }
            ]
        }
    )
    for phase, options in (("steady", {}), ("before", {"targets": ["rc1"]})):
        observation = scene.observe()
        views = tuple(replace(view, listing=silent) for view in observation.views)
        verdict, _memory = judge(replace(observation, views=views), scene.policy(phase, **options), Memory())
        assert verdict.outcome.value == "inconclusive"
        assert "rc2 belongs to a microservices deployment" in verdict.summary


def test_a_server_before_6_without_the_header_cannot_be_judged() -> None:
    scene = three()
    scene["rc2"].version = "5.4.0"
    observation = scene.observe()
    first, second, third = observation.views
    assert second.listing
    old = replace(second, answered_by=None, listing=replace(second.listing, old_shape=True))
    verdict, _memory = judge(replace(observation, views=(first, old, third)), scene.policy(min_serving=2), Memory())
    assert verdict.outcome.value == "inconclusive"
    assert "rc2 runs a server before version 6" in verdict.summary
    # Only what is left when the targets are gone counts before: they may be what is upgraded.
    upgrade = scene.policy("before", targets=["rc2"])
    verdict, _memory = judge(replace(observation, views=(first, old, third)), upgrade, Memory())
    assert verdict.outcome.value == "pass"


@pytest.mark.parametrize(("tcp_port", "needed"), [(4000, 30), (None, 135)])
def test_a_cluster_over_nats_has_to_hold_longer(tcp_port: int | None, needed: int) -> None:
    scene = three()
    for node in scene.nodes.values():
        node.tcp_port = tcp_port
    scene["rc2"].started = -needed + 0.5
    assert codes(scene.judge(scene.policy())) == {("too_young", "rc2"), ("too_few_serving",)}
    scene["rc2"].started = float(-needed)
    scene.memory = Memory()
    assert scene.judge(scene.policy()).outcome.value == "pass"


def test_a_healthy_cluster_has_the_expected_version_everywhere() -> None:
    scene = three()
    assert scene.judge(scene.policy(expected_version="7.10.0")).outcome.value == "pass"
    scene["rc3"].version = "7.9.0"
    scene["rc2"].started = -1  # what is too young to serve is still of the wrong version
    scene["rc2"].version = "7.9.1"
    verdict = scene.judge(scene.policy(expected_version="7.10.0", min_serving=2))
    assert verdict.outcome.value == "wait"
    assert codes(verdict) == {("wrong_version", "rc2"), ("wrong_version", "rc3")}


@pytest.mark.parametrize(
    ("code", "concerned", "change"),
    [
        ("not_linked", {"pair": ["rc3", "rc1"]}, lambda scene: scene.cut.add(frozenset({"rc1-1", "rc3-1"}))),
        ("wrong_version", {"member": "rc2"}, lambda scene: setattr(scene["rc2"], "version", "7.9.0")),
        ("version_unknown", {"member": "rc2"}, lambda scene: setattr(scene["rc2"], "version", None)),
    ],
)
def test_what_is_waived_is_passed_over_and_told(
    code: str, concerned: dict[str, Any], change: Callable[[Scene], None]
) -> None:
    scene = three()
    change(scene)
    assert scene.judge(scene.policy(expected_version="7.10.0")).outcome.value == "wait"
    scene.memory = Memory()
    waive = [{"code": code, **concerned, "reason": "ticket 7"}]
    verdict = scene.judge(scene.policy(expected_version="7.10.0", waive=waive))
    assert verdict.outcome.value == "pass"
    assert "; waived: " in verdict.summary
    assert verdict.summary.endswith("(ticket 7)")
    assert [waiver.code.value for waiver, _finding in verdict.waived] == [code]
    other = [{"code": code, **{key: _another(value) for key, value in concerned.items()}, "reason": "ticket 7"}]
    scene.memory = Memory()
    assert scene.judge(scene.policy(expected_version="7.10.0", waive=other)).outcome.value == "wait"


def _another(concerned: Any) -> Any:
    return ["rc2", "rc3"] if isinstance(concerned, list) else "rc3"


def test_what_was_deployed_before_an_interruption_is_judged_by_its_version() -> None:
    scene = three()
    scene["rc1"].version = "7.11.0"
    options: dict[str, Any] = {"targets": ["rc1"], "expected_version": "7.11.0", "restart_required": False}
    policy = scene.policy("after", **options)
    assert judged_for(scene, policy, 300).outcome.value == "pass"
    assert scene.now >= 30
    scene.memory = Memory()
    scene["rc1"].version = "7.10.0"
    assert judged_for(scene, policy, 300).outcome.value == "fail"


@pytest.mark.parametrize(
    ("min_serving", "next_safe", "safe_batch"), [(1, ("rc1", "rc2", "rc3"), 1), (2, ("rc1",), 0), ("100%", (), 0)]
)
def test_what_could_be_taken_down_next(min_serving: str, next_safe: tuple[str, ...], safe_batch: int) -> None:
    """One that does not serve comes first, and all where enough are left."""
    scene = three()
    scene.kill("rc1")
    verdict = scene.judge(scene.policy(min_serving=min_serving))
    assert (verdict.next_safe, verdict.safe_batch) == (next_safe, safe_batch)


@pytest.mark.parametrize("change", [{"record": False}, {"id": "rc1-1", "record": False}])
def test_an_answer_of_no_member_that_lasts_cannot_be_judged(change: dict[str, Any]) -> None:
    scene = three()
    for name, value in change.items():
        setattr(scene["rc2"], name, value)
    policy = scene.policy()
    assert judged_for(scene, policy, 30).outcome.value == "wait"
    scene.now += 5
    verdict = scene.judge(policy)
    assert verdict.outcome.value == "inconclusive", verdict.summary
    said = [(finding.code, finding.members) for finding in verdict.findings]
    assert len(said) == len(set(said)), verdict.findings
    # Where it is not needed, it is only told.
    scene.memory = Memory()
    enough = 1 if "id" in change else 2
    assert judged_for(scene, scene.policy(min_serving=enough), 60).outcome.value == "pass"


def test_one_nodes_opinion_passes_with_a_warning() -> None:
    scene = three()
    verdict = judged_through_one(scene, "rc1", expected=3)
    assert (verdict.outcome.value, verdict.summary) == ("pass", "3 of 3 instances serve, 3 needed")
    assert [(f.code.value, f.blocking) for f in verdict.findings] == [("single_view", False)]
    assert (verdict.next_safe, verdict.safe_batch) == ((), 0)


def test_one_nodes_opinion_counts_no_dead_record() -> None:
    scene = three()
    scene.restart("rc2", version="7.10.0")
    scene.kill("rc3")
    scene.now = 31
    verdict = judged_through_one(scene, "rc1", expected=3)
    assert verdict.outcome.value == "wait"
    assert verdict.summary == "2 of 3 instances serve, 3 needed"


def test_one_nodes_opinion_counts_no_streamer() -> None:
    scene = three()
    (view, *_others) = scene.observe().views
    streamer = replace(view.by_id["rc2-1"], id="s1", name=STREAMER)
    listing = Listing((*view.by_id.values(), streamer))
    policy = policy_from(params(expected=4), [view.member])
    verdict, _memory = judge(Observation(views=(replace(view, listing=listing),), at=0.0), policy, Memory())
    assert (verdict.outcome.value, verdict.serving) == ("wait", ("rc1-1", "rc2-1", "rc3-1"))


def test_one_nodes_opinion_without_links_counts_no_process_twice() -> None:
    """Listed is all that is asked: then only age tells what a restarted node left from its new record."""
    scene = three()
    scene.kill("rc3")
    scene["rc3"].record = False
    scene.restart("rc2", version="7.10.0")
    verdict = judged_through_one(scene, "rc1", 300, expected=3, links="listed", stable_for=1.0)
    assert (verdict.outcome.value, verdict.summary) == ("wait", "2 of 3 instances serve, 3 needed")
    two = judged_through_one(scene, "rc1", 300, expected=2, links="listed", stable_for=1.0)
    assert two.outcome.value == "pass"


def test_one_nodes_opinion_that_cannot_be_had() -> None:
    scene = three()
    scene["rc1"].error = "unauthorized"
    assert judged_through_one(scene, "rc1", expected=3).outcome.value == "wait"
    verdict = judged_through_one(scene, "rc1", expected=3)
    assert (verdict.outcome.value, verdict.serving) == ("fail", ())


def test_a_record_without_a_ping_is_stalled() -> None:
    scene = three()
    observation = scene.observe()
    first, *others = observation.views
    assert first.listing
    records = tuple(replace(record, updated_at=None) for record in first.listing.records)
    views = (replace(first, listing=replace(first.listing, records=records)), *others)
    verdict, _memory = judge(replace(observation, views=views), scene.policy(min_serving="2"), Memory())
    assert verdict.serving == ("rc2", "rc3")
    assert verdict.members[0].why_not
    assert verdict.members[0].why_not.message == "rc1 stalled (its record has no ping time)"


def test_a_cluster_of_one_that_does_not_answer() -> None:
    scene = Scene.of("rc1")
    scene.kill("rc1")
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert codes(verdict) == {("unreachable", "rc1"), ("no_member_answers",)}
    assert "set min_serving: 0 to deploy anyway" in verdict.summary


def test_who_does_not_see_whom() -> None:
    scene = three()
    scene.unlisted = {"rc2"}
    scene["rc3"].error = "timeout"
    assert "rc1 does not see rc2" in scene.judge(scene.policy(min_serving="2")).summary


def test_nobody_has_to_list_a_target_where_links_are_ignored() -> None:
    scene = three()
    before = taken_down(scene, "rc1", links="ignored")
    scene.restart("rc1")
    scene.unlisted = {"rc1"}
    scene["rc3"].started = scene.now
    options = {"targets": ["rc1"], "before": before, "min_serving": "1"}
    assert ("not_linked", "rc1", "rc3") in codes(scene.judge(scene.policy("after", **options)))
    scene.memory = Memory()
    found = codes(scene.judge(scene.policy("after", links="ignored", **options)))
    assert ("too_young", "rc3") not in found
    assert "not_linked" not in {code for code, *_members in found}


def test_certificates_that_nobody_accepts() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.error = "tls"
    assert scene.judge(scene.policy()).incurable
    assert scene.judge(scene.policy()).outcome.value == "fail"


def test_who_answers_in_anothers_place_does_not_lend_its_id() -> None:
    """rc1 hung and its record was swept; its url led to rc2's process then, and it resumes under an id never seen."""
    scene = three()
    for node in scene.nodes.values():
        node.host = "localhost"
    scene["rc1"].id, scene["rc1"].record = "rc2-1", False
    before = taken_down(scene, "rc1", "rc2", min_serving="1")
    assert [member["instance_id"] for member in before["members"]] == [None, None, "rc3-1"]
    scene.now = 100.0
    scene.restart("rc2", version="7.10.0")
    resumed = scene["rc1"]
    resumed.id, resumed.started, resumed.record, resumed.pinged = "rc1-1", 100.0, True, 100.0
    policy = scene.policy("after", targets=["rc1", "rc2"], before=before, min_serving="1")
    assert ("restart_not_provable", "rc1") in codes(judged_for(scene, policy, 300))


def test_an_id_that_was_known_stays_known() -> None:
    """The target is silent in the one observation that passes, and was not in those before."""
    scene = three()
    scene["rc3"].started = -10.0
    policy = scene.policy("before", targets=["rc1"])
    assert scene.judge(policy).outcome.value == "wait"
    scene["rc1"].error = "timeout"
    before = taken_down(scene, "rc1")
    assert before["members"][0]["instance_id"] == "rc1-1"


def test_a_target_that_was_silent_at_last_is_not_known() -> None:
    """It crashes again and again: its supervisor may have been starting its next process when the gate passed."""
    scene = three()
    scene["rc3"].started = -10.0
    policy = scene.policy("before", targets=["rc1"])
    assert scene.judge(policy).outcome.value == "wait"
    scene.kill("rc1")
    before = taken_down(scene, "rc1")
    assert before["members"][0]["instance_id"] == "rc1-1"
    scene.restart("rc1", version="7.10.0")  # by its supervisor; the deployment did nothing
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert ("restart_not_provable", "rc1") in codes(judged_for(scene, policy, 300))
    scene.memory = Memory()
    confirmed = scene.policy("after", targets=["rc1"], before=before, restart_confirmed=True)
    assert judged_for(scene, confirmed, 300).outcome.value == "pass"


def test_a_node_without_pings_does_not_make_the_dead_look_alive() -> None:
    """rc1 and rc2 fall silent together: rc1 is dead, rc2 answers on, with a last ping as old as rc1's."""
    scene = three()
    scene.kill("rc1")
    scene["rc2"].pings = False
    scene["rc1"].pinged = scene["rc2"].pinged = -50.0
    policy = scene.policy("before", targets=["rc1"])
    verdict = judged_for(scene, policy, 60)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", Exempt.TARGET_DOWN)


def test_a_node_without_pings_is_a_clock_where_no_other_lists_the_process() -> None:
    """rc1 and rc2 are on a database of their own, whose clock is behind: rc1 is silent, and pings."""
    scene = three()
    scene["rc1"].error, scene["rc2"].pings = "timeout", False
    views = scene.observe().views
    behind = timedelta(seconds=100)
    late = {
        identity: replace(record, updated_at=record.updated_at - behind)
        for identity, record in views[1].by_id.items()
        if record.updated_at
    }
    own = replace(views[1], listing=Listing(tuple(late.values())))
    other = replace(views[2], listing=Listing(tuple(r for i, r in views[2].by_id.items() if i == "rc3-1")))
    observation = replace(scene.observe(), views=(views[0], own, other))
    assert may_live("rc1-1", observation, scene.policy("before", targets=["rc1"]))


def test_an_old_process_that_nobody_could_name_lives_on() -> None:
    """Before, the target's process was silent, and the others saw it; the deployment has started another beside it."""
    scene = three()
    scene["rc1"].error = "timeout"
    before = taken_down(scene, "rc1")
    members = scene.members
    scene.nodes["old"] = replace(scene["rc1"], name="old")
    scene.now = 60.0
    new = scene["rc1"]
    new.id, new.started, new.error, new.version, new.pinged = "rc1-2", 60.0, None, "7.11.0", 60.0
    options = {"targets": ["rc1"], "before": before, "restart_confirmed": True, "expected_version": "7.11.0"}
    policy = policy_from(params("after", **options), members)

    def found() -> Verdict:
        observation = scene.observe()
        verdict, scene.memory = judge(replace(observation, views=observation.views[:3]), policy, scene.memory)
        return verdict

    for scene.now in range(60, 160, 5):
        assert ("old_process_alive", "rc1") in codes(found())
    scene.nodes["old"].pings = False
    for scene.now in range(160, 300, 5):
        verdict = found()
    assert verdict.outcome.value == "pass"


@pytest.mark.parametrize("ahead", [60.0, 7e9])
def test_a_clock_that_is_ahead_does_not_bury_the_living(ahead: float) -> None:
    """rc2 is on a database of its own; rc1 is silent, and rc3 sees that it lives."""
    scene = three()
    scene["rc1"].error = "timeout"
    policy = scene.policy("before", targets=["rc1"])
    for scene.now in range(0, 200, 5):
        observation = scene.observe()
        first, second, third = observation.views
        assert second.own
        assert second.own.updated_at
        later = replace(second.own, updated_at=second.own.updated_at + timedelta(seconds=ahead))
        views = (first, replace(second, listing=Listing(records=(later,))), third)
        verdict, scene.memory = judge(replace(observation, views=views), policy, scene.memory)
        assert (verdict.outcome.value, verdict.exempt) == ("wait", None)
    assert ("target_may_live", "rc1") in codes(verdict)


def test_a_member_that_does_not_list_itself_runs_a_version_all_the_same() -> None:
    scene = three()
    scene["rc1"].version = scene["rc2"].version = "7.11.0"
    scene["rc3"].record = False
    assert ("wrong_version", "rc3") in codes(scene.judge(scene.policy(min_serving="2", expected_version="7.11.0")))


def test_a_version_is_that_of_the_node_that_tells_it() -> None:
    scene = Scene.of("rc1", "rc2")
    scene["rc1"].version, scene["rc2"].version = "7.11.0", "7.10.0"
    verdict = judged_through_one(scene, "rc1", expected=1, expected_version="7.11.0")
    assert codes(verdict) == {("version_unknown", "rc2-1")}


@pytest.mark.parametrize("back", [120.0, None])
def test_a_clock_that_is_set_back_is_no_end_of_the_pings(back: float | None) -> None:
    """As by a failover to a database whose clock is behind; or there is no time of a ping at first."""
    scene = three()
    policy = scene.policy(link_memory=0)
    for scene.now in range(0, 200, 5):
        observation = scene.observe()
        if scene.now >= 20 if back else scene.now < 5:
            views = tuple(_at_another_time(view, back) for view in observation.views)
            observation = replace(observation, views=views)
        verdict, scene.memory = judge(observation, policy, scene.memory)
        assert (verdict.outcome.value == "pass") or scene.now < 60, verdict.summary


def _at_another_time(view: View, back: float | None) -> View:
    assert view.listing
    records = tuple(
        replace(record, updated_at=record.updated_at - timedelta(seconds=back) if back and record.updated_at else None)
        for record in view.listing.records
    )
    return replace(view, listing=replace(view.listing, records=records))


def test_pings_that_stop_after_the_clock_was_set_back_are_noticed() -> None:
    scene = three()
    policy = scene.policy(min_serving="2")
    for scene.now in range(0, 100, 5):
        observation = scene.observe()
        if scene.now >= 20:
            scene["rc1"].pings = False
            observation = replace(observation, views=tuple(_at_another_time(view, 120.0) for view in observation.views))
        verdict, scene.memory = judge(observation, policy, scene.memory)
    assert verdict.serving == ("rc2", "rc3")


def test_a_certificate_that_one_alone_has_wrong_is_waited_for() -> None:
    """The others are silent: what they would say of it is not known."""
    scene = three()
    scene["rc1"].error = "tls"
    scene.kill("rc2")
    scene.kill("rc3")
    policy = scene.policy(min_serving="2")
    assert judged_for(scene, policy, 60).outcome.value == "wait"
    scene.restart("rc2")
    scene.restart("rc3")
    assert judged_for(scene, policy, 300).outcome.value == "pass"


def test_nobody_is_safe_to_take_down_where_nothing_can_be_judged() -> None:
    scene = three()
    observation = scene.observe()
    views = tuple(
        replace(view, answered_by=None, listing=Listing(records=tuple(view.by_id.values()), old_shape=True))
        for view in observation.views
    )
    verdict, _memory = judge(replace(observation, views=views), scene.policy(), Memory())
    assert (verdict.outcome.value, verdict.next_safe, verdict.safe_batch) == ("inconclusive", (), 0)
    scene = Scene.of("rc1", "rc2")
    policy = policy_from(params("before", targets=["rc1"]), scene.members[:1])
    observation = scene.observe()
    verdict, _memory = judge(replace(observation, views=observation.views[:1]), policy, Memory())
    assert (verdict.next_safe, verdict.safe_batch) == ((), 0)


@pytest.mark.parametrize("clock", [0.0, 45.0, -45.0])
def test_one_node_whose_clock_does_not_agree_with_its_ping_has_to_ping(clock: float) -> None:
    """It may have lost its pings, and then whoever died since seems as fresh as itself."""
    scene = three()
    policy = policy_from(params(expected=3, interval=5.0), scene.members[:1])

    def found() -> Verdict:
        date = EPOCH + timedelta(seconds=scene.now + clock)
        view = replace(scene._view(scene["rc1"]), date=date)
        verdict, scene.memory = judge(Observation(views=(view,), at=scene.now), policy, scene.memory)
        return verdict

    first = found()
    assert first.outcome.value == ("wait" if clock else "pass")
    assert codes(first) >= ({("ping_unconfirmed", "rc1-1"), ("ping_unconfirmed", "rc2-1")} if clock else set())
    while scene.now < 30.0:
        assert found().outcome.value == ("wait" if clock else "pass")
        scene.now += 5.0
        scene.observe()
    assert found().outcome.value == "pass"


def test_one_node_that_has_lost_its_pings_tells_nobody_s_age() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.pings = False
    policy = policy_from(params(expected=3), scene.members[:1])
    for scene.now in range(46, 300, 5):
        view = replace(scene._view(scene["rc1"]), date=EPOCH + timedelta(seconds=scene.now))
        verdict, scene.memory = judge(Observation(views=(view,), at=scene.now), policy, scene.memory)
        assert verdict.outcome.value == "wait"


def advice(verdict: Verdict) -> set[str]:
    return {finding.code.value for finding in verdict.findings if not finding.blocking}


def test_a_living_instance_that_is_not_a_member_is_told_once_all_members_answer() -> None:
    scene = three()
    policy = scene.policy()
    policy = replace(policy, members=policy.members[:2])
    observation = scene.observe()
    views = observation.views[:2]
    verdict, memory = judge(replace(observation, views=views), policy, Memory())
    assert (verdict.outcome.value, advice(verdict)) == ("pass", {"unexpected_member"})
    scene.kill("rc2")
    observation = scene.observe()
    verdict, _memory = judge(replace(observation, views=observation.views[:2]), policy, memory)
    assert "unexpected_member" not in advice(verdict)


def test_without_an_expected_version_it_is_told_that_no_version_is_proven() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    for options, told in (({}, {"deploy_not_proven"}), ({"expected_version": "7.11.0"}, set())):
        scene.memory = Memory()
        policy = scene.policy("after", targets=["rc1"], before=before, **options)
        assert advice(judged_for(scene, policy, 300)) == told


def test_a_pass_must_hold_where_that_is_asked_for() -> None:
    scene = three()
    policy = scene.policy(hold_for=20.0)
    verdict = scene.judge(policy)
    assert (verdict.outcome.value, verdict.summary) == ("wait", "3 of 3 members serve, 3 needed: held for 0 of 20 s")
    for scene.now in (5, 10, 15):
        assert codes(scene.judge(policy)) == {("not_stable",)}
    scene.now = 20  # before stable_for: nothing was wrong
    assert scene.judge(policy).outcome.value == "pass"


@pytest.mark.parametrize(("hold_for", "needed"), [(20.0, 30), (60.0, 60)])
def test_what_was_disturbed_must_hold_again_and_be_stable(hold_for: float, needed: int) -> None:
    scene = three()
    policy = scene.policy(hold_for=hold_for)
    for scene.now in (0, 5, 10):
        scene.judge(policy)
    scene["rc2"].error = "server_error"
    scene.now = 15
    assert scene.judge(policy).outcome.value == "wait"
    scene["rc2"].error = None
    for scene.now in range(20, 20 + needed, 5):
        assert scene.judge(policy).outcome.value == "wait", scene.now
    scene.now = 20 + needed
    assert scene.judge(policy).outcome.value == "pass"


def test_a_pause_that_a_rate_limit_enforces_is_time_that_a_pass_holds() -> None:
    """But not time for which a cluster is seen to be stable, and not what nobody has watched."""
    scene = three()
    policy = scene.policy(hold_for=120.0)
    scene["rc3"].error = "server_error"
    scene.judge(policy)
    scene["rc3"].error = None
    scene["rc1"].rate_limit = {"limit": 10, "remaining": 0, "reset_after": 50.0}
    for scene.now in (10, 60, 110):
        verdict = scene.judge(policy)
    assert scene.memory.streak
    assert (scene.memory.streak.held, scene.memory.streak.seconds) == (100, 28)
    assert verdict.summary.endswith("stable for 28 of 30 s")
    scene.now = 1000
    scene.judge(policy)
    assert (scene.memory.streak.held, verdict.outcome.value) == (157, "wait")
