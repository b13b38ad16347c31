# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the judgement, case by case on scripted clusters."""

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
    """The verdict after observing for ``seconds``, or the first pass."""
    end = scene.now + seconds
    verdict = scene.judge(policy)
    while scene.now < end and verdict.outcome.value == "wait":
        scene.now += interval
        verdict = scene.judge(policy)
    return verdict


def taken_down(scene: Scene, *targets: str, **options: Any) -> dict[str, Any]:
    """The result of the gate before these targets are deployed."""
    policy = scene.policy("before", targets=list(targets), **options)
    verdict = judged_for(scene, policy, 200)
    scene.memory = Memory()
    result = GateResult(verdict=verdict, policy=policy, elapsed=0.0, observations=1).to_dict()
    assert result["verdict"] == "pass", result["msg"]
    return result


def judged_through_one(scene: Scene, name: str, seconds: float = 0.0, **options: Any) -> Verdict:
    """The verdict on the view of one node, after observing for ``seconds``."""
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
def test_a_member_that_does_not_serve_blocks_the_gate(change: dict[str, Any], expected: set[tuple[str, ...]]) -> None:
    scene = three()
    for name, value in change.items():
        setattr(scene["rc2"], name, value)
    verdict = scene.judge(scene.policy())
    assert verdict.outcome.value == "wait"
    assert codes(verdict) <= expected
    assert ("too_few_serving",) in codes(verdict)


def test_min_serving_allows_a_missing_member() -> None:
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


def test_the_verdict_of_every_phase_has_the_unlinked_pairs() -> None:
    """Also those that its rules do not ask for: pairs with a target before a deployment, pairs without one after it."""
    scene = Scene.of("rc1", "rc2", "rc3")
    before = scene.policy("before", targets=["rc1"])
    scene.cut = {frozenset({"rc1-1", "rc3-1"})}
    assert scene.judge(before).unlinked == {("rc1", "rc3")}
    after = scene.policy("after", targets=["rc2"], restart_required=False, expected_version="7.10.0")
    assert scene.judge(after).unlinked == {("rc1", "rc3")}
    waiver = {"code": "not_linked", "pair": ["rc3", "rc1"], "reason": "ticket 7"}
    assert scene.judge(scene.policy(waive=[waiver])).unlinked == set()


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
def test_links_policy_allows_missing_links(links: str) -> None:
    scene = three()
    scene.cut = {frozenset({"rc1-1", "rc3-1"})}
    assert scene.judge(scene.policy(links=links)).outcome.value == "pass"


def test_pings_must_change_by_the_gates_own_clock() -> None:
    """If the database hangs, all pings stop together, and no record looks older than the others."""
    scene = three()
    policy = scene.policy()
    scene.judge(policy)
    for node in scene.nodes.values():
        node.pings = False
    scene.now = 31
    verdict = scene.judge(policy)
    assert verdict.outcome.value == "wait"
    assert ("stalled", "rc1") in codes(verdict)


def test_a_ping_is_as_old_as_the_ping_before_shows() -> None:
    """After a time in which no observation was made, a ping is new to the gate, but may be old."""
    scene = three()
    policy = scene.policy("before", targets=["rc1"], min_serving="1")
    scene.kill("rc1")
    scene.kill("rc3")
    for node in scene.nodes.values():
        node.pinged = 0.0
    scene.judge(policy)
    scene["rc2"].pings, scene["rc2"].pinged = False, 25.0
    scene.now = 55
    assert scene.judge(policy).serving == ("rc2",)
    scene.now = 56
    verdict = scene.judge(policy)
    assert verdict.serving == ()
    assert "rc2 stalled (no ping for 31 s)" in verdict.summary


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


def test_a_long_gap_counts_as_two_intervals() -> None:
    scene = three()
    policy = scene.policy()
    scene["rc2"].error = "timeout"
    scene.judge(policy)
    scene["rc2"].error = None
    for scene.now in (5, 25):
        verdict = scene.judge(policy)
    assert verdict.held == 10


