# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report that Ansible writes, by the action and by the role, in one run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import report_text
from ansible_collections.rocketops.rocketchat.tests.unit.rolls import hostile, recorded

if TYPE_CHECKING:
    from pathlib import Path

# The results of gates come to the role registered, so that Ansible does not trust their strings as templates.
PLAY = """
- hosts: rc1, rc2
  gather_facts: false
  serial: 1
  any_errors_fatal: true
  become: true
  vars:
    health_gate_phase: before
    health_gate_targets: [rc1]
    health_gate_report: [ROLE/role.html, ROLE/role.json, /proc/none/report.html]
  tasks:
    - ansible.builtin.command: cat FOLDER/results.json
      register: kept
      become: false
    - ansible.builtin.include_role:
        name: rocketops.rocketchat.health_gate
        tasks_from: report
      vars:
        health_gate_result: "{{ result }}"
      loop: "{{ kept.stdout | from_json }}"
      loop_control: {loop_var: result, label: ""}

- hosts: localhost
  gather_facts: false
  tasks:
    - rocketops.rocketchat.report:
        results: "{{ lookup('ansible.builtin.file', 'FOLDER/good.json') | from_json }}"
        dest: [new/good.html, new/good.md, new/good.xml]
      register: written
    - rocketops.rocketchat.report: {results: [5], dest: bad.html}
      register: unreadable
    - rocketops.rocketchat.report: {results: [], dest: "good.pdf, good.md"}
      register: ending
    - rocketops.rocketchat.report: {results: [], dest: check.html}
      register: checked
      check_mode: true
    - ansible.builtin.copy:
        dest: FOLDER/said.json
        content: "{{ {'written': written, 'unreadable': unreadable, 'ending': ending, 'checked': checked} | to_json }}"
        mode: "0644"
    - ansible.builtin.assert:
        that: lookup('ansible.builtin.file', 'FOLDER/good.json') | from_json | rocketops.rocketchat.report('junit')
          is search('failures="0"')
"""


def registered() -> list[dict[str, Any]]:
    """Results without single surrogates, which Ansible cannot read and a gate does not return."""
    results: list[dict[str, Any]] = json.loads(json.dumps(hostile()[::3]).replace("\\ud800", "?"))
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where Ansible was started, after the run."""
    folder = tmp_path_factory.mktemp("report")
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {"all": {"hosts": {"rc1": local, "rc2": local}}}
    (folder / "hosts.json").write_text(json.dumps(hosts), encoding="utf-8")
    (folder / "ansible.cfg").touch()
    (folder / "results.json").write_text(json.dumps(registered()), encoding="utf-8")
    (folder / "good.json").write_text(json.dumps(recorded("good")), encoding="utf-8")
    play = PLAY.replace("ROLE", str(folder / "role")).replace("FOLDER", str(folder))
    (folder / "play.yml").write_text(play, encoding="utf-8")
    ansible = shutil.which("ansible-playbook")
    assert ansible
    done = subprocess.run(
        [ansible, "-i", "hosts.json", "play.yml"],
        cwd=folder,
        env={**os.environ, "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    (folder / "output").write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def said(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = yaml.safe_load((folder / "said.json").read_text(encoding="utf-8"))
    return results


def test_the_role_keeps_the_results_of_all_batches(folder: Path) -> None:
    """Strings of servers are not evaluated, and the results of one batch are available in the next."""
    results = registered() * 2
    assert json.loads((folder / "role" / "role.json").read_text(encoding="utf-8")) == results
    assert (folder / "role" / "role.html").read_text(encoding="utf-8") == report_text(results, "html")


def test_a_report_that_cannot_be_written_does_not_fail_the_play(folder: Path) -> None:
    output = (folder / "output").read_text(encoding="utf-8")
    assert " ".join(output.split()).count("the report /proc/none/report.html could not be written") >= 1
    assert "failed=1" not in output


def test_the_module_writes_all_formats(folder: Path) -> None:
    written = said(folder)["written"]
    paths = [folder / "new" / name for name in ("good.html", "good.md", "good.xml")]
    assert (written["changed"], written["paths"]) == (True, [str(path) for path in paths])
    assert written["msg"] == f"written: {', '.join(map(str, paths))}"
    for path, form in zip(paths, ("html", "markdown", "junit")):
        assert path.read_text(encoding="utf-8") == report_text(recorded("good"), form)
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["good.html", "good.md", "good.xml"]


def test_the_module_refuses_wrong_results_and_formats(folder: Path) -> None:
    results = said(folder)
    assert results["unreadable"]["warnings"] == [
        f"the report {folder}/bad.html could not be written: "
        "result 1 is not a result of cluster_gate: it is not a dictionary"
    ]
    assert (results["unreadable"]["paths"], results["unreadable"]["msg"]) == ([], "written: nothing")
    assert results["ending"]["warnings"] == [
        f"the report {folder}/good.pdf could not be written: "
        f"{folder}/good.pdf: the extension of a report must be one of .html, .htm, .md, .xml, .prom, .json"
    ]
    assert results["ending"]["paths"] == [f"{folder}/good.md"]
    assert not (folder / "check.html").exists()
    assert (results["checked"]["changed"], results["checked"]["paths"]) == (True, [])
