# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which members are asked for the migration lock, how often, and streaks of processes without records."""

from __future__ import annotations

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene


def codes(verdict: object) -> set[str]:
    return {finding.code.value for finding in verdict.findings if finding.blocking}  # type: ignore[attr-defined]


def test_the_lock_is_asked_for_again_while_a_member_is_silent() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.kill("rc1")
    policy = scene.policy("before", targets=["rc1"])
    assert "migration_running" in codes(scene.judge(policy))  # it is not known yet
    assert "migration_running" not in codes(scene.judge(policy))
    scene.now, scene.lock_age = 30.0, 5.0
    assert "migration_running" not in codes(scene.judge(policy))
    scene.now = 31.0
    assert "migration_running" in codes(scene.judge(policy))  # the known answer is too old
    assert scene.asked
    scene.now = 36.0
    assert "migration_running" in codes(scene.judge(policy))


def test_the_lock_is_not_asked_for_if_too_few_serve() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.kill("rc3")
    verdict = scene.judge(scene.policy("before", targets=["rc1"]))
    assert (verdict.outcome.value, verdict.statistics_of) == ("wait", frozenset())


def test_a_process_without_a_record_is_asked_for_the_lock() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.microservices = True
    for node in scene.nodes.values():
        node.ready = True
    scene.kill("rc1")
    policy = scene.policy("before", targets=["rc1"], links="ignored", readiness="required", stable_for=0.0)
    assert scene.judge(policy).statistics_of == {"rc2"}


def test_a_streak_of_processes_without_records_is_read_back() -> None:
    scene = Scene.of("rc1", "rc2")
    scene.microservices = True
    for node in scene.nodes.values():
        node.ready = True
    scene.judge(
        scene.policy(
            "after",
            targets=["rc1"],
            links="ignored",
            readiness="required",
            restart_required=False,
            expected_version="7.10.0",
        )
    )
    assert scene.memory.target_streaks["rc1"].pings == {}
    assert Memory.from_dict(scene.memory.to_dict()) == scene.memory


def test_a_broker_is_down_only_over_tcp() -> None:
    scene = Scene.of("rc1", "rc2")
    scene["rc1"].error = scene["rc2"].error = "broker_down"
    assert scene.judge(scene.policy()).stable_for == 30.0
