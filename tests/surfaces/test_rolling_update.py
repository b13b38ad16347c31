# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls with failures: the hooks that run on each node, the nodes in rotation afterwards, and the last line."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT, blocks
from ansible_collections.rocketops.rocketchat.tests.surfaces.balancer import NODES, WAITING, Site
from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import members_of, play
from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.tests.surfaces.balancer import Task

WELL = list(NODES)
ON_RC2 = "inventory_hostname == 'rc2'"
FAILS: Task = {"name": "Fail", "ansible.builtin.fail": {"msg": "no luck"}, "when": ON_RC2}
# Two nodes in one batch, with min_serving 1: rc3 already runs the version, so rc1 and rc2 are deployed together.
TOGETHER = {"rolling_update_serial": 2, "health_gate_min_serving": 1}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def untouched(cluster: Emulator) -> Emulator:
    """The cluster, for tests that do not change it."""
    return cluster


@pytest.fixture
def bare(tmp_path: Path) -> Site:
    """Hooks without a cluster, for refusals, which come before any node is asked."""
    return Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")


@pytest.fixture(scope="module")
def versions() -> Iterator[str]:
    """Versions, a new one for each test."""
    return (f"7.{minor}.0" for minor in itertools.count(11))


@pytest.fixture
def version(versions: Iterator[str]) -> str:
    return next(versions)


@pytest.fixture
def site(cluster: Emulator, version: str, tmp_path: Path) -> Iterator[Site]:
    """All nodes run another version than the one to deploy, and are in rotation. They are repaired afterwards."""
    site = Site(cluster, tmp_path, version)
    site.await_well()
    yield site
    for node in cluster.run("status")["nodes"]:
        if node["state"] == "frozen":
            cluster.run("thaw", node["name"])
        if node["state"] != "running" or node["fault"] != "none":
            cluster.run("fault", node["name"], "none")
            cluster.run("stop", node["name"])
            cluster.run("start", node["name"])


@pytest.fixture
def pair(site: Site) -> Site:
    """rc3 is already deployed, so that rc1 and rc2 are one batch."""
    site.deploy("rc3")
    site.await_well()
    return site


def _of_batch(site: Site) -> list[str]:
    """The steps without the first ones: each roll begins with the readmission of all healthy members."""
    begin = next((i for i, step in enumerate(site.steps) if step.startswith("drain")), len(site.steps))
    return site.steps[begin:]


def test_a_roll_deploys_one_by_one_and_a_second_does_nothing(site: Site) -> None:
    """The nodes are deployed one by one, because the version changes."""
    shown = site.roll(rolling_update_serial=1)
    assert shown.code == 0, shown.output
    assert "[WARNING]" not in shown.output
    assert _of_batch(site) == [f"{step} {node}" for node in NODES for step in ("drain", "deploy", "readmit")]
    assert (site.in_rotation, site.least) == (WELL, 2)
    assert f"the roll is done: {site.version} runs on rc1, rc2, rc3. Running the same command again" in shown.output
    again = site.roll()
    assert again.code == 0, again.output
    assert [step for step in site.steps if "drain" in step] == [f"drain {node}" for node in NODES]
    assert "order: no node needs a deployment" in again.output


def test_the_tasks_lines_and_requests_of_a_roll(site: Site) -> None:
    """Per node at most 15 tasks and 35 lines with Ansible's default output, without those of hooks and waiting gates.

    Each process is asked once for its version, in all gates together.
    """
    known = {node: len(site.emulator.logged(node)) for node in NODES}
    shown = site.roll()
    assert shown.code == 0, shown.output
    lines = shown.output.splitlines()
    begin, end = (next(i for i, line in enumerate(lines) if f"[drain rc{n}]" in line) for n in (2, 3))
    hooks = sum(line.startswith(("TASK [Run a command]", "TASK [Note]")) for line in lines[begin:end])
    gates = sum(bool(re.match(r"\[roll\] (before|after) rc2.*: passed", line)) for line in lines)
    assert gates == 3
    assert sum(line.startswith("TASK [") for line in lines[begin:end]) - hooks <= 15, shown.output
    assert end - begin - 3 * hooks + gates <= 35, shown.output
    for node in NODES:
        paths = [line["path"] for line in site.emulator.logged(node)[known[node] :]]
        assert paths.count("/api/info") == 2, paths


