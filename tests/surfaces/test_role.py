# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in plays as users may write them: no task may run after a gate that does not pass."""

from __future__ import annotations

import json
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
ROLE = "rocketops.rocketchat.health_gate"
MEMBER = "inventory_hostname in groups.rocketchat"
WRONG: dict[str, Any] = {"health_gate_expected_version": "9.9.9", "health_gate_deadline": 0}
PAST: Task = {"ansible.builtin.debug": {"msg": "past the gate"}}


def gate(entry: str = "main", **keywords: Any) -> Task:
    role = {"name": ROLE, "tasks_from": entry}
    return {"ansible.builtin.include_role": role, **keywords}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Three nodes that serve: a node that has just started would be another reason to wait."""
    with emulated() as emulator:
        await_well(emulator.document, WAITING)
        yield emulator


def run(
    emulator: Emulator, folder: Path, tasks: list[Task], *arguments: str, hosts: str = "rc1", **variables: Any
) -> Run:
    """Run a playbook of one play."""
    return run_play(emulator, folder, {"hosts": hosts, "tasks": tasks}, *arguments, **variables)


def run_play(
    emulator: Emulator, folder: Path, keywords: Task, *arguments: str, environment: Any = None, **variables: Any
) -> Run:
    """Run a play of hosts of which the first one, a database, is not a member."""
    (folder / "play.yml").write_text(json.dumps([{"gather_facts": False, **keywords}]), encoding="utf-8")
    inventory = members_of(emulator.document, WAITING, **variables)
    inventory["all"]["children"] = {"databases": {"hosts": {"db1": {}}}, **inventory["all"]["children"]}
    return play(folder / "play.yml", inventory, folder, *arguments, **(environment or {}))


def is_stopped(shown: Run, says: str = "rc1 runs 7.10.0, 9.9.9 expected") -> bool:
    return shown.code == 2 and "past the gate" not in shown.output and says in shown.output


def imported(**keywords: Any) -> Task:
    return {"ansible.builtin.import_role": {"name": ROLE}, **keywords}


def depending(folder: Path, *names: str, **keywords: Any) -> dict[str, str]:
    """Create roles that depend on this one; returns the setting that lets Ansible find them."""
    for name in names:
        (folder / "roles" / name / "meta").mkdir(parents=True)
        meta = {"dependencies": [{"role": ROLE, **keywords}]}
        (folder / "roles" / name / "meta" / "main.yml").write_text(json.dumps(meta), encoding="utf-8")
    return {"ANSIBLE_ROLES_PATH": str(folder / "roles")}


def test_tasks_run_after_a_gate_that_passes(emulator: Emulator, tmp_path: Path) -> None:
    shown = run(emulator, tmp_path, [gate(), PAST])
    assert shown.code == 0, shown.output
    assert "past the gate" in shown.output


@pytest.mark.parametrize(
    ("tasks", "arguments", "says"),
    [
        ([gate(), PAST], (), "rc1 runs 7.10.0, 9.9.9 expected"),
        (
            [gate(tags="deploy"), {**PAST, "tags": "deploy"}],
            ("--tags", "deploy"),
            "rc1 runs 7.10.0, 9.9.9 expected",
        ),
        (
            [gate(), PAST],
            ("--extra-vars", "health_gate_expected_version="),
            "must be a full version such as 7.11.0, not empty",
        ),
        (
            [gate(), PAST],
            ("--extra-vars", '{"health_gate_expected_version": null}'),
            "must be a full version such as 7.11.0, not empty",
        ),
        ([gate(), PAST], ("--extra-vars", '{"health_gate_enforce": null}'), "argument 'health_gate_enforce' is of"),
    ],
    ids=["plain", "tags", "empty", "null version", "null"],
)
def test_no_task_runs_after_a_gate_that_fails(
    emulator: Emulator, tmp_path: Path, tasks: list[Task], arguments: tuple[str, ...], says: str
) -> None:
    shown = run(emulator, tmp_path, tasks, *arguments, **WRONG)
    assert shown.code == 2
    assert "past the gate" not in shown.output
    assert says in shown.output


@pytest.mark.parametrize(
    "twice",
    [
        {"roles": [ROLE, "change", ROLE]},
        {"roles": ["one", "change", "two"]},
        {"pre_tasks": [imported()], "roles": ["change", ROLE]},
    ],
    ids=["roles", "dependencies", "import and roles"],
)
def test_each_use_of_the_role_is_a_gate(emulator: Emulator, tmp_path: Path, twice: Task) -> None:
    environment = depending(tmp_path, "one", "two")
    (tmp_path / "roles" / "change" / "tasks").mkdir(parents=True)
    (tmp_path / "roles" / "change" / "tasks" / "main.yml").write_text(
        json.dumps([{"ansible.builtin.set_fact": WRONG}]), encoding="utf-8"
    )
    shown = run_play(emulator, tmp_path, {"hosts": "rc1", **twice, "tasks": [PAST]}, environment=environment)
    assert is_stopped(shown), shown.output


WAYS: dict[str, Task] = {
    "roles": {"roles": [{"role": ROLE, "when": MEMBER}]},
    "roles, once": {"roles": [{"role": ROLE, "when": MEMBER, "run_once": True}]},
    "import": {"tasks": [imported(when=MEMBER)]},
    "import, once": {"tasks": [imported(when=MEMBER, run_once=True, delegate_to="rc3")]},
    "include": {"tasks": [gate(when=MEMBER)]},
    "block": {"tasks": [{"block": [imported()], "when": MEMBER}]},
    "dependency": {"roles": ["one"]},
    "free": {"tasks": [imported(when=MEMBER)], "strategy": "ansible.builtin.free"},
    "batches": {"tasks": [imported(when=MEMBER)], "serial": 2, "max_fail_percentage": 100},
    "errors ignored": {"tasks": [imported(when=MEMBER)], "ignore_errors": True},
    "errors ignored, free": {"roles": [ROLE], "ignore_errors": True, "strategy": "ansible.builtin.host_pinned"},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_gate_works_if_the_first_host_is_not_a_member(emulator: Emulator, tmp_path: Path, way: str) -> None:
    # With a strategy that does not keep hosts together, a host that is not a member does not wait for the gate.
    past = {**PAST, "when": MEMBER} if "strategy" in WAYS[way] else PAST
    keywords = {"hosts": "all", **WAYS[way], "tasks": [*WAYS[way].get("tasks", []), past]}
    environment = depending(tmp_path, "one", when=MEMBER)
    shown = run_play(emulator, tmp_path, keywords, environment=environment, **WRONG)
    assert is_stopped(shown), shown.output


def test_before_and_after_work_if_the_first_host_is_not_a_member(emulator: Emulator, tmp_path: Path) -> None:
    """The gate after gets the result of the gate before, also with a gate of the whole cluster between them."""
    before, after = ({"ansible.builtin.import_role": {"name": ROLE, "tasks_from": n}} for n in ("before", "after"))
    on_rc1 = {"run_once": False, "when": "inventory_hostname == 'rc1'"}
    restart = [{**_emulate(emulator, command), **on_rc1} for command in ("stop rc1", "start rc1")]
    tasks = [{"block": [before, *restart, imported(), after], "when": MEMBER}, PAST]
    options = {"health_gate_targets": "rc1", "health_gate_deadline": 60}
    shown = run_play(emulator, tmp_path, {"hosts": "all", "tasks": tasks}, **options)
    assert shown.code == 0, shown.output
    assert "after rc1: passed" in shown.output


@pytest.mark.parametrize(
    "setting",
    [
        {"ANSIBLE_TASK_TIMEOUT": "5"},
        {"ANSIBLE_STRATEGY": "ansible.builtin.free"},
        {"ANSIBLE_PRIVATE_ROLE_VARS": "true"},
        {"ANSIBLE_JINJA2_NATIVE": "true"},
        {"ANSIBLE_INJECT_FACT_VARS": "false"},
        {"ANSIBLE_HASH_BEHAVIOUR": "merge"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_time_limits_of_ansible_do_not_end_a_gate(emulator: Emulator, tmp_path: Path, setting: dict[str, str]) -> None:
    """A gate may wait longer than Ansible's limit for tasks; only its own deadline ends it."""
    wrong = {**WRONG, "health_gate_deadline": 7 if "TIMEOUT" in next(iter(setting)) else 0}
    keywords = {"hosts": "all", "roles": [{"role": ROLE, "when": MEMBER}], "tasks": [{**PAST, "when": MEMBER}]}
    shown = run_play(emulator, tmp_path, keywords, environment=setting, **wrong)
    assert is_stopped(shown), shown.output


