# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which process answered, and what follows from it, case by case on scripted clusters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.tests.unit.scene import EPOCH, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


def three() -> Scene:
    return Scene.of("rc1", "rc2", "rc3")


def codes(verdict: Verdict) -> set[tuple[str, ...]]:
    """Blocking findings as (code, member …)."""
    return {(finding.code.value, *finding.members) for finding in verdict.findings if finding.blocking}


def judged_for(scene: Scene, policy: Policy, seconds: float, change: Callable[[], None] | None = None) -> Verdict:
    """The verdict after ``seconds``, or the first pass. ``change`` is called before each observation."""
    end = scene.now + seconds
    while True:
        if change:
            change()
        verdict = scene.judge(policy)
        if verdict.outcome.value == "pass" or scene.now >= end:
            return verdict
        scene.now += 5


def taken_down(scene: Scene, *targets: str, exempt: str | None = None, **options: Any) -> dict[str, Any]:
    """The result of the gate before these targets are deployed."""
    policy = scene.policy("before", targets=list(targets), **options)
    verdict = judged_for(scene, policy, 200)
    scene.memory, scene.asked = Memory(), frozenset()
    ended = EPOCH + timedelta(seconds=scene.now)
    result = GateResult(verdict=verdict, policy=policy, elapsed=0.0, observations=1, ended=ended).to_dict()
    assert (result["verdict"], result["exempt"]) == ("pass", exempt), result["msg"]
    return result


# A peer's list


@pytest.mark.parametrize("peers", [("rc2",), ("rc2", "rc3")])
def test_a_peers_list_is_a_finding_of_the_member_that_passes_it_on(peers: tuple[str, ...]) -> None:
    scene = three()

    def next_peer() -> None:
        scene["rc1"].peer = peers[int(scene.now / 5) % len(peers)]

    verdict = judged_for(scene, scene.policy(), 120, next_peer)
    assert (verdict.outcome.value, verdict.serving) == ("wait", ("rc2", "rc3"))
    assert codes(verdict) == {("peer_answered", "rc1"), ("too_few_serving",)}
    assert verdict.summary == (
        "2 of 3 members serve, 3 needed: rc1 answers with a peer's list (only a restart cures it)"
    )
    assert verdict.members[0].answered_by == "rc1-1"


def test_a_list_whose_local_record_is_not_its_own_is_a_peers() -> None:
    """The peer has no record yet, so that none is the local one."""
    scene = three()
    scene["rc1"].local = False
    assert codes(scene.judge(scene.policy())) == {("peer_answered", "rc1"), ("too_few_serving",)}


def test_a_peers_list_without_the_header_cannot_be_told_from_a_wrong_url() -> None:
    """Both URLs may lead to rc2, or rc1 may pass the call on to it: one of the two must not count."""
    scene = three()
    scene["rc1"].peer, scene["rc1"].header = "rc2", False
    verdict = scene.judge(scene.policy())
    assert {("same_process", "rc1"), ("same_process", "rc2")} <= codes(verdict)
    assert "or the answer is a peer's (a proxy removes the header X-Instance-ID)" in verdict.summary


def test_links_in_a_peers_list_do_not_count_for_the_member() -> None:
    """rc2's list shows its link to rc3; rc1, which passes this list on, reaches neither."""
    scene = three()
    scene["rc1"].peer = "rc2"
    verdict = scene.judge(scene.policy(min_serving="2"))
    assert (verdict.outcome.value, verdict.sees["rc1"]) == ("pass", ())


def test_a_restart_cures_a_peers_list() -> None:
    scene = three()
    scene["rc1"].peer = "rc2"
    before = taken_down(scene, "rc1")
    scene.now += 20
    scene.restart("rc1")
    verdict = judged_for(scene, scene.policy("after", targets=["rc1"], before=before), 120)
    assert (verdict.outcome.value, verdict.ready) == ("pass", ("rc1",))


def test_a_process_without_a_record_for_a_moment_is_waited_for() -> None:
    scene = three()
    scene["rc1"].record = False
    policy = scene.policy()
    assert ("no_local_record", "rc1") in codes(scene.judge(policy))
    scene["rc1"].record = True
    scene.now += 5
    assert judged_for(scene, policy, 60).outcome.value == "pass"


