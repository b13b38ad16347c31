# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hooks that fail on one host of a batch: the roll stops, and whoever serves comes back into the load balancer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import WAITING, await_well, members_of, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Run
    from emulator_driver import Emulator

Task = dict[str, Any]
NEW, NEWER = "7.11.0", "7.12.0"
ONE_BY_ONE = ("--extra-vars", "rolling_update_serial=1")

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
            "drain",
            "stops and fails",
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
            "could not be readmitted: rc2; the roll stops here",
            {"drain": ["rc1", "rc2"], "deploy": ["rc1", "rc2"], "readmit": ["rc1"]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "; " not in value else "",
)
def test_a_hook_in_trouble_on_one_host_of_a_batch(
    broken: str, trouble: str, says: str, steps: dict[str, list[str]], tmp_path: Path
) -> None:
    with emulated() as emulator:
        hooks = _hooks(emulator)
        happens = {
            "fails": [FAILS],
            "stops and fails": [{**hooks["deploy"][0], "when": FAILS["when"]}, FAILS],
            "is lost": [_lost(tmp_path)],
        }[trouble]
        if broken == "handler":
            _role(tmp_path, [*happens, *hooks["deploy"]])
            hooks["deploy"] = [{"ansible.builtin.include_role": {"name": "chat"}}]
        elif broken == "drain":
            hooks["drain"] += happens
        else:
            hooks[broken] = [*happens, *hooks[broken]]
        shown = _roll(emulator, tmp_path, hooks)
        assert shown.code != 0
        assert says in shown.output, shown.output
        assert _steps(tmp_path) == steps, shown.output


def test_a_handler_of_one_who_failed(tmp_path: Path) -> None:
    """It would restart the node after it was readmitted, wherever Ansible is set to run handlers at all costs."""
    with emulated() as emulator:
        hooks = _hooks(emulator)
        _role(tmp_path, [_note("handler")])
        hooks["deploy"] = [{"ansible.builtin.include_role": {"name": "chat"}}, FAILS, *hooks["deploy"]]
        shown = _roll(emulator, tmp_path, hooks, environment={"ANSIBLE_FORCE_HANDLERS": "true"})
        assert shown.code != 0
        assert "the deployment did not come to its end on rc2; the roll stops here" in shown.output, shown.output
        assert _steps(tmp_path)["readmit"] == ["rc1", "rc2"]
        assert _steps(tmp_path)["handler"] == ["rc1"]


def test_the_last_host_leaves_the_second_roll_of_a_run(tmp_path: Path) -> None:
    """That it came to the end of the first says nothing of the second."""
    with emulated() as emulator:
        hooks = _hooks(emulator)
        leaves: Task = {"ansible.builtin.meta": "end_host", "when": "inventory_hostname == 'rc3'"}
        (tmp_path / "again.yml").write_text(json.dumps([leaves, *_hooks(emulator, NEWER)["deploy"]]), encoding="utf-8")
        again = {
            "rolling_update_deploy": "again.yml",
            "health_gate_expected_version": NEWER,
            "health_gate_any_version": True,
        }
        shown = _roll(emulator, tmp_path, hooks, again=again)
        assert shown.code != 0
        assert "rc3 did not come to the end; look at them and at the load balancer" in shown.output, shown.output
        assert _steps(tmp_path)["readmit"] == ["rc1", "rc2", "rc3"]


def test_the_last_host_leaves_before_its_end(tmp_path: Path) -> None:
    """It runs on as it was and serves, so that no gate has anything to say against it."""
    with emulated() as emulator:
        hooks = _hooks(emulator)
        hooks["deploy"].insert(0, {"ansible.builtin.meta": "end_host", "when": "inventory_hostname == 'rc3'"})
        shown = _roll(emulator, tmp_path, hooks, health_gate_any_version=True)
        assert shown.code != 0
        assert "rc3 did not come to the end; look at them and at the load balancer" in shown.output, shown.output
        assert _steps(tmp_path)["readmit"] == ["rc1", "rc2"]


