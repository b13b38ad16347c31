# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions inside a worker: their own work against a real server, and shipped modules."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure
from ansible.module_utils.common.parameters import remove_values
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.template import Templar

from ansible_collections.rocketops.rocketchat.plugins.action import cluster_gate, instances_facts, instances_info
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import ENVIRONMENT
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils import _gate
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._action import Action

TOKEN = "RScctEHSmLGZGywfIhWyRpyofhKOiMoUIpimhvheU3f"
QUICK = {"interval": 0.05, "stable_for": 0, "deadline": 60, "link_memory": 0}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def answer(handler: Handler) -> None:
    scene = Scene.today("rc1")
    if handler.path == "/api/info":
        handler.reply(200, {"success": True, "info": {"version": "7.11.0"}})
    else:
        handler.reply(200, {"success": True, "instances": [scene._item(scene["rc1"], scene["rc1"])]})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as server:
        yield server


def action(
    kind: Callable[..., Action], options: dict[str, Any], *, transport: str = "local", keywords: Any = None
) -> Action:
    """The action that Ansible creates for a task with these options and keywords."""
    given = {"user_id": "me", "auth_token": TOKEN, **options}
    task = Task.load({"name": "Ask", "action": {"module": "ansible.builtin.ping"}, **(keywords or {})})
    task.args = given
    task.async_val = int(task.async_val or 0)
    shell = SimpleNamespace(tmpdir="/tmp/ansible", env_prefix=lambda **_variables: "")
    connection = SimpleNamespace(transport=transport, become=None, _shell=shell)
    loader = DataLoader()
    return kind(task, connection, PlayContext(), loader, Templar(loader=loader), None)


def shipping(made: Action, *results: object) -> list[dict[str, Any]]:
    """Replace the module on a host by these results or exceptions, one per run; returns the arguments of the runs."""
    given: list[dict[str, Any]] = []
    left = list(results)

    def execute(**arguments: Any) -> object:
        given.append(arguments)
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, Exception):
            raise result
        return result() if callable(result) else result

    vars(made)["_execute_module"] = execute
    return given


def observed() -> dict[str, Any]:
    """The observation that the module returns for a healthy cluster."""
    return {"observation": Scene.of("rc1").observe().to_dict(details=False)}


def test_modules_run_in_the_worker(server: Server) -> None:
    options = {"url": server.url}
    info = action(instances_info.ActionModule, options).run(task_vars={})
    facts = action(instances_facts.ActionModule, options).run(task_vars={})
    gate = action(cluster_gate.ActionModule, {**options, "expected": 1}).run(task_vars={"inventory_hostname": "lb"})
    assert info["cluster"]["alive"] == 1
    assert facts["ansible_facts"]["rocketchat"]["version"] == "7.11.0"
    assert (gate["verdict"], gate["failed"], gate["changed"]) == ("pass", False, False)


def test_a_refusal_is_a_result() -> None:
    result = action(instances_info.ActionModule, {"url": "ftp://rc1"}).run(task_vars={})
    assert result == {"failed": True, "changed": False, "msg": "the URL ftp://rc1 must begin with http:// or https://"}
    unknown = action(instances_info.ActionModule, {"url": "http://rc1", "colour": "red"}).run(task_vars={})
    assert unknown["msg"].startswith("unsupported options: colour.")


@pytest.mark.parametrize("silent", [False, True])
def test_a_waiting_gate_prints_progress_unless_no_log_is_set(silent: bool, capsys: pytest.CaptureFixture[str]) -> None:
    starting = [True]

    def late(handler: Handler) -> None:
        if starting:
            handler.reply(503, {})
            starting.clear()
        else:
            answer(handler)

    with serving(late) as server:
        options = {"url": server.url, "expected": 1, **QUICK}
        made = action(cluster_gate.ActionModule, options, keywords={"no_log": silent})
        result = made.run(task_vars={"inventory_hostname": "lb"})
    assert result["verdict"] == "pass"
    said = capsys.readouterr().err
    assert ("[lb] steady: waiting, 0 of 60 s: " in said, "[lb] steady: passed: " in said) == (not silent, not silent)


def test_async_is_refused() -> None:
    result = action(cluster_gate.ActionModule, {}, keywords={"async": 10}).run(task_vars={})
    assert result["msg"] == "a gate does not support async, because it waits by itself: remove async from this task"


def test_on_another_host_the_module_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETCHAT_URL", "http://127.0.0.1:3000")
    made = action(
        instances_info.ActionModule,
        {},
        transport="ssh",
        keywords={
            "environment": [{"RETRIES": 60, "DEBUG": True}, {"ROCKETCHAT_URL": "http://rc1:3000", "EMPTY": None}]
        },
    )
    given = shipping(made, {"changed": False})
    assert made.run(task_vars={}) == {"changed": False}
    assert given[0]["module_args"]["url"] == "http://rc1:3000"
    assert given[0]["module_args"]["auth_token"] == TOKEN
    assert os.environ["ROCKETCHAT_URL"] == "http://127.0.0.1:3000"


def test_a_refused_task_is_not_shipped() -> None:
    made = action(instances_info.ActionModule, {"username": "admin"}, transport="ssh")
    given = shipping(made, {})
    result = made.run(task_vars={})
    assert result["msg"] == "user_id and auth_token and username: set only one kind of credentials"
    assert given == []


def from_afar(**options: Any) -> Action:
    members = [{"name": "rc1", "url": "http://10.0.0.1:3000"}]
    return action(cluster_gate.ActionModule, {"members": members, **QUICK, **options}, transport="ssh")