# Several processes


def test_a_url_that_alternates_between_processes_is_several_processes() -> None:
    scene = three()

    def balance() -> None:
        scene["rc1"].answers_as = "rc1-1" if scene.now % 10 else "other"

    policy = scene.policy(min_serving="3")
    verdict = judged_for(scene, policy, 90, balance)
    assert (verdict.outcome.value, codes(verdict)) == ("wait", {("several_processes", "rc1"), ("too_few_serving",)})
    scene.now += 5
    assert judged_for(scene, policy, 10, balance).outcome.value == "inconclusive"
    scene["rc1"].answers_as = None
    scene.now += 5
    assert judged_for(scene, policy, 90).outcome.value == "pass"


def test_a_url_that_answers_as_another_members_process_is_several_processes() -> None:
    scene = three()
    policy = scene.policy(min_serving="3")
    scene.judge(policy)
    scene.now += 5
    scene["rc2"].error, scene["rc1"].answers_as = "timeout", "rc2-1"
    verdict = scene.judge(policy)
    assert ("several_processes", "rc1") in codes(verdict)
    assert (
        "rc1's URL leads to several processes: the process that answers has also answered for another member"
        in verdict.summary
    )


def test_a_load_balancer_behind_one_url_does_not_affect_other_members() -> None:
    """rc2's URL leads to all nodes in turn, which is not a fault of the other nodes."""
    scene = three()
    policy = scene.policy(min_serving="3")

    def balance() -> None:
        scene["rc2"].answers_as = f"rc{2 + int(scene.now / 5) % 3}-1".replace("rc4", "rc1")

    judged_for(scene, policy, 15, balance)
    for _look in range(6):
        scene.now += 5
        balance()
        verdict = scene.judge(policy)
        assert codes(verdict) == {("several_processes", "rc2"), ("too_few_serving",)}
        assert verdict.serving == ("rc1", "rc3")


def test_a_process_that_answers_for_the_target_counts_for_no_other_member() -> None:
    """rc1's URL leads to rc1 and rc2 in turn, and rc3's URL to rc1: to take rc1 down is to take down that process."""
    scene = three()
    scene["rc3"].answers_as, scene["rc3"].peer = "rc1-1", "rc1"

    def balance() -> None:
        scene["rc1"].answers_as = "rc2-1" if scene.now % 10 else "rc1-1"

    policy = scene.policy("before", targets=["rc1"], min_serving="2")
    assert judged_for(scene, policy, 120, balance).outcome.value != "pass"
    verdict = scene.judge(policy)
    assert verdict.serving == ()
    assert "rc1's URL leads to several processes, and that of rc3 is one of them" in verdict.summary
    scene.now += 5
    scene["rc1"].error = "unreachable"
    assert scene.judge(policy).serving == ("rc2", "rc3")


def test_a_member_is_unjudgeable_as_long_as_the_url_with_its_process() -> None:
    """rc1's URL once led to rc2, which is remembered: rc2 may be what is taken down with rc1."""
    scene = three()
    policy = scene.policy("before", targets=["rc1"], min_serving="2")
    scene.judge(policy)
    scene["rc1"].answers_as, scene["rc1"].peer = "rc2-1", "rc2"
    scene.now += 5
    assert ("same_process", "rc2") in codes(scene.judge(policy))
    scene["rc1"].answers_as = scene["rc1"].peer = None
    for scene.now in range(10, 70, 5):
        assert scene.judge(policy).outcome.value == "wait"
    assert judged_for(scene, policy, 60).outcome.value == "pass"


def test_two_processes_in_one_observation_are_several() -> None:
    scene = three()
    scene["rc1"].also_answers_as = "rc2-1"
    verdict = scene.judge(scene.policy())
    assert codes(verdict) == {("several_processes", "rc1"), ("too_few_serving",)}
    assert "rc1's URL leads to several processes: two requests were answered by different processes" in verdict.summary


