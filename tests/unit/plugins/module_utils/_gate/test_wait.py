# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wait, with a scripted clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import (
    HISTORY_LIMIT,
    ObserverError,
    judge_once,
    run,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


def wait(
    scene: Scene,
    policy: Policy,
    *,
    events: dict[float, Callable[[], None]] | None = None,
    **going_on: Any,
) -> tuple[GateResult, list[str]]:
    """Run the gate; each of ``events`` happens when the scene's clock reaches its time."""
    lines: list[str] = []
    due = dict(events or {})

    def sleep(seconds: float) -> None:
        assert seconds > 0
        scene.now += seconds
        for moment in [moment for moment in due if moment <= scene.now]:
            due.pop(moment)()

    result = run(
        scene.observe,
        policy,
        clock=lambda: scene.now,
        sleep=sleep,
        on_progress=lines.append,
        **going_on,
    )
    return result, lines


def three() -> Scene:
    return Scene.of("rc1", "rc2", "rc3")


def test_a_healthy_cluster_passes_without_progress() -> None:
    scene = three()
    result, lines = wait(scene, scene.policy())
    assert (result.passed, result.message, lines) == (True, "3 of 3 members serve, 3 needed; waited 0 s", [])


def test_progress_has_the_reason_and_the_wait_ends_at_the_deadline() -> None:
    scene = three()
    scene.kill("rc2")
    result, lines = wait(scene, scene.policy(deadline=70.0))
    assert not result.passed
    assert scene.now == 70
    assert result.message == (
        "2 of 3 members serve, 3 needed: rc2 unreachable (as scripted); waited 70 s, the deadline of 70 s has passed"
    )
    assert lines == [
        f"waiting, {seconds} of 70 s: 2 of 3 members serve, 3 needed: rc2 unreachable (as scripted)"
        for seconds in (0, 30, 60)
    ]


def test_a_restart_is_waited_for() -> None:
    scene = three()
    before, nothing = wait(scene, scene.policy("before", targets=["rc1"]))
    assert (before.passed, nothing) == (True, [])
    scene.kill("rc1")
    policy = scene.policy("after", targets=["rc1"], before=before.to_dict(), expected_version="7.11.0")
    result, lines = wait(scene, policy, events={20: lambda: scene.restart("rc1")})
    assert result.passed
    assert scene.now == 50
    assert lines == [
        "waiting, 0 of 600 s: 2 of 3 members serve, 3 needed: rc1 unreachable (as scripted)",
        "waiting, 20 of 600 s: 2 of 3 members serve, 3 needed: rc1 started 0 s ago, must run for 30 s",
        "passed: 3 of 3 members serve, 3 needed; waited 50 s",
    ]


def test_one_observation_without_a_deadline() -> None:
    scene = three()
    scene.kill("rc2")
    result, lines = wait(scene, scene.policy(deadline=0.0))
    assert (result.verdict.outcome.value, result.observations, lines) == ("wait", 1, [])
    assert result.message.endswith("waited 0 s, one observation only (deadline: 0)")


def test_refused_credentials_fail_in_one_observation_without_a_deadline() -> None:
    scene = Scene.of("rc1")
    scene["rc1"].error = "unauthorized"
    result, _lines = wait(scene, scene.policy(deadline=0.0))
    assert result.verdict.outcome.value == "fail"


def test_the_wait_ends_if_nothing_changes() -> None:
    scene = three()
    scene.kill("rc2")
    result, _lines = wait(scene, scene.policy(progress_deadline=60.0))
    assert scene.now == 60
    assert result.message.endswith("nothing changed for 60 s (progress_deadline)")