def test_each_observation_is_a_run_of_the_module() -> None:
    made = from_afar()
    given = shipping(made, observed())
    result = made.run(task_vars={"inventory_hostname": "lb"})
    assert (result["verdict"], result["serving"]) == ("pass", ["rc1"])
    assert len(given) == result["observations"]
    assert "credentials are sent unencrypted to http://10.0.0.1:3000" in str(result["warnings"])


def test_an_unreachable_host_is_a_lost_observation(capsys: pytest.CaptureFixture[str]) -> None:
    made = from_afar()
    shipping(made, AnsibleConnectionFailure("no route"), observed())
    result = made.run(task_vars={"inventory_hostname": "lb"})
    assert result["verdict"] == "pass"
    assert "no member was asked: lb out of reach: no route" in capsys.readouterr().err
    assert made._connection._shell.tmpdir is None


def test_a_host_that_refuses_the_login_is_not_asked_again() -> None:
    """A login every few seconds would lock the account."""
    made = from_afar()
    given = shipping(made, AnsibleAuthenticationFailure("Permission denied"))
    result = made.run(task_vars={"inventory_hostname": "lb"})
    assert result["verdict"] == "inconclusive"
    assert "Permission denied; waited " in result["msg"]
    assert len(given) == 1


def test_member_names_that_contain_a_secret_are_restored() -> None:
    """Ansible masks secrets everywhere in the module's result."""
    made = from_afar(members=[{"name": f"chat{n}", "url": f"http://10.0.0.{n}:3000"} for n in (1, 2)])
    observation = Scene.of("chat1", "chat2").observe().to_dict(details=False)
    shipping(made, {"observation": remove_values(observation, {"chat"})})
    result = made.run(task_vars={"inventory_hostname": "lb"})
    assert (result["verdict"], result["serving"]) == ("pass", ["chat1", "chat2"])


def test_known_versions_and_questions_are_shipped_with_the_next_observation() -> None:
    """Full versions of processes, and the members whose statistics the judgement needs, here for the lock."""
    scene = Scene.of("chat1", "chat2", "chat3")
    scene["chat3"].error = "unreachable"
    members = [{"name": member.name, "url": member.url} for member in scene.members]
    made = from_afar(members=members, phase="before", targets=["chat1"], min_serving="1")
    first = {"observation": scene.observe().to_dict(details=False)}
    second = {"observation": scene.observe(frozenset({"chat1"})).to_dict(details=False)}
    given = shipping(made, first, second)
    result = made.run(task_vars={"inventory_hostname": "lb"})
    asked = [
        {name: arguments["module_args"][name] for name in ("known_versions", "statistics_of")} for arguments in given
    ]
    assert (result["verdict"], asked) == (
        "pass",
        [
            {"known_versions": {}, "statistics_of": []},
            {"known_versions": {"chat1-1": "7.10.0", "chat2-1": "7.10.0"}, "statistics_of": ["chat1"]},
        ],
    )


@pytest.mark.parametrize("views", [0, 2])
def test_an_observation_of_other_members_is_refused(views: int) -> None:
    made = from_afar()
    observation = Scene.of("rc1").observe().to_dict(details=False)
    shipping(made, {"observation": {**observation, "views": observation["views"] * views}})
    assert made.run(task_vars={"inventory_hostname": "lb"})["verdict"] == "inconclusive"


def _hangs(_folder: str) -> None:
    time.sleep(5)


def _breaks(_folder: str) -> None:
    raise AnsibleConnectionFailure("no route")


@pytest.mark.parametrize("also", [None, _hangs, _breaks])
def test_a_host_that_hangs_is_a_lost_observation(
    monkeypatch: pytest.MonkeyPatch, also: Callable[[str], None] | None
) -> None:
    """What was shipped has the credentials, so it is removed from the host, if the host lets us."""
    monkeypatch.setattr(_gate, "SHIPPING", 0.05)
    monkeypatch.setattr(_gate, "REMOVING", 0.05)
    made = from_afar(timeout=0.01, deadline=0)
    shipping(made, lambda: time.sleep(5))
    removed: list[str] = []
    vars(made)["_remove_tmp_path"] = also or removed.append
    began = time.monotonic()
    result = made.run(task_vars={"inventory_hostname": "lb"})
    assert time.monotonic() - began < 4
    assert result["verdict"] == "wait"
    assert "no member was asked: lb made no observation within 0.1 s" in result["msg"]
    assert removed == ([] if also else ["/tmp/ansible"])
    assert made._connection._shell.tmpdir is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"msg": "Failed to import requests"}, "Failed to import requests"),
        ({"module_stderr": "no python3"}, "no python3"),
        ({}, "the module returned no message"),
    ],
)
def test_a_module_that_cannot_run_is_inconclusive(said: dict[str, Any], told: str) -> None:
    made = from_afar()
    shipping(made, {"failed": True, **said})
    result = made.run(task_vars={"inventory_hostname": "lb"})
    assert result["verdict"] == "inconclusive"
    assert result["msg"].startswith(f"no observation can be made: on lb: {told}; waited ")


def test_several_nodes_on_the_asking_host_work() -> None:
    made = from_afar(members=[{"name": f"rc{port}", "url": f"http://127.0.0.1:{port}"} for port in (3000, 3001)])
    given = shipping(made, {"msg": "asked"})
    assert "on lb: asked" in made.run(task_vars={"inventory_hostname": "lb"})["msg"]
    assert len(given) == 1


def test_totp_code_is_refused_for_shipped_modules() -> None:
    made = from_afar(user_id=None, auth_token=None, username="me", password="pa55word", totp_code="123456")
    given = shipping(made, {})
    assert made.run(task_vars={})["msg"].startswith("totp_code works only")
    assert given == []
