# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts and ends of processes, and how the other nodes see them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator_driver import Emulator

PACKAGE_PARENT = Path(__file__).resolve().parent.parent


def test_up_returns_when_all_nodes_are_linked(emulator: Emulator) -> None:
    emulator.up(nodes=3)
    document, port = emulator.document, emulator.base_port
    assert set(document) == {"nodes", "admin", "viewer", "guest", "twofactor"}
    assert [(node["name"], node["url"]) for node in document["nodes"]] == [
        ("rc1", f"http://127.0.0.1:{port}"),
        ("rc2", f"http://127.0.0.1:{port + 1}"),
        ("rc3", f"http://127.0.0.1:{port + 2}"),
    ]
    for name in ("rc1", "rc2", "rc3"):
        assert list(emulator.connected(name).values()) == [True, True, True]
    pids = {node["pid"] for node in document["nodes"]}
    assert {item["instanceRecord"]["pid"] for item in emulator.items("rc1")} == pids
    for pid in pids:
        # Detached: the process that started them may end, and its terminal may close.
        assert os.getsid(pid) == pid
        assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"


def test_secrets_are_private_and_new_for_each_cluster(emulator: Emulator) -> None:
    first = emulator.up().document
    for file in emulator.state_dir.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(emulator.state_dir.stat().st_mode) == 0o700
    emulator.run("down")
    second = emulator.up().document
    for user in ("admin", "viewer", "guest", "twofactor"):
        assert set(first[user]) >= {"user_id", "auth_token", "username", "password"}
        assert not {first[user][key] for key in ("user_id", "auth_token", "password")} & set(second[user].values())
    printed = json.dumps(emulator.run("status"))
    written = "".join(file.read_text(encoding="utf-8") for file in emulator.state_dir.glob("*.log"))
    assert second["admin"]["auth_token"] not in printed + written


def test_a_killed_node_is_noticed_and_its_record_outlives_it(emulator: Emulator) -> None:
    emulator.up("--expire", "60", nodes=2)
    old = emulator.id("rc2")
    assert emulator.run("kill", "rc2") == {
        "name": "rc2",
        "url": f"http://127.0.0.1:{emulator.base_port + 1}",
        "pid": None,
        "state": "stopped",
        "version": "8.6.1",
        "instance_id": None,
        "fault": "none",
    }
    emulator.eventually(lambda: not emulator.connected("rc1")[old], timeout=2)
    (item,) = (item for item in emulator.items("rc1") if item["instanceRecord"]["_id"] == old)
    assert "address" not in item
    assert item["currentStatus"] == {"connected": False}
    new = emulator.run("start", "rc2")["instance_id"]
    assert new != old
    emulator.eventually(lambda: emulator.connected("rc1").get(new), timeout=2)
    assert emulator.connected("rc1") == {emulator.id("rc1"): True, old: False, new: True}
    assert emulator.connected("rc2") == {emulator.id("rc1"): True, old: False, new: True}


def test_the_record_of_an_ended_node_is_swept(emulator: Emulator) -> None:
    emulator.up(nodes=3)
    old = {emulator.id("rc2"), emulator.id("rc3")}
    before = emulator.record("rc1", emulator.id("rc1"))
    emulator.run("stop", "rc2")
    emulator.run("kill", "rc3")
    assert old < set(emulator.connected("rc1")), "a stop does not remove the record either"
    emulator.eventually(lambda: not old & set(emulator.connected("rc1")))
    assert emulator.connected("rc1") == {emulator.id("rc1"): True}
    after = emulator.record("rc1", emulator.id("rc1"))
    assert after
    assert before
    assert after["_createdAt"] == before["_createdAt"], "a record that is refreshed stays"


def test_old_records_stay_until_the_sweep(emulator: Emulator) -> None:
    emulator.up("--expire", "0.5", "--sweep", "60", nodes=2)
    old = emulator.id("rc2")
    emulator.run("kill", "rc2")

    def overdue() -> bool:
        now, record = emulator.record("rc1", emulator.id("rc1")), emulator.record("rc1", old)
        assert now
        assert record
        return _age(now, record) > 0.8

    emulator.eventually(overdue)
    assert emulator.record("rc1", old)


def test_running_nodes_ping(emulator: Emulator) -> None:
    emulator.up()
    before = emulator.items("rc1")[0]["instanceRecord"]
    after = emulator.eventually(
        lambda: next(
            (i["instanceRecord"] for i in emulator.items("rc1") if _age(i["instanceRecord"], before) > 0), None
        )
    )
    assert _without(after, "_updatedAt") == _without(before, "_updatedAt")


