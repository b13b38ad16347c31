# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors in hooks that would end a roll in its middle, and are found before it begins."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.playbook.play import Play
from ansible.vars.manager import VariableManager

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout import hooks
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.hooks import HookFiles

PING: dict[str, Any] = {"ansible.builtin.ping": {}}
USE_CHAT = {"ansible.builtin.include_role": {"name": "chat"}}
NOTIFY = {**PING, "notify": "restart chat"}


class Parser(ModuleArgsParser):  # type: ignore[misc, unused-ignore]
    """A parser that knows which modules exist: outside of a run, Ansible's plugin loader is not set up."""

    def __init__(self, task_ds: dict[str, Any], collection_list: list[str]) -> None:
        super().__init__(task_ds, collection_list)  # type: ignore[no-untyped-call]
        self.known = "instances_info" not in task_ds or "rocketops.rocketchat" in collection_list

    def parse(self, skip_action_validation: bool = True) -> Any:
        parsed = super().parse(skip_action_validation)  # type: ignore[no-untyped-call]
        if parsed[0] == "no.such.module" or not self.known:
            raise AnsibleError(f"couldn't resolve module/action '{parsed[0]}'")
        return parsed


@pytest.fixture(autouse=True)
def _ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_ROLES_PATH", [str(tmp_path / "roles")])
    monkeypatch.setattr(hooks, "ModuleArgsParser", Parser)


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def role(folder: Path, name: str, **parts: Any) -> None:
    for part, content in {"tasks": [PING], **parts}.items():
        write(folder / "roles" / name / part / "main.yml", content)


def reasons(folder: Path, *tasks: Any) -> list[str]:
    write(folder / "deploy.yml", list(tasks))
    loader = DataLoader()
    loader.set_basedir(str(folder))
    manager = VariableManager(loader=loader, inventory=InventoryManager(loader=loader, sources=[]))
    found = HookFiles(loader, Play(), manager).read([folder / "deploy.yml"])
    return [reason.replace(f"{folder}/", "") for reason in found]


def test_correct_hooks_are_accepted(tmp_path: Path) -> None:
    role(tmp_path, "chat", handlers=[{"name": "restart chat", "listen": ["chat changed", "it"], **PING}])
    block = {"block": [NOTIFY], "rescue": [{"ansible.builtin.meta": "noop"}], "always": [{**PING, "notify": ["it"]}]}
    recursive = {"include_tasks": "deploy.yml"}
    shell = {"name": "Do", "ansible.builtin.shell": "true", "args": {"chdir": "/"}, "become": True}
    assert reasons(tmp_path, USE_CHAT, block, recursive, shell, {"command": "true"}) == []


@pytest.mark.parametrize(
    "task",
    [
        {"no.such.module": {}},
        {"block": [{"name": "Do"}, {"block": [], "always": [{"no.such.module": {}}]}]},
        {"ansible.builtin.include_tasks": "dynamic.yml"},
        {"ansible.builtin.include_tasks": {"file": "dynamic.yml", "apply": {"become": True}}},
        {"import_tasks": "dynamic.yml"},
        USE_CHAT,
        {"ansible.builtin.import_role": {"name": "chat", "tasks_from": "other"}},
    ],
)
def test_an_unknown_module_is_refused(task: Any, tmp_path: Path) -> None:
    unknown: list[Any] = [{"no.such.module": {}}]
    write(tmp_path / "dynamic.yml", unknown)
    role(tmp_path, "chat", tasks=[{"include_tasks": "inner.yml"}])
    write(tmp_path / "roles" / "chat" / "tasks" / "inner.yml", unknown)
    write(tmp_path / "roles" / "chat" / "tasks" / "other.yml", unknown)
    assert [reason for reason in reasons(tmp_path, task) if "no.such.module" in reason]


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ({"ansible.builtin.set_fact": {"version": 1, "rolling_update_point": "start"}}, "rolling_update_point"),
        ({"set_fact": "rolling_update_answer=none"}, "rolling_update_answer"),
        ({**PING, "register": "rolling_update_failed"}, "rolling_update_failed"),
        ({**PING, "loop": [1], "loop_control": {"loop_var": "rolling_update_file"}}, "rolling_update_file"),
        ({**PING, "loop": [1], "loop_control": {"index_var": "rolling_update_turn"}}, "rolling_update_turn"),
    ],
)
def test_a_variable_of_the_playbook_is_refused(task: Any, name: str, tmp_path: Path) -> None:
    given = [PING, {"block": [task]}, {"set_fact": {"rolling_update_soak": 9}}]
    assert reasons(tmp_path, *given) == [
        f"deploy.yml sets the variable {name}, which the playbook uses itself: use another name"
    ]


