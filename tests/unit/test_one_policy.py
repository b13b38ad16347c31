# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One policy has the same meaning for the gate, the filter and the event source."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.filter.verdict import verdict
from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.watch import watch_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import cluster_information
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._watching import watch_params
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation

POLICY = {
    "members": [{"name": name, "url": f"http://{name}:3000"} for name in ("rc1", "rc2", "rc3")],
    "min_serving": "60%",
    "expected_version": "7.10.0",
    "ping_interval": 5,
    "links": "connected",
    "stable_for": 20,
    "interval": 2,
    "deadline": 300,
    "waive": [{"code": "not_linked", "pair": ["rc1", "rc3"], "reason": "on two sites"}],
}


def _young(scene: Scene) -> None:
    for name in ("rc1", "rc2"):
        scene[name].started = -10.0


def _two_down(scene: Scene) -> None:
    scene.kill("rc2")
    scene.kill("rc3")


def _cut(scene: Scene, *ids: str) -> None:
    scene.cut.add(frozenset(ids))


SITUATIONS: dict[str, tuple[Callable[[Scene], None], str]] = {
    "well": (lambda _scene: None, "pass"),
    "one is down": (lambda scene: scene.kill("rc2"), "pass"),
    "two are down": (_two_down, "wait"),
    "two are young": (_young, "wait"),
    "cut off, which is waived": (lambda scene: _cut(scene, "rc1-1", "rc3-1"), "pass"),
    "cut off, which is not": (lambda scene: _cut(scene, "rc1-1", "rc2-1"), "wait"),
    "another version": (lambda scene: setattr(scene["rc3"], "version", "7.9.0"), "wait"),
    "no version": (lambda scene: setattr(scene["rc3"], "version", None), "wait"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_gate_filter_and_event_source_give_the_same_verdict(situation: str) -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    change, outcome = SITUATIONS[situation]
    change(scene)
    observation = scene.observe()
    said = [of(observation) for of in (_by_the_gate, _by_the_filter, _by_the_event_source)]
    assert said[0]["verdict"] == outcome
    assert said[0] == said[1] == said[2]


def _by_the_gate(observation: Observation) -> dict[str, Any]:
    params = validated(GATE, POLICY, set())
    result = judge_once(observation, policy_from(params, members_from(params)))
    return _essence(result.to_dict(), result.verdict.summary)


def _by_the_filter(observation: Observation) -> dict[str, Any]:
    recorded = json.loads(json.dumps(cluster_information(observation, max_age=15.0, details=False, readiness=False)))
    result = verdict(recorded, POLICY)
    return _essence(result, result["msg"].rpartition("; waited")[0])


def _by_the_event_source(observation: Observation) -> dict[str, Any]:
    params = watch_params({"policy": POLICY}, set())
    (event,) = watch_from(params, policy_from(params, members_from(params))).events(
        observation, datetime.now(timezone.utc)
    )
    return _essence({**event["cluster"], **event}, event["msg"])


def _essence(result: dict[str, Any], summary: str) -> dict[str, Any]:
    return {**{name: result[name] for name in ("verdict", "serving", "needed", "findings")}, "summary": summary}