def test_a_paused_node_stays_connected_and_comes_back_under_its_id(emulator: Emulator) -> None:
    emulator.up(nodes=2)
    paused = emulator.id("rc2")
    before = emulator.record("rc1", paused)
    assert before
    assert emulator.run("freeze", "rc2")["state"] == "frozen"
    while record := emulator.record("rc1", paused):
        assert emulator.connected("rc1").get(paused, True)
        assert record["_createdAt"] == before["_createdAt"]
    # Its record is swept, its process still runs.
    assert Path(f"/proc/{emulator.node('rc2')['pid']}").exists()
    assert emulator.run("thaw", "rc2")["state"] == "running"
    after = emulator.eventually(lambda: emulator.record("rc1", paused))
    assert after["_createdAt"] > before["_createdAt"]
    assert _without(after, "_createdAt", "_updatedAt") == _without(before, "_createdAt", "_updatedAt")
    assert emulator.connected("rc1")[paused]


def test_a_paused_node_can_be_stopped(emulator: Emulator) -> None:
    emulator.up(nodes=2)
    emulator.run("freeze", "rc2")
    assert emulator.run("stop", "rc2")["state"] == "stopped"
    assert emulator.run("start", "rc2")["state"] == "running"


def test_a_node_starts_with_another_version_on_the_same_port(emulator: Emulator) -> None:
    emulator.up(nodes=2)
    url = emulator.node("rc2")["url"]
    emulator.run("stop", "rc2")
    started = emulator.run("start", "rc2", "--version", "8.6.2")
    assert (started["version"], started["url"]) == ("8.6.2", url)
    assert emulator.get("rc2", "/api/info").json()["version"] == "8.6.2"
    assert emulator.get("rc1", "/api/info").json()["version"] == "8.6.1"
    assert emulator.run("stop", "rc2")["version"] == "8.6.2", "the next start keeps it"


def test_a_second_or_unwanted_process_of_a_node_ends(emulator: Emulator) -> None:
    emulator.up()

    def again() -> str:
        command = [sys.executable, "-m", "rocketchat_emulator.node", str(emulator.state_dir), "rc1"]
        outcome = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)}, capture_output=True, text=True, check=False
        )
        return outcome.stderr

    refusal = "rc1 already runs, or was stopped\n"
    assert again() == refusal
    assert emulator.node("rc1")["state"] == "running"
    emulator.run("kill", "rc1")
    assert again() == refusal


def test_down_can_be_repeated_and_leaves_no_process(emulator: Emulator) -> None:
    emulator.up(nodes=3)
    emulator.run("freeze", "rc1")
    emulator.run("kill", "rc2")
    assert len(emulator.processes()) == 3, "two nodes and the keeper"
    assert emulator.run("down") == {"ended": ["rc1", "rc3"]}
    assert emulator.processes() == []
    assert emulator.run("down") == {"ended": []}
    assert {node["state"] for node in emulator.run("status")["nodes"]} == {"stopped"}
    assert emulator.fail("start", "rc1") == (1, f"the cluster in {emulator.state_dir} is down; up starts a new one")


def test_down_does_not_end_a_foreign_process_with_the_same_pid(emulator: Emulator) -> None:
    emulator.up()
    emulator.run("kill", "rc1")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with sqlite3.connect(emulator.state_dir / "database.sqlite3") as connection:
            connection.execute("UPDATE nodes SET pid = ?", (stranger.pid,))
        connection.close()
        emulator.run("kill", "rc1")
        emulator.run("down")
        assert stranger.poll() is None
        stranger.kill()


def test_processes_end_with_their_state_directory(emulator: Emulator) -> None:
    emulator.up(nodes=2)
    emulator.run("freeze", "rc1")
    shutil.rmtree(emulator.state_dir)
    emulator.eventually(lambda: not emulator.processes())


def test_nodes_end_with_their_state_directory_without_the_keeper(emulator: Emulator) -> None:
    emulator.up(nodes=2)
    nodes = {node["pid"] for node in emulator.document["nodes"]}
    (keeper,) = set(emulator.processes()) - nodes
    os.kill(keeper, signal.SIGKILL)
    shutil.rmtree(emulator.state_dir)
    emulator.eventually(lambda: not emulator.processes())


def test_processes_end_with_their_lifetime(emulator: Emulator) -> None:
    emulator.up("--lifetime", "2.5", nodes=2)
    emulator.run("freeze", "rc2")
    emulator.eventually(lambda: not emulator.processes())


def _age(newer: dict[str, Any], older: dict[str, Any]) -> float:
    """Seconds between the last pings of two records."""

    def parse(record: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(record["_updatedAt"].replace("Z", "+00:00"))

    return (parse(newer) - parse(older)).total_seconds()


def _without(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}
