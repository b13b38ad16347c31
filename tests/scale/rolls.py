# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls of many emulated nodes, and what the emulator's database shows meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import requests

from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import await_well, members_of
from emulator_driver import Emulator
from rocketchat_emulator.database import Database
from rocketchat_emulator.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
GATED, UNGATED = "rocketops.rocketchat.rolling_update", str(HERE / "ungated.yml")
SERIAL = (1, "10%", "25%")
MIN_SERVING = "75%"
LIMIT = 600.0  # seconds; time limit of a whole roll, on a busy machine
LOOK_EVERY = 0.1
OLD = "7.10.0"

# Slow enough for many processes on one machine.
PING = 2.0
TIMING = ("--ping", str(PING), "--expire", "20", "--sweep", "10", "--lifetime", "3600", "--timeout", "25")
WAITING = {"ping_interval": PING, "interval": 1.0, "stable_for": 2.0, "link_memory": 2.0}


@dataclass(frozen=True)
class Moment:
    """The id of the process that answers as each node, without nodes that do not answer."""

    at: float  # seconds since 1970
    answering: Mapping[str, str]


@dataclass(frozen=True)
class Outage:
    """The time between the end of a node's process and the first answer of the next one."""

    node: str
    gone: float
    back: float


class Watch:
    """Reads the emulator's database repeatedly, from the beginning of the block to its end."""

    def __init__(self, state_dir: Path) -> None:
        self.moments: list[Moment] = []
        self._state_dir = state_dir
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking)

    def __enter__(self) -> Watch:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def outages(self) -> list[Outage]:
        """All outages, in the order of their ends."""
        found: list[Outage] = []
        ids, gone = dict(self.moments[0].answering), dict[str, float]()
        for moment in self.moments:
            for node, former in ids.items():
                now = moment.answering.get(node)
                if now != former:
                    gone.setdefault(node, moment.at)
                if now not in (None, former):
                    found.append(Outage(node, gone.pop(node), moment.at))
            ids.update(moment.answering)
        return found

    def _keep_looking(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        at, database = time.time(), Database(self._state_dir)
        try:
            places = Roster(database).places()
        finally:
            database.close()
        running = (p for p in places if p.ready_at and p.process and p.process.state == "running")
        self.moments.append(Moment(at, {place.name: str(place.instance_id) for place in running}))


@dataclass(frozen=True)
class Gate:
    ended: float  # seconds since 1970
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Roll:
    """One run of Ansible."""

    process: subprocess.Popen[bytes]
    folder: Path

    def said(self) -> str:
        return (self.folder / "output").read_text(encoding="utf-8")

    def await_said(self, text: str) -> None:
        end = time.monotonic() + LIMIT
        while text not in self.said():
            assert self.process.poll() is None, f"ended without printing: {text}\n{self.said()}"
            assert time.monotonic() < end, f"not printed: {text}\n{self.said()}"
            time.sleep(LOOK_EVERY)

    def gates(self) -> list[Gate]:
        """The gates in the order in which they ended, from the report of the roll."""
        path = self.folder / "gates.json"
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return [Gate(datetime.fromisoformat(each["began"]).timestamp() + each["elapsed"], each) for each in results]


@contextmanager
def nodes(count: int) -> Iterator[Emulator]:
    with TemporaryDirectory() as folder, requests.Session() as session:
        emulator = Emulator(Path(folder) / "state", session)
        try:
            yield emulator.up("--version", OLD, *TIMING, "--rate-limit", "off", nodes=count)
        finally:
            emulator.run("down")


@contextmanager
def rolling(emulator: Emulator, playbook: str, version: str, **variables: Any) -> Iterator[Roll]:
    """A running roll, which is ended with the block. It starts when all nodes serve, so that none comes first."""
    await_well(emulator.document, WAITING)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ansible.cfg").touch()
        (folder / "inventory.json").write_text(json.dumps(_inventory(emulator)), encoding="utf-8")
        ours = {
            "rolling_update_serial": SERIAL,
            "health_gate_expected_version": version,
            "health_gate_report": str(folder / "gates.json"),
            **variables,
        }
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                ["ansible-playbook", "-i", str(folder / "inventory.json"), "-e", json.dumps(ours), playbook],
                env={**os.environ, **_environment(folder)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                yield Roll(process, folder)
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait()


def _environment(folder: Path) -> dict[str, str]:
    return {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_FORKS": "12",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
    }


def _inventory(emulator: Emulator) -> dict[str, Any]:
    return members_of(
        emulator.document,
        WAITING,
        health_gate_min_serving=MIN_SERVING,
        rolling_update_deploy=str(HERE / "hooks" / "deploy.yml"),
        emulator="{{ ansible_playbook_python }} -m rocketchat_emulator",
        emulator_state=str(emulator.state_dir),
    )