@pytest.mark.parametrize("error", ["timeout", "unreachable", "rate_limited"])
def test_one_missing_view_is_tolerated_and_two_break_the_streak(error: str) -> None:
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


def test_a_missing_view_is_not_tolerated_beside_another_fault() -> None:
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


def test_a_missing_view_is_tolerated_only_if_the_member_just_served() -> None:
    """rc4 was not ready while another member's view was missing; then its own view is missing."""
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


def test_before_counts_the_members_without_all_targets() -> None:
    scene = three()
    assert scene.judge(scene.policy("before", targets=["rc1", "rc2"], min_serving=1)).outcome.value == "pass"
    scene.memory = Memory()
    scene.kill("rc3")
    verdict = scene.judge(scene.policy("before", targets=["rc1", "rc2"], min_serving=1))
    assert verdict.outcome.value == "wait"
    assert verdict.summary == "0 of 1 other members serve, 1 needed: rc3 unreachable (as scripted)"


def test_findings_of_targets_do_not_count_before() -> None:
    scene = three()
    scene["rc1"].error = "not_rocketchat"
    assert scene.judge(scene.policy("before", targets=["rc1"])).outcome.value == "pass"


def test_before_never_counts_a_target_as_serving() -> None:
    scene = three()
    scene.kill("rc3")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], min_serving="2"))
    assert (verdict.outcome.value, verdict.serving) == ("wait", ("rc1", "rc2"))
    assert ("too_few_serving",) in codes(verdict)


def test_before_requires_links_between_the_others_only() -> None:
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
    why = {
        "out_of_rotation": "is out of rotation: readmit it to the load balancer",
        "keep_out": "keep_out keeps it out of rotation",
    }
    assert verdict.summary == f"1 of 2 other members serve in rotation, 2 needed: rc3 serves, but {why[option]}"
    scene.now = 5
    assert scene.judge(policy).outcome.value == "fail"


def test_before_does_not_require_kept_out_members_by_default() -> None:
    scene = three()
    verdict = scene.judge(scene.policy("before", targets=["rc1"], keep_out=["rc3"]))
    assert (verdict.outcome.value, verdict.needed) == ("pass", 1)
    assert verdict.summary == "1 of 2 other members serve in rotation, 1 needed"
    scene.memory = Memory()
    verdict = judged_for(scene, scene.policy("before", targets=["rc1"], keep_out=["rc2", "rc3"]), 60)
    assert verdict.outcome.value == "fail"
    assert codes(verdict) == {("out_of_rotation", "rc2"), ("out_of_rotation", "rc3"), ("too_few_serving",)}


def test_a_member_out_of_rotation_does_not_matter_if_enough_are_in_rotation() -> None:
    scene = three()
    scene.cut.add(frozenset({"rc2-1", "rc3-1"}))
    policy = scene.policy("before", targets=["rc1"], min_serving="1", out_of_rotation=["rc3", "rc1"])
    assert scene.judge(policy).outcome.value == "pass"


def test_a_shortage_names_the_members_out_of_rotation_that_do_not_serve() -> None:
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    for name in ("rc3", "rc4"):
        scene[name].error = "timeout"
    policy = scene.policy("before", targets=["rc1"], out_of_rotation=["rc3"], keep_out=["rc4"])
    verdict = judged_for(scene, policy, 60)
    assert codes(verdict) == {("timeout", "rc3"), ("too_few_serving",)}


def test_a_member_in_rotation_that_may_recover_is_waited_for() -> None:
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    scene["rc3"].error = "timeout"
    policy = scene.policy("before", targets=["rc1"], min_serving="2", out_of_rotation=["rc4"])
    verdict = judged_for(scene, policy, 60)
    assert verdict.outcome.value == "wait"
    assert codes(verdict) == {("timeout", "rc3"), ("out_of_rotation", "rc4"), ("too_few_serving",)}
    scene["rc3"].error = None
    assert judged_for(scene, policy, 60).outcome.value == "pass"