@pytest.mark.parametrize(
    ("arguments", "variables"), [(("--become", "--become-user", "daemon"), {}), ((), {"ansible_become": True})]
)
def test_the_role_does_not_need_another_user(
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variables: dict[str, Any],
) -> None:
    monkeypatch.setenv("ANSIBLE_BECOME_EXE", "/bin/false")
    shown = run(emulator, tmp_path, [gate()], *arguments, **variables)
    assert shown.code == 0, shown.output


def test_the_environment_may_have_values_that_are_not_strings(emulator: Emulator, tmp_path: Path) -> None:
    """Numbers, booleans and null, also in several dictionaries, work as with Ansible's own modules."""
    environment = [{"RETRIES": 60, "DEBUG": True}, {"EMPTY": None, "RATIO": 0.5, "NAMES": ["a", "b"]}]
    asked: Task = {"rocketops.rocketchat.instances_info": {"url": "{{ rocketchat_url }}", **_token()}}
    shown = run_play(emulator, tmp_path, {"hosts": "rc1", "environment": environment, "tasks": [gate(), asked, PAST]})
    assert shown.code == 0, shown.output


def test_a_module_that_cannot_become_another_user_fails(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module uses become if it is set; the failure is a result like any other."""
    monkeypatch.setenv("ANSIBLE_BECOME_EXE", "/bin/false")
    task: Task = {
        "rocketops.rocketchat.cluster_gate": {"url": "{{ rocketchat_url }}", "expected": 3, **_token()},
        "become": True,
        "become_user": "daemon",
        "register": "result",
        "failed_when": False,
    }
    show: Task = {"ansible.builtin.debug": {"msg": "{{ result.verdict }}: {{ result.msg }}"}}
    shown = run(emulator, tmp_path, [task, show])
    reason = "on rc1: Premature end of stream waiting for become success"
    assert f"inconclusive: no observation can be made: {reason}" in shown.output


@pytest.mark.parametrize("controller", ["127.0.0.1", "::1", "localhost", "rc1"])
def test_reports_are_written_if_the_controller_is_a_member(emulator: Emulator, tmp_path: Path, controller: str) -> None:
    """Two batches, and so two gates, in two files that one string of the command line names."""
    inventory = members_of(emulator.document, WAITING)
    hosts = inventory["all"]["children"]["rocketchat"]["hosts"]
    inventory["all"]["children"]["rocketchat"]["hosts"] = {controller: hosts.pop("rc1"), **hosts}
    batches = {"hosts": f"{controller},rc2", "gather_facts": False, "serial": 1, "tasks": [gate()]}
    (tmp_path / "play.yml").write_text(json.dumps([batches]), encoding="utf-8")
    files = f"health_gate_report={tmp_path}/roll.json, {tmp_path}/roll.xml,{tmp_path}/roll.pdf"
    shown = play(tmp_path / "play.yml", inventory, tmp_path, "--extra-vars", json.dumps(dict([files.split("=")])))
    assert shown.code == 0, shown.output
    assert len(json.loads((tmp_path / "roll.json").read_text(encoding="utf-8"))) == 2
    assert (tmp_path / "roll.xml").read_text(encoding="utf-8").count("<testcase") == 2
    assert "roll.pdf: the extension of a report must be one of" in " ".join(shown.output.split())


def test_an_empty_group_is_refused(emulator: Emulator, tmp_path: Path) -> None:
    members = [{"name": node["name"], "url": node["url"]} for node in emulator.document["nodes"]]
    shown = run(emulator, tmp_path, [gate(), PAST], health_gate_group="empty", health_gate_members=members)
    assert shown.code == 0, shown.output
    shown = run(emulator, tmp_path, [gate(), PAST], health_gate_group="empty")
    assert shown.code == 2
    assert "The inventory group empty is empty" in shown.output


def test_members_without_a_url_are_refused(emulator: Emulator, tmp_path: Path) -> None:
    shown = run(emulator, tmp_path, [gate(), PAST], health_gate_url_variable="chat_url")
    assert shown.code == 2
    assert "chat_url is not set for rc1, rc2, rc3" in shown.output


def test_a_gate_before_is_valid_for_one_deployment(emulator: Emulator, tmp_path: Path) -> None:
    """Otherwise a second gate after would accept the process of the first deployment as new."""
    restart = [_emulate(emulator, "stop rc1"), _emulate(emulator, "start rc1")]
    shown = run(emulator, tmp_path, [gate("before"), *restart, gate("after"), gate("after"), PAST])
    assert shown.output.count("after rc1: passed") == 1
    assert "phase: after needs before" in shown.output
    assert "past the gate" not in shown.output


@pytest.mark.parametrize(
    ("says", "targets"),
    [(["rc1"], {"health_gate_targets": "rc1,rc2"}), (["rc1", "rc2"], {})],
    ids=["rc1, targets as text", "rc1 and rc2"],
)
def test_restart_confirmed_counts_only_for_its_host(says: list[str], targets: dict[str, str], tmp_path: Path) -> None:
    """A batch of two hosts, of which ``says`` confirm a restart. rc2 was paused for long, and only resumes."""
    with emulated("--expire", "2", "--sweep", "1") as emulator:
        hung = emulator.id("rc2")
        emulator.run("freeze", "rc2")
        emulator.eventually(lambda: emulator.record("rc1", hung) is None)
        deploy = [_emulate(emulator, command) for command in ("stop rc1", "start rc1", "thaw rc2")]
        word: Task = {
            "ansible.builtin.set_fact": {"health_gate_restart_confirmed": True},
            "when": f"inventory_hostname in {says}",
        }
        tasks = [gate("before"), *deploy, word, gate("after"), PAST]
        limits: dict[str, Any] = {"health_gate_min_serving": 1, "health_gate_deadline": 12, "health_gate_timeout": 1}
        shown = run(emulator, tmp_path, tasks, hosts="rc1:rc2", **limits, **targets)
        assert emulator.id("rc2") == hung
    both = says == ["rc1", "rc2"]
    assert both or "rc2 was not restarted: its process has run since before the deployment" in shown.output
    assert ("past the gate" in shown.output) == both


def _emulate(emulator: Emulator, command: str) -> Task:
    line = f"python -m rocketchat_emulator {command} --state-dir {emulator.state_dir}"
    return {"ansible.builtin.command": line, "run_once": True}


def _token() -> dict[str, str]:
    return {name: f"{{{{ health_gate_{name} }}}}" for name in ("user_id", "auth_token")}
