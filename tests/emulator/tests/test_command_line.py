# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error messages of the command line."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from rocketchat_emulator.faults import KINDS

if TYPE_CHECKING:
    from emulator_driver import Emulator


@pytest.mark.parametrize("command", ["status", "stop rc1", "start rc1", "fault rc1 html", "heal rc1 rc2"])
def test_a_missing_state_directory_is_an_error(emulator: Emulator, command: str) -> None:
    assert emulator.fail(*command.split()) == (1, f"there is no state directory {emulator.state_dir}")


def test_a_missing_cluster_is_an_error(emulator: Emulator) -> None:
    emulator.state_dir.mkdir()
    assert emulator.fail("status") == (1, f"there is no cluster in {emulator.state_dir}")
    assert emulator.run("down") == {"ended": []}


@pytest.mark.parametrize("command", ["stop", "kill", "freeze", "thaw", "start"])
def test_an_unknown_node_is_an_error(shared: Emulator, command: str) -> None:
    assert shared.fail(command, "rc9") == (1, "no node is named 'rc9'; choose from rc1, rc2")


def test_an_unknown_node_is_an_error_of_fault_and_partition(shared: Emulator) -> None:
    unknown = (1, "no node is named 'rc9'; choose from rc1, rc2")
    assert shared.fail("fault", "rc9", "html") == unknown
    assert shared.fail("partition", "rc1", "rc9") == unknown
    assert shared.fail("partition", "rc1", "rc1") == (1, "rc1 cannot be cut off from itself")


def test_up_refuses_a_second_cluster(shared: Emulator) -> None:
    assert shared.fail("up", "--nodes", "1") == (1, f"a cluster is already up in {shared.state_dir}")


def test_commands_refuse_a_node_in_the_wrong_state(shared: Emulator) -> None:
    pid = shared.node("rc1")["pid"]
    assert shared.fail("start", "rc1") == (1, f"rc1 already runs, as process {pid}")
    assert shared.fail("fault", "rc1", "never_ready") == (
        1,
        "never_ready takes effect only at a start, but rc1 runs: stop it, and use start rc1 --fault never_ready",
    )
    shared.run("stop", "rc2")
    assert shared.run("stop", "rc2")["state"] == "stopped"
    assert shared.fail("freeze", "rc2") == (1, "rc2 does not run")
    assert shared.fail("thaw", "rc2") == (1, "rc2 does not run")
    shared.run("start", "rc2")


def test_up_refuses_a_port_in_use(emulator: Emulator) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert emulator.fail("up", "--nodes", "1", "--base-port", str(port)) == (
            1,
            f"port {port} of 127.0.0.1 cannot be used: Address already in use",
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("up --version 7", "argument --version: '7' is not a version such as 7.10.0"),
        ("up --version 3.9.0", "argument --version: version 3.9.0 is too old: instances.get exists since 3.10"),
        ("up --nodes 0", "argument --nodes: '0' is not a whole number from 1 to 99"),
        ("up --nodes 3 --base-port 65534", "3 ports from 65534 exceed the highest port, 65535"),
        ("up --ping 0", "argument --ping: '0' is not a number of seconds greater than 0"),
        ("up --rate-limit 10", "argument --rate-limit: '10' is neither CALLS/SECONDS, such as 10/60, nor off"),
        ("fault rc1 slow", "argument KIND: 'slow' must have the form slow:SECONDS"),
        ("fault rc1 slow:x", "argument KIND: 'slow:x' must have the form slow:SECONDS, with a number greater than 0"),
        ("fault rc1 html:1", "argument KIND: 'html:1' must have the form html"),
        ("start rc1 --fault ruin", "argument --fault: unknown fault 'ruin'; choose from none, unauthorized, "),
        ("explode rc1", "argument COMMAND: invalid choice: 'explode'"),
    ],
)
def test_wrong_arguments_are_errors(emulator: Emulator, arguments: str, message: str) -> None:
    code, line = emulator.fail(*arguments.split())
    assert line.startswith(message)
    assert code in {1, 2}


def test_help_names_every_fault(emulator: Emulator) -> None:
    for arguments in (["--help"], ["fault", "--help"], ["start", "--help"]):
        code, output, _unused = emulator.call(*arguments)
        assert code == 0
        for kind in KINDS.values():
            assert re.search(rf"\n  {kind.form}  +{re.escape(kind.words)}\n", output)