@pytest.mark.parametrize(
    ("broken", "trouble", "says", "steps", "out"),
    [
        ("drain", "fails", "the drain hook failed on rc2", "readmit rc1, readmit rc2", ""),
        ("drain", "is lost", "Ansible lost rc2 during the drain hook", "readmit rc1, readmit rc2", ""),
        ("drain", "leaves", "Ansible lost rc2 during the drain hook", "readmit rc1, readmit rc2", ""),
        ("drain", "ends the play", "the drain hook failed on rc1, rc2", "readmit rc1, readmit rc2", ""),
        ("drain", "fails for all", "the drain hook failed on rc1, rc2", "readmit rc1, readmit rc2", ""),
        ("deploy", "fails", "the deploy hook failed on rc2", "deploy rc1, readmit rc1, readmit rc2", ""),
        ("deploy", "is lost", "Ansible lost rc2 during the deploy hook", "deploy rc1, readmit rc1, readmit rc2", ""),
        ("deploy", "stops and fails", "the deploy hook failed on rc2", "deploy rc1, readmit rc1", "rc2"),
        ("readmit", "fails", "the readmit hook failed on rc2", "deploy rc1, deploy rc2, readmit rc1", "rc2"),
        (
            "readmit",
            "fails once",
            "the readmit hook failed on rc2",
            "deploy rc1, deploy rc2, readmit rc1, readmit rc2",
            "",
        ),
    ],
)
def test_healthy_members_are_in_rotation_after_a_hook_failed(
    broken: str, trouble: str, says: str, steps: str, out: str, pair: Site
) -> None:
    """However a hook fails, healthy members are in rotation again, and the last line names the others."""
    stop = pair.emulate("stop {{ inventory_hostname }}", when=ON_RC2)
    once = pair.shell("test -e {{ inventory_dir }}/once || { touch {{ inventory_dir }}/once; exit 1; }", when=ON_RC2)
    happens: list[Task] = {
        "fails": [FAILS],
        "fails once": [once],
        "fails for all": [{"name": "Fail", "ansible.builtin.fail": {"msg": "no luck"}, "run_once": True}],
        "leaves": [{"ansible.builtin.meta": "end_host", "when": ON_RC2}],
        "ends the play": [{"ansible.builtin.meta": "end_play"}],
        "stops and fails": [stop, FAILS],
        "is lost": [_lost(pair.folder)],
    }[trouble]
    tasks = pair.hooks[broken]
    pair.hooks[broken] = [*tasks, *happens] if broken == "drain" else [*happens, *tasks]
    if broken == "readmit":  # but not for the readmission at the start
        for task in happens:
            task["when"] = f"{task['when']} and rolling_update_answer.mark is search('/[^1]$')"
    shown = pair.roll(**TOGETHER)
    assert shown.code != 0, shown.output
    assert says in shown.output, shown.output
    assert sorted(step for step in _of_batch(pair) if "drain" not in step) == steps.split(", "), shown.output
    assert pair.in_rotation == [name for name in WELL if name != out], shown.output
    last = _last(shown.output)
    assert (f"out of rotation: {out}" in last) if out else ("out of rotation" not in last), last
    assert pair.least >= 1
    assert "Fix the cause and run the same command again" in last


def test_the_hosts_of_a_batch_run_a_hook_in_parallel(pair: Site) -> None:
    """The hook on each host waits for the other host."""
    came = f"{pair.folder}/came"
    both = f"until [ -e {came}.rc1 -a -e {came}.rc2 ]; do sleep 0.1; done"
    meet = f"touch {came}.{{{{ inventory_hostname }}}}; timeout 20 sh -c '{both}'"
    pair.hooks["drain"].append(pair.shell(meet))
    shown = pair.roll(**TOGETHER)
    assert shown.code == 0, shown.output