def test_the_token_is_revoked_during_the_drain(tmp_path: Path) -> None:
    """The second gate sees nobody then, and so not who served."""
    with emulated() as emulator:
        hooks = _hooks(emulator)
        revoke: Task = {
            "ansible.builtin.command": "python -m rocketchat_emulator fault {{ item }} unauthorized"
            f" --state-dir {emulator.state_dir}",
            "loop": ["rc1", "rc2", "rc3"],
            "run_once": True,
        }
        hooks["drain"].append(revoke)
        shown = _roll(emulator, tmp_path, hooks)
        assert shown.code != 0
        assert "unauthorized (401)" in shown.output
        assert "not readmitted" not in shown.output
        assert "; nothing was deployed to rc1, rc2" in shown.output, shown.output
        assert _steps(tmp_path) == {"drain": ["rc1", "rc2"], "readmit": ["rc1", "rc2"]}


def test_another_node_hangs_during_the_drain(tmp_path: Path) -> None:
    """The others see it, so that it is known which nodes serve; it is not of the batch, and was needed."""
    with emulated() as emulator:
        hooks = _hooks(emulator)
        freeze = f"python -m rocketchat_emulator freeze rc3 --state-dir {emulator.state_dir}"
        hooks["drain"].append({"ansible.builtin.command": freeze, "run_once": True})
        shown = _roll(emulator, tmp_path, hooks, health_gate_timeout=1)
        emulator.run("thaw", "rc3")
        assert shown.code != 0
        assert re.search("rc3 timeout.*; nothing was deployed to rc1, rc2", shown.output), shown.output
        assert _steps(tmp_path) == {"drain": ["rc1", "rc2"], "readmit": ["rc1", "rc2"]}


def test_those_that_are_down_are_repaired_first(tmp_path: Path) -> None:
    """One after the other: each is in the load balancer again before the next one is taken out."""
    with emulated() as emulator:
        await_well(emulator.document, WAITING)
        for node in ("rc2", "rc3"):
            emulator.run("stop", node)
        hooks = _hooks(emulator)
        hooks["deploy"][0]["when"] = "inventory_hostname == 'rc1'"  # the others are down
        shown = _roll(emulator, tmp_path, hooks, *ONE_BY_ONE, serving=False, health_gate_restart_confirmed=True)
        assert shown.code == 0, shown.output
        each = ("drain", "deploy", "readmit")
        assert _order(tmp_path) == [f"{step}.{node}" for node in ("rc2", "rc3", "rc1") for step in each]


def test_a_member_that_crashes_is_deployed_first(tmp_path: Path) -> None:
    """If that does not help, it stays out of the load balancer, and nothing else is deployed."""
    with emulated() as emulator:
        await_well(emulator.document, WAITING)
        emulator.run("fault", "rc3", "unauthorized")  # it answers, so it is not simply down
        hooks = _hooks(emulator)
        hooks["deploy"][1]["ansible.builtin.command"] += " --no-wait --fault crash_loop:1"
        shown = _roll(
            emulator,
            tmp_path,
            hooks,
            *ONE_BY_ONE,
            serving=False,
            health_gate_deadline=5,
            health_gate_restart_confirmed=True,
        )
        assert shown.code != 0
        assert re.search("rc3 .*, the deadline of 5 s is over; the roll stops here", shown.output), shown.output
        assert _order(tmp_path) == ["drain.rc3", "deploy.rc3"]


@pytest.fixture(scope="module")
def untouched() -> Iterator[Emulator]:
    """Of a cluster that nothing is done to."""
    with emulated() as emulator:
        await_well(emulator.document, WAITING)
        yield emulator


def test_a_hook_that_cannot_be_read(untouched: Emulator, tmp_path: Path) -> None:
    """Found before the first node is drained, while nothing of any hook is done."""
    hooks = {name: [{**task, "tags": "always"} for task in tasks] for name, tasks in _hooks(untouched).items()}
    hooks["readmit"].append({"no.such.module": {}})
    shown = _roll(untouched, tmp_path, hooks)
    assert shown.code != 0
    assert "no.such.module" in shown.output
    assert _steps(tmp_path) == {}


