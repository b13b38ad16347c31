# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes on hosts of their own: each with an address, started and ended by somebody else's service manager."""

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


def found(emulator: Emulator) -> list[str]:
    """Two hosts of this machine's loopback network; returns the URLs of the nodes."""
    timing = ("--ping", str(PING), "--expire", str(EXPIRE), "--sweep", str(SWEEP), "--lifetime", "60")
    where = ("--nodes", "2", "--address", "127.0.1.{n}", "--base-port", str(free_ports(1)))
    emulator.document = emulator.run("found", *where, *timing)
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


def test_nothing_runs_before_it_is_run(emulator: Emulator) -> None:
    one, two = found(emulator)
    assert (one.rpartition(":")[0], two.rpartition(":")[0]) == ("http://127.0.1.1", "http://127.0.1.2")
    assert one.rpartition(":")[2] == two.rpartition(":")[2], "the same port, as it is on two hosts"
    assert [node["state"] for node in emulator.run("status")["nodes"]] == ["stopped", "stopped"]


def test_nodes_find_each_other_across_hosts(emulator: Emulator) -> None:
    one, two = found(emulator)
    with ExitStack() as stack:
        process = stack.enter_context(running(emulator, "rc1", "--version", "8.6.2"))
        stack.enter_context(running(emulator, "rc2"))
        emulator.eventually(lambda: answers(one) and answers(two))
        whole = [("127.0.1.1", True), ("127.0.1.2", True)]
        emulator.eventually(lambda: listed(emulator, one) == listed(emulator, two) == whole)
        assert emulator.node("rc1")["version"] == "8.6.2"
        assert emulator.node("rc1")["pid"] == process.pid, "the process that was started, not a child of it"
        assert emulator.fail("run", "rc1") == (1, f"rc1 already runs, as process {process.pid}")


def test_a_node_ends_in_an_orderly_way_and_runs_again_as_another_process(emulator: Emulator) -> None:
    one, _unused = found(emulator)
    ids = []
    for _time in range(2):
        with running(emulator, "rc1") as process:
            emulator.eventually(lambda: answers(one))
            ids.append(emulator.id("rc1"))
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(10) == 0
    assert ids[0] != ids[1]
