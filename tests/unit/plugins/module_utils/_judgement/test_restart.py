# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What proves a restart, what only a restart cures, and which answers count for a member."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.tests.unit.scene import EPOCH, Scene

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict

PODS = {"links": "ignored", "readiness": "required"}


def codes(verdict: Verdict) -> set[str]:
    return {finding.code.value for finding in verdict.findings if finding.blocking}


def before(scene: Scene, **options: Any) -> dict[str, Any]:
    """The result of the gate before rc1 is deployed, as if it had passed."""
    result = judge_once(scene.observe(), scene.policy("before", targets=["rc1"], **options)).to_dict()
    scene.memory = Memory()
    return {**json.loads(json.dumps(result)), "verdict": "pass"}


def after(scene: Scene, known: dict[str, Any], **options: Any) -> Verdict:
    """The verdict of the second observation, which has the statistics if the first verdict asks for them."""
    policy = scene.policy("after", targets=["rc1"], before=known, **options)
    scene.judge(policy)
    scene.now += 5
    return scene.judge(policy)


def started_while_silent(*, uptime: float | None, **node: Any) -> tuple[Scene, dict[str, Any]]:
    """rc1 was silent in the last observation of the gate before, 60 s ago, and is another process now."""
    scene = Scene.of("rc1", "rc2")
    scene.now = 0.0
    scene["rc1"].error = "unreachable"
    scene["rc2"].date = EPOCH
    known = before(scene, min_serving="1")
    scene.now = 60.0
    scene.restart("rc1", version="7.10.0")
    scene["rc2"].date = EPOCH + timedelta(seconds=65)
    for name, value in {"uptime": uptime, **node}.items():
        setattr(scene["rc1"], name, value)
    return scene, known


@pytest.mark.parametrize(("uptime", "code"), [(20.0, None), (70.0, "not_restarted"), (None, "restart_not_provable")])
def test_an_uptime_proves_a_restart_if_ids_do_not(uptime: float | None, code: str | None) -> None:
    scene, known = started_while_silent(uptime=uptime)
    found = codes(after(scene, known)) & {"not_restarted", "restart_not_provable"}
    assert found == ({code} if code else set())


def test_the_only_member_may_start_right_after_the_gate() -> None:
    """No other member's clock is compared, and the controller's has fractions of a second."""
    scene = Scene.of("rc1")
    scene["rc1"].error = "unreachable"
    known = before(scene)
    scene.now += 30.0
    scene.restart("rc1", version="7.10.0")
    scene["rc1"].uptime = 34.5
    assert "restart_not_provable" not in codes(after(scene, known))


def test_a_wall_clock_that_was_set_proves_nothing() -> None:
    scene, known = started_while_silent(uptime=70.0)
    known["ended"] = "2025-12-31T00:00:00.000Z"
    assert "not_restarted" in codes(after(scene, known))


def test_an_id_that_was_known_before_the_last_look_does_not_count() -> None:
    scene, known = started_while_silent(uptime=None)
    known["members"][0]["instance_id"] = "rc1-1"
    assert "restart_not_provable" in codes(after(scene, known))


def test_another_id_proves_nothing_if_the_header_is_missing_now() -> None:
    scene = Scene.of("rc1", "rc2")
    known = before(scene)
    scene.restart("rc1", version="7.10.0")
    scene["rc1"].header = False
    assert "restart_not_provable" in codes(after(scene, known))


def test_another_pod_need_not_be_a_new_one() -> None:
    scene = Scene.of("rc1", "rc2")
    scene.microservices = True
    for node in scene.nodes.values():
        node.ready = True
    known = before(scene, **PODS)
    scene.restart("rc1", version="7.10.0")
    assert "restart_not_provable" in codes(after(scene, known, **PODS))


def test_a_pod_without_a_readiness_answer_is_not_ready() -> None:
    scene = Scene.of("rc1", "rc2")
    scene.microservices = True
    scene["rc2"].ready = True
    scene.judge(policy := scene.policy(**PODS))
    scene.now = 40.0
    assert scene.judge(policy).serving == ("rc2",)


def test_a_url_that_goes_back_to_a_previous_id_is_several_processes() -> None:
    scene = Scene.of("rc1", "rc2")
    scene.judge(scene.policy())
    scene.now, scene["rc1"].id = 5.0, "rc1-2"
    scene.judge(scene.policy())
    scene.now, scene["rc1"].id = 10.0, "rc1-1"
    assert "several_processes" in codes(scene.judge(scene.policy()))


def ill(*names: str) -> Scene:
    """rc1 to rc3, of which ``names`` answer with a peer's list, or with an error if all are ill."""
    scene = Scene.of("rc1", "rc2", "rc3")
    healthy = [name for name in scene.nodes if name not in names]
    for name in names:
        scene[name].peer, scene[name].error = (healthy[0], None) if healthy else (None, "broker_down")
    return scene


def test_needs_restart_requires_two_observations() -> None:
    scene = ill("rc1", "rc2", "rc3")
    policy = scene.policy("before", targets=["rc1"], stable_for=0.0)
    assert scene.judge(policy).outcome.value == "wait"
    scene.now = 5.0
    assert scene.judge(policy).exempt is not None


@pytest.mark.parametrize("changes", [{"answers_as": "rc2-1"}, {"header": False}])
def test_an_ill_member_counts_only_as_a_separate_process(changes: dict[str, Any]) -> None:
    scene = ill("rc1", "rc2", "rc3")
    for name, value in changes.items():
        setattr(scene["rc3"], name, value)
    policy = scene.policy("before", targets=["rc1"], stable_for=0.0)
    scene.judge(policy)
    scene.now = 5.0
    verdict = scene.judge(policy)
    assert (verdict.outcome.value, verdict.exempt) == ("wait", None)


def test_an_ill_member_that_does_not_ping_does_not_count() -> None:
    scene = ill("rc1", "rc2")
    scene["rc2"].pings = False
    scene.now = 40.0
    policy = scene.policy("before", targets=["rc1"], stable_for=0.0)
    scene.judge(policy)
    scene.now = 45.0
    assert scene.judge(policy).exempt is None


def test_ill_members_that_counted_before_count_after() -> None:
    scene = ill("rc1", "rc2")
    known = {**before(scene), "exempt": "needs_restart"}
    for member in known["members"]:
        member["serving"] = True
    scene.restart("rc1")
    assert "too_few_serving" in codes(after(scene, {**known, "exempt": None}))
    scene.memory, scene.now = Memory(), scene.now + 60
    assert "too_few_serving" not in codes(after(scene, known))


def test_an_old_lock_is_a_leftover() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.kill("rc1")
    scene.lock_age = 600.0
    policy = scene.policy("before", targets=["rc1"])
    scene.judge(policy)
    assert "migration_running" not in codes(scene.judge(policy))