def test_a_silent_target_may_become_target_down_whatever_is_in_rotation() -> None:
    scene = three()
    scene.kill("rc1")
    policy = scene.policy("before", targets=["rc1"], out_of_rotation=["rc3"])
    verdict = judged_for(scene, policy, 100)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", Exempt.TARGET_DOWN)


def test_a_kept_out_member_is_judged_but_does_not_count() -> None:
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
    verdict = judged_for(scene, policy, 100)
    assert (verdict.outcome.value, advice(verdict)) == ("pass", {"not_linked"})
    waive = [{"code": "not_linked", "pair": ["rc1", "rc3"], "reason": "ticket 7"}]
    assert advice(scene.judge(scene.policy(keep_out=["rc3"], waive=waive))) == set()
    scene.cut.add(frozenset({"rc1-1", "rc2-2"}))
    assert codes(judged_for(scene, policy, 100)) == {("not_linked", "rc1", "rc2")}


def test_a_target_need_not_be_linked_to_a_kept_out_member() -> None:
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    before = taken_down(scene, "rc1", keep_out=["rc3"])
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc3-1"}))
    policy = scene.policy("after", targets=["rc1"], before=before, keep_out=["rc3"])
    verdict = judged_for(scene, policy, 100)
    assert (verdict.outcome.value, verdict.ready) == ("pass", ("rc1",))
    assert "not_linked" in advice(verdict)


def test_a_kept_out_target_must_be_linked() -> None:
    scene = three()
    before = taken_down(scene, "rc3", keep_out=["rc3"])
    scene.restart("rc3")
    scene.cut.add(frozenset({"rc1-1", "rc3-2"}))
    policy = scene.policy("after", targets=["rc3"], before=before, keep_out=["rc3"])
    verdict = judged_for(scene, policy, 100)
    assert (codes(verdict), verdict.ready) == ({("not_linked", "rc1", "rc3")}, ())


def test_a_kept_out_member_must_list_a_target() -> None:
    """If it is the only other member that serves, it alone shows that the target uses another database."""
    scene = three()
    before = taken_down(scene, "rc1", keep_out=["rc3"])
    scene.restart("rc1")
    scene.unlisted.add("rc1")
    scene.kill("rc2")
    policy = scene.policy("after", targets=["rc1"], before=before, keep_out=["rc3"], min_serving="1")
    verdict = judged_for(scene, policy, 100)
    assert (codes(verdict), verdict.ready) == ({("not_linked", "rc1", "rc3")}, ())


def test_a_kept_out_member_does_not_count_after_a_deployment() -> None:
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
def test_members_out_of_rotation_reduce_the_safe_batch(
    options: dict[str, Any], next_safe: tuple[str, ...], safe_batch: int
) -> None:
    scene = Scene.of("rc1", "rc2", "rc3", "rc4")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], **options))
    assert (verdict.next_safe, verdict.safe_batch) == (next_safe, safe_batch)


def test_a_down_target_may_be_deployed_while_others_are_down() -> None:
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


def test_the_only_answering_node_is_never_old_by_its_own_clock() -> None:
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


def test_the_only_pinging_node_is_never_old_by_its_own_clock() -> None:
    """The others answer, but stopped pinging earlier: their pings are old by its last ping, which may itself be old."""
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


def test_target_may_live_does_not_break_the_streak_of_others() -> None:
    scene = three()
    scene["rc2"].error = "timeout"  # it still pings
    scene["rc3"].started = scene.now - 20.0
    policy = scene.policy("before", targets=["rc2"])
    assert ("target_may_live", "rc2") in codes(scene.judge(policy))
    assert judged_for(scene, policy, 300).outcome.value == "pass"
    assert scene.now <= 35


def test_an_unreachable_target_that_pings_is_not_down() -> None:
    scene = three()
    scene["rc2"].error = "unreachable"
    scene.kill("rc3")
    verdict = judged_for(scene, scene.policy("before", targets=["rc2"]), 300)
    assert verdict.outcome.value == "wait"
    assert ("target_may_live", "rc2") in codes(verdict)