def test_a_previous_process_that_still_pings_is_several_processes() -> None:
    scene = three()
    policy = scene.policy()
    scene.judge(policy)
    scene.restart("rc1")
    for scene.now in (5.0, 10.0, 15.0):
        verdict = scene.judge(policy)
        assert "several_processes" not in {code for code, *_members in codes(verdict)}
        scene.remnants["rc1-1"] = 0.0
    scene.remnants["rc1-1"] = 16.0
    scene.now = 20.0
    assert ("several_processes", "rc1") in codes(scene.judge(policy))


def test_a_bad_link_is_noticed_although_the_url_leads_to_several_processes() -> None:
    """Otherwise the link would seem to have been good until the previous process is forgotten."""
    scene = three()
    policy = scene.policy(link_memory=60.0)
    scene.judge(policy)
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc3-1"}))
    for scene.now in range(5, 65, 5):
        scene.remnants["rc1-1"] = min(scene.now, 15.0)
        verdict = scene.judge(policy)
    assert codes(verdict) == {("several_processes", "rc1"), ("too_few_serving",)}
    scene.cut.clear()
    scene.now = 65
    assert codes(scene.judge(policy)) == {("link_unsettled", "rc1", "rc3")}


def test_a_process_at_the_urls_of_two_members_has_the_links_of_its_own() -> None:
    scene = three()
    scene.judge(scene.policy())
    scene["rc2"].answers_as, scene["rc2"].peer = "rc1-1", "rc1"
    scene.now += 5
    verdict = scene.judge(scene.policy())
    assert ("several_processes", "rc2") in codes(verdict)
    assert verdict.sees["rc3"] == ("rc1",)


def test_the_process_of_another_member_is_not_a_previous_process() -> None:
    """rc2's URL led to rc1's node; now it is silent, and rc1 has a new process."""
    scene = three()
    policy = scene.policy("before", targets=["rc2"], min_serving="1")
    scene["rc2"].answers_as = "rc1-1"
    scene.judge(policy)
    scene.restart("rc1")
    scene["rc2"].error = "timeout"
    scene.now += 5
    assert scene.judge(policy).members[1].last_id is None


def test_restarts_are_not_several_processes() -> None:
    """In a crash loop each process is new, and its record is listed before its URL answers."""
    scene = three()
    policy = scene.policy()
    for scene.now in range(0, 200, 5):
        if scene.now % 20 == 0:
            scene.restart("rc1")
        found = {code for code, *_members in codes(scene.judge(policy))}
        assert "several_processes" not in found


def test_an_id_behind_a_load_balancer_does_not_prove_a_restart() -> None:
    """The id is that of a third process, which no view lists."""
    scene = three()
    scene["rc1"].answers_as = "rc2-1"
    before = taken_down(scene, "rc1", min_serving="1")
    assert [member["answered_by"] for member in before["members"]] == [None, None, "rc3-1"]


# What only a restart cures


@pytest.mark.parametrize("how", [{"error": "broker_down"}, {"peer": "rc3"}])
def test_ill_targets_may_be_restarted_if_others_are_not_worse(how: dict[str, Any]) -> None:
    scene = three()
    for name in ("rc1", "rc2"):
        for field, value in how.items():
            setattr(scene[name], field, value)
    policy = scene.policy("before", targets=["rc1"])
    first = scene.judge(policy)
    assert (first.outcome.value, first.exempt) == ("wait", None)
    verdict = judged_for(scene, policy, 60)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", "needs_restart")
    assert verdict.summary.endswith("(exempt: needs_restart)")


def all_broken(scene: Scene) -> None:
    for node in scene.nodes.values():
        node.error = "broker_down"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("rc3", "error", "unreachable"),
        ("rc3", "error", "timeout"),
        ("rc3", "error", "server_error"),
        ("rc3", "error", "unauthorized"),
        ("rc3", "error", "starting"),
    ],
)
def test_others_with_other_faults_do_not_count(name: str, field: str, value: str) -> None:
    scene = three()
    all_broken(scene)
    setattr(scene[name], field, value)
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 90).outcome.value != "pass"


@pytest.mark.parametrize("change", [{"answers_as": "rc2-1"}, {"header": False}])
def test_ill_members_count_only_as_separate_processes(change: dict[str, Any]) -> None:
    """rc3's URL leads to rc2's node, or to an unknown process."""
    scene = three()
    all_broken(scene)
    for field, value in change.items():
        setattr(scene["rc3"], field, value)
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 90).outcome.value != "pass"