def test_a_hook_that_one_host_does_not_have(untouched: Emulator, tmp_path: Path) -> None:
    hook = "{{ 'deploy.yml' if inventory_hostname != 'rc3' else 'nowhere.yml' }}"
    shown = _roll(untouched, tmp_path, _hooks(untouched), rolling_update_deploy=hook)
    assert shown.code != 0
    assert "rolling_update_deploy is no file: " in shown.output, shown.output
    assert _steps(tmp_path) == {}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"health_gate_enforce": False, "health_gate_min_serving": 3}, "; nothing was done to rc1, rc2"),
        ({"health_gate_group": "chat"}, "No host was found. Set health_gate_group on the command line"),
        ({"rolling_update_readmit": ""}, "nobody would put the nodes back"),
        ({"rolling_update_deploy": None}, "rolling_update_deploy is not set"),
        ({"health_gate_deadline": 0}, "health_gate_deadline is 0"),
        ({"health_gate_once": True}, "health_gate_once is set"),
        ({"health_gate_totp_code": "123456"}, "health_gate_totp_code is good for one login"),
        ({"health_gate_expected_version": None}, "must be a full version such as 7.11.0, not empty"),
    ],
    ids=["not enforced", "group", "no readmit", "no deploy", "no time", "one look", "totp", "null version"],
)
def test_nothing_is_done(variables: dict[str, Any], says: str, untouched: Emulator, tmp_path: Path) -> None:
    shown = _roll(untouched, tmp_path, _hooks(untouched), **variables)
    assert shown.code != 0
    assert says in shown.output, shown.output
    assert _steps(tmp_path) == {}


def test_a_name_with_a_port(untouched: Emulator, tmp_path: Path) -> None:
    """A script's hosts have it in their names; Ansible would put another one into the order of the roll."""
    group = {"rocketchat": {"hosts": ["chat:3000"], "vars": {"rocketchat_url": "http://127.0.0.1:9"}}}
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho '{json.dumps({**group, '_meta': {'hostvars': {}}})}'\n", encoding="utf-8")
    script.chmod(0o755)
    shown = _roll(untouched, tmp_path, _hooks(untouched), "-i", str(script))
    assert shown.code != 0
    assert "chat:3000 cannot be rolled by their names: there is a colon in them" in shown.output, shown.output
    assert _steps(tmp_path) == {}


def _hooks(emulator: Emulator, version: str = NEW) -> dict[str, list[Task]]:
    node = f"{{{{ inventory_hostname }}}} --state-dir {emulator.state_dir}"
    stop: Task = {"ansible.builtin.command": f"python -m rocketchat_emulator stop {node}"}
    start: Task = {"ansible.builtin.command": f"python -m rocketchat_emulator start {node} --version {version}"}
    return {"drain": [_note("drain")], "deploy": [stop, start, _note("deploy")], "readmit": [_note("readmit")]}


def _roll(
    emulator: Emulator,
    folder: Path,
    hooks: dict[str, list[Task]],
    *arguments: str,
    again: Task | None = None,
    serving: bool = True,
    environment: dict[str, str] | None = None,
    **variables: Any,
) -> Run:
    """Two at a time. ``serving``: begun when all serve; ``again``: what differs in a second roll of the same run."""
    if serving:
        await_well(emulator.document, WAITING)
    for name, tasks in hooks.items():
        (folder / f"{name}.yml").write_text(json.dumps(tasks), encoding="utf-8")
    books = [
        {"import_playbook": "rocketops.rocketchat.rolling_update", "vars": {"rolling_update_serial": 2, **differing}}
        for differing in ([{}] if again is None else [{}, again])
    ]
    (folder / "roll.yml").write_text(json.dumps(books), encoding="utf-8")
    defaults: dict[str, Any] = {
        **{f"rolling_update_{name}": f"{name}.yml" for name in hooks},
        "rolling_update_recheck_deadline": 1,  # less than stable_for and interval need
        "health_gate_min_serving": 1,
        "health_gate_expected_version": NEW,
    }
    inventory = members_of(emulator.document, WAITING, **{**defaults, **variables})
    if "health_gate_group" in variables:  # a group of that name is there, but not the one that plays look for
        inventory["all"]["children"] = {"chat": inventory["all"]["children"]["rocketchat"]}
    environment = {"ANSIBLE_ROLES_PATH": str(folder / "roles"), **(environment or {})}
    return play(folder / "roll.yml", inventory, folder, *arguments, **environment)


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


def _order(folder: Path) -> list[str]:
    """The same steps, in the order in which they were done."""
    return [path.name for path in sorted(folder.glob("*.rc?"), key=lambda path: path.stat().st_mtime_ns)]


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
