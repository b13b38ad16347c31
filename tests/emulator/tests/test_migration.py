# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations of the database: which process runs them, which waits, and which refuses to start."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from emulator_driver import Emulator


def _migration(emulator: Emulator, node: str) -> dict[str, Any]:
    """The field `migration` of `statistics`."""
    found: dict[str, Any] = emulator.get(node, "/api/v1/statistics?refresh=true").json()["migration"]
    return found


def _runs(emulator: Emulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.run("status")["migration"]["runs"]
    return found


def _is_silent(emulator: Emulator, node: str) -> bool:
    try:
        emulator.get(node, "/api/info")
    except requests.exceptions.ConnectionError:
        return True
    return False


def test_without_a_new_migration_nothing_happens(emulator: Emulator) -> None:
    emulator.up("--version", "7.10.0", nodes=2)
    before = _migration(emulator, "rc1")
    assert (before["version"], before["locked"]) == (700, False)
    emulator.run("stop", "rc2")
    emulator.run("start", "rc2", "--version", "7.11.0")
    assert (_migration(emulator, "rc1")["version"], _runs(emulator)) == (700, [])
    emulator.run("stop", "rc2")
    emulator.run("start", "rc2", "--version", "7.9.0")


def test_the_first_node_of_a_new_release_migrates_and_does_not_answer_meanwhile(emulator: Emulator) -> None:
    emulator.up("--version", "7.13.0", "--migration-time", "2", "--expire", "60", nodes=2)
    before = datetime.now(timezone.utc)
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--version", "8.0.0", "--no-wait")
    emulator.eventually(lambda: _runs(emulator))
    assert _is_silent(emulator, "rc1")
    seen = _migration(emulator, "rc2")
    assert (seen["version"], seen["locked"]) == (700, True)
    assert datetime.fromisoformat(seen["lockedAt"].replace("Z", "+00:00")) >= before.replace(microsecond=0)
    assert emulator.id("rc1") not in emulator.connected("rc2"), "it registers afterwards"
    emulator.eventually(lambda: not _is_silent(emulator, "rc1"))
    seen = _migration(emulator, "rc2")
    assert (seen["version"], seen["locked"]) == (800, False)
    (run,) = _runs(emulator)
    assert (run["node"], run["version"]) == ("rc1", 800)
    assert run["ended"] - run["began"] > 1.9


def test_a_second_node_waits_for_the_migration(emulator: Emulator) -> None:
    emulator.up("--version", "7.13.0", "--migration-time", "4", nodes=2)
    for command in (("stop",), ("start", "--version", "8.0.0", "--no-wait")):
        for node in ("rc1", "rc2"):
            emulator.run(command[0], node, *command[1:])
    emulator.eventually(lambda: _runs(emulator))
    assert _is_silent(emulator, "rc2")
    emulator.eventually(lambda: not _is_silent(emulator, "rc1") and not _is_silent(emulator, "rc2"))
    assert [run["node"] for run in _runs(emulator)] == ["rc1"]


def test_a_lock_of_more_than_five_minutes_is_taken_over(emulator: Emulator) -> None:
    """Then both migrate at the same time. Five minutes are 30 ping intervals of ten seconds."""
    emulator.up("--version", "7.13.0", "--ping", "0.05", "--migration-time", "4", nodes=2)
    for command in (("stop",), ("start", "--version", "8.0.0", "--no-wait")):
        for node in ("rc1", "rc2"):
            emulator.run(command[0], node, *command[1:])
    emulator.eventually(lambda: len(_runs(emulator)) == 2)
    emulator.eventually(lambda: all(run["ended"] for run in _runs(emulator)), timeout=15)
    first, second = _runs(emulator)
    assert {first["node"], second["node"]} == {"rc1", "rc2"}
    assert second["began"] - first["began"] >= 1.5
    assert second["began"] < first["ended"]


def test_a_lock_of_another_build_is_taken_over_at_once(emulator: Emulator) -> None:
    emulator.up("--version", "7.13.0", "--migration-time", "8", nodes=2)
    for node, version in (("rc1", "8.0.0"), ("rc2", "8.0.1")):
        emulator.run("stop", node)
        emulator.run("start", node, "--version", version, "--no-wait")
    emulator.eventually(lambda: len(_runs(emulator)) == 2)
    first, second = _runs(emulator)
    assert first["ended"] is None or second["began"] < first["ended"]


def test_a_lock_stays_after_its_process_has_ended(emulator: Emulator) -> None:
    emulator.up("--version", "7.13.0", "--ping", "0.1", "--expire", "60", "--migration-time", "60", nodes=2)
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--version", "8.0.0", "--no-wait")
    emulator.eventually(lambda: _runs(emulator))
    emulator.run("kill", "rc1")
    left = _migration(emulator, "rc2")
    assert left["locked"] is True
    emulator.run("start", "rc1", "--no-wait")
    emulator.eventually(lambda: len(_runs(emulator)) == 2)
    first, second = _runs(emulator)
    assert first["ended"] is None
    # The lock is taken shortly before the migration begins.
    locked_at = datetime.fromisoformat(left["lockedAt"].replace("Z", "+00:00")).timestamp()
    assert second["began"] - locked_at >= 3, "only after five minutes"


def test_the_old_version_refuses_to_start_afterwards(emulator: Emulator) -> None:
    emulator.up("--version", "7.13.0", "--migrating", "minor", nodes=3)
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--version", "7.14.0")
    assert emulator.get("rc2", "/api/info").json()["version"] == "7.13.0", "running nodes are not affected"
    emulator.run("stop", "rc2")
    refusal = (1, "rc2 ended at its start: rc2: Can't find migration version 714")
    assert emulator.fail("start", "rc2") == refusal
    seen = _migration(emulator, "rc1")
    assert (seen["version"], seen["locked"]) == (714, True), "its lock is not released"
    assert emulator.fail("start", "rc2") == refusal
    # The new version takes the lock over.
    emulator.run("start", "rc2", "--version", "7.14.0")
    assert _migration(emulator, "rc1")["locked"] is False
    assert len(_runs(emulator)) == 1


def test_statistics_need_a_permission(emulator: Emulator) -> None:
    emulator.up()
    refused = emulator.get("rc1", "/api/v1/statistics?refresh=true", user="guest")
    assert (refused.status_code, refused.json()["success"]) == (400, False)
    fresh = emulator.get("rc1", "/api/v1/statistics?refresh=true", user="viewer").json()
    assert set(fresh["migration"]) == {"_id", "version", "locked", "lockedAt"}
    assert 0 < fresh["process"]["uptime"] < 60
    assert fresh["process"]["pid"] == emulator.node("rc1")["pid"]