def test_an_unreachable_target_is_not_down_if_the_only_clock_stands_still() -> None:
    scene = three()
    scene["rc1"].pings, scene["rc1"].pinged = False, -200.0
    scene["rc2"].error = "unreachable"
    scene.kill("rc3")
    verdict = judged_for(scene, scene.policy("before", targets=["rc2"]), 300)
    assert verdict.outcome.value == "wait"
    assert ("target_may_live", "rc2") in codes(verdict)


def test_an_unreachable_target_without_record_is_not_down_before_its_next_ping() -> None:
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
    """Its record is gone and none of its processes pings, but something answers at its address."""
    scene = three()
    scene["rc2"].error, scene["rc2"].pings, scene["rc2"].record = answer, False, False
    scene.kill("rc3")
    policy = scene.policy("before", targets=["rc2"])
    assert judged_for(scene, policy, 300).outcome.value == "wait"
    scene["rc2"].error = "unreachable"
    silent = scene.now
    verdict = judged_for(scene, policy, 300)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", Exempt.TARGET_DOWN)
    assert scene.now >= silent + 10  # it must be silent for ping_interval from now on


def test_a_target_that_answers_an_error_is_not_called_silent() -> None:
    scene = three()
    scene["rc2"].error = "server_error"
    scene.kill("rc3")
    assert ("target_may_live", "rc2") not in codes(scene.judge(scene.policy("before", targets=["rc2"])))


def test_a_ghost_record_does_not_keep_a_target_alive() -> None:
    scene = three()
    scene.kill("rc2")
    scene.kill("rc3")
    scene.remnants["ghost"] = 230 * 365 * 86400.0
    assert judged_for(scene, scene.policy("before", targets=["rc2"]), 100).outcome.value == "pass"


def test_ids_swept_during_the_wait_are_kept() -> None:
    scene = three()
    scene.remnants["hung"] = 0.0
    scene["rc2"].error = "timeout"
    policy = scene.policy("before", targets=["rc1"])
    scene.judge(policy)
    scene.remnants.clear()
    scene.now = 5
    assert "hung" in scene.judge(policy).ids


def test_ids_are_not_collected_in_the_steady_phase() -> None:
    scene = three()
    scene.judge(scene.policy())
    scene.restart("rc1")
    scene.remnants.clear()
    scene.now = 5
    assert scene.judge(scene.policy()).ids == ("rc1-2", "rc2-1", "rc3-1")


def test_before_waits_if_no_member_answers_unless_min_serving_is_0() -> None:
    scene = three()
    for name in scene.nodes:
        scene.kill(name)
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 300).outcome.value == "wait"
    scene.memory = Memory()
    assert scene.judge(scene.policy("before", targets=["rc1"], min_serving=0)).outcome.value == "pass"


def test_a_single_node_is_exempt_unless_it_lists_others() -> None:
    scene = Scene.of("rc1")
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert (verdict.outcome.value, verdict.exempt and verdict.exempt.value) == ("pass", "single_node")
    assert verdict.summary == "no other members (exempt: single_node)"
    scene.memory = Memory()
    scene.remnants["unknown"] = scene.now
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert codes(verdict) == {("unexpected_member",)}


def test_after_waits_until_the_new_process_is_stable() -> None:
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


def test_after_requires_enough_serving_members() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="2")
    scene.restart("rc1")
    scene.kill("rc3")
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="3")
    assert codes(judged_for(scene, policy, 300)) == {("unreachable", "rc3"), ("too_few_serving",)}


def test_after_requires_the_target_to_be_linked() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc3-1"}))
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert codes(judged_for(scene, policy, 300)) == {("not_linked", "rc1", "rc3")}


def test_after_counts_again_when_the_process_changes() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    assert judged_for(scene, policy, 25).outcome.value == "wait"
    scene.restart("rc1")
    restarted = scene.now
    assert judged_for(scene, policy, 300).outcome.value == "pass"
    assert scene.now >= restarted + 30


def test_an_unchanged_process_never_passes_after() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    policy = scene.policy("after", targets=["rc1"], before=before)
    verdict = judged_for(scene, policy, 300)
    assert verdict.outcome.value == "wait"
    assert ("not_restarted", "rc1") in codes(verdict)