def test_ill_members_on_another_database_do_not_count() -> None:
    scene = three()
    all_broken(scene)
    before = taken_down(scene, "rc1", exempt="needs_restart")
    scene.restart("rc1")
    scene["rc2"].record = scene["rc3"].record = False
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="2")
    assert judged_for(scene, policy, 120).outcome.value != "pass"


def test_with_links_ignored_ill_members_need_not_be_listed() -> None:
    """Microservices have no records, so a target's list does not show on which database the others are."""
    scene = three()
    scene.microservices = True
    all_broken(scene)
    before = taken_down(scene, "rc1", exempt="needs_restart", **AS_PROCESSES)
    scene.restart("rc1")
    scene["rc1"].ready = True
    policy = scene.policy("after", targets=["rc1"], before=before, **AS_PROCESSES)
    assert not {code for code, *_names in codes(judged_for(scene, policy, 120))} & {"too_few_serving", "broker_down"}


def test_ill_members_that_do_not_ping_do_not_count() -> None:
    scene = three()
    scene["rc1"].error = scene["rc2"].error = "broker_down"
    scene["rc2"].pings, scene["rc2"].pinged = False, -300.0
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 90).outcome.value == "wait"


def test_ill_members_out_of_rotation_do_not_count() -> None:
    scene = three()
    all_broken(scene)
    policy = scene.policy("before", targets=["rc1"], out_of_rotation=["rc3"], min_serving="2")
    assert judged_for(scene, policy, 90).outcome.value != "pass"


def test_a_healthy_target_is_not_taken_down_if_others_are_ill() -> None:
    scene = three()
    scene["rc2"].error = scene["rc3"].error = "broker_down"
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 90).outcome.value == "wait"


def test_a_cluster_in_which_all_are_ill_is_repaired_node_by_node() -> None:
    scene = three()
    all_broken(scene)
    for name in scene.nodes:
        least = {"min_serving": "2"}
        before = taken_down(scene, name, exempt=None if name == "rc3" else "needs_restart", **least)
        scene.now += 20
        scene.restart(name)
        policy = scene.policy("after", targets=[name], before=before, expected_version="7.11.0", **least)
        verdict = judged_for(scene, policy, 200)
        assert (verdict.outcome.value, verdict.ready) == ("pass", (name,)), verdict.summary
        scene.memory = Memory()
        scene.now += 5
    assert scene.judge(scene.policy()).outcome.value == "pass"


def test_ill_members_do_not_count_after_a_deployment_without_the_exemption() -> None:
    scene = three()
    before = taken_down(scene, "rc1", min_serving="2")
    scene.restart("rc1")
    scene["rc2"].error = scene["rc3"].error = "broker_down"
    policy = scene.policy("after", targets=["rc1"], before=before, min_serving="2")
    assert judged_for(scene, policy, 120).outcome.value == "wait"


# One node


@pytest.mark.parametrize("error", ["broker_down", "server_error", "starting", "unreachable", "timeout"])
def test_a_single_ill_node_may_be_deployed(error: str) -> None:
    scene = Scene.of("rc1")
    scene["rc1"].error = error
    policy = scene.policy("before", targets=["rc1"])
    if error in ("unreachable", "timeout"):
        assert codes(scene.judge(policy)) == {(error, "rc1"), ("no_member_answers",)}
    verdict = judged_for(scene, policy, 200)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", "single_node")


@pytest.mark.parametrize("error", ["unauthorized", "forbidden", "not_rocketchat", "redirected", "tls"])
def test_a_single_node_that_cannot_be_judged_is_refused(error: str) -> None:
    scene = Scene.of("rc1")
    scene["rc1"].error = error
    assert judged_for(scene, scene.policy("before", targets=["rc1"]), 200).outcome.value != "pass"


def test_a_previous_process_that_pings_is_alive_even_if_not_linked() -> None:
    """It has dropped out of its broker, and a new process was started beside it."""
    scene = three()
    scene["rc1"].peer = "rc2"
    before = taken_down(scene, "rc1")
    scene.now += 20
    scene.restart("rc1")
    policy = scene.policy("after", targets=["rc1"], before=before)
    for _look in range(12):
        scene.now += 5
        scene.remnants["rc1-1"] = scene.now
        verdict = scene.judge(policy)
    assert codes(verdict) == {("old_process_alive", "rc1")}
    scene.now += 40
    assert judged_for(scene, policy, 90).outcome.value == "pass"


