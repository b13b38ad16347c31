# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sample rulebook, run by ansible-rulebook against real processes: a node dies, and a playbook repairs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator_driver import Emulator

RULEBOOK = "rocketops.rocketchat.watch"
FAST = {"min_serving": 2, "ping_interval": 0.5, "interval": 0.5, "stable_for": 2, "link_memory": 2, "timeout": 1}
LIMIT = 60.0

pytestmark = pytest.mark.skipif(
    shutil.which("java") is None and not os.environ.get("EDA_REQUIRED"),
    reason="ansible-rulebook needs Java 17: apt-get install openjdk-17-jre-headless",
)

REPAIR = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ ansible_eda.event | to_json }}"
        dest: "FOLDER/repaired_{{ inventory_hostname }}.json"
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


def test_a_dead_node_is_repaired(emulator: Emulator, tmp_path: Path) -> None:
    _configure(emulator, tmp_path)
    with (tmp_path / "output").open("w") as output, _rulebook(tmp_path, output) as rulebook:
        try:
            _until(lambda: "3 of 3 members serve, 2 needed" in _said(tmp_path), tmp_path)
            emulator.run("kill", "rc2")
            _until((tmp_path / "repaired_rc2.json").exists, tmp_path)
            emulator.run("kill", "rc3")
            _until(lambda: "1 of 3 members serve, 2 needed: " in _said(tmp_path), tmp_path)
            assert rulebook.poll() is None
        finally:
            rulebook.terminate()
    event = json.loads((tmp_path / "repaired_rc2.json").read_text(encoding="utf-8"))
    assert (event["member"], event["previous"], event["current"]) == ("rc2", "serving", "unreachable")
    assert event["meta"]["hosts"] == ["rc2"]
    assert event["meta"]["source"]["type"] == "rocketops.rocketchat.instances"
    assert [path.name for path in tmp_path.glob("repaired_*")] == ["repaired_rc2.json"]
    assert emulator.document["admin"]["auth_token"] not in _said(tmp_path)


def _configure(emulator: Emulator, folder: Path) -> None:
    nodes = [{"name": node["name"], "url": node["url"]} for node in emulator.document["nodes"]]
    admin = emulator.document["admin"]
    (folder / "repair.yml").write_text(REPAIR.replace("FOLDER", str(folder)), encoding="utf-8")
    variables = {
        "policy": {**FAST, "members": nodes},
        "user_id": admin["user_id"],
        "auth_token": admin["auth_token"],
        "playbook": str(folder / "repair.yml"),
    }
    (folder / "watch.yml").write_text(json.dumps(variables), encoding="utf-8")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {node["name"]: local for node in nodes}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")


def _rulebook(folder: Path, output: IO[str]) -> subprocess.Popen[bytes]:
    arguments = ["--rulebook", RULEBOOK, "--inventory", "hosts.yml", "--vars", "watch.yml"]
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-rulebook"), *arguments],
        cwd=folder,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def _said(folder: Path) -> str:
    return (folder / "output").read_text(encoding="utf-8")


def _until(condition: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, _said(folder)
        time.sleep(0.1)