def test_a_process_that_resumed_needs_restart_confirmed() -> None:
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


def test_a_target_with_any_previous_id_was_not_restarted() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.host = None  # nothing but the id tells them apart
    before = taken_down(scene, "rc1", min_serving="1")
    scene["rc1"].id = scene["rc2"].id
    scene.kill("rc2")
    scene["rc2"].record = False
    verdict = judged_for(scene, scene.policy("after", targets=["rc1"], before=before, min_serving="1"), 300)
    assert ("not_restarted", "rc1") in codes(verdict)


def test_a_target_with_an_id_that_was_only_listed_was_not_restarted() -> None:
    """It was silent before, but others listed its process; restart_confirmed does not make it a new process."""
    scene = three()
    scene["rc1"].error = "timeout"
    before = taken_down(scene, "rc1")
    assert before["members"][0]["instance_id"] is None
    scene["rc1"].error = None
    policy = scene.policy("after", targets=["rc1"], before=before, restart_confirmed=True)
    assert ("not_restarted", "rc1") in codes(judged_for(scene, policy, 300))


def test_a_target_that_alternates_between_processes_is_not_stable() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    scene["rc1"].header = False  # with the header the finding would be several_processes
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


def test_a_member_that_answers_without_serving_must_list_the_target() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="1")
    scene.restart("rc1")
    scene.unlisted.add("rc1")  # it is on another database
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


def test_a_wrong_version_fails_in_the_second_observation() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1", version="7.10.0")
    policy = scene.policy("after", targets=["rc1"], before=before, expected_version="7.11.0")
    assert scene.judge(policy).outcome.value == "wait"
    scene.now += 5
    assert scene.judge(policy).outcome.value == "fail"


@pytest.mark.parametrize("version", ["7.11", None, "7.11.x"])
def test_a_partial_version_never_matches(version: str | None) -> None:
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
        ("identity_changed", False, "rc1 reports 10.0.0.77:3000; before the deployment it reported 10.0.0.0:3000")
    ]


def test_a_url_that_leads_to_another_node_is_blocking_unless_waived() -> None:
    """rc1's URL leads to rc3, which was restarted meanwhile; rc3's own URL does not answer."""
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
        "rc1 reports 10.0.0.2:3000, which was rc3's; before the deployment it reported 10.0.0.0:3000: "
        "check whether its URL leads to another node (moved to a new host)"
    )


def test_a_target_at_the_address_of_a_running_member_is_blocking() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="1")
    scene.restart("rc1")
    scene["rc1"].host = scene["rc3"].host
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert ("identity_changed", "rc1") in codes(judged_for(scene, policy, 100))


def test_targets_may_swap_their_addresses() -> None:
    """Containers of one batch may get their addresses in another order."""
    scene = three()
    before = taken_down(scene, "rc1", "rc2", min_serving="1")
    for name in ("rc1", "rc2"):
        scene.restart(name)
    scene["rc1"].host, scene["rc2"].host = scene["rc2"].host, scene["rc1"].host
    verdict = judged_for(scene, scene.policy("after", targets=["rc1", "rc2"], before=before), 100)
    assert (verdict.outcome.value, "identity_changed" in advice(verdict)) == ("pass", True)


def test_a_known_process_at_another_address_is_another_node() -> None:
    scene = three()
    scene.nodes["rc4"] = replace(scene["rc3"], name="rc4", id="rc4-1", host="10.0.0.9", error="server_error")
    before = judge_once(scene.observe(), scene.policy("before", targets=["rc1"], min_serving="2")).to_dict()
    assert ("rc4-1" in before["ids"], before["members"][3]["place"]) == (True, None)
    scene.kill("rc1")
    scene["rc1"].error, scene["rc1"].id, scene["rc1"].host = None, "rc4-1", "10.0.0.9"
    scene["rc4"].error, scene["rc4"].record = "unreachable", False
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="1")
    assert {("identity_changed", "rc1"), ("not_restarted", "rc1")} <= codes(scene.judge(policy))


