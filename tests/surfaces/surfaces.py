# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The surfaces (modules, plugins and the role), and a run of all of them against a cluster after a bad deployment.

A surface in TASKS is part of the fault matrix and of the search for secrets. Surfaces that are not tasks are run in
outside.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
DEPLOYED, OTHER = "rc2", "rc1"


@dataclass(frozen=True)
class Surface:
    """One column: a tasks file beside this one, and the play that includes it. Without a play, outside.py runs it."""

    title: str
    tasks: str
    play: str
    phase: str = "steady"
    target: str = DEPLOYED

    def cell(self, *, shipped: bool) -> str:
        return f"{self.title.replace(' ', '_')}{'_shipped' if shipped else ''}"

    @property
    def variables(self) -> dict[str, str]:
        """The variables of its tasks."""
        return {"surface": self.tasks, "phase": self.phase, "target": self.target}


INFO = Surface("instances_info", "instances_info", "once")
FACTS = Surface("instances_facts", "instances_facts", "once")
STEADY = Surface("steady", "cluster_gate", "gates")
BEFORE_OTHER = Surface("before rc1", "cluster_gate", "gates", "before", OTHER)
BEFORE_ITSELF = Surface("before rc2", "cluster_gate", "gates", "before", DEPLOYED)
AFTER = Surface("after rc2", "cluster_gate", "gates", "after", DEPLOYED)
ROLE = Surface("health_gate", "health_gate", "role")
INVENTORY = Surface("inventory", "", "")
EVENTS = Surface("event source", "", "")
TASKS = (INFO, FACTS, STEADY, BEFORE_OTHER, BEFORE_ITSELF, AFTER, ROLE)
SURFACES = (*TASKS, INVENTORY, EVENTS)

ASKING = {"timeout": 1, "ping_interval": 0.5}
LIMIT = 240.0  # seconds; time limit of a whole run
WAITING = {"ping_interval": 0.5, "interval": 1, "stable_for": 2, "link_memory": 2}


@dataclass(frozen=True)
class Outcome:
    """The result of one cell."""

    cell: str
    took: float
    failed: bool  # whether the host failed, and with it the exit code of Ansible
    result: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """The verdict of a gate; for a module without one, whether it failed."""
        return str(self.result.get("verdict", "failed" if self.failed else "ok"))


@dataclass(frozen=True)
class Run:
    code: int
    output: str
    outcomes: Mapping[str, Outcome]


def play(playbook: Path, inventory: Mapping[str, Any], folder: Path, *arguments: str, **environment: str) -> Run:
    """Run a playbook with this inventory and without the user's configuration."""
    with started(playbook, inventory, folder, *arguments, **environment) as process:
        output = "".join(process.communicate(timeout=LIMIT))
    return Run(process.returncode, output, outcomes(folder))


@contextmanager
def started(
    playbook: Path, inventory: Mapping[str, Any], folder: Path, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """The running playbook, which is ended with the block. Progress is on standard error."""
    # Ansible looks for results a thousand times a second, which costs more than the gates when many runs wait.
    (folder / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = 0.01\n", encoding="utf-8")
    (folder / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
    ours = {
        "ANSIBLE_CALLBACKS_ENABLED": "cells",
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_FORKS": "16",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        "CELLS": str(folder / "cells.jsonl"),
    }
    with subprocess.Popen(
        ["ansible-playbook", "-i", str(folder / "inventory.json"), *arguments, str(playbook)],
        env={**os.environ, **ours, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def inventory_of(hosts: Mapping[str, Sequence[str]], hostvars: Mapping[str, Any], **variables: Any) -> dict[str, Any]:
    """An inventory in Ansible's JSON form: groups of hosts that are all this machine."""
    groups = {group: {"hosts": {name: hostvars.get(name, {}) for name in names}} for group, names in hosts.items()}
    common = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return {"all": {"vars": {**common, **variables}, "children": groups}}


def members_of(document: Mapping[str, Any], waiting: Mapping[str, float], **variables: Any) -> dict[str, Any]:
    """An inventory of an emulated cluster's nodes, for the role; ``document`` is the output of the emulator's up."""
    hosts = {node["name"]: {"rocketchat_url": node["url"]} for node in document["nodes"]}
    credentials = {f"health_gate_{name}": document["admin"][name] for name in ("user_id", "auth_token")}
    options = {f"health_gate_{name}": value for name, value in waiting.items()}
    return inventory_of({"rocketchat": list(hosts)}, hosts, **credentials, **options, **variables)


def await_well(document: Mapping[str, Any], waiting: Mapping[str, float]) -> None:
    """Wait until all nodes of an emulated cluster serve: a roll begins with those that do not."""
    members = [Member(node["name"], node["url"]) for node in document["nodes"]]
    access = access_with(user_id=document["admin"]["user_id"], auth_token=document["admin"]["auth_token"])
    options: dict[str, Any] = {"members": [{"name": member.name} for member in members], **waiting}
    policy = replace(policy_from(params(**options), members), deadline=LIMIT)
    with Observer(members, access, gather=frozenset()) as observer:
        result = run(
            observer.observe,
            policy,
            clock=time.monotonic,
            sleep=time.sleep,
            on_progress=lambda _line: None,
        )
    assert result.passed, result.verdict.summary


def outcomes(folder: Path) -> dict[str, Outcome]:
    """The result of each cell, from the callback's file."""
    path = folder / "cells.jsonl"
    if not path.exists():
        return {}
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {line["cell"]: Outcome(**line) for line in lines}
