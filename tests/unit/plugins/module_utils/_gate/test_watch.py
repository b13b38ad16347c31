# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watch on scripted clusters: an event for every lasting change, and none for short ones."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.watch import Event, Watch
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene, params

MEMBERS = [{"name": name, "url": f"http://{name}:3000"} for name in ("rc1", "rc2")]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Watching:
    """A watched scene, with five seconds between two observations."""

    def __init__(self, *, heartbeat: float | None = None, **options: Any) -> None:
        self.scene = Scene.of("rc1", "rc2", "rc3")
        self.watch = Watch(self.scene.policy(**options), heartbeat=heartbeat)
        (self.first,) = self.look()

    def look(self, looks: int = 1) -> list[Event]:
        events: list[Event] = []
        for _look in range(looks):
            events += self.watch.events(self.scene.observe(), START + timedelta(seconds=self.scene.now))
            self.scene.now += 5
        return events


def changes(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(event["member"] or event["type"], event["previous"], event["current"]) for event in events]


def test_the_whole_state_comes_first() -> None:
    watching = Watching()
    event = watching.first
    assert changes([event]) == [("state", None, "pass")]
    assert event["cluster"]["serving"] == ["rc1", "rc2", "rc3"]
    assert event["cluster"]["members"][0] == {
        "name": "rc1",
        "state": "serving",
        "instance_id": "rc1-1",
        "answered_by": "rc1-1",
        "version": "7.10.0",
    }
    assert event["meta"]["hosts"] == []
    assert json.loads(json.dumps(event)) == event
    assert watching.look(20) == []


def test_events_of_a_node_that_dies_and_comes_back() -> None:
    watching = Watching()
    watching.scene.kill("rc2")
    assert watching.look() == []  # one missing view sends no event
    member, verdict = watching.look()
    assert changes([member, verdict]) == [("rc2", "serving", "unreachable"), ("verdict", "pass", "wait")]
    assert member["since"] == "2026-01-01T00:00:05.000Z"
    assert member["meta"]["hosts"] == verdict["meta"]["hosts"] == ["rc2"]
    assert [finding["code"] for finding in member["findings"]] == ["unreachable"]
    assert verdict["msg"].startswith("2 of 3 members serve, 3 needed: rc2 unreachable")
    assert member["meta"]["uuid"] != verdict["meta"]["uuid"]
    assert watching.look(10) == []
    watching.scene.restart("rc2")
    assert changes(watching.look(2)) == [("rc2", "unreachable", "too_young")]
    assert changes(watching.look(5)) == [("rc2", "too_young", "serving"), ("verdict", "wait", "pass")]
    assert watching.look(20) == []


def test_a_view_that_is_missing_once_is_no_event() -> None:
    watching = Watching()
    watching.look(6)
    for _time in range(5):
        watching.scene["rc2"].error = "timeout"
        assert watching.look() == []
        watching.scene["rc2"].error = None
        assert watching.look(3) == []


def test_a_node_that_fails_in_different_ways_is_one_event() -> None:
    watching = Watching()
    events = []
    for error in ("timeout", "unreachable", "timeout", "unreachable", "server_error"):
        watching.scene["rc2"].error = error
        events += watching.look()
    assert changes(events) == [("rc2", "serving", "unreachable"), ("verdict", "pass", "wait")]
    assert changes(watching.look()) == [("rc2", "unreachable", "server_error")]


def test_a_node_that_hung_serves_again_after_stable_for() -> None:
    watching = Watching()
    watching.scene["rc2"].error = "timeout"
    watching.look(3)
    watching.scene["rc2"].error = None
    assert watching.look(5) == []
    watching.scene["rc2"].error = "timeout"
    watching.look(2)
    watching.scene["rc2"].error = None
    assert watching.look(5) == []
    assert changes(watching.look(2)) == [("rc2", "timeout", "serving"), ("verdict", "wait", "pass")]


def test_a_link_that_is_cut_changes_the_verdict_alone() -> None:
    watching = Watching()
    watching.scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    (event,) = watching.look(4)
    assert changes([event]) == [("verdict", "pass", "wait")]
    assert event["findings"][0]["code"] == "not_linked"
    assert event["meta"]["hosts"] == ["rc1", "rc2"]


def test_a_permanent_failure_changes_the_verdict_to_fail() -> None:
    watching = Watching()
    for name in ("rc1", "rc2", "rc3"):
        watching.scene[name].error = "unauthorized"
    assert changes(watching.look(2))[-1] == ("verdict", "pass", "fail")


def test_one_lost_observation_is_no_event() -> None:
    watching = Watching()
    watching.scene.lost = "out of reach"
    assert watching.look() == []
    assert changes(watching.look(3)) == [("verdict", "pass", "wait")]  # no member is known
    watching.scene.lost = None
    assert changes(watching.look(10)) == [("verdict", "wait", "pass")]


def test_the_heartbeat_has_the_whole_state() -> None:
    watching = Watching(heartbeat=20)
    events = watching.look(12)
    assert changes(events) == [("heartbeat", "pass", "pass")] * 3
    assert events[0]["cluster"] == watching.first["cluster"]