# Restarts that two ids do not prove


def silent_before(scene: Scene) -> dict[str, Any]:
    scene["rc1"].error = "timeout"
    return taken_down(scene, "rc1", min_serving="2")


@pytest.mark.parametrize(
    ("uptime", "outcome", "found"),
    [
        (20.0, "pass", set()),
        (900.0, "wait", {("not_restarted", "rc1")}),
        (None, "fail", {("restart_not_provable", "rc1")}),
    ],
)
def test_the_uptime_decides_for_a_target_that_was_silent(
    uptime: float | None, outcome: str, found: set[tuple[str, ...]]
) -> None:
    scene = three()
    before = silent_before(scene)
    scene.now += 30
    scene.restart("rc1", version="7.10.0")
    scene["rc1"].uptime = uptime
    policy = scene.policy("after", targets=["rc1"], before=before)
    verdict = scene.judge(policy)
    assert verdict.statistics_of == {"rc1"}
    scene.now += 5
    asked = [scene.judge(policy).statistics_of]
    scene.now += 5
    asked.append(scene.judge(policy).statistics_of)
    assert asked == [frozenset(), frozenset()]
    verdict = judged_for(scene, policy, 60)
    assert (verdict.outcome.value, codes(verdict)) == (outcome, found)


def test_an_ambiguous_uptime_proves_nothing() -> None:
    """The call for the statistics took long, and the process started right after the last observation."""
    scene = three()
    before = silent_before(scene)
    scene.now += 30
    scene.restart("rc1", version="7.10.0")
    scene["rc1"].uptime = 35.0
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert "not_restarted" not in {code for code, *_members in codes(judged_for(scene, policy, 10))}
    assert ("restart_not_provable", "rc1") in codes(judged_for(scene, policy, 60))


def test_a_members_clock_that_was_set_back_is_ignored() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.date = EPOCH
    before = silent_before(scene)
    scene.now += 30
    scene.restart("rc1", version="7.10.0")
    scene["rc1"].uptime, scene["rc2"].date = 5.0, EPOCH + timedelta(seconds=35)
    scene["rc3"].date = EPOCH - timedelta(seconds=300)
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert judged_for(scene, policy, 90).outcome.value == "pass"


def test_a_clock_that_was_set_proves_no_restart() -> None:
    """The controller's clock was set forward; the clocks of members that answered both times show less time."""
    scene = three()
    for node in scene.nodes.values():
        node.date = EPOCH
    before = silent_before(scene)
    scene.now += 4000
    for node in scene.nodes.values():
        node.date = EPOCH + timedelta(seconds=60)
        node.started += 4000
        node.pinged = scene.now
    scene.restart("rc1", version="7.10.0")
    scene["rc1"].uptime = 100.0
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert ("not_restarted", "rc1") in codes(judged_for(scene, policy, 60))


def test_a_target_without_the_header_is_asked_for_its_uptime() -> None:
    scene = three()
    scene["rc1"].header = False
    before = taken_down(scene, "rc1")
    scene.now += 30
    scene.restart("rc1", version="7.10.0")
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert scene.judge(policy).statistics_of == {"rc1"}
    scene["rc1"].uptime = 10.0
    scene.now += 5
    assert judged_for(scene, policy, 90).outcome.value == "pass"


def test_an_id_from_an_error_answer_is_known() -> None:
    """rc1 answered 500 before, and was not listed; the same process answers afterwards."""
    scene = three()
    scene["rc1"].error, scene["rc1"].record = "server_error", False
    before = taken_down(scene, "rc1")
    assert "rc1-1" in before["ids"]
    scene["rc1"].error, scene["rc1"].record = None, True
    scene.now += 30
    policy = scene.policy("after", targets=["rc1"], before=before)
    assert ("not_restarted", "rc1") in codes(judged_for(scene, policy, 60))


# Migrations


