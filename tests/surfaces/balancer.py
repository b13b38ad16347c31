# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An emulated cluster behind a folder that stands for a load balancer, hooks for both, and a watch on the rotation."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import (
    await_well,
    inventory_of,
    members_of,
    play,
    started,
)
from rocketchat_emulator.database import Database
from rocketchat_emulator.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Run
    from emulator_driver import Emulator

Task = dict[str, Any]
LOOK_EVERY = 0.1
NODES = ("rc1", "rc2", "rc3")
WAITING = {"ping_interval": 0.5, "interval": 0.3, "stable_for": 0.6, "link_memory": 1}


@dataclass
class Site:
    """``balancer``: a file for each node in rotation. ``steps``: a line for each hook that ran on a node.

    Hooks are shell commands without a module, because starting Python for each would take long.
    """

    emulator: Emulator
    folder: Path
    version: str
    # Groups of hosts besides that of the nodes.
    others: Mapping[str, Any] = field(default_factory=dict)
    # The least number of nodes in rotation that answered during the last roll.
    least: int = -1

    def __post_init__(self) -> None:
        self.balancer = self.folder / "balancer"
        self.balancer.mkdir()
        for name in NODES:
            (self.balancer / name).touch()
        node = "{{ inventory_hostname }}"
        start = f"start {node} --version {{{{ deployed_version }}}} --no-wait"
        self.hooks: dict[str, list[Task]] = {
            "drain": [self.shell(f"rm -f {self.balancer}/{node}"), self.note("drain")],
            "deploy": [self.emulate(f"stop {node}"), self.emulate(start), self.note("deploy")],
            "readmit": [self.shell(f"touch {self.balancer}/{node}"), self.note("readmit")],
        }

    # Tasks of hooks

    @staticmethod
    def shell(command: str, **keywords: Any) -> Task:
        return {"name": "Run a command", "ansible.builtin.raw": f"{{ {command}; }} >/dev/null", **keywords}

    def emulate(self, command: str, **keywords: Any) -> Task:
        at = f"--state-dir {shlex.quote(str(self.emulator.state_dir))}"
        return self.shell(f"{sys.executable} -m rocketchat_emulator {command} {at}", **keywords)

    def note(self, step: str) -> Task:
        return {
            "name": "Note",
            "ansible.builtin.raw": f"echo {step} {{{{ inventory_hostname }}}} >> {self.folder}/steps",
        }

    # Results

    @property
    def steps(self) -> list[str]:
        """The hooks that ran, such as ``drain rc1``, in their order."""
        path = self.folder / "steps"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def in_rotation(self) -> list[str]:
        return sorted(path.name for path in self.balancer.iterdir())

    # The cluster

    def deploy(self, name: str, *arguments: str) -> None:
        """Start a node as the deploy hook does, and wait until it answers."""
        self.emulator.run("stop", name)
        self.emulator.run("start", name, "--version", self.version, *arguments)

    def await_well(self) -> None:
        await_well(self.emulator.document, WAITING)

    # Rolls

    def roll(self, *arguments: str, environment: Any = None, **variables: Any) -> Run:
        """Run the whole roll, and set ``least`` from what the watch has seen."""
        with self._watched():
            return play(self._book(), self._inventory(variables), self.folder, *arguments, **(environment or {}))

    @contextmanager
    def rolling(self, *arguments: str, **variables: Any) -> Iterator[subprocess.Popen[str]]:
        """The running roll, without the watch."""
        with started(self._book(), self._inventory(variables), self.folder, *arguments) as process:
            yield process

    @staticmethod
    def interrupt(process: subprocess.Popen[str]) -> None:
        """Press Ctrl-C. Kill Ansible if it then hangs on a lock that a dead worker held."""
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
            for pid in (process.pid, *map(int, workers)):
                os.kill(pid, signal.SIGKILL)
            process.communicate()

    def play(
        self, *arguments: str, inventory: Mapping[str, Any] | None = None, environment: Any = None, **variables: Any
    ) -> Run:
        """Run the roll without a cluster; ``inventory``: the groups."""
        hosts = {name: {"rocketchat_url": f"http://127.0.0.1:{number}"} for number, name in enumerate(NODES, 1)}
        credentials = {"health_gate_user_id": "a-user-id", "health_gate_auth_token": "a-token"}
        waiting = {f"health_gate_{name}": value for name, value in WAITING.items()}
        whole = inventory_of({"rocketchat": NODES}, hosts, **{**credentials, **waiting, **self._variables(variables)})
        whole["all"]["children"] = whole["all"]["children"] if inventory is None else inventory
        return play(self._book(), whole, self.folder, *arguments, **(environment or {}))

    def _inventory(self, given: Mapping[str, Any]) -> dict[str, Any]:
        inventory = members_of(self.emulator.document, WAITING)
        inventory["all"]["vars"].update(self._variables(given))
        inventory["all"]["children"].update(self.others)
        return inventory

    def _book(self) -> Path:
        for name, tasks in self.hooks.items():
            (self.folder / f"{name}.yml").write_text(json.dumps(tasks), encoding="utf-8")
        book = self.folder / "roll.yml"
        if not book.exists():
            book.write_text(json.dumps([{"import_playbook": "rocketops.rocketchat.rolling_update"}]), encoding="utf-8")
        return book

    def _variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{f"rolling_update_{name}": f"{name}.yml" for name in self.hooks},
            "deployed_version": self.version,
            "health_gate_expected_version": self.version,
            "health_gate_deadline": 30,
            "rolling_update_recheck_deadline": 5,
            **given,
        }

    @contextmanager
    def _watched(self) -> Iterator[None]:
        over, counts = threading.Event(), [self._serving()]

        def watch() -> None:
            while not over.wait(LOOK_EVERY):
                counts.append(self._serving())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.least = min(counts)

    def _serving(self) -> int:
        """The number of nodes that are in rotation and answer, by the emulator's database."""
        database = Database(self.emulator.state_dir)
        try:
            places = Roster(database).places()
        finally:
            database.close()
        answering = {p.name for p in places if p.ready_at and p.process and p.process.state == "running"}
        return len(answering & {path.name for path in self.balancer.iterdir()})
