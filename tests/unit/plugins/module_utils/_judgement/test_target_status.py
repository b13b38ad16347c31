# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The separate judgement of each target after a deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

NEW = "7.11.0"
STABLE_FOR = 30


def of_batch(*targets: str, names: str = "rc1 rc2 rc3 rc4", **options: Any) -> tuple[Scene, Policy]:
    """A cluster in which these targets may be deployed, and the policy of the gate after the deployment."""
    scene = Scene.of(*names.split())
    how = {"targets": list(targets), "min_serving": str(len(scene.nodes) - len(targets))}
    before = judge_once(scene.observe(), scene.policy("before", **how)).to_dict()
    assert before["verdict"] == "pass", before["msg"]
    how["min_serving"] = str(len(scene.nodes))
    return scene, scene.policy("after", before=before, **{**how, "expected_version": NEW, **options})


def standing(verdict: Verdict) -> tuple[str, str, str]:
    return " ".join(verdict.ready), " ".join(verdict.failed), " ".join(verdict.pending)


def observed_for(scene: Scene, policy: Policy, seconds: float) -> Verdict:
    """The verdict after observing every 5 seconds for ``seconds``, also if it passes earlier."""
    end = scene.now + seconds
    verdict = scene.judge(policy)
    while scene.now < end:
        scene.now += 5
        verdict = scene.judge(policy)
    return verdict


def test_a_target_is_ready_while_another_is_not_back() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.kill("rc2")
    assert standing(observed_for(scene, policy, STABLE_FOR - 5)) == ("", "", "rc1 rc2")
    verdict = observed_for(scene, policy, 5)
    assert (verdict.outcome.value, standing(verdict)) == ("wait", ("rc1", "", "rc2"))
    scene.restart("rc2")
    verdict = observed_for(scene, policy, STABLE_FOR)
    assert (verdict.outcome.value, standing(verdict)) == ("pass", ("rc1 rc2", "", ""))


def test_a_failed_target_does_not_cut_short_the_wait_of_another() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.kill("rc1")
    scene.restart("rc2", version="7.10.0")
    assert standing(scene.judge(policy)) == ("", "", "rc1 rc2")
    for scene.now in range(5, 100, 5):
        verdict = scene.judge(policy)
        assert (verdict.outcome.value, standing(verdict)) == ("wait", ("", "rc2", "rc1"))
    scene.restart("rc1")
    verdict = observed_for(scene, policy, STABLE_FOR - 5)
    assert (verdict.outcome.value, standing(verdict)) == ("wait", ("", "rc2", "rc1"))
    verdict = observed_for(scene, policy, 5)
    assert (verdict.outcome.value, standing(verdict)) == ("fail", ("rc1", "rc2", ""))


def test_a_target_is_failed_after_two_consecutive_observations() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.kill("rc1")
    for version, failed in (("7.10.0", ""), ("7.10.0", "rc2"), (NEW, ""), ("7.10.0", ""), ("7.10.0", "rc2")):
        scene.now += 5
        scene.restart("rc2", version=version)
        assert scene.judge(policy).failed == tuple(failed.split())


def test_credentials_that_all_refuse_fail_every_target() -> None:
    scene, policy = of_batch("rc1", "rc2")
    for node in scene.nodes.values():
        node.error = "unauthorized"
    verdict = observed_for(scene, policy, 5)
    assert (verdict.outcome.value, standing(verdict)) == ("fail", ("", "rc1 rc2", ""))


def _young(scene: Scene) -> None:
    scene.restart("rc4")
    scene.cut.add(frozenset({"rc4-2", "rc3-1"}))


def _as_another(scene: Scene) -> None:
    scene["rc4"].id, scene["rc4"].record = "rc3-1", False


def _all_dead(scene: Scene) -> None:
    for name in ("rc2", "rc3", "rc4"):
        scene.kill(name)


