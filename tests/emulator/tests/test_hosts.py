# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes on separate hosts, each with its own address, started and ended by a service manager."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from emulator_driver import EXPIRE, PING, SWEEP, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator_driver import Emulator

PACKAGE_PARENT = Path(__file__).resolve().parent.parent


def create(emulator: Emulator) -> list[str]:
    """Create two nodes on different addresses of the loopback network; returns their URLs."""
    timing = ("--ping", str(PING), "--expire", str(EXPIRE), "--sweep", str(SWEEP), "--lifetime", "60")
    where = ("--nodes", "2", "--address", "127.0.1.{n}", "--base-port", str(free_ports(1)))
    emulator.document = emulator.run("create", *where, *timing)
    return [node["url"] for node in emulator.document["nodes"]]


@contextmanager
def running(emulator: Emulator, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "rocketchat_emulator", "run", name, "--state-dir", str(emulator.state_dir)]
    with subprocess.Popen([*command, *arguments], cwd=PACKAGE_PARENT) as process:
        try:
            yield process
        finally:
            process.kill()


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/info", timeout=10).ok
    except requests.ConnectionError:
        return False


def listed(emulator: Emulator, url: str) -> list[tuple[str, bool]]:
    """The hosts that a node lists, and whether it reaches them."""
    answer = requests.get(f"{url}/api/v1/instances.get", headers=emulator.headers("admin"), timeout=10)
    return sorted(
        (item["instanceRecord"]["extraInformation"]["host"], item["currentStatus"]["connected"])
        for item in answer.json()["instances"]
    )


def test_create_starts_no_node(emulator: Emulator) -> None:
    one, two = create(emulator)
    assert (one.rpartition(":")[0], two.rpartition(":")[0]) == ("http://127.0.1.1", "http://127.0.1.2")
    assert one.rpartition(":")[2] == two.rpartition(":")[2], "the same port, as it is on two hosts"
    assert [node["state"] for node in emulator.run("status")["nodes"]] == ["stopped", "stopped"]


def test_nodes_find_each_other_across_hosts(emulator: Emulator) -> None:
    one, two = create(emulator)
    with ExitStack() as stack:
        process = stack.enter_context(running(emulator, "rc1", "--version", "8.6.2"))
        stack.enter_context(running(emulator, "rc2"))
        emulator.eventually(lambda: answers(one) and answers(two))
        whole = [("127.0.1.1", True), ("127.0.1.2", True)]
        emulator.eventually(lambda: listed(emulator, one) == listed(emulator, two) == whole)
        assert emulator.node("rc1")["version"] == "8.6.2"
        assert emulator.node("rc1")["pid"] == process.pid, "the process that was started, not a child of it"
        assert emulator.fail("run", "rc1") == (1, f"rc1 already runs, as process {process.pid}")


def test_a_node_is_stopped_and_run_again_as_a_new_process(emulator: Emulator) -> None:
    one, _unused = create(emulator)
    ids = []
    for _time in range(2):
        with running(emulator, "rc1") as process:
            emulator.eventually(lambda: answers(one))
            ids.append(emulator.id("rc1"))
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(10) == 0
    assert ids[0] != ids[1]
