# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records the results of the gates in two real rolls of an emulated cluster, for the tests of the report.

``make rolls`` runs it, with the demo's inventory and hooks. One roll succeeds; in the other, rc2 gets a broken build.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import requests

from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping

TESTS = Path(__file__).parents[1]
ROLLS = TESTS / "unit" / "recorded"
SETTLED = 8  # seconds until all nodes are old enough, so that the roll begins at once
UP = ("--version", "7.10.0", "--ping", "1", "--expire", "6", "--sweep", "6", "--lifetime", "600")
BROKEN = "{{ 'never_ready' if inventory_hostname == 'rc2' else 'none' }}"
RECORDED: Mapping[str, tuple[Mapping[str, object], int]] = {
    "good": ({"health_gate_expected_version": "7.11.0"}, 0),
    "stopped": ({"health_gate_expected_version": "7.12.0", "demo_fault": BROKEN, "health_gate_deadline": 15}, 2),
}


def main() -> None:
    with TemporaryDirectory() as state, requests.Session() as session:
        emulator = Emulator(Path(state) / "cluster", session)
        try:
            emulator.up(*UP, nodes=3)
            time.sleep(SETTLED)
            (Path(state) / "up.json").write_text(json.dumps(emulator.document), encoding="utf-8")
            for name, (variables, code) in RECORDED.items():
                _roll(Path(state), emulator, {**variables, "health_gate_report": str(ROLLS / f"{name}.json")}, code)
        finally:
            emulator.call("down", "--state-dir", str(emulator.state_dir))


def _roll(state: Path, emulator: Emulator, variables: Mapping[str, object], code: int) -> None:
    admin = emulator.document["admin"]
    credentials = {"ROCKETCHAT_USER_ID": admin["user_id"], "ROCKETCHAT_AUTH_TOKEN": admin["auth_token"]}
    playbook = ["rocketops.rocketchat.rolling_update", "-i", str(TESTS / "demo" / "three_nodes.yml")]
    ended = subprocess.run(
        ["ansible-playbook", *playbook, "-e", json.dumps(variables)],
        env={**os.environ, **credentials, "DEMO_STATE": str(state)},
        check=False,
        timeout=300,
    )
    if ended.returncode != code:
        sys.exit(f"the roll ended with status {ended.returncode}, not {code}")


if __name__ == "__main__":
    main()