TROUBLES: dict[str, Callable[[Scene], object]] = {
    "is dead": lambda scene: scene.kill("rc4"),
    "is silent": lambda scene: setattr(scene["rc4"], "error", "timeout"),
    "refuses the credentials": lambda scene: setattr(scene["rc4"], "error", "forbidden"),
    "is stalled": lambda scene: setattr(scene["rc4"], "pings", False),
    "does not list itself": lambda scene: setattr(scene["rc4"], "local", False),
    "answers as another": _as_another,
    "is young": _young,
    "is not linked to another": lambda scene: scene.cut.add(frozenset({"rc3-1", "rc4-1"})),
    "and all others are dead": _all_dead,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_fault_of_another_member_does_not_make_a_target_unready(trouble: str) -> None:
    scene, policy = of_batch("rc1")
    scene.restart("rc1")
    scene["rc3"].error = "timeout"  # so that the gate does not pass
    assert observed_for(scene, policy, STABLE_FOR).ready == ("rc1",)
    scene["rc3"].error = None
    TROUBLES[trouble](scene)
    for _look in range(10):
        scene.now += 5
        verdict = scene.judge(policy)
        assert verdict.ready == ("rc1",), verdict.summary


def test_an_inconclusive_verdict_does_not_make_a_target_unready() -> None:
    scene, policy = of_batch("rc1")
    scene.restart("rc1")
    scene["rc4"].record = False
    verdict = observed_for(scene, policy, 60)
    assert (verdict.outcome.value, standing(verdict)) == ("inconclusive", ("rc1", "", ""))


def test_a_target_without_a_link_to_a_serving_member_is_not_ready() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.restart("rc2")
    scene.cut.add(frozenset({"rc1-2", "rc3-1"}))
    assert standing(observed_for(scene, policy, 100)) == ("rc2", "", "rc1")
    scene.kill("rc3")  # so that it does not serve
    assert standing(observed_for(scene, policy, STABLE_FOR - 5)) == ("rc2", "", "rc1")
    assert standing(observed_for(scene, policy, 5)) == ("rc1 rc2", "", "")


@pytest.mark.parametrize("targets", [("rc1", "rc2"), ("rc2", "rc1")])
def test_of_two_unlinked_targets_the_later_is_not_ready(targets: tuple[str, str]) -> None:
    scene, policy = of_batch(*targets)
    scene.restart("rc1")
    scene.restart("rc2")
    scene.cut.add(frozenset({"rc1-2", "rc2-2"}))
    verdict = observed_for(scene, policy, 100)
    assert (verdict.outcome.value, standing(verdict)) == ("wait", (targets[0], "", targets[1]))
    assert verdict.summary.endswith("rc1 and rc2 do not see each other")


@pytest.mark.parametrize("first", ["rc1", "rc2"])
def test_of_two_unlinked_targets_the_one_that_is_kept_out_is_not_ready(first: str) -> None:
    scene, policy = of_batch("rc1", "rc2", keep_out=["rc1"], min_serving="3")
    scene.kill("rc1")
    scene.kill("rc2")
    scene.restart(first)
    observed_for(scene, policy, STABLE_FOR)
    scene.restart("rc2" if first == "rc1" else "rc1")
    scene.cut.add(frozenset({scene["rc1"].id, scene["rc2"].id}))
    assert standing(observed_for(scene, policy, 100)) == ("rc2", "", "rc1")


def test_a_target_that_is_not_ready_does_not_hold_back_another() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.restart("rc2")
    scene.cut |= {frozenset({"rc1-2", "rc2-2"}), frozenset({"rc1-2", "rc3-1"})}
    assert standing(observed_for(scene, policy, 100)) == ("rc2", "", "rc1")


def test_a_target_that_is_ready_is_not_held_back_by_one_that_comes_later() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.kill("rc1")
    scene.restart("rc2")
    assert standing(observed_for(scene, policy, STABLE_FOR)) == ("rc2", "", "rc1")
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc2-2"}))
    for _look in range(20):
        assert standing(observed_for(scene, policy, 5)) == ("rc2", "", "rc1")


def test_ready_requires_the_present_observation() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.kill("rc2")
    assert observed_for(scene, policy, STABLE_FOR).ready == ("rc1",)
    scene["rc1"].error = "timeout"
    assert observed_for(scene, policy, 5).ready == ()
    scene["rc1"].error = None
    scene.now += 5
    assert observed_for(scene, policy, STABLE_FOR - 5).ready == ()
    assert observed_for(scene, policy, 5).ready == ("rc1",)
    scene.restart("rc1")
    assert observed_for(scene, policy, STABLE_FOR - 5).ready == ()
    assert observed_for(scene, policy, 5).ready == ("rc1",)


def test_a_target_must_be_seen_to_ping() -> None:
    scene, policy = of_batch("rc1", "rc2", stable_for=10.0)
    scene.restart("rc1")
    scene.kill("rc2")
    scene["rc1"].started, scene["rc1"].pings = scene.now - 60, False
    scene.remnants["rc1-1"] = scene.now - 60
    assert observed_for(scene, policy, 25).ready == ()
    scene["rc1"].pings = True
    assert observed_for(scene, policy, 5).ready == ("rc1",)


def test_the_gate_passes_only_if_each_target_is_ready_by_itself() -> None:
    """The memory may come from outside, and may contain more for the cluster than for its targets."""
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.restart("rc2")
    observed_for(scene, policy, STABLE_FOR - 5)
    scene.memory = replace(scene.memory, target_streaks={})
    assert observed_for(scene, policy, 5).outcome.value == "wait"
    assert observed_for(scene, policy, STABLE_FOR - 5).outcome.value == "pass"


def test_all_targets_may_be_ready_while_too_few_members_serve() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.restart("rc2")
    scene.kill("rc4")
    verdict = observed_for(scene, policy, 100)
    assert (verdict.outcome.value, standing(verdict)) == ("wait", ("rc1 rc2", "", ""))


def test_one_lost_observation_is_tolerated_and_two_end_the_streak_of_a_target() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.restart("rc1")
    scene.kill("rc2")
    observed_for(scene, policy, STABLE_FOR)
    scene.lost = "ssh"
    scene.now += 5
    assert standing(scene.judge(policy)) == ("", "", "rc1 rc2")
    scene.lost = None
    assert observed_for(scene, policy, 5).ready == ("rc1",)
    scene.lost = "ssh"
    observed_for(scene, policy, 5)
    scene.lost = None
    scene.now += 5
    assert observed_for(scene, policy, STABLE_FOR - 5).ready == ()
    assert observed_for(scene, policy, 5).ready == ("rc1",)


def test_a_target_that_cannot_be_judged_does_not_end_the_wait_of_another() -> None:
    scene, policy = of_batch("rc1", "rc2")
    scene.kill("rc1")
    scene.restart("rc2")
    scene["rc2"].record = False
    verdict = observed_for(scene, policy, 100)
    assert (verdict.outcome.value, standing(verdict)) == ("wait", ("", "", "rc1 rc2"))
    scene.restart("rc1")
    assert observed_for(scene, policy, STABLE_FOR - 5).outcome.value == "wait"
    verdict = observed_for(scene, policy, 5)
    assert (verdict.outcome.value, standing(verdict)) == ("inconclusive", ("rc1", "", "rc2"))


def test_a_target_of_a_kind_that_cannot_be_judged_is_never_ready() -> None:
    scene, policy = of_batch("rc1", "rc2")
    for name in ("rc1", "rc2"):
        scene.restart(name)
    memory = Memory()
    for scene.now in range(0, 100, 5):
        observation = scene.observe()
        first, *others = observation.views
        assert first.listing
        old = replace(first, answered_by=None, listing=replace(first.listing, old_shape=True))
        verdict, memory = judge(replace(observation, views=(old, *others)), policy, memory)
        assert verdict.outcome.value == "inconclusive"
    assert standing(verdict) == ("rc2", "", "rc1")


@pytest.mark.parametrize(("options", "ready"), [({}, ("rc1",)), ({"keep_out": ["rc3"], "min_serving": "1"}, ())])
def test_a_view_of_a_member_that_does_not_serve_counts_only_if_none_serves(
    options: dict[str, Any], ready: tuple[str, ...]
) -> None:
    """rc4, which has just started, sees rc1 as on another database. A kept out member that serves changes nothing."""
    scene, policy = of_batch("rc1", "rc2", names="rc1 rc2 rc3 rc4", **options)
    scene.restart("rc1")
    scene.kill("rc2")
    scene.kill("rc3")

    def look() -> Verdict:
        scene.now += 5
        scene["rc4"].started = scene.now
        observation = scene.observe()
        *others, last = observation.views
        assert last.listing
        without = tuple(record for record in last.listing.records if record.id != "rc1-2")
        views = (*others, replace(last, listing=replace(last.listing, records=without)))
        verdict, scene.memory = judge(replace(observation, views=views), policy, scene.memory)
        return verdict

    for _look in range(20):
        verdict = look()
    assert ("not_linked", ("rc1", "rc4")) in [(finding.code.value, finding.members) for finding in verdict.findings]
    assert verdict.ready == ()
    scene["rc3"].error, scene["rc3"].pings = None, True
    for _look in range(20):
        verdict = look()
    assert verdict.ready == ready


def test_a_target_must_be_linked_to_a_young_member_if_no_other_serves() -> None:
    """rc2 has lost its record and registered again: it may have served all the time."""
    scene, policy = of_batch("rc1", names="rc1 rc2", min_serving="1")
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc2-1"}))
    for _look in range(20):
        scene.now += 5
        scene["rc2"].started = scene.now - 20
        verdict = scene.judge(policy)
    assert (verdict.outcome.value, standing(verdict)) == ("wait", ("", "", "rc1"))
    assert verdict.summary == "1 of 2 members serve, 1 needed: rc1 and rc2 do not see each other"
    scene.cut.clear()
    assert observed_for(scene, policy, 100).outcome.value == "pass"


def test_a_young_member_does_not_hold_a_target_back_if_another_serves() -> None:
    scene, policy = of_batch("rc1")
    scene.restart("rc1")
    scene.restart("rc4")
    scene.cut.add(frozenset({"rc1-2", "rc4-2"}))
    assert observed_for(scene, policy, STABLE_FOR - 5).ready == ()
    scene["rc4"].started = scene.now
    assert observed_for(scene, policy, 5).ready == ("rc1",)


def test_a_young_member_does_not_block_the_gate_if_enough_others_serve() -> None:
    scene, policy = of_batch("rc1", min_serving="3")
    scene.restart("rc1")
    scene.cut.add(frozenset({"rc1-2", "rc4-1"}))
    for _look in range(20):
        scene.now += 5
        scene["rc4"].started = scene.now
        verdict = scene.judge(policy)
    assert verdict.outcome.value == "pass", verdict.summary


def test_a_waived_finding_does_not_hold_a_target_back() -> None:
    waive = [{"code": "not_linked", "pair": ["rc1", "rc3"], "reason": "ticket 7"}]
    scene, policy = of_batch("rc1", "rc2", waive=waive)
    scene.restart("rc1")
    scene.kill("rc2")
    scene.cut.add(frozenset({"rc1-2", "rc3-1"}))
    assert observed_for(scene, policy, STABLE_FOR).ready == ("rc1",)


@pytest.mark.parametrize("phase", ["steady", "before"])
def test_targets_are_judged_separately_only_after_a_deployment(phase: str) -> None:
    scene = Scene.of("rc1", "rc2")
    policy = scene.policy(phase, **({"targets": ["rc1"]} if phase == "before" else {}))
    assert standing(observed_for(scene, policy, 60)) == ("", "", "")
    assert scene.memory.target_streaks == {}
    scene.lost = "ssh"
    assert standing(scene.judge(policy)) == ("", "", "")


def test_a_cluster_of_new_processes_on_one_list_is_ready_together() -> None:
    """All members are targets, so only targets list each other."""
    scene = Scene.of("rc1", "rc2")
    how = {"targets": ["rc1", "rc2"], "min_serving": "0"}
    before = judge_once(scene.observe(), scene.policy("before", **how)).to_dict()
    policy = scene.policy("after", before=before, expected_version=NEW, **how)
    scene.restart("rc1")
    scene.restart("rc2")
    verdict = observed_for(scene, policy, STABLE_FOR)
    assert (verdict.outcome.value, standing(verdict)) == ("pass", ("rc1 rc2", "", ""))
