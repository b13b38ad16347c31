# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules, shipped to a host with another Python, TARGET_PYTHON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = os.environ["TARGET_PYTHON"]
FAST = {"ping_interval": 1, "interval": 0.1, "stable_for": 0, "link_memory": 0, "deadline": 10}


@pytest.fixture
def url() -> Iterator[str]:
    def answer(handler: Handler) -> None:
        scene = Scene.today("rc1")
        if handler.path == "/api/info":
            handler.reply(200, {"success": True, "info": {"version": "7.11.0"}})
        else:
            handler.reply(200, {"success": True, "instances": [scene._item(scene["rc1"], scene["rc1"])]})

    with serving(answer) as server:
        yield server.url


def tasks(url: str) -> list[dict[str, Any]]:
    nodes = {"members": [{"name": "rc1", "url": url}], "user_id": "me", "auth_token": "t0ken"}
    given = {"instances_info": nodes, "instances_facts": nodes, "cluster_gate": {**nodes, **FAST}}
    return [
        {"name": name, f"rocketops.rocketchat.{name}": options, "register": name} for name, options in given.items()
    ]


def test_the_modules_run_on_the_target(url: str, tmp_path: Path) -> None:
    content = "{{ {" + ", ".join(f"'{task['register']}': {task['register']}" for task in tasks(url)) + "} | to_json }}"
    keep = {"name": "Keep", "ansible.builtin.copy": {"content": content, "dest": str(tmp_path / "results.json")}}
    # The module of a task with an environment is shipped, even to this machine.
    ask = {"name": "Ask", "block": tasks(url), "environment": {"SHIPPED": "1"}}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [ask, keep]}
    (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    (tmp_path / "ansible.cfg").touch()
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-e", f"ansible_python_interpreter={PYTHON}", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["instances_info"]["cluster"]["alive"] == 1
    assert results["instances_facts"]["ansible_facts"]["rocketchat"]["cluster"]["versions"] == ["7.11.0"]
    assert (results["cluster_gate"]["verdict"], results["cluster_gate"]["serving"]) == ("pass", ["rc1"])
