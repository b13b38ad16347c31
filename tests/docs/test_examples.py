# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages show is right: it parses, has options that there are, and the first playbook does what is said."""

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
def test_options_are_ones_that_there_are(block: Block, document: Any) -> None:
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


def test_playbooks_and_tasks_are_ones(tmp_path: Path) -> None:
    """Ansible's own look at them. Tasks are put into a play, modules that are not installed here are left out."""
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
def test_commands_are_ones(block: Block) -> None:
    """The shell can read them, and make has the targets."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = [line.removeprefix("$ ") for line in block.text.splitlines()]
    done = subprocess.run(["bash", "-n"], input="\n".join(lines), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for line in lines:
        if line.startswith("make "):
            assert line.split()[1] in targets


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Emulator]:
    with requests.Session() as session:
        emulator = Emulator(tmp_path / "cluster", session)
        try:
            yield emulator.up(nodes=3)
        finally:
            emulator.run("down")


def test_the_first_playbook(cluster: Emulator, tmp_path: Path) -> None:
    """That of the README, on its inventory, with nothing changed but the addresses and the time between two pings."""
    playbook, inventory = (block.text for block in blocks("yaml") if block.page == ROOT / "README.md")
    (tmp_path / "check.yml").write_text(playbook, encoding="utf-8")
    for number in (1, 2, 3):
        place = f"http://127.0.0.1:{cluster.base_port + number - 1}"
        inventory = inventory.replace(f"http://10.0.0.{number}:3000", place)
    (tmp_path / "inventory.yml").write_text(inventory, encoding="utf-8")
    admin = cluster.document["admin"]
    given = {
        "vault_user_id": admin["user_id"],
        "vault_auth_token": admin["auth_token"],
        "health_gate_ping_interval": 0.2,
        "health_gate_stable_for": 1,
        "health_gate_interval": 0.5,
        "health_gate_link_memory": 1,
    }
    (tmp_path / "vault.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    arguments = ("-i", "inventory.yml", "-e", "@vault.yml", "check.yml")
    done = ansible("ansible-playbook", *arguments, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    cluster.run("kill", "rc2")
    done = ansible("ansible-playbook", *arguments, "-e", "health_gate_deadline=3", folder=tmp_path)
    assert done.returncode == 2
    assert "2 of 3 members serve, 3 needed: rc2 unreachable (connection refused)" in done.stdout