def test_the_reserved_names_are_those_of_the_playbook() -> None:
    playbooks = Path(__file__).parents[5] / "playbooks"
    text = "".join(path.read_text(encoding="utf-8") for path in playbooks.rglob("*.yml"))
    kept = set(re.findall(r"(?:register: |loop_var: |\n +)(rolling_update_\w+)", text))
    kept |= set(re.findall(r"vars: \{(rolling_update_\w+)", text))
    kept |= {name for line in re.findall("loop_var: .*", text) for name in re.findall(r"'(rolling_update_\w+)'", line)}
    assert kept == hooks.RESERVED


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "dynamic.yml", "- name: [")
    (reason,) = reasons(tmp_path, {"ansible.builtin.include_tasks": "dynamic.yml"})
    assert reason.startswith("dynamic.yml: ")


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, USE_CHAT)
    assert reason.startswith("deploy.yml: ")
    assert "chat" in reason


@pytest.mark.parametrize("dependency", ["balancer", {"role": "balancer", "vars": {"state": "drain"}}])
def test_a_role_dependency_is_refused(dependency: Any, tmp_path: Path) -> None:
    """It would run only for the first batch."""
    role(tmp_path, "chat", meta={"dependencies": [dependency]})
    role(tmp_path, "balancer")
    (reason,) = reasons(tmp_path, USE_CHAT)
    assert reason == (
        "deploy.yml uses the role chat, which depends on the role balancer: Ansible runs a dependency only once in a "
        "play, although each batch and each hook needs it; set allow_duplicates: true in meta/main.yml of balancer"
    )
    role(tmp_path, "balancer", meta={"allow_duplicates": True})
    assert reasons(tmp_path, USE_CHAT) == []


def test_a_handler_outside_a_role_is_refused(tmp_path: Path) -> None:
    """A file of tasks has no handlers, and those of the user's play are not available."""
    role(tmp_path, "chat")
    missing = "deploy.yml notifies the handler restart chat, but no role that the hooks use has a handler of that name"
    assert reasons(tmp_path, USE_CHAT, NOTIFY) == [missing]
    # A role or file that is known only at run time may have the handler.
    assert reasons(tmp_path, {"include_role": {"name": "{{ chat }}"}}, NOTIFY) == []
    assert reasons(tmp_path, {"include_tasks": "{{ chat }}.yml"}, NOTIFY) == []


def test_a_handler_without_a_name_is_refused(tmp_path: Path) -> None:
    role(tmp_path, "chat", handlers=[{"listen": "restart chat", **PING}])
    (reason,) = reasons(tmp_path, USE_CHAT, NOTIFY)
    assert reason.startswith("deploy.yml uses the role chat, which has a handler with listen and without a name")


def test_a_short_module_name_of_the_roles_collection_is_accepted(tmp_path: Path) -> None:
    """The collection's own roles may use the short name."""
    role(tmp_path, "chat", meta={"collections": ["rocketops.rocketchat"]}, tasks=[{"instances_info": {}}])
    assert reasons(tmp_path, USE_CHAT) == []
    role(tmp_path, "chat", tasks=[{"instances_info": {}}], meta={})
    assert reasons(tmp_path, USE_CHAT) != []