def test_no_node_is_taken_down_while_a_silent_member_may_be_migrating() -> None:
    scene = three()
    scene["rc3"].error, scene.lock_age = "unreachable", 30.0
    policy = scene.policy("before", targets=["rc1"], min_serving="1")
    first = scene.judge(policy)
    assert codes(first) == {("migration_running",)}
    assert first.statistics_of == {"rc1"}
    scene.now += 5
    verdict = scene.judge(policy)
    assert verdict.summary == (
        "1 of 2 other members serve, 1 needed: "
        "rc3 may be migrating the database: it has been locked for migrations for 30 s"
    )
    assert verdict.statistics_of == frozenset()
    scene.now += 30
    assert scene.judge(policy).statistics_of == {"rc1"}
    scene.lock_age = None
    scene.now += 5
    assert judged_for(scene, policy, 60).outcome.value == "pass"


@pytest.mark.parametrize("answers", [{"answers_as": "rc3-1"}, {"also_answers_as": "rc3-1"}])
def test_a_member_whose_url_leads_elsewhere_may_be_migrating(answers: dict[str, str]) -> None:
    scene = three()
    vars(scene["rc1"]).update(answers)
    scene.lock_age = 30.0
    policy = scene.policy("before", targets=["rc1"], min_serving="1")
    first = scene.judge(policy)
    assert codes(first) == {("migration_running",)}
    assert "may not have answered" in first.summary
    scene.now += 5
    assert codes(judged_for(scene, policy, 10)) >= {("migration_running",)}
    scene.lock_age = None
    assert judged_for(scene, policy, 60).outcome.value == "pass"


def test_a_renewed_lock_becomes_a_leftover_after_a_while() -> None:
    """A node starts, takes the lock over, and ends, repeatedly."""
    scene = three()
    scene["rc3"].error, scene.lock_age = "unreachable", 5.0
    policy = scene.policy("before", targets=["rc1"], min_serving="1")
    assert judged_for(scene, policy, 500).outcome.value == "wait"
    assert judged_for(scene, policy, 200).outcome.value == "pass"


@pytest.mark.parametrize("lock_age", [None, 600.0])
def test_a_free_or_left_over_lock_does_not_block(lock_age: float | None) -> None:
    scene = three()
    scene["rc3"].error, scene.lock_age = "unreachable", lock_age
    policy = scene.policy("before", targets=["rc1"], min_serving="1")
    assert judged_for(scene, policy, 60).outcome.value == "pass"


def test_a_target_that_is_down_may_be_migrating() -> None:
    scene = Scene.of("rc1", "rc2")
    scene.kill("rc1")
    scene.now, scene.lock_age = 100.0, 10.0
    policy = scene.policy("before", targets=["rc1"])
    assert codes(judged_for(scene, policy, 60)) == {("migration_running",)}
    scene.lock_age = None
    verdict = judged_for(scene, policy, 60)
    assert (verdict.outcome.value, verdict.exempt) == ("pass", "target_down")


@pytest.mark.parametrize("header", [True, False])
def test_an_ill_member_is_asked_for_the_lock_if_no_member_lists(*, header: bool) -> None:
    scene = three()
    scene["rc2"].header = header
    scene["rc1"].error, scene["rc2"].error, scene["rc3"].error = "unreachable", "broker_down", "server_error"
    scene.lock_age = 10.0
    policy = scene.policy("before", targets=["rc1"], min_serving="0")
    first = scene.judge(policy)
    assert codes(first) == {("migration_running",)}
    assert first.statistics_of == {"rc2"}
    scene.now += 5
    assert codes(scene.judge(policy)) == {("migration_running",)}
    scene.lock_age = None
    assert judged_for(scene, policy, 60).outcome.value == "pass"


def test_the_lock_is_not_asked_for_if_all_answer() -> None:
    scene = three()
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert (verdict.outcome.value, verdict.statistics_of) == ("pass", frozenset())


# Microservices

AS_PROCESSES = {"links": "ignored", "readiness": "required"}


def pods() -> Scene:
    scene = three()
    scene.microservices = True
    for node in scene.nodes.values():
        node.ready = True
    return scene


@pytest.mark.parametrize("options", [{}, {"links": "ignored"}, {"readiness": "required"}])
def test_microservices_are_inconclusive_without_both_options(options: dict[str, Any]) -> None:
    assert pods().judge(pods().policy(**options)).outcome.value == "inconclusive"