def test_handlers_run_at_the_end_of_their_hook(pair: Site) -> None:
    """Handlers of a hook that failed never run, even with force_handlers."""
    for hook in ("drain", "deploy", "readmit"):
        _role(pair, hook)
        pair.hooks[hook].append({"ansible.builtin.include_role": {"name": f"chat_{hook}"}})
    pair.hooks["deploy"].append(FAILS)
    shown = pair.roll(environment={**_roles(pair), "ANSIBLE_FORCE_HANDLERS": "true"}, **TOGETHER)
    assert shown.code != 0, shown.output
    steps = _of_batch(pair)
    assert sorted(steps[:4]) == ["drain rc1", "drain rc2", "handler of drain rc1", "handler of drain rc2"]
    assert [step for step in steps if "of deploy" in step] == ["handler of deploy rc1"]
    assert sorted(step for step in steps if "of readmit" in step) == [
        "handler of readmit rc1",
        "handler of readmit rc2",
    ]
    assert pair.in_rotation == WELL


@pytest.mark.parametrize("trouble", ["fault rc3 unauthorized", "freeze rc3"])
def test_a_fault_during_the_drain_stops_the_roll_and_readmits_the_batch(trouble: str, pair: Site) -> None:
    """Nothing is deployed, and the unchanged batch is back in rotation, also a member that is too busy to answer."""
    pair.hooks["drain"] += [pair.emulate(task, run_once=True) for task in (trouble, "fault rc1 rate_limited")]
    shown = pair.roll(health_gate_timeout=1, rolling_update_serial=2)
    assert shown.code != 0, shown.output
    assert not [step for step in pair.steps if "deploy" in step]
    assert pair.in_rotation == WELL, shown.output
    assert "rc3 " in _last(shown.output)


def test_a_lost_token_after_the_drain_stops_the_roll_and_readmits(site: Site) -> None:
    """No gate can run any more. As far as is known, the node is unchanged since its drain."""
    token = site.folder / "token"
    token.write_text(str(site.emulator.document["admin"]["auth_token"]), encoding="utf-8")
    site.hooks["drain"].append(site.shell(f"rm {token}"))
    lookup = f"{{{{ lookup('ansible.builtin.file', '{token}') }}}}"
    shown = site.roll(health_gate_auth_token=lookup)
    assert shown.code != 0, shown.output
    assert not [step for step in site.steps if "deploy" in step]
    assert site.in_rotation == WELL, shown.output


def test_a_time_limit_of_ansible_does_not_end_a_gate(site: Site) -> None:
    """It limits only the tasks of hooks."""
    shown = site.roll(environment={"ANSIBLE_TASK_TIMEOUT": "5"}, health_gate_stable_for=8)
    assert shown.code == 0, shown.output
    assert site.in_rotation == WELL


def test_a_node_that_does_not_come_back_does_not_hold_its_batch(pair: Site) -> None:
    """The other node is in rotation long before the deadline; the same command continues after the repair."""
    pair.hooks["deploy"][1] = pair.emulate(
        f"start {{{{ inventory_hostname }}}} --version {pair.version} --no-wait"
        " {{ '--fault never_ready' if inventory_hostname == 'rc2' else '' }}"
    )
    began = time.monotonic()
    with pair.rolling(health_gate_deadline=25, **TOGETHER) as process:
        _until(lambda: "readmit rc1" in _of_batch(pair))
        took = time.monotonic() - began
        output = "".join(process.communicate())
        assert time.monotonic() - began > took + 8
    assert process.returncode != 0
    assert pair.in_rotation == ["rc1", "rc3"], output
    assert re.search(r"the roll stopped at rc1, rc2; .*rc2 .*; out of rotation: rc2\. Fix the cause", _last(output)), (
        output
    )
    pair.emulator.run("fault", "rc2", "none")
    pair.emulator.run("stop", "rc2")
    pair.emulator.run("start", "rc2")
    pair.await_well()
    shown = pair.roll(**TOGETHER)
    assert shown.code == 0, shown.output
    assert (pair.in_rotation, pair.least) == (WELL, 2)
    assert [step for step in pair.steps if "deploy" in step].count("deploy rc2") == 1


def test_a_node_with_a_wrong_version_stays_out_of_rotation(pair: Site) -> None:
    pair.hooks["deploy"][1] = pair.emulate(
        "start {{ inventory_hostname }} --no-wait"
        " --version {{ '7.9.0' if inventory_hostname == 'rc1' else deployed_version }}"
    )
    shown = pair.roll(**TOGETHER)
    assert shown.code != 0, shown.output
    assert pair.in_rotation == ["rc2", "rc3"], shown.output
    assert "out of rotation: rc1." in _last(shown.output)


