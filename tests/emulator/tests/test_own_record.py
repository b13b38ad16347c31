# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process whose record was removed: from 6.2.7 to 7.2, over TCP, only a restart cures it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_emulator.database import FILE_NAME

if TYPE_CHECKING:
    from emulator_driver import Emulator

_LISTING = "/api/v1/instances.get"
_NOT_AVAILABLE = {"success": False, "error": "Service '$node.list' is not available."}


def _forget(emulator: Emulator, *nodes: str) -> None:
    for node in nodes:
        emulator.run("forget", node)


def _answer(emulator: Emulator, node: str) -> tuple[str, str, dict[str, bool]]:
    """The answer of a node: the process that answered, the process whose view it is, and the connected nodes."""
    answer = emulator.get(node, _LISTING)
    assert answer.status_code == 200, answer.text
    names = {emulator.id(name): name for name in ("rc1", "rc2", "rc3")}
    items = answer.json()["instances"]
    (local,) = (item["instanceRecord"]["_id"] for item in items if item["currentStatus"].get("local"))
    connected = {names[item["instanceRecord"]["_id"]]: item["currentStatus"]["connected"] for item in items}
    return names[answer.headers["X-Instance-ID"]], names[local], connected


def _refusal(emulator: Emulator, node: str) -> dict[str, Any] | None:
    answer = emulator.get(node, _LISTING)
    return answer.json() if answer.status_code == 400 else None


_WITHOUT_2 = {"rc1": True, "rc2": False, "rc3": True}


@pytest.mark.parametrize("version", ["6.2.7", "6.3.0", "6.14.0", "7.2.9"])
def test_peers_answer_in_turn_for_a_forgotten_process(emulator: Emulator, version: str) -> None:
    emulator.up("--version", version, "--expire", "60", nodes=3)
    before = emulator.record("rc1", emulator.id("rc2"))
    assert before
    _forget(emulator, "rc2")
    expected = [(node, node, _WITHOUT_2) for node in ("rc1", "rc3")]
    emulator.eventually(lambda: [_answer(emulator, node) for node in ("rc1", "rc3")] == expected)
    emulator.eventually(lambda: _answer(emulator, "rc2")[1] != "rc2")
    seen = [_answer(emulator, "rc2") for _time in range(4)]
    assert sorted(seen[:2]) == [("rc2", "rc1", _WITHOUT_2), ("rc2", "rc3", _WITHOUT_2)]
    assert seen[2:] == seen[:2]
    # Its record is fresh, under the same id.
    after = emulator.record("rc2", emulator.id("rc2"))
    assert after
    assert after["_createdAt"] > before["_createdAt"]
    emulator.eventually(lambda: (emulator.record("rc1", emulator.id("rc2")) or {})["_updatedAt"] > after["_updatedAt"])
    assert _answer(emulator, "rc2")[1] != "rc2", "time does not cure it"


def test_a_restart_cures_a_forgotten_process(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0", nodes=3)
    _forget(emulator, "rc2")
    emulator.run("stop", "rc2")
    emulator.run("start", "rc2")

    def well() -> bool:
        seen = [_answer(emulator, node) for node in ("rc1", "rc2", "rc3")] if len(emulator.items("rc1")) == 3 else []
        return [one[:2] for one in seen] == [(node, node) for node in ("rc1", "rc2", "rc3")] and all(
            all(connected.values()) for _by, _of, connected in seen
        )

    emulator.eventually(well)


def test_a_forgotten_process_without_peers_answers_400(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0")
    _forget(emulator, "rc1")
    assert emulator.eventually(lambda: _refusal(emulator, "rc1")) == _NOT_AVAILABLE
    assert emulator.get("rc1", "/api/v1/me").status_code == 200
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1")
    assert list(emulator.connected("rc1").values())[-1] is True


def test_if_all_are_forgotten_each_answers_400(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0", nodes=3)
    _forget(emulator, "rc1", "rc2", "rc3")
    for node in ("rc1", "rc2", "rc3"):
        assert emulator.eventually(partial(_refusal, emulator, node)) == _NOT_AVAILABLE
    # The others reach the first node that is restarted, and get their lists from it.
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1")
    emulator.eventually(lambda: _refusal(emulator, "rc2") is None and len(emulator.items("rc2")) == 3)
    assert _answer(emulator, "rc2") == ("rc2", "rc1", {"rc1": True, "rc2": False, "rc3": False})
    assert _answer(emulator, "rc1") == ("rc1", "rc1", {"rc1": True, "rc2": False, "rc3": False})


def test_a_long_outage_of_the_database_makes_all_forgotten(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0", nodes=2)
    ids = {emulator.id("rc1"), emulator.id("rc2")}
    for node in ("rc1", "rc2"):
        emulator.run("fault", node, "no_database")
    with closing(sqlite3.connect(emulator.state_dir / FILE_NAME, timeout=5)) as connection:
        emulator.eventually(lambda: not connection.execute("SELECT * FROM records").fetchall())
    for node in ("rc1", "rc2"):
        emulator.run("fault", node, "none")
    for node in ("rc1", "rc2"):
        assert emulator.eventually(partial(_refusal, emulator, node)) == _NOT_AVAILABLE
    with closing(sqlite3.connect(emulator.state_dir / FILE_NAME, timeout=5)) as connection:
        emulator.eventually(lambda: {row[0] for row in connection.execute("SELECT id FROM records")} == ids)


def test_a_forgotten_process_that_is_cut_off_answers_400(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0", nodes=2)
    _forget(emulator, "rc2")
    emulator.eventually(lambda: not emulator.connected("rc1")[emulator.id("rc2")])
    emulator.run("partition", "rc1", "rc2")
    assert emulator.eventually(lambda: _refusal(emulator, "rc2")) == _NOT_AVAILABLE


def test_a_long_pause_makes_a_process_forgotten(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0", nodes=2)
    hung = emulator.id("rc2")
    emulator.run("freeze", "rc2")
    emulator.eventually(lambda: hung not in emulator.connected("rc1"))
    emulator.run("thaw", "rc2")
    emulator.eventually(lambda: hung in emulator.connected("rc1"))
    assert emulator.connected("rc1") == {emulator.id("rc1"): True, hung: False}
    emulator.eventually(lambda: emulator.get("rc2", _LISTING).headers["X-Instance-ID"] == hung)
    emulator.eventually(lambda: emulator.connected("rc2") == {emulator.id("rc1"): True, hung: False})


def test_a_paused_peer_does_not_answer_for_a_forgotten_process(emulator: Emulator) -> None:
    emulator.up("--version", "6.14.0", nodes=2)
    _forget(emulator, "rc2")
    peer = emulator.id("rc1")
    emulator.run("freeze", "rc1")
    error = f"Request is timed out when call '$node.list' action on '{peer}' node."
    assert emulator.eventually(lambda: _refusal(emulator, "rc2")) == {"success": False, "error": error}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version", "6.2.6"),
        ("--version", "7.3.0"),
        ("--version", "8.6.1"),
        ("--version", "6.14.0", "--transport", "nats"),
    ],
)
def test_other_releases_and_nats_do_not_forget_processes(emulator: Emulator, arguments: tuple[str, ...]) -> None:
    emulator.up(*arguments, "--start-gap", "0.1", nodes=2)
    _forget(emulator, "rc2")
    both = {emulator.id("rc1"): True, emulator.id("rc2"): True}
    emulator.eventually(lambda: emulator.connected("rc1") == emulator.connected("rc2") == both)
    local = [item["instanceRecord"]["_id"] for item in emulator.items("rc2") if item["currentStatus"].get("local")]
    assert local == [emulator.id("rc2")]