def test_two_urls_that_lead_to_one_process_are_inconclusive() -> None:
    scene = three()
    scene["rc2"].id = "rc1-1"
    scene["rc2"].record = False
    policy = scene.policy()
    assert {("same_process", "rc1"), ("same_process", "rc2")} <= codes(scene.judge(policy))
    assert judged_for(scene, policy, 100).outcome.value == "inconclusive"
    assert 30 < scene.now <= 40


def test_credentials_that_all_members_refuse_fail_in_the_second_observation() -> None:
    scene = three()
    scene["rc1"].error, scene["rc2"].error = "unauthorized", "forbidden"
    scene.kill("rc3")
    policy = scene.policy()
    first = scene.judge(policy)
    assert (first.outcome.value, first.incurable) == ("wait", True)
    scene.now = 5
    assert scene.judge(policy).outcome.value == "fail"


def test_one_lost_observation_is_tolerated() -> None:
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


def test_not_ready_counts_only_if_readiness_is_required() -> None:
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
    assert "rc2 runs a Rocket.Chat older than 6" in verdict.summary
    # Before a deployment only the other members count: the targets may be the ones to upgrade.
    upgrade = scene.policy("before", targets=["rc2"])
    verdict, _memory = judge(replace(observation, views=(first, old, third)), upgrade, Memory())
    assert verdict.outcome.value == "pass"


@pytest.mark.parametrize(("tcp_port", "needed"), [(4000, 30), (None, 135)])
def test_a_cluster_over_nats_must_be_stable_longer(tcp_port: int | None, needed: int) -> None:
    scene = three()
    for node in scene.nodes.values():
        node.tcp_port = tcp_port
    scene["rc2"].started = -needed + 0.5
    assert codes(scene.judge(scene.policy())) == {("too_young", "rc2"), ("too_few_serving",)}
    scene["rc2"].started = float(-needed)
    scene.memory = Memory()
    assert scene.judge(scene.policy()).outcome.value == "pass"


