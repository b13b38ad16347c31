# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Execution environments: the requirements that ansible-builder finds, and the definition in docs/."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

DEFINITION = Path(__file__).parents[2] / "docs" / "execution-environment.yml"


def test_the_builder_finds_the_requirements(installed: Path) -> None:
    assert (installed / "ansible_collections/rocketops/rocketchat/meta/execution-environment.yml").exists()
    found = yaml.safe_load(_builder("introspect", str(installed)))
    assert found == {"python": ["requests>=2.25.1  # from collection rocketops.rocketchat"], "system": []}


def test_the_definition_can_be_built(tmp_path: Path) -> None:
    _builder("create", "--file", str(DEFINITION), "--context", str(tmp_path), "--output-filename", "Containerfile")
    recipe = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    wanted = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    names = [collection["name"] for collection in wanted["collections"]]
    assert names == ["rocketops.rocketchat", "community.general", "community.docker"]
    assert 'ARG ANSIBLE_INSTALL_REFS="ansible-core>=2.16 ansible-runner"' in recipe
    assert "introspect.py introspect" in recipe  # reads meta/execution-environment.yml in the image


def _builder(*arguments: str) -> str:
    return subprocess.run(["ansible-builder", *arguments], check=True, capture_output=True, text=True).stdout
