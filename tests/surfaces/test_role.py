# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in plays that people may well write: where its gate is shut, nothing may get past it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import WAITING, members_of, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Run
    from emulator_driver import Emulator

Task = dict[str, Any]
WRONG: dict[str, Any] = {"health_gate_expected_version": "9.9.9", "health_gate_deadline": 0}
PAST: Task = {"ansible.builtin.debug": {"msg": "past the gate"}}


def gate(entry: str = "main", **keywords: Any) -> Task:
    role = {"name": "rocketops.rocketchat.health_gate", "tasks_from": entry}
    return {"ansible.builtin.include_role": role, **keywords}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


def run(
    emulator: Emulator, folder: Path, tasks: list[Task], *arguments: str, hosts: str = "rc1", **variables: Any
) -> Run:
    """A playbook of one play."""
    book = [{"hosts": hosts, "gather_facts": False, "tasks": tasks}]
    (folder / "play.yml").write_text(json.dumps(book), encoding="utf-8")
    return play(folder / "play.yml", members_of(emulator.document, WAITING, **variables), folder, *arguments)


def test_a_gate_that_is_open(emulator: Emulator, tmp_path: Path) -> None:
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
def test_a_gate_that_is_shut(
    emulator: Emulator, tmp_path: Path, tasks: list[Task], arguments: tuple[str, ...], says: str
) -> None:
    shown = run(emulator, tmp_path, tasks, *arguments, **WRONG)
    assert shown.code == 2
    assert "past the gate" not in shown.output
    assert says in shown.output


def test_nobody_has_to_be_another_user_to_ask(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_BECOME_EXE", "/bin/false")
    shown = run(emulator, tmp_path, [gate()], "--become", "--become-user", "nobody")
    assert shown.code == 0, shown.output


def test_one_who_cannot_be_another_user(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module itself does as it is told; what comes of it is a result like any other."""
    monkeypatch.setenv("ANSIBLE_BECOME_EXE", "/bin/false")
    token = {name: f"{{{{ health_gate_{name} }}}}" for name in ("user_id", "auth_token")}
    task: Task = {
        "rocketops.rocketchat.cluster_gate": {"url": "{{ rocketchat_url }}", "expected": 3, **token},
        "become": True,
        "become_user": "nobody",
        "register": "result",
        "failed_when": False,
    }
    show: Task = {"ansible.builtin.debug": {"msg": "{{ result.verdict }}: {{ result.msg }}"}}
    shown = run(emulator, tmp_path, [task, show])
    reason = "on rc1: Premature end of stream waiting for become success"
    assert f"inconclusive: no observation can be made: {reason}" in shown.output


def test_members_without_a_group(emulator: Emulator, tmp_path: Path) -> None:
    members = [{"name": node["name"], "url": node["url"]} for node in emulator.document["nodes"]]
    shown = run(emulator, tmp_path, [gate(), PAST], health_gate_group="nobody", health_gate_members=members)
    assert shown.code == 0, shown.output
    shown = run(emulator, tmp_path, [gate(), PAST], health_gate_group="nobody")
    assert shown.code == 2
    assert "The inventory group nobody is empty" in shown.output


def test_a_member_without_its_address(emulator: Emulator, tmp_path: Path) -> None:
    shown = run(emulator, tmp_path, [gate(), PAST], health_gate_url_variable="chat_url")
    assert shown.code == 2
    assert "rc1, rc2, rc3: the variable chat_url is not set" in shown.output


def test_a_gate_before_stands_for_one_deployment(emulator: Emulator, tmp_path: Path) -> None:
    """The second gate after would take the process for new that the first deployment has started."""
    restart = [_tell(emulator, "stop rc1"), _tell(emulator, "start rc1")]
    shown = run(emulator, tmp_path, [gate("before"), *restart, gate("after"), gate("after"), PAST])
    assert shown.output.count("after rc1: passed") == 1
    assert "phase: after needs before" in shown.output
    assert "past the gate" not in shown.output


@pytest.mark.parametrize("says", [["rc1"], ["rc1", "rc2"]], ids=" ".join)
def test_the_word_of_a_host_counts_for_itself(says: list[str], tmp_path: Path) -> None:
    """A batch of two, and who says to have been restarted. rc2 has hung for long, and only resumes."""
    with emulated("--expire", "2", "--sweep", "1") as emulator:
        hung = emulator.id("rc2")
        emulator.run("freeze", "rc2")
        emulator.eventually(lambda: emulator.record("rc1", hung) is None)
        deploy = [_tell(emulator, command) for command in ("stop rc1", "start rc1", "thaw rc2")]
        word: Task = {
            "ansible.builtin.set_fact": {"health_gate_restart_confirmed": True},
            "when": f"inventory_hostname in {says}",
        }
        tasks = [gate("before"), *deploy, word, gate("after"), PAST]
        limits: dict[str, Any] = {"health_gate_min_serving": 1, "health_gate_deadline": 12}
        shown = run(emulator, tmp_path, tasks, hosts="rc1:rc2", **limits)
        assert emulator.id("rc2") == hung
    both = says == ["rc1", "rc2"]
    assert ("rc2 did not answer when the gate before the deployment passed" in shown.output) != both
    assert ("past the gate" in shown.output) == both


def _tell(emulator: Emulator, command: str) -> Task:
    line = f"python -m rocketchat_emulator {command} --state-dir {emulator.state_dir}"
    return {"ansible.builtin.command": line, "run_once": True}
