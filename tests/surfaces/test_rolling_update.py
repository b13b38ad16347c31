# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hooks that fail on one host of a batch: the roll stops, and whoever serves comes back into the load balancer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import members_of, play

if TYPE_CHECKING:
    from pathlib import Path

Task = dict[str, Any]
NEW = "7.11.0"

# What happens on rc2 while rc1, of the same batch, has no trouble.
FAILS: Task = {"ansible.builtin.fail": {"msg": "no luck"}, "when": "inventory_hostname == 'rc2'"}


@pytest.mark.parametrize(
    ("broken", "trouble", "says", "steps"),
    [
        (
            "drain",
            "fails",
            "the drain did not come to its end on rc2; nothing was deployed to rc1, rc2",
            {"drain": ["rc1", "rc2"], "readmit": ["rc1", "rc2"]},
        ),
        (
            "drain",
            "is lost",
            "the drain did not come to its end on rc2; nothing was deployed to rc1, rc2; not readmitted: rc2",
            {"drain": ["rc1", "rc2"], "readmit": ["rc1"]},
        ),
        (
            "deploy",
            "fails",
            "the deployment did not come to its end on rc2; the roll stops here",
            {"drain": ["rc1", "rc2"], "deploy": ["rc1"], "readmit": ["rc1", "rc2"]},
        ),
        (
            "deploy",
            "stops and fails",
            "the deployment did not come to its end on rc2; the roll stops here; not readmitted: rc2",
            {"drain": ["rc1", "rc2"], "deploy": ["rc1"], "readmit": ["rc1"]},
        ),
        (
            "deploy",
            "is lost",
            "the deployment did not come to its end on rc2; the roll stops here; not readmitted: rc2",
            {"drain": ["rc1", "rc2"], "deploy": ["rc1"], "readmit": ["rc1"]},
        ),
        (
            "handler",
            "fails",
            "the deployment did not come to its end on ",
            {"drain": ["rc1", "rc2"], "deploy": ["rc1"], "readmit": ["rc1", "rc2"]},
        ),
        (
            "readmit",
            "fails",
            "rc2 did not come to the end; nothing was deployed to rc3",
            {"drain": ["rc1", "rc2"], "deploy": ["rc1", "rc2"], "readmit": ["rc1"]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "; " not in value else "",
)
def test_a_hook_in_trouble_on_one_host_of_a_batch(
    broken: str, trouble: str, says: str, steps: dict[str, list[str]], tmp_path: Path
) -> None:
    with emulated() as emulator:
        node = f"{{{{ inventory_hostname }}}} --state-dir {emulator.state_dir}"
        stop: Task = {"ansible.builtin.command": f"python -m rocketchat_emulator stop {node}"}
        start: Task = {"ansible.builtin.command": f"python -m rocketchat_emulator start {node} --version {NEW}"}
        happens = {
            "fails": [FAILS],
            "stops and fails": [{**stop, "when": FAILS["when"]}, FAILS],
            "is lost": [_lost(tmp_path)],
        }[trouble]
        deploy = [stop, start, _note("deploy")]
        if broken == "handler":
            _role(tmp_path, [*happens, *deploy])
            deploy = [{"ansible.builtin.include_role": {"name": "chat"}}]
        hooks: dict[str, list[Task]] = {
            "drain": [_note("drain"), *(happens if broken == "drain" else [])],
            "deploy": [*(happens if broken == "deploy" else []), *deploy],
            "readmit": [*(happens if broken == "readmit" else []), _note("readmit")],
        }
        for name, tasks in hooks.items():
            (tmp_path / f"{name}.yml").write_text(json.dumps(tasks), encoding="utf-8")
        (tmp_path / "roll.yml").write_text(json.dumps(_BOOK), encoding="utf-8")
        files: dict[str, Any] = {f"rolling_update_{name}": f"{name}.yml" for name in hooks}
        inventory = members_of(
            emulator.document,
            **files,
            rolling_update_recheck_deadline=8,
            health_gate_min_serving=1,
            health_gate_expected_version=NEW,
        )
        shown = play(tmp_path / "roll.yml", inventory, tmp_path, ANSIBLE_ROLES_PATH=str(tmp_path / "roles"))
        assert shown.code != 0
        assert says in shown.output, shown.output
        assert _steps(tmp_path) == steps, shown.output


_BOOK = [
    {"import_playbook": "rocketops.rocketchat.rolling_update", "vars": {"rolling_update_serial": 2}},
]


def _note(step: str) -> Task:
    """Write down that a host has come so far."""
    return {
        "ansible.builtin.file": {
            "path": f"{{{{ inventory_dir }}}}/{step}.{{{{ inventory_hostname }}}}",
            "state": "touch",
        }
    }


def _steps(folder: Path) -> dict[str, list[str]]:
    steps: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.rc?")):
        step, host = path.name.split(".")
        steps.setdefault(step, []).append(host)
    return steps


def _lost(folder: Path) -> Task:
    """An SSH that finds nobody, as far as Ansible can tell."""
    ssh = folder / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    return {
        "ansible.builtin.ping": {},
        "when": FAILS["when"],
        "vars": {"ansible_connection": "ansible.builtin.ssh", "ansible_ssh_executable": str(ssh)},
    }


def _role(folder: Path, handler: list[Task]) -> None:
    """The deployment as it often comes: a role that notifies a handler."""
    notify: Task = {"ansible.builtin.command": "true", "notify": "restart"}
    for name, tasks in {
        "tasks": [notify],
        "handlers": [{"name": "restart", "ansible.builtin.include_tasks": "restart.yml"}],
    }.items():
        (folder / "roles" / "chat" / name).mkdir(parents=True)
        (folder / "roles" / "chat" / name / "main.yml").write_text(json.dumps(tasks), encoding="utf-8")
    (folder / "roles" / "chat" / "handlers" / "restart.yml").write_text(json.dumps(handler), encoding="utf-8")