@pytest.mark.parametrize("at", ["deploy rc1", "drain rc2"])
def test_the_same_command_continues_after_an_interruption(at: str, site: Site) -> None:
    """No needed node is taken down, and in the end all are in rotation."""
    step, node = at.split()
    site.hooks[step].append(
        site.shell("sleep 20", when=f"inventory_hostname == '{node}' and not again | default(false)")
    )
    with site.rolling() as process:
        _until(lambda: at in site.steps)
        site.interrupt(process)
    assert node not in site.in_rotation
    shown = site.roll("-e", "again=true")
    assert shown.code == 0, shown.output
    assert site.in_rotation == WELL
    assert site.least >= 1 if step == "deploy" else site.least == 2, shown.output
    assert sorted(step for step in site.steps if "deploy" in step) == [f"deploy {name}" for name in NODES]


def test_a_second_run_waits_for_the_node_that_starts(site: Site) -> None:
    """The next node is taken down only when the last one serves, and is in rotation, again."""
    site.hooks["deploy"][1] = site.emulate(
        f"start {{{{ inventory_hostname }}}} --version {site.version} --no-wait"
        " --fault {{ 'never_ready' if inventory_hostname == 'rc2' and not again | default(false) else 'none' }}"
    )
    shown = site.roll(health_gate_deadline=8)
    assert shown.code != 0, shown.output
    assert site.in_rotation == ["rc1", "rc3"], shown.output
    shown = site.roll("-e", "again=true", health_gate_restart_confirmed=True)
    assert shown.code == 0, shown.output
    assert (site.in_rotation, site.least) == (WELL, 2)


def test_a_node_that_another_hook_has_deployed_is_passed_over(site: Site) -> None:
    """The hook for rc1 also deploys rc2, which is done when its turn comes."""
    site.hooks["deploy"] += [
        site.emulate("stop rc2", when="inventory_hostname == 'rc1'"),
        site.emulate(f"start rc2 --version {site.version}", when="inventory_hostname == 'rc1'"),
    ]
    shown = site.roll(health_gate_min_serving=1)
    assert shown.code == 0, shown.output
    assert [step for step in site.steps if "deploy" in step] == ["deploy rc1", "deploy rc3"]
    assert site.in_rotation == WELL


def test_a_deploy_hook_that_restarts_nothing_stops_the_roll(site: Site) -> None:
    """The node is unchanged, so it is back in rotation."""
    site.hooks["deploy"] = [site.note("deploy")]
    shown = site.roll(health_gate_deadline=10)
    assert shown.code != 0, shown.output
    assert [step for step in site.steps if "deploy" in step] == ["deploy rc1"]
    assert site.in_rotation == WELL, shown.output


def test_nodes_that_are_down_are_deployed_first(site: Site) -> None:
    """One by one: each is in rotation again before the next one is drained."""
    for node in ("rc2", "rc3"):
        site.emulator.run("stop", node)
    site.hooks["deploy"][0]["when"] = "inventory_hostname == 'rc1'"  # the others are down
    shown = site.roll(health_gate_restart_confirmed=True, health_gate_min_serving=1)
    assert shown.code == 0, shown.output
    order = [step for step in site.steps if "deploy" in step]
    assert order == ["deploy rc2", "deploy rc3", "deploy rc1"]
    assert site.in_rotation == WELL


def test_batches_soak_preflight_and_backup(site: Site) -> None:
    """A first batch, a soak, and the rest with the next run; preflight and backup run once."""
    site.hooks["preflight"], site.hooks["backup"] = [site.note("preflight")], [site.note("backup")]
    shown = site.roll(rolling_update_batches=1, rolling_update_soak=3)
    assert shown.code == 0, shown.output
    assert [s for s in site.steps if "readmit" not in s] == ["preflight rc1", "backup rc1", "drain rc1", "deploy rc1"]
    assert "the roll stopped as planned after 1 batch" in _last(shown.output)
    assert "soak: passed" in shown.output
    shown = site.roll(rolling_update_serial="2", health_gate_min_serving=1)
    assert shown.code == 0, shown.output
    assert sorted(s for s in site.steps if "deploy" in s) == ["deploy rc1", "deploy rc2", "deploy rc3"]