def test_all_members_must_run_the_expected_version() -> None:
    scene = three()
    assert scene.judge(scene.policy(expected_version="7.10.0")).outcome.value == "pass"
    scene["rc3"].version = "7.9.0"
    scene["rc2"].started = -1  # a process that is too young to serve still has the wrong version
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
def test_a_waived_finding_is_skipped_and_reported(
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


def test_a_member_deployed_before_an_interruption_is_judged_by_its_version() -> None:
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
def test_next_safe_and_safe_batch(min_serving: str, next_safe: tuple[str, ...], safe_batch: int) -> None:
    """A member that does not serve comes first; all are safe if enough are left."""
    scene = three()
    scene.kill("rc1")
    verdict = scene.judge(scene.policy(min_serving=min_serving))
    assert (verdict.next_safe, verdict.safe_batch) == (next_safe, safe_batch)


def test_a_target_that_may_be_down_is_waited_for_although_another_member_cannot_be_judged() -> None:
    scene = three()
    scene["rc2"].record = False
    policy = scene.policy("before", targets=["rc1"])
    assert judged_for(scene, policy, 20).outcome.value == "wait"
    scene.kill("rc1")
    verdict = judged_for(scene, policy, 100)
    assert (verdict.outcome.value, verdict.exempt, scene.now) == ("pass", Exempt.TARGET_DOWN, 70)


def test_a_silent_target_that_pings_is_not_waited_for_without_end() -> None:
    scene = three()
    scene["rc2"].record = False
    scene["rc1"].error = "timeout"
    policy = scene.policy("before", targets=["rc1"])
    assert judged_for(scene, policy, 110).outcome.value == "wait"
    assert judged_for(scene, policy, 5).outcome.value == "inconclusive"


@pytest.mark.parametrize("change", [{"record": False}, {"id": "rc1-1", "record": False}])
def test_a_lasting_unjudgeable_answer_is_inconclusive(change: dict[str, Any]) -> None:
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
    # If the member is not needed, it is only reported.
    scene.memory = Memory()
    enough = 1 if "id" in change else 2
    assert judged_for(scene, scene.policy(min_serving=enough), 60).outcome.value == "pass"


def test_a_single_view_passes_with_a_warning() -> None:
    scene = three()
    verdict = judged_through_one(scene, "rc1", expected=3)
    assert (verdict.outcome.value, verdict.summary) == ("pass", "3 of 3 instances serve, 3 needed")
    assert [(f.code.value, f.blocking) for f in verdict.findings] == [("single_view", False)]
    assert (verdict.next_safe, verdict.safe_batch) == ((), 0)


def test_a_single_view_does_not_count_dead_records() -> None:
    scene = three()
    scene.restart("rc2", version="7.10.0")
    scene.kill("rc3")
    scene.now = 31
    verdict = judged_through_one(scene, "rc1", expected=3)
    assert verdict.outcome.value == "wait"
    assert verdict.summary == "2 of 3 instances serve, 3 needed"


def test_a_single_view_does_not_count_ddp_streamers() -> None:
    scene = three()
    (view, *_others) = scene.observe().views
    streamer = replace(view.by_id["rc2-1"], id="s1", name=STREAMER)
    listing = Listing((*view.by_id.values(), streamer))
    policy = policy_from(params(expected=4), [view.member])
    verdict, _memory = judge(Observation(views=(replace(view, listing=listing),), at=0.0), policy, Memory())
    assert (verdict.outcome.value, verdict.serving) == ("wait", ("rc1-1", "rc2-1", "rc3-1"))


def test_a_single_view_without_links_counts_no_process_twice() -> None:
    """With links: listed, only the age distinguishes the old record of a restarted node from its new one."""
    scene = three()
    scene.kill("rc3")
    scene["rc3"].record = False
    scene.restart("rc2", version="7.10.0")
    verdict = judged_through_one(scene, "rc1", 300, expected=3, links="listed", stable_for=1.0)
    assert (verdict.outcome.value, verdict.summary) == ("wait", "2 of 3 instances serve, 3 needed")
    two = judged_through_one(scene, "rc1", 300, expected=2, links="listed", stable_for=1.0)
    assert two.outcome.value == "pass"


def test_a_single_view_with_refused_credentials_fails_in_the_second_observation() -> None:
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


def test_a_single_silent_node_is_not_taken_down_at_once() -> None:
    scene = Scene.of("rc1")
    scene.kill("rc1")
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert codes(verdict) == {("unreachable", "rc1"), ("no_member_answers",)}
    assert "set min_serving: 0 to deploy anyway" in verdict.summary


def test_the_summary_names_the_direction_of_a_bad_link() -> None:
    scene = three()
    scene.unlisted = {"rc2"}
    scene["rc3"].error = "timeout"
    assert "rc1 does not see rc2" in scene.judge(scene.policy(min_serving="2")).summary


def test_with_links_ignored_members_need_not_list_a_target() -> None:
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


def test_a_certificate_that_fails_for_all_members_fails() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.error = "tls"
    assert scene.judge(scene.policy()).incurable
    assert scene.judge(scene.policy()).outcome.value == "fail"


def test_a_process_that_answers_at_another_url_does_not_lend_its_id() -> None:
    """rc1 hung and its record was swept; its URL then led to rc2's process; it resumes with an id never seen."""
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


def test_a_known_id_stays_known() -> None:
    """The target is silent only in the observation that passes."""
    scene = three()
    scene["rc3"].started = -10.0
    policy = scene.policy("before", targets=["rc1"])
    assert scene.judge(policy).outcome.value == "wait"
    scene["rc1"].error = "timeout"
    before = taken_down(scene, "rc1")
    assert before["members"][0]["instance_id"] == "rc1-1"


def test_a_target_silent_in_the_last_observation_is_not_known() -> None:
    """It is in a crash loop: its supervisor may have been starting its next process when the gate passed."""
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


def test_a_node_without_pings_does_not_make_dead_nodes_look_alive() -> None:
    """rc1 and rc2 stop pinging together: rc1 is dead, rc2 still answers, with a last ping as old as rc1's."""
    scene = three()
    scene.kill("rc1")
    scene["rc2"].pings = False
    scene["rc1"].pinged = scene["rc2"].pinged = -50.0
    policy = scene.policy("before", targets=["rc1"])
    verdict = judged_for(scene, policy, 60)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", Exempt.TARGET_DOWN)


def test_a_node_without_pings_is_a_clock_if_no_other_lists_the_process() -> None:
    """rc1 and rc2 are on another database, whose clock is behind: rc1 is silent, but pings."""
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


def test_an_old_process_without_known_id_is_alive() -> None:
    """Before, the target did not answer, but others saw its process; the deployment started another beside it."""
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
def test_a_clock_that_is_ahead_does_not_make_processes_dead(ahead: float) -> None:
    """rc2 is on another database; rc1 is silent, and rc3 sees that it is alive."""
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


def test_the_version_of_a_member_that_does_not_list_itself_counts() -> None:
    scene = three()
    scene["rc1"].version = scene["rc2"].version = "7.11.0"
    scene["rc3"].record = False
    assert ("wrong_version", "rc3") in codes(scene.judge(scene.policy(min_serving="2", expected_version="7.11.0")))


def test_a_version_belongs_to_the_answering_process() -> None:
    scene = Scene.of("rc1", "rc2")
    scene["rc1"].version, scene["rc2"].version = "7.11.0", "7.10.0"
    verdict = judged_through_one(scene, "rc1", expected=1, expected_version="7.11.0")
    assert codes(verdict) == {("version_unknown", "rc2-1")}


@pytest.mark.parametrize("back", [120.0, None])
def test_pings_continue_after_a_clock_was_set_back(back: float | None) -> None:
    """The database fails over to one whose clock is behind; or the first record has no time of a ping."""
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


def test_a_certificate_error_of_one_member_is_waited_for() -> None:
    """The others are silent, so it is not known whether they would fail too."""
    scene = three()
    scene["rc1"].error = "tls"
    scene.kill("rc2")
    scene.kill("rc3")
    policy = scene.policy(min_serving="2")
    assert judged_for(scene, policy, 60).outcome.value == "wait"
    scene.restart("rc2")
    scene.restart("rc3")
    assert judged_for(scene, policy, 300).outcome.value == "pass"


def test_no_member_is_safe_to_take_down_if_nothing_can_be_judged() -> None:
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
def test_a_single_view_with_a_clock_that_disagrees_with_its_ping_must_ping(clock: float) -> None:
    """It may have stopped pinging, and then processes that died since seem as fresh as itself."""
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


def test_a_single_view_without_pings_gives_no_ages() -> None:
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


def test_an_unexpected_member_is_reported_if_all_members_answer() -> None:
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


def test_a_missing_expected_version_is_reported() -> None:
    scene = three()
    before = taken_down(scene, "rc1")
    scene.restart("rc1")
    for options, told in (({}, {"deploy_not_proven"}), ({"expected_version": "7.11.0"}, set())):
        scene.memory = Memory()
        policy = scene.policy("after", targets=["rc1"], before=before, **options)
        assert advice(judged_for(scene, policy, 300)) == told


def test_a_pass_must_hold_for_hold_for() -> None:
    scene = three()
    policy = scene.policy(hold_for=20.0)
    verdict = scene.judge(policy)
    assert (verdict.outcome.value, verdict.summary) == (
        "wait",
        "3 of 3 members serve, 3 needed: healthy for 0 of 20 s (hold_for)",
    )
    for scene.now in (5, 10, 15):
        assert codes(scene.judge(policy)) == {("not_stable",)}
    scene.now = 20  # before stable_for: nothing was wrong
    assert scene.judge(policy).outcome.value == "pass"


@pytest.mark.parametrize(("hold_for", "needed"), [(20.0, 30), (60.0, 60)])
def test_a_disturbed_cluster_must_hold_again_and_be_stable(hold_for: float, needed: int) -> None:
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


def test_a_pause_by_rate_limit_counts_for_hold_for() -> None:
    """It does not count for stable_for, and neither does time without observations."""
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
