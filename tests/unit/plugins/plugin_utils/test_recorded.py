# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter and the test on recorded results: the gate's verdict, and refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.rocketops.rocketchat.plugins.filter import verdict as filter_module
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import cluster_information
from ansible_collections.rocketops.rocketchat.plugins.test import healthy as test_module
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

verdict = filter_module.FilterModule().filters()["verdict"]
healthy = test_module.TestModule().tests()["healthy"]
MEMBERS = [{"name": name, "url": f"http://{name}:3000"} for name in ("rc1", "rc2", "rc3")]


def recording(scene: Scene | None = None, *, alone: str = "", readiness: bool = False) -> dict[str, Any]:
    """A result of instances_info, read from JSON; ``alone``: a result with ``url``, of this node."""
    observation = (scene or Scene.of("rc1", "rc2", "rc3")).observe()
    if alone:
        views = tuple(view for view in observation.views if view.member.name == alone)
        observation = type(observation)(views=views, at=observation.at)
    result = cluster_information(observation, max_age=30.0, details=True, readiness=readiness)
    if alone:
        result["views"][0]["member"] = f"{alone}:3000"
        del result["views"][0]["instances"]
    loaded: dict[str, Any] = json.loads(json.dumps(result))
    return loaded


def test_a_healthy_recording_passes() -> None:
    result = verdict(recording(), {"members": MEMBERS})
    assert (result["verdict"], result["serving"]) == ("pass", ["rc1", "rc2", "rc3"])
    assert healthy(recording(), {"members": MEMBERS})


def test_a_recording_without_the_needed_data_is_refused() -> None:
    recorded = recording()
    twice = {**recorded, "views": [recorded["views"][0], *recorded["views"]]}
    with pytest.raises(AnsibleFilterError, match="two views of one member"):
        verdict(twice, {"members": MEMBERS})
    with pytest.raises(AnsibleFilterError, match="the recording has no readiness: record with gather"):
        verdict(recorded, {"members": MEMBERS, "readiness": "required"})


def test_missing_readiness_is_judged_like_the_gate_does() -> None:
    policy = {"members": MEMBERS, "readiness": "required"}
    scene = Scene.of("rc1", "rc2", "rc3")
    result = verdict(recording(scene, readiness=True), policy)  # before 7.11
    assert result["verdict"] == "pass"
    assert {finding["code"] for finding in result["findings"]} == {"readiness_unknown"}
    for name in ("rc1", "rc2", "rc3"):
        scene.kill(name)
    assert verdict(recording(scene, readiness=True), policy)["verdict"] == "wait"
    assert not healthy(recording(scene, readiness=True), policy)


def test_a_policy_can_be_tried_on_a_recording() -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.kill("rc2")
    recorded = recording(scene)
    assert verdict(recorded, {"members": MEMBERS})["msg"].startswith("2 of 3 members serve, 3 needed: rc2 unreachable")
    assert not healthy(recorded, {"members": MEMBERS})
    assert healthy(recorded, {"members": MEMBERS, "min_serving": 2})
    assert healthy(recorded, {"members": MEMBERS, "min_serving": "60%"})
    assert verdict(recorded, {"members": MEMBERS, "phase": "before", "targets": ["rc2"]})["verdict"] == "pass"
    assert verdict(recorded, {"members": MEMBERS, "phase": "before", "targets": ["rc1"]})["verdict"] == "wait"


def test_a_recording_of_one_url_is_judged() -> None:
    recorded = recording(alone="rc1")
    policy = {"url": "http://rc1:3000", "expected": 3}
    assert healthy(recorded, policy)
    assert not healthy(recorded, {**policy, "expected": 4})


@pytest.mark.parametrize("kind", ["old_shape", "microservices"])
def test_an_unjudgeable_recording_is_not_healthy(kind: str) -> None:
    recorded = recording(alone="rc1")
    if kind == "old_shape":
        recorded["views"][0].update(old_shape=True, answered_by=None)
    for record in recorded["instances"] if kind == "microservices" else ():
        record.update(name="ddp-streamer", local=False, connected=False)
    assert verdict(recorded, {"url": "http://rc1:3000", "expected": 3})["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("recorded", "policy", "message"),
    [
        (
            recording(),
            {"members": [*MEMBERS, {"name": "rc4", "url": "http://rc4"}]},
            "the recording has no view of rc4, only of rc1, rc2",
        ),
        (
            recording(alone="rc1"),
            {"members": MEMBERS},
            "the recording has no view of rc1, rc2, rc3, only of rc1:3000",
        ),
        (
            recording(),
            {"url": "http://rc1:3000", "expected": 3},
            "the recording has no view of rc1:3000, only of rc1, rc2, rc3",
        ),
        (recording(), {"members": MEMBERS, "min_serving": 4}, "min_serving 4 needs 4 to serve"),
        (recording(), {"members": MEMBERS, "minserving": 2}, "unsupported options: minserving"),
        (recording(), {"members": MEMBERS, "phase": "after", "targets": ["rc1"]}, "phase: after needs before"),
        (recording(), "strict", "the policy is not a dictionary"),
        (
            [],
            {"members": MEMBERS},
            "the recording is not a result of instances_info: register it and pass it on unchanged",
        ),
        ({"failed": True, "msg": "refused"}, {"members": MEMBERS}, "views is not a list"),
        ({**recording(), "views": [1]}, {"members": MEMBERS}, "a view is not a dictionary"),
    ],
)
def test_a_wrong_recording_or_policy_is_refused(recorded: Any, policy: Any, message: str) -> None:
    for of in (verdict, healthy):
        with pytest.raises(AnsibleFilterError, match=message):
            of(recorded, policy)


def test_the_documented_examples_work(tmp_path: Path) -> None:
    """The examples run as tasks of a play, on the result of the task before."""
    policy = {"members": [{"name": name, "url": f"http://{name}.example.com:3000"} for name in ("rc1", "rc2", "rc3")]}
    tasks = [task for module in (filter_module, test_module) for task in yaml.safe_load(module.EXAMPLES)]
    judging = [task for task in tasks if "rocketops.rocketchat.instances_info" not in task]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": judging}
    (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    variables = {"recorded": recording(), "policy": policy}
    (tmp_path / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    (tmp_path / "ansible.cfg").touch()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-e", f"@{tmp_path}/variables.json", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 members serve, 2 needed" in done.stdout
    assert len(judging) == 2