def test_on_failure_runs_on_the_batch_that_stopped_the_roll(site: Site) -> None:
    site.hooks["on_failure"] = [site.note("on_failure")]
    site.hooks["deploy"].insert(0, {"name": "Fail", "ansible.builtin.fail": {"msg": "no luck"}})
    shown = site.roll()
    assert shown.code != 0
    assert [s for s in site.steps if "on_failure" in s] == ["on_failure rc1"], shown.output


def test_members_in_keep_out_are_never_readmitted(site: Site) -> None:
    (site.balancer / "rc3").unlink()
    shown = site.roll(rolling_update_keep_out=["rc3"])
    assert shown.code == 0, shown.output
    assert "readmit rc3" not in site.steps
    assert site.in_rotation == ["rc1", "rc2"]
    assert sorted(s for s in site.steps if "deploy" in s) == [f"deploy {name}" for name in NODES]


def test_a_downgrade_is_refused_before_any_hook_runs(site: Site) -> None:
    """The backup does not run either, and the plan has the reason."""
    shown = site.roll(health_gate_expected_version="7.0.0")
    assert shown.code == 2, shown.output
    assert (sorted(site.steps), site.in_rotation) == ([f"readmit {node}" for node in NODES], WELL)
    assert "upgrade path: 7.0.0 is older than" in shown.output
    assert re.search(r"before rc1: failed: .*has migrated the database", shown.output), shown.output


def test_a_refused_roll_readmits_nodes_that_only_need_time(site: Site) -> None:
    """An earlier run has left them out of rotation, and no gate before a deployment waits for them."""
    for node in NODES:
        site.emulator.run("stop", node)
        site.emulator.run("start", node)
    shown = site.roll(health_gate_expected_version="7.0.0", health_gate_stable_for=15)
    assert shown.code == 2, shown.output
    assert "recovery of rc1, rc2, rc3: passed" in shown.output
    assert (sorted(site.steps), site.in_rotation) == ([f"readmit {node}" for node in NODES], WELL)
    assert "out of rotation" not in _last(shown.output)


def test_a_limit_is_refused_unless_the_others_are_in_rotation(site: Site) -> None:
    """Whether hosts outside the limit get traffic is not known, unless the user states it."""
    shown = site.roll("--limit", "rc1")
    assert shown.code != 0
    assert not [s for s in site.steps if "drain" in s], shown.output
    shown = site.roll("--limit", "rc1", rolling_update_in_rotation="rc2,rc3")
    assert shown.code == 0, shown.output
    assert _of_batch(site) == ["drain rc1", "deploy rc1", "readmit rc1"]


def test_check_mode_prints_the_plan_and_deploys_nothing(site: Site) -> None:
    shown = site.roll("--check")
    assert shown.code == 0, shown.output
    assert "order: rc1, rc2, rc3" in shown.output
    assert "check mode: nothing was deployed" in _last(shown.output)
    assert site.steps == []
    site.emulator.run("stop", "rc3")
    shown = site.roll("--check", health_gate_min_serving=3, rolling_update_check_strict=True)
    assert shown.code != 0, shown.output


@pytest.mark.parametrize("alias", ["127.0.0.1", "::1"])
def test_a_member_may_be_the_controller(alias: str, site: Site) -> None:
    """The inventory may have another name for Ansible's localhost."""
    inventory = site._inventory({"health_gate_report": f"{site.folder}/roll.json, {site.folder}/roll.xml"})
    hosts = inventory["all"]["children"]["rocketchat"]["hosts"]
    inventory["all"]["children"]["rocketchat"]["hosts"] = {alias: hosts.pop("rc1"), **hosts}
    inventory["all"]["vars"]["node"] = "{{ 'rc1' if inventory_hostname == '" + alias + "' else inventory_hostname }}"
    for tasks in site.hooks.values():
        for task in tasks:
            task["ansible.builtin.raw"] = task["ansible.builtin.raw"].replace("inventory_hostname", "node")
    shown = play(site._book(), inventory, site.folder)
    assert shown.code == 0, shown.output
    assert site.in_rotation == WELL
    assert {path.name for path in site.folder.glob("roll.*")} == {"roll.json", "roll.xml", "roll.yml"}