def test_waiting_for_time_to_pass_counts_as_a_change() -> None:
    scene = three()
    scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    policy = scene.policy(progress_deadline=20.0)
    result, _lines = wait(scene, policy, events={10.0: scene.cut.clear})
    assert result.passed
    assert scene.now > 60  # link_memory
    scene.restart("rc2")
    result, _lines = wait(scene, policy)
    assert result.passed
    scene["rc3"].error = "server_error"
    back = {scene.now + 10: lambda: setattr(scene["rc3"], "error", None)}
    result, _lines = wait(scene, policy, events=back)
    assert result.passed  # after stable_for, 30 s
    scene.kill("rc3")
    result, _lines = wait(scene, policy)
    assert result.message.endswith("nothing changed for 20 s (progress_deadline)")


@pytest.mark.parametrize(
    ("limit", "pause"),
    [
        ({"limit": 10, "remaining": 5, "reset_after": 40.0}, 7),
        ({"limit": 10, "remaining": 1, "reset_after": 40.0}, 40),
        ({"limit": 10, "remaining": 0, "reset_after": 900.0}, 60),
        (None, 5),
    ],
)
def test_the_wait_respects_the_rate_limit(limit: dict[str, Any] | None, pause: float) -> None:
    scene = three()
    scene.kill("rc2")
    scene["rc1"].rate_limit = limit
    times: list[float] = []

    def observe(_statistics_of: Any) -> Any:
        times.append(scene.now)
        return scene.observe()

    def sleep(seconds: float) -> None:
        scene.now += seconds

    run(
        observe,
        replace(scene.policy(), deadline=pause),
        clock=lambda: scene.now,
        sleep=sleep,
        on_progress=lambda _line: None,
    )
    assert times == [0, pause]


def test_an_observer_error_ends_the_wait() -> None:
    def observe(_statistics_of: Any) -> Any:
        raise ObserverError("requests is missing on lb1")

    scene = three()
    result = run(
        observe,
        scene.policy(),
        clock=lambda: 0.0,
        sleep=lambda _seconds: None,
        on_progress=lambda _line: None,
    )
    assert result.verdict.outcome.value == "inconclusive"
    assert result.message == "no observation can be made: requests is missing on lb1; waited 0 s"


def test_the_history_is_bounded() -> None:
    scene = three()
    scene.kill("rc2")

    def sleep(seconds: float) -> None:
        scene.now += seconds
        scene["rc1"].error = None if scene["rc1"].error else "server_error"

    result = run(
        scene.observe,
        scene.policy(deadline=3600.0),
        clock=lambda: scene.now,
        sleep=sleep,
        on_progress=lambda _line: None,
    )
    assert len(result.history) == HISTORY_LIMIT
    assert result.history[0]["elapsed"] == 0


def test_the_history_has_the_states_of_each_target() -> None:
    scene = three()
    before, _lines = wait(scene, scene.policy("before", targets=["rc1"]))
    scene.kill("rc1")
    policy = scene.policy("after", targets=["rc1"], before=before.to_dict(), deadline=90.0)
    events = {20.0: lambda: scene.restart("rc1"), 30.0: lambda: scene.cut.add(frozenset({"rc1-2", "rc3-1"}))}
    result, _lines = wait(scene, policy, events=events)
    told = [
        (change["elapsed"], [(m["name"], m["instance_id"], m["serving"], m["code"]) for m in change["members"]])
        for change in result.to_dict()["history"]
    ]
    assert told == [
        (0, [("rc1", None, False, "unreachable")]),
        (20, [("rc1", "rc1-2", False, "too_young")]),
        (30, [("rc1", "rc1-2", False, "too_young"), ("rc3", "rc3-1", True, "not_linked")]),
        (50, [("rc1", "rc1-2", True, "not_linked"), ("rc3", "rc3-1", True, "not_linked")]),
    ]


def test_the_history_has_lost_observations() -> None:
    scene = three()
    scene.lost = "lb1 out of reach"
    result, _lines = wait(scene, scene.policy(deadline=0.0))
    assert [change["members"] for change in result.history] == [None]


