# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rolling update with ``ansible-runner transmit | worker | process``, as execution nodes of AWX run jobs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.runner.conftest import ELSEWHERE
from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import NEW, OLD, emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import WAITING, inventory_of
from emulator_driver import PACKAGE_PARENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator_driver import Emulator

HERE = Path(__file__).parent
PLAYBOOK = "rocketops.rocketchat.rolling_update"
NODES = ("rc1", "rc2", "rc3")
LIMIT = 60.0  # seconds


@dataclass(frozen=True)
class Job:
    """A transmitted job. Only ``result`` is on the side that sent it."""

    folder: Path
    worker: subprocess.Popen[bytes]
    process: subprocess.Popen[bytes]

    @property
    def result(self) -> Path:
        return self.folder / "result" / "artifacts"

    def events(self) -> list[dict[str, Any]]:
        """All events so far; while the job runs, the last one may be incomplete."""
        paths = sorted(self.result.glob("job_events/*-*.json"), key=lambda path: int(path.name.partition("-")[0]))
        found = []
        for text in (path.read_text(encoding="utf-8") for path in paths):
            with suppress(json.JSONDecodeError):
                found.append(json.loads(text))
        return found

    def said(self) -> list[str]:
        """The progress lines of the gates."""
        verbose = [event["stdout"] for event in self.events() if event["event"] == "verbose"]
        return [line for line in verbose if line.startswith("[roll]")]

    def over(self) -> tuple[str, int]:
        self.process.wait(LIMIT)
        status, code = ((self.result / name).read_text(encoding="utf-8") for name in ("status", "rc"))
        return status, int(code)

    def living(self, emulator: Emulator) -> list[str]:
        """Processes that were started for the job, without the nodes that it has deployed."""
        nodes = {str(pid) for pid in emulator.processes()}
        return [name for name in os.listdir("/proc") if name.isdigit() and name not in nodes and self._is_ours(name)]

    def _is_ours(self, pid: str) -> bool:
        try:
            known = [Path("/proc", pid, name).read_bytes() for name in ("cmdline", "environ")]
        except OSError:
            return False
        return any(str(self.folder).encode() in text for text in known)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


@contextmanager
def transmitted(emulator: Emulator, installed: Path, folder: Path, **variables: Any) -> Iterator[Job]:
    """A job for rc1 in its three parts, each with its own folder; all end with the block."""
    _prepare(emulator, folder / "order", variables)
    environment = {**ELSEWHERE, "ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_HOME": str(folder / "home")}
    parts = (
        ["transmit", str(folder / "order"), "--playbook", PLAYBOOK, "--limit", NODES[0]],
        ["worker", "--private-data-dir", str(folder / "execution")],
        ["process", str(folder / "result")],
    )
    with ExitStack() as stack:
        running: list[subprocess.Popen[bytes]] = []
        for part in parts:
            previous = running[-1].stdout if running else subprocess.DEVNULL
            one = subprocess.Popen(
                ["ansible-runner", *part], stdin=previous, stdout=subprocess.PIPE, env=environment, cwd=folder
            )
            running.append(stack.enter_context(one))
        job = Job(folder, running[1], running[2])
        try:
            yield job
        finally:
            for pid in job.living(emulator):
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def _prepare(emulator: Emulator, folder: Path, variables: dict[str, Any]) -> None:
    """Write a private data directory, as in ansible-runner's documentation."""
    shutil.copytree(HERE / "project", folder / "project")
    hosts = {node["name"]: {"rocketchat_url": node["url"]} for node in emulator.document["nodes"]}
    waiting = {f"health_gate_{name}": value for name, value in WAITING.items()}
    inventory = inventory_of(
        {"rocketchat": NODES},
        hosts,
        **waiting,
        emulator=f"env PYTHONPATH={PACKAGE_PARENT} {sys.executable} -m rocketchat_emulator",
        emulator_state=str(emulator.state_dir),
        # Relative to the inventory: the job runs in another folder than this one.
        rolling_update_deploy="../project/deploy.yml",
    )
    admin = emulator.document["admin"]
    extra = {
        "health_gate_username": admin["username"],
        "health_gate_password": admin["password"],
        "health_gate_expected_version": NEW,
        "fault": "none",
        **variables,
    }
    for name, content in {"inventory/hosts.json": inventory, "env/extravars": extra}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def _until(condition: Callable[[], Any], job: Job) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, job.said()
        time.sleep(0.1)


def test_a_roll_prints_progress_and_deploys(emulator: Emulator, installed: Path, tmp_path: Path) -> None:
    before = emulator.id("rc1")
    with transmitted(emulator, installed, tmp_path) as job:
        assert job.over() == ("successful", 0)
        assert job.living(emulator) == []
    assert [emulator.node(name)["version"] for name in NODES] == [NEW, OLD, OLD]
    assert emulator.id("rc1") != before
    progress = [line for line in job.said() if line.startswith("[roll] after rc1: ")]
    assert "waiting, 0 of 600 s: " in progress[0]
    assert re.search(r"after rc1: passed: 3 of 3 members serve, 3 needed; waited \d+ s$", progress[-1])
    shown = "".join(path.read_text(encoding="utf-8") for path in job.result.rglob("*") if path.is_file())
    assert emulator.document["admin"]["password"] not in shown
    assert emulator.run("status")["sessions"] == 0


def test_a_stopped_roll_fails_the_job(emulator: Emulator, installed: Path, tmp_path: Path) -> None:
    with transmitted(emulator, installed, tmp_path, fault="never_ready", health_gate_deadline=4) as job:
        assert job.over() == ("failed", 2)
        assert job.living(emulator) == []
    (failure,) = (event["event_data"]["res"]["msg"] for event in job.events() if event["event"] == "runner_on_failed")
    assert re.search(r"^the roll stopped at rc1; 2 of 3 members serve, 3 needed: rc1 .*, the deadline of 4 s", failure)
    assert [emulator.node(name)["version"] for name in NODES] == [NEW, OLD, OLD]
    assert emulator.run("status")["sessions"] == 0


def test_a_cancelled_roll_leaves_no_process(emulator: Emulator, installed: Path, tmp_path: Path) -> None:
    """It is cancelled while the gate waits. Ansible is killed, so its worker must notice that and end."""
    with transmitted(emulator, installed, tmp_path, fault="never_ready") as job:
        _until(lambda: any("after rc1: waiting" in line for line in job.said()), job)
        assert job.living(emulator)
        job.worker.send_signal(signal.SIGTERM)
        assert job.over() == ("canceled", 254)
        _until(lambda: not job.living(emulator), job)
    assert [emulator.node(name)["version"] for name in NODES] == [NEW, OLD, OLD]
    assert emulator.run("status")["sessions"] == 0