@pytest.mark.parametrize("inventory", ["inventory", "inventory/", "inventory/hosts.yml"])
def test_hooks_are_found_as_documented(inventory: str, untouched: Emulator, bare: Site) -> None:
    """With the first command of the page, and the setting that it recommends."""
    page = ROOT / "docs" / "rolling_update.md"
    command = next(block.text for block in blocks("console") if block.page == page)
    arguments = shlex.split(command.replace("\\\n", ""))
    at = arguments.index("-i") + 1
    assert arguments[at] == "inventory"
    file = bare.folder / ("inventory" if inventory == "inventory" else "inventory/hosts.yml")
    for path, content in {file: members_of(untouched.document, WAITING), bare.folder / "hooks/deploy.yml": []}.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    arguments[at] = inventory
    (bare.folder / "ansible.cfg").touch()
    done = subprocess.run(
        [*arguments, "--check", "-e", "health_gate_any_version=true"],
        cwd=bare.folder,
        env={**os.environ, "ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "check mode: nothing was deployed" in output
    assert "order: rc1, rc2, rc3" in output


ALL_AT_ONCE = {
    "rolling_update_readmit": "",
    "rolling_update_deploy": "{{ 'deploy.yml' if inventory_hostname != 'rc3' else 'nowhere.yml' }}",
    "rolling_update_on_failure": "{{ 'deploy.yml' if inventory_hostname != 'rc3' }}",
    "health_gate_once": True,
    "health_gate_totp_code": "123456",
    "rolling_update_drian": "drain.yml",
    "health_gate_min_servings": 2,
    "ansible_connection": "{{ 'ssh' if inventory_hostname == 'rc2' else 'local' }}",
}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            ALL_AT_ONCE,
            [
                "nothing would put the nodes back",
                "nowhere.yml",
                "rolling_update_on_failure is not set for rc3",
                "health_gate_once is set",
                "health_gate_totp_code is valid for one login",
                "rolling_update_drian is not a variable of the playbook: write rolling_update_drain instead",
                "health_gate_min_servings is not a variable of the playbook: write health_gate_min_serving instead",
                "Ansible cannot connect to rc2",
            ],
        ),
        ({"rolling_update_deploy": None}, ["rolling_update_deploy is not set for rc1, rc2, rc3"]),
        ({"health_gate_expected_version": None}, ["must be a full version such as 7.11.0, not empty"]),
        ({"rolling_update_serial": "two"}, ["rolling_update_serial must be a number of hosts"]),
        ({"health_gate_min_serving": 2, "rolling_update_serial": "[1, 2]"}, ["min_serving 2 needs 2 to serve"]),
        ({"health_gate_report": "roll.html,roll.pdf"}, ["roll.pdf: the extension of a report must be one of"]),
        ({"health_gate_auth_token": None}, ["auth_token is missing"]),
        ({"rolling_update_batches": "many"}, ["cannot be converted to an int"]),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) and len(value) < 3 else "",
)
def test_wrong_settings_are_refused_before_the_first_drain(
    variables: dict[str, Any], says: list[str], bare: Site
) -> None:
    """All reasons are in one message."""
    _lost(bare.folder)
    shown = bare.play(**{"ansible_ssh_executable": str(bare.folder / "ssh"), **variables})
    assert shown.code != 0
    assert [text for text in says if text not in shown.output] == [], shown.output
    assert bare.steps == []


@pytest.mark.parametrize(
    "arguments",
    [("--tags", "deploy"), ("--skip-tags", "untagged"), ("--skip-tags", "always"), ("--skip-tags", "tagged")],
)
def test_tags_and_start_at_task_are_refused(arguments: tuple[str, ...], bare: Site) -> None:
    shown = bare.play(*arguments)
    assert shown.code != 0
    assert "a roll cannot be run in part" in shown.output, shown.output


def test_a_hook_that_cannot_be_parsed_is_refused(bare: Site) -> None:
    """It is refused before the first drain, and no task of any hook runs."""
    bare.hooks["readmit"].append({"no.such.module": {}})
    shown = bare.play()
    assert shown.code != 0
    assert "no.such.module" in shown.output
    assert bare.steps == []