def test_unclaimed_records_are_listed_worst_first() -> None:
    scene = three()
    scene.remnants = {"old": -900.0, "fresh": 0.0, "ahead": 900.0}
    result, _lines = wait(scene, scene.policy())
    assert result.to_dict()["unclaimed"] == [
        {"instance_id": "ahead", "state": "ghost", "place": None},
        {"instance_id": "old", "state": "expired", "place": None},
        {"instance_id": "fresh", "state": "isolated", "place": None},
    ]


def test_a_process_without_a_record_is_not_an_unclaimed_record() -> None:
    scene = three()
    scene["rc1"].error, scene["rc1"].record = "broker_down", False
    result, _lines = wait(scene, scene.policy(deadline=0.0))
    assert result.to_dict()["unclaimed"] == []
    assert "rc1-1" in result.to_dict()["ids"]


def test_the_result_has_its_start_time_if_a_clock_is_given() -> None:
    scene = three()
    moment = datetime(2026, 3, 1, 2, 13, 5, 417000, tzinfo=timezone.utc)
    told = judge_once(scene.observe(), scene.policy(), began=moment)
    assert told.to_dict()["began"] == "2026-03-01T02:13:05.417Z"
    assert judge_once(scene.observe(), scene.policy()).to_dict()["began"] is None


def test_the_result_has_one_structure_and_is_json() -> None:
    scene = three()
    good, _lines = wait(scene, scene.policy())
    scene.kill("rc1")
    bad, _lines = wait(scene, scene.policy(deadline=0.0))
    assert json.loads(json.dumps(good.to_dict())).keys() == bad.to_dict().keys()


def test_a_failure_has_the_full_message_of_the_first_node() -> None:
    scene = three()
    for node in scene.nodes.values():
        node.error = "unauthorized"
    result, _lines = wait(scene, scene.policy())
    assert (result.verdict.outcome.value, result.observations) == ("fail", 2)
    assert result.message.endswith("; waited 5 s; rc1: GET http://rc1:3000: as scripted")


def test_a_failure_without_an_error_of_a_node_has_no_further_message() -> None:
    scene = three()
    before, _lines = wait(scene, scene.policy("before", targets=["rc1"]))
    scene.restart("rc1", version="7.10.5")
    policy = scene.policy("after", targets=["rc1"], before=before.to_dict(), expected_version="7.11.0")
    result, _lines = wait(scene, policy)
    assert result.verdict.outcome.value == "fail"
    assert result.message.endswith("rc1 runs 7.10.5, 7.11.0 expected; waited 5 s")


def of_batch(**options: Any) -> tuple[Scene, Policy]:
    """Both targets are deployed; rc1 is back at once, rc2 is not."""
    scene = Scene.of("rc1", "rc2", "rc3")
    before, _lines = wait(scene, scene.policy("before", targets=["rc1", "rc2"], min_serving="1"))
    scene.restart("rc1")
    scene.kill("rc2")
    return scene, scene.policy("after", targets=["rc1", "rc2"], before=before.to_dict(), min_serving="3", **options)


def test_the_gate_returns_as_soon_as_another_target_is_ready() -> None:
    scene, policy = of_batch()
    result, _lines = wait(scene, policy, known_ready=frozenset())
    assert (result.verdict.outcome.value, result.verdict.ready, scene.now) == ("wait", ("rc1",), 30)
    assert result.message == "2 of 3 members serve, 3 needed: rc2 unreachable (as scripted); waited 30 s, rc1 ready"


def test_a_returned_gate_continues_with_its_memory_and_its_deadline() -> None:
    scene, policy = of_batch(deadline=100.0)
    back = {20.0: lambda: scene.restart("rc2")}
    first, _lines = wait(scene, policy, events=back, known_ready=frozenset())
    memory = Memory.from_dict(json.loads(json.dumps(first.memory.to_dict())))
    scene.now += 2.5  # rc1 was put back into rotation meanwhile
    second, lines = wait(scene, policy, memory=memory, waited=32.5, known_ready=frozenset(first.verdict.ready))
    assert (second.passed, scene.now) == (True, 52.5)  # stable_for (30 s) did not begin again
    assert lines[0].startswith("waiting, 32 of 100 s: ")
    assert second.message == "3 of 3 members serve, 3 needed; waited 52 s"
    assert second.to_dict()["history"][-1]["elapsed"] == 52.5


