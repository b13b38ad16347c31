# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A roll of two hundred hosts. One process emulates all nodes, which are healthy again as soon as they are deployed."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from ansible_collections.rocketops.rocketchat.tests.bench.server import nodes

PLAYS = Path(__file__).parents[1] / "bench" / "plays"
LIMIT = 3000.0  # seconds; less than the lifetime of the server
LOOK_EVERY = 0.5


@dataclass(frozen=True)
class Large:
    """One roll to its end. ``deployed``: the hosts that were deployed to exactly once; ``seconds``: wall time.

    ``second``, ``last``: Ansible's memory in megabytes, in the second and in the last quarter of the roll.
    """

    deployed: int
    seconds: float
    second: float
    last: float


def roll(hosts: int, batch: int) -> Large:
    """Roll all hosts with drain, deploy and readmit hooks and a report. Raises :class:`RuntimeError` if it fails."""
    with nodes() as url, TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ansible.cfg").touch()
        (folder / "inventory.json").write_text(json.dumps(_inventory(url, hosts, folder)), encoding="utf-8")
        sizes: list[float] = []
        began = time.monotonic()
        with (
            (folder / "output").open("wb") as output,
            subprocess.Popen(
                ["ansible-playbook", "-i", "inventory.json", "-e", f"batch={batch}", str(PLAYS / "roll.yml")],
                env={**os.environ, "ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_LOCAL_TEMP": str(folder / "local")},
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            while process.poll() is None and time.monotonic() < began + LIMIT:
                sizes.append(_megabytes(process.pid))
                time.sleep(LOOK_EVERY)
            process.terminate()
        seconds, said = time.monotonic() - began, (folder / "output").read_text(encoding="utf-8")
        listed = requests.get(f"{url}/c{hosts}/0/api/v1/instances.get", timeout=30).json()["instances"]
    if process.returncode:
        raise RuntimeError(said)
    quarter = len(sizes) // 4
    return Large(
        deployed=sum(item["instanceRecord"]["_id"].endswith("-1") for item in listed),
        seconds=seconds,
        second=statistics.median(sizes[quarter : 2 * quarter]),
        last=statistics.median(sizes[-quarter:]),
    )


def _inventory(url: str, hosts: int, folder: Path) -> dict[str, object]:
    names = [f"n{number}" for number in range(hosts)]
    return {
        "rocketchat": {
            "hosts": {name: {"rocketchat_url": f"{url}/c{hosts}/{name[1:]}"} for name in names},
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "hooks": str(PLAYS / "hooks"),
                "report": str(folder / "roll.html"),
            },
        }
    }


def _megabytes(pid: int) -> float:
    """The resident memory of this process; 0 if it has ended."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