def test_a_group_with_the_name_of_a_host_is_refused(bare: Site) -> None:
    hosts = {f"rocketchat{number}": dict[str, str]() for number in ("", 2, 3)}
    shown = bare.play(inventory={"rocketchat": {"hosts": hosts}})
    assert shown.code != 0
    assert "rocketchat2, rocketchat3 of the group rocketchat are not in the play" in shown.output, shown.output
    assert bare.steps == []


def test_the_group_must_be_set_on_the_command_line(bare: Site) -> None:
    """Ansible does not know the variables of hosts when it selects the hosts of a play."""
    shown = bare.play(inventory={"chat": {"hosts": {"rc1": {}, "rc2": {}}}}, health_gate_group="chat")
    assert shown.code != 0
    assert "set health_gate_group on the command line" in shown.output, shown.output


def test_an_empty_group_is_refused(bare: Site) -> None:
    shown = bare.play(inventory={"rocketchat": {"hosts": {}}})
    assert shown.code != 0
    assert "the inventory group rocketchat is empty" in shown.output, shown.output


def test_members_from_the_inventory_plugin_are_refused(untouched: Emulator, bare: Site) -> None:
    """The plugin lists only instances that are alive."""
    admin = untouched.document["admin"]
    source = {
        "plugin": "rocketops.rocketchat.instances",
        "url": untouched.document["nodes"][0]["url"],
        "group": "rocketchat",
        **{name: admin[name] for name in ("user_id", "auth_token")},
    }
    path = bare.folder / "chat.rocketchat.yml"
    path.write_text(json.dumps(source), encoding="utf-8")
    shown = bare.play("-i", str(path), inventory={})
    assert shown.code != 0
    assert "lists only instances that are alive" in shown.output, shown.output


def test_a_host_that_failed_earlier_is_refused(bare: Site) -> None:
    fails = {"hosts": "rc1,rc2", "gather_facts": False, "tasks": [FAILS]}
    book = [fails, {"import_playbook": "rocketops.rocketchat.rolling_update"}]
    (bare.folder / "roll.yml").write_text(json.dumps(book), encoding="utf-8")
    shown = bare.play()
    assert shown.code != 0
    assert "rc2 failed earlier in this run of Ansible" in shown.output, shown.output
    assert bare.steps == []


def _last(output: str) -> str:
    """The line with the end of the roll."""
    lines = [line for line in output.splitlines() if re.search(r"the roll (stopped|is done)|check mode: nothing", line)]
    return lines[-1] if lines else f"no such line in {output}"


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _lost(folder: Path) -> Task:
    """A task after which Ansible sees the host as unreachable."""
    ssh = folder / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    variables = {"ansible_connection": "ansible.builtin.ssh", "ansible_ssh_executable": str(ssh)}
    return {"name": "Do", "ansible.builtin.raw": "true", "when": ON_RC2, "vars": variables}


def _role(site: Site, hook: str) -> None:
    """Add a typical part of a hook: a role that notifies a handler."""
    role = site.folder / "roles" / f"chat_{hook}"
    notifies = {"name": "Do", "ansible.builtin.raw": "true", "changed_when": True, "notify": f"do {hook}"}
    handler = {**site.note(f"handler of {hook}"), "name": f"do {hook}"}
    for name, tasks in {"tasks": [notifies], "handlers": [handler]}.items():
        (role / name).mkdir(parents=True)
        (role / name / "main.yml").write_text(json.dumps(tasks), encoding="utf-8")


def _roles(site: Site) -> dict[str, str]:
    return {"ANSIBLE_ROLES_PATH": str(site.folder / "roles")}


def test_a_roll_repairs_a_cluster_that_only_a_restart_cures(tmp_path: Path) -> None:
    """After an outage of the database, each node answers 400, and later with the list of a peer."""
    with emulated("--version", "7.2.0") as emulator:
        site = Site(emulator, tmp_path, "7.3.0")
        site.await_well()
        for node in NODES:
            emulator.run("forget", node)
        emulator.eventually(lambda: [emulator.get(n, "/api/v1/instances.get").status_code for n in NODES] == [400] * 3)
        shown = site.roll()
        assert shown.code == 0, shown.output
        deployed = [step for step in _of_batch(site) if step.startswith("deploy")]
        assert sorted(deployed) == [f"deploy {node}" for node in NODES]
        assert (site.in_rotation, site.least) == (WELL, 2)
        assert "exempt: needs_restart" in shown.output