def test_time_spent_in_a_previous_call_counts_for_the_deadline() -> None:
    scene, policy = of_batch(deadline=100.0)
    first, _lines = wait(scene, policy, known_ready=frozenset())
    second, _lines = wait(scene, policy, memory=first.memory, waited=first.elapsed, known_ready={"rc1"})
    assert (scene.now, second.elapsed, second.verdict.ready) == (100, 100, ("rc1",))
    assert second.message.endswith("; waited 100 s, the deadline of 100 s has passed")
    third, _lines = wait(scene, policy, memory=second.memory, waited=second.elapsed, known_ready={"rc1"})
    assert (third.observations, scene.now) == (1, 100)


def test_the_gate_returns_for_one_target_only_on_request() -> None:
    scene, policy = of_batch(deadline=100.0)
    result, _lines = wait(scene, policy)
    assert (scene.now, result.verdict.ready) == (100, ("rc1",))


def test_a_target_that_becomes_ready_is_a_change() -> None:
    """It is in the history, and the time without changes begins again."""
    scene, policy = of_batch(progress_deadline=40.0)
    result, _lines = wait(scene, policy)
    assert [change["elapsed"] for change in result.history] == [0, 30]
    assert (scene.now, result.gave_up) == (70, "nothing changed for 40 s (progress_deadline)")


def test_the_result_has_the_status_of_each_target() -> None:
    scene, policy = of_batch(deadline=60.0, expected_version="7.11.0")
    result, _lines = wait(scene, policy, events={5.0: lambda: scene.restart("rc2", version="7.10.0")})
    told = result.to_dict()
    assert (told["verdict"], told["ready"], told["failed_targets"], told["pending"]) == ("fail", ["rc1"], ["rc2"], [])
    assert "memory" not in told


def test_targets_of_which_nothing_can_be_observed_are_pending() -> None:
    _scene, policy = of_batch()

    def observe(_statistics_of: Any) -> Any:
        raise ObserverError("requests is missing on lb1")

    memory = Memory(disturbed=True)
    result = run(
        observe,
        policy,
        clock=lambda: 0.0,
        sleep=lambda _seconds: None,
        on_progress=lambda _line: None,
        memory=memory,
    )
    assert (result.verdict.pending, result.memory) == (("rc1", "rc2"), memory)


def test_in_check_mode_one_observation_finds_permanent_failures() -> None:
    scene = three()
    before, _lines = wait(scene, scene.policy("before", targets=["rc1", "rc2"], min_serving="1"))
    scene.restart("rc1", version="7.10.0")
    how = {"targets": ["rc1", "rc2"], "before": before.to_dict(), "expected_version": "7.11.0"}
    result, _lines = wait(scene, scene.policy("after", check_mode=True, **how))
    assert (result.verdict.outcome.value, result.observations) == ("fail", 1)


def test_the_deadline_begins_after_the_time_that_a_pass_must_hold() -> None:
    scene = three()
    result, lines = wait(scene, scene.policy(hold_for=50.0, deadline=40.0))
    assert (result.passed, scene.now) == (True, 50)
    assert lines[0] == "waiting, 0 of 90 s: 3 of 3 members serve, 3 needed: healthy for 0 of 50 s (hold_for)"
    scene = three()
    result, _lines = wait(scene, scene.policy(hold_for=50.0, deadline=40.0), events={45.0: lambda: scene.kill("rc3")})
    assert scene.now == 90
    assert result.message.endswith("; waited 90 s, the deadline of 40 s after hold_for (50 s) has passed")


def test_waiting_for_hold_for_counts_as_a_change() -> None:
    scene = three()
    result, _lines = wait(scene, scene.policy(hold_for=100.0, progress_deadline=20.0))
    assert (result.passed, scene.now) == (True, 100)
