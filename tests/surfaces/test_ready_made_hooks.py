# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ready-made hooks without root: compose with a fake docker program, and the refusals."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ansible_collections.rocketops.rocketchat.tests.surfaces.balancer import NODES, Site
from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from emulator_driver import Emulator

if TYPE_CHECKING:
    from pathlib import Path

# Each node is a service; its image has the version of RELEASE. Commands other than up change nothing.
DOCKER = """#!/bin/sh
for service; do :; done
echo "RELEASE=${{RELEASE-}} $*" >> {folder}/asked
case "$2" in
  version) echo Docker Compose version v2.30.0 ;;
  config) echo services:; for node in rc1 rc2 rc3; do printf '  %s:\\n    image: chat:%s\\n' $node "$RELEASE"; done ;;
  up)
    . ./.env
    {python} -m rocketchat_emulator stop "$service" --state-dir {cluster}
    {python} -m rocketchat_emulator start "$service" --version "$RELEASE" --no-wait --state-dir {cluster} ;;
esac
"""


def with_compose(folder: Path, cluster: Path) -> dict[str, Any]:
    """The variables of the hook, with the program on the path; ``folder`` is also the project."""
    (folder / ".env").write_text("ROOT_URL=https://chat.example.com\nRELEASE=7.10.0\n", encoding="utf-8")
    program = folder / "docker"
    program.write_text(DOCKER.format(folder=folder, python=sys.executable, cluster=cluster), encoding="utf-8")
    program.chmod(0o755)
    return {
        "rolling_update_deploy": "compose",
        "rolling_update_drain": "",
        "rolling_update_readmit": "",
        "hooks_compose_folder": str(folder),
        "hooks_compose_command": [str(program), "compose"],
        "hooks_compose_services": ["{{ inventory_hostname }}"],
    }


def test_compose_pulls_before_the_outage_and_recreates_only_the_node(tmp_path: Path) -> None:
    """The image is pulled while the node serves, and only the node's own container is created again."""
    with emulated() as cluster:
        site = Site(cluster, tmp_path, "7.11.0")
        site.await_well()
        shown = site.roll(**with_compose(tmp_path, cluster.state_dir))
    assert shown.code == 0, shown.output
    assert "the roll is done: 7.11.0 runs on rc1, rc2, rc3" in shown.output
    asked = [line for line in (tmp_path / "asked").read_text(encoding="utf-8").splitlines() if " compose " in line]
    assert [line for line in asked if "version" not in line and "config" not in line] == [
        f"RELEASE=7.11.0 compose {command} {node}"
        for node in NODES
        for command in ("pull", "up --detach --no-deps --force-recreate")
    ]
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "ROOT_URL=https://chat.example.com\nRELEASE=7.11.0\n"


def test_missing_requirements_are_refused_in_one_message(tmp_path: Path) -> None:
    """The message has all of them and the other reasons, and nothing was done."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    wrong = {
        "rolling_update_drain": "haproxy",
        "hooks_balancers": ["rc3"],
        "hooks_haproxy_socket": str(tmp_path / "socket"),
        "hooks_compose_services": ["chat"],
        "hooks_compose_variable": "VERSION",
        "health_gate_once": True,
    }
    shown = bare.play(**{**with_compose(tmp_path, tmp_path), **wrong})
    assert shown.code != 0
    (message,) = {line for line in shown.output.splitlines() if "nothing was done" in line and '"msg"' in line}
    for reason in (
        f"rc1, rc2, rc3: rc3 has no socket {tmp_path}/socket: set hooks_haproxy_socket",
        f"{tmp_path} has no service chat: set hooks_compose_services",
        "no image of the compose project has the version in $VERSION: set hooks_compose_variable",
        "health_gate_once is set",
    ):
        assert reason in message, shown.output


@pytest.mark.parametrize(("version", "refused"), [("1.3.0", True), ("1.4.0", False), ("1.10.1", False)])
def test_an_old_podman_compose_is_refused(version: str, refused: bool, tmp_path: Path) -> None:
    """It always creates the services again that the node depends on."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    given = with_compose(tmp_path, tmp_path)
    program = tmp_path / "docker"
    text = program.read_text(encoding="utf-8").replace(
        "Docker Compose version v2.30.0", f"podman-compose version {version}"
    )
    program.write_text(text, encoding="utf-8")
    shown = bare.play(**given, health_gate_once=True)
    assert "health_gate_once is set" in shown.output
    assert (f"podman-compose {version} would create the database's container again" in shown.output) == refused


@pytest.mark.parametrize("balancers", [[], "many"])
def test_wrong_options_of_a_hook_are_refused(balancers: Any, tmp_path: Path) -> None:
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    given: dict[str, Any] = {
        "rolling_update_drain": "haproxy",
        "rolling_update_readmit": "",
        "hooks_balancers": balancers,
    }
    if balancers:
        given["hooks_drain_seconds"] = "soon"
    shown = bare.play(**given)
    assert shown.code != 0
    says = "for the hook drain_haproxy: " if balancers else "rc1, rc2, rc3: hooks_balancers is empty"
    assert says in shown.output, shown.output


def test_an_unknown_name_of_a_hook_is_taken_as_a_path(tmp_path: Path) -> None:
    """The message lists the names of the ready-made hooks."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    shown = bare.play(rolling_update_deploy="docker")
    assert shown.code != 0
    assert f"not a file: {tmp_path}/docker; give its absolute path" in shown.output
    assert "or the name of a ready-made one: compose, systemd" in shown.output