class WatchingOne:
    """Two instances behind one URL, which leads to rc1."""

    def __init__(self) -> None:
        self.scene = Scene.of("rc1", "rc2")
        self.watch = Watch(policy_from(params(expected=2), self.scene.members[:1]))

    def look(self, looks: int) -> list[Event]:
        events: list[Event] = []
        for _look in range(looks):
            observation = self.scene.observe()
            events += self.watch.events(replace(observation, views=observation.views[:1]), START)
            self.scene.now += 5
        return events


def test_instances_behind_one_url_come_and_go() -> None:
    watching = WatchingOne()
    assert changes(watching.look(3)) == [("state", None, "pass")]
    watching.scene.restart("rc2")
    watching.scene.remnants.clear()
    events = watching.look(20)
    assert [change for change in changes(events) if change[0] != "verdict"] == [
        ("rc2-1", "serving", "gone"),
        ("rc2-2", "gone", "too_young"),
        ("rc2-2", "too_young", "serving"),
    ]
    # An empty limit would mean all hosts, and the server chooses the ids, so neither is used.
    assert all(event["meta"]["hosts"] == ["instances-are-no-hosts"] for event in events[:-1])
    assert changes(events)[-1] == ("verdict", "wait", "pass")
    assert events[-1]["meta"]["hosts"] == []


@pytest.mark.parametrize("error", ["timeout", "rate_limited", "unauthorized"])
def test_a_url_that_does_not_answer_sends_no_events_of_instances(error: str) -> None:
    watching = WatchingOne()
    watching.look(3)
    watching.scene["rc1"].error = error
    assert {change[0] for change in changes(watching.look(4))} == {"verdict"}
    watching.scene["rc1"].error = None
    assert {change[0] for change in changes(watching.look(20))} == {"verdict"}


def test_instances_of_a_url_that_answers_late_are_no_change() -> None:
    watching = WatchingOne()
    watching.scene["rc1"].error = "timeout"
    assert [change[0] for change in changes(watching.look(3))] == ["state"]
    watching.scene["rc1"].error = None
    assert {change[0] for change in changes(watching.look(20))} == {"verdict"}


def test_a_node_that_answers_every_second_time_does_not_serve_again() -> None:
    watching = Watching()
    watching.scene["rc2"].error = "server_error"
    watching.look(2)
    for _time in range(12):
        watching.scene["rc2"].error = None
        assert watching.look() == []
        watching.scene["rc2"].error = "server_error"
        assert watching.look() == []
    watching.scene["rc2"].error = None
    assert changes(watching.look(10)) == [("rc2", "server_error", "serving"), ("verdict", "wait", "pass")]


def test_the_pauses_grow_while_no_node_answers() -> None:
    watching = Watching()
    for name in ("rc1", "rc2", "rc3"):
        watching.scene.kill(name)
    pauses = []
    for _look in range(8):
        watching.look()
        pauses.append(watching.watch.pause_after(watching.scene.observe()))
    assert pauses[0] == 5.0
    assert 7.5 <= pauses[1] <= 12.5
    assert all(45 <= pause <= 75 for pause in pauses[5:])
    assert len(set(pauses[5:])) > 1  # random, so that many watches do not ask at the same time
    watching.scene.restart("rc1")
    watching.look()
    assert watching.watch.pause_after(watching.scene.observe()) == 5.0


def test_rate_limits_are_respected() -> None:
    watching = Watching()
    watching.scene["rc1"].rate_limit = {"limit": 10, "remaining": 0, "reset_after": 42.0}
    assert watching.watch.pause_after(watching.scene.observe()) == 42.0
    watching.scene["rc1"].rate_limit = {"limit": 10, "remaining": 7, "reset_after": 42.0}
    assert watching.watch.pause_after(watching.scene.observe()) == 7.0


def test_rate_limits_are_respected_while_no_node_answers() -> None:
    watching = Watching()
    for name in ("rc1", "rc2", "rc3"):
        watching.scene[name].error = "rate_limited"
    watching.look(3)
    observation = watching.scene.observe()
    limited = replace(observation.views[0], rate_limit={"limit": 10, "remaining": 0, "reset_after": 59.0})
    observation = replace(observation, views=(limited, *observation.views[1:]))
    assert min(watching.watch.pause_after(observation) for _time in range(200)) == 59.0


def test_the_memory_does_not_grow_over_time() -> None:
    watching = Watching()
    sizes = []
    for restart in range(60):
        watching.scene.restart(("rc1", "rc2", "rc3")[restart % 3])
        watching.scene.remnants.clear()
        watching.look(12)
        sizes.append(len(repr(vars(watching.watch))))
    assert max(sizes[30:]) <= max(sizes[:30]) * 1.02


def test_an_observation_without_views_does_not_end_the_watch() -> None:
    watching = Watching()
    assert watching.watch.events(Observation(views=(), at=5.0), START) == []
