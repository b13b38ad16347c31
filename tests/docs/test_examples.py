# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the pages are correct: they parse, their options exist, and the README's commands work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import (
    GATE,
    INSTANCES,
    ROLLING_UPDATE,
    WATCH,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import ENVIRONMENT
from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT, Block, blocks
from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BIN = Path(sys.executable).parent
YAML = [(block, document) for block in blocks("yaml") for document in yaml.safe_load_all(block.text)]
OPTIONS: Mapping[str, Any] = {
    "rocketops.rocketchat.instances_info": INSTANCES,
    "rocketops.rocketchat.instances_facts": INSTANCES,
    "rocketops.rocketchat.cluster_gate": GATE,
    "rocketops.rocketchat.instances": WATCH,
}


def dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from dictionaries(item)


def ansible(program: str, *arguments: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "ansible.cfg").touch()
    ours = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    return subprocess.run(
        [BIN / program, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **ours, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(("block", "document"), YAML, ids=lambda value: str(value) if isinstance(value, Block) else "")
def test_options_in_examples_exist(block: Block, document: Any) -> None:
    roles = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROOT.glob("roles/*/meta/argument_specs.yml")]
    of_role = {name for specs in roles for spec in specs["argument_specs"].values() for name in spec["options"]}
    playbook = (ROOT / "playbooks/rolling_update.yml").read_text(encoding="utf-8")
    known = " ".join([playbook, *(f"rolling_update_{name}" for name in ROLLING_UPDATE), "health_gate_result"])
    for mapping in dictionaries(document):
        for name, options in mapping.items():
            if name in OPTIONS and isinstance(options, dict):
                assert set(options) <= set(OPTIONS[name]), block
            if name.startswith(("health_gate_", "hooks_", "rolling_update_")):
                assert name in of_role or re.search(rf"\b{name}\b", known), (block, name)


def test_playbooks_and_tasks_pass_the_syntax_check(tmp_path: Path) -> None:
    """Ansible checks the syntax. Tasks are put into a play; modules that are not installed here are left out."""
    playbooks = []
    for number, (_block, document) in enumerate(YAML):
        if not isinstance(document, list):
            continue
        if any("sources" in play for play in document):  # a rulebook
            continue
        plays = document if any({"hosts", "ansible.builtin.import_playbook"} & set(play) for play in document) else []
        if not plays and not any(name.startswith("community.") for task in document for name in task):
            plays = [{"name": "Play", "hosts": "all", "gather_facts": False, "tasks": document}]
        if plays:
            playbooks.append(tmp_path / f"{number}.yml")
            playbooks[-1].write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    done = ansible("ansible-playbook", "-i", "localhost,", "--syntax-check", *playbooks, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(playbooks) > 10


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_commands_parse_and_make_targets_exist(block: Block) -> None:
    """The shell can parse them, and make has the targets."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = [line.removeprefix("$ ") for line in block.text.splitlines()]
    done = subprocess.run(["bash", "-n"], input="\n".join(lines), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for line in lines:
        if line.startswith("make "):
            assert line.split()[1] in targets


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Emulator]:
    with requests.Session() as session:
        emulator = Emulator(tmp_path / "cluster", session)
        try:
            yield emulator.up("--version", "7.10.0", nodes=1)
        finally:
            emulator.run("down")


@pytest.fixture
def readme(node: Emulator, tmp_path: Path) -> Path:
    """A folder with the files of the README, with another address, token and deploy hook."""
    inventory, settings, vault, _several, playbook = (b.text for b in blocks("yaml") if b.page == ROOT / "README.md")
    files = {"inventory.yml": inventory, "check.yml": playbook}
    files["group_vars/rocketchat/settings.yml"] = settings.replace("compose", "deploy.yml", 1).replace("true", "false")
    admin = node.document["admin"]
    files["group_vars/rocketchat/vault.yml"] = vault.replace("rAnDoMuSeRiD", admin["user_id"]).replace(
        "...", admin["auth_token"]
    )
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    host = {**here, "rocketchat_url": f"http://127.0.0.1:{node.base_port}"}
    (tmp_path / "host_vars").mkdir()
    # The Date of an answer is in whole seconds, so a ping may look a second old.
    times = {"ping_interval": 1, "stable_for": 1, "interval": 0.5, "link_memory": 1}
    given = {**host, **{f"health_gate_{name}": value for name, value in times.items()}}
    (tmp_path / "host_vars/rc1.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    start = f"{sys.executable} -m rocketchat_emulator {{}} rc1 --state-dir {node.state_dir}"
    commands = (start.format("stop"), start.format("start") + " --version {{ health_gate_expected_version }} --no-wait")
    deploy = [{"name": "Do", "ansible.builtin.command": command, "changed_when": True} for command in commands]
    (tmp_path / "deploy.yml").write_text(yaml.safe_dump(deploy), encoding="utf-8")
    return tmp_path


def test_the_upgrade_of_the_readme_works(readme: Path) -> None:
    """The commands work as printed, but without the vault's password; the output is as shown, except times."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    checks, upgrades = (
        line.removeprefix("$ ").replace(" --ask-vault-pass", "").split()
        for line in page.splitlines()
        if line.startswith("$ ansible-playbook rocketops")
    )
    done = ansible(*checks, folder=readme)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "check mode: nothing was deployed" in done.stderr
    done = ansible(*upgrades, folder=readme)
    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = (block.text.splitlines() for block in blocks("text") if block.page == ROOT / "README.md")
    assert _without_times(done.stderr.splitlines()) == _without_times(shown)


def _without_times(lines: list[str]) -> list[str]:
    own = (line for line in lines if line.startswith("[roll]") and ": waiting, " not in line)
    return [re.sub(r"waited \d+ s", "", line) for line in own]


def test_the_check_of_the_readme_works(readme: Path, node: Emulator) -> None:
    arguments = ("-i", "inventory.yml", "check.yml")
    done = ansible("ansible-playbook", *arguments, folder=readme)
    assert done.returncode == 0, done.stdout + done.stderr
    node.run("kill", "rc1")
    done = ansible("ansible-playbook", *arguments, "-e", "health_gate_deadline=3", folder=readme)
    assert done.returncode == 2
    assert "0 of 1 members serve, 1 needed: rc1 unreachable (connection refused)" in done.stdout


EXAMPLES = ROOT / "examples"


def test_the_examples_are_those_of_the_readme() -> None:
    inventory, settings, _vault, several, playbook = (
        yaml.safe_load(block.text) for block in blocks("yaml") if block.page == ROOT / "README.md"
    )
    assert loaded("one_node/inventory.yml") == inventory
    assert settings.items() <= loaded("one_node/group_vars/rocketchat/settings.yml").items()
    assert several.items() <= loaded("three_nodes/group_vars/rocketchat/settings.yml").items()
    assert loaded("check.yml") == playbook


def test_the_survey_asks_for_existing_variables() -> None:
    names = {question["variable"] for question in loaded("awx/survey.yml")["spec"]}
    assert names == {"health_gate_expected_version", "rolling_update_batches"}
    assert {name.removeprefix("rolling_update_") for name in names} & set(ROLLING_UPDATE) == {"batches"}


def test_the_credential_type_of_awx_sets_the_variables_of_the_collection() -> None:
    """``awx import`` finds a credential type by its natural key, and writes the other fields."""
    (given,) = loaded("awx/credential_type.json")["credential_types"]
    fields = [field["id"] for field in given["inputs"]["fields"]]
    assert fields == given["inputs"]["required"] == ["user_id", "auth_token"]
    assert given["injectors"] == {"env": {ENVIRONMENT[field]: f"{{{{ {field} }}}}" for field in fields}}
    assert given["natural_key"] == {"name": given["name"], "kind": given["kind"], "type": "credential_type"}


def test_the_playbook_for_awx_reads_the_credential_type_from_its_file() -> None:
    (given,) = loaded("awx/credential_type.json")["credential_types"]
    task = loaded("awx/setup.yml")[0]["tasks"][0]
    options = {name: f"{{{{ type.{name} }}}}" for name in given if name != "natural_key"}
    assert task["awx.awx.credential_type"] == options
    assert "'credential_type.json'" in task["vars"]["type"]


@pytest.mark.parametrize("folder", ["one_node", "three_nodes"])
def test_an_example_is_refused_only_for_its_unreachable_hosts(folder: str, tmp_path: Path) -> None:
    """The only reason to refuse the roll is that the hosts cannot be reached."""
    command = ("rocketops.rocketchat.rolling_update", "-i", EXAMPLES / folder / "inventory.yml", "--syntax-check")
    done = ansible("ansible-playbook", *command, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def loaded(path: str) -> Any:
    return yaml.safe_load((EXAMPLES / path).read_text(encoding="utf-8"))