def test_microservices_are_judged_as_processes() -> None:
    scene = pods()
    policy = scene.policy(**AS_PROCESSES)
    assert ("too_young", "rc1") in codes(scene.judge(policy))
    scene.now += 5
    assert judged_for(scene, policy, 20).outcome.value == "wait"
    verdict = judged_for(scene, policy, 60)
    assert (verdict.outcome.value, verdict.serving) == ("pass", ("rc1", "rc2", "rc3"))
    assert "links_unknown" in {finding.code.value for finding in verdict.findings}


@pytest.mark.parametrize(("ready", "code"), [(False, "not_ready"), (None, "readiness_unknown")])
def test_a_pod_must_be_ready(ready: bool | None, code: str) -> None:
    scene = pods()
    scene["rc2"].ready = ready
    assert (code, "rc2") in codes(judged_for(scene, scene.policy(**AS_PROCESSES), 90))


def test_a_silent_pod_may_be_alive() -> None:
    """Its process has no record that could show that it died."""
    scene = pods()
    scene.kill("rc1")
    scene["rc2"].ready = False
    policy = scene.policy("before", targets=["rc1"], **AS_PROCESSES)
    for scene.now in range(0, 120, 5):
        scene.microservices = False
        listed = scene.observe(scene.asked)
        scene.microservices = True
        silent, pod, _third = scene.observe(scene.asked).views
        observation = replace(listed, views=(silent, pod, listed.views[2]))
        verdict, scene.memory = judge(observation, policy, scene.memory)
        scene.asked = verdict.statistics_of
        assert verdict.outcome.value == "wait"


def test_a_pod_with_a_new_process_must_be_stable_again() -> None:
    scene = pods()
    policy = scene.policy(**AS_PROCESSES)
    judged_for(scene, policy, 25)
    scene["rc2"].id = "rc2-2"
    scene.now += 5
    assert ("too_young", "rc2") in codes(judged_for(scene, policy, 20))


def test_a_silent_pod_is_not_known_to_be_down() -> None:
    scene = pods()
    scene.kill("rc1")
    scene["rc3"].ready = False
    verdict = judged_for(scene, scene.policy("before", targets=["rc1"], **AS_PROCESSES), 200)
    assert (verdict.outcome.value, verdict.exempt) == ("wait", None)


@pytest.mark.parametrize(
    ("version", "options", "outcome"),
    [("7.11.0", {}, "pass"), ("7.10.0", {}, "fail"), ("7.10.0", {"restart_confirmed": True}, "pass")],
)
def test_another_pod_of_the_same_version_proves_no_restart(version: str, options: dict[str, Any], outcome: str) -> None:
    scene = pods()
    before = taken_down(scene, "rc1", **AS_PROCESSES)
    scene["rc1"].id, scene["rc1"].version = "rc1-2", version
    scene.now += 20
    policy = scene.policy("after", targets=["rc1"], before=before, **AS_PROCESSES, **options)
    assert judged_for(scene, policy, 120).outcome.value == outcome


# Servers before 6


def test_an_old_server_with_the_header_is_judged() -> None:
    scene = three()
    scene.old_shape = True
    verdict = scene.judge(scene.policy())
    assert (verdict.outcome.value, verdict.serving) == ("pass", ("rc1", "rc2", "rc3"))
    scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    scene.now += 5
    assert codes(scene.judge(scene.policy())) == {("not_linked", "rc1", "rc2")}


# Links


@pytest.mark.parametrize(("tcp_port", "cause"), [(4000, "INSTANCE_IP"), (None, "NATS_URL")])
def test_a_lasting_bad_link_names_its_possible_cause(tcp_port: int | None, cause: str) -> None:
    scene = three()
    for node in scene.nodes.values():
        node.tcp_port = tcp_port
    scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    policy = scene.policy(link_memory=20.0)
    assert cause not in str(judged_for(scene, policy, 40).findings)
    scene.now += 5
    verdict = scene.judge(policy)
    assert "rc1 and rc2 do not see each other (for 45 s): " in verdict.summary
    assert cause in verdict.summary
