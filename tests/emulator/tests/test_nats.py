# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links over NATS, which end after missed heartbeats."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from emulator_driver import PING
from rocketchat_emulator.database import NOW, Database
from rocketchat_emulator.instance import Instance
from rocketchat_emulator.nats import NatsPeers
from rocketchat_emulator.roster import Roster
from rocketchat_emulator.version import Version

if TYPE_CHECKING:
    from pathlib import Path

    from emulator_driver import Emulator


def _up(emulator: Emulator, version: str, nodes: int = 2) -> None:
    emulator.up("--transport", "nats", "--version", version, "--expire", "60", nodes=nodes)


def test_records_have_no_port_for_peers(emulator: Emulator) -> None:
    _up(emulator, "8.6.1")
    for item in emulator.items("rc1"):
        assert set(item["instanceRecord"]["extraInformation"]) == {"host", "port", "os", "nodeVersion"}
    assert (
        emulator.connected("rc1") == emulator.connected("rc2") == {emulator.id("rc1"): True, emulator.id("rc2"): True}
    )


@pytest.mark.parametrize(("version", "pings"), [("7.2.0", 3), ("8.6.1", 6)])
def test_a_dead_peer_looks_connected_for_one_to_two_timeouts(emulator: Emulator, version: str, pings: int) -> None:
    """With a ping every 10 s, 30 to 60 s up to 7.2, and 60 to 120 s since."""
    _up(emulator, version)
    dead = emulator.id("rc2")
    emulator.run("kill", "rc2")
    began = time.monotonic()
    emulator.eventually(lambda: not emulator.connected("rc1")[dead])
    # The last heartbeat may be one ping interval before the death.
    assert (pings - 1) * PING <= time.monotonic() - began <= 2 * pings * PING + 1
    new = emulator.run("start", "rc2")["instance_id"]
    emulator.eventually(lambda: emulator.connected("rc1").get(new), timeout=2)
    assert not emulator.connected("rc2")[dead], "a node that starts later never sees the dead peer as connected"


def test_peers_are_checked_once_per_timeout(tmp_path: Path) -> None:
    """So a peer that dies right after a check is noticed by the second check after it at the latest."""
    now = 0.0
    database = Database.create(tmp_path)
    roster, version = Roster(database), Version.parse("8.6.1")
    roster.add(name="rc1", number=1, address="127.0.0.1", port=1, version=version)
    instance = Instance(id="own", node="rc1", version=version, host="127.0.0.1", port="1")
    peers = NatsPeers(instance=instance, database=database, roster=roster, interval=10, timeout=60, clock=lambda: now)
    asyncio.run(peers.start())
    seen: list[bool] = []
    for now in range(0, 200, 10):
        if now == 10:
            database.execute(f"INSERT INTO heartbeats (id, node, beat) VALUES ('peer', 'rc2', {NOW})")
        peers.tick()
        seen.append("peer" in roster.place("rc1").links)
    database.close()
    assert [index * 10 for index, connected in enumerate(seen) if connected] == list(range(10, 120, 10))


@pytest.mark.parametrize(("version", "pings"), [("6.3.0", 3), ("7.2.9", 3), ("7.3.0", 6), ("8.6.1", 6)])
def test_the_timeout_of_each_release(version: str, pings: int) -> None:
    assert Version.parse(version).heartbeat_timeout == pings


def test_a_stop_shows_at_once(emulator: Emulator) -> None:
    _up(emulator, "8.6.1")
    ended = emulator.id("rc2")
    emulator.run("stop", "rc2")
    began = time.monotonic()
    emulator.eventually(lambda: not emulator.connected("rc1")[ended])
    assert time.monotonic() - began < 5 * PING


def test_a_paused_node_is_disconnected_and_comes_back(emulator: Emulator) -> None:
    _up(emulator, "7.2.0")
    paused = emulator.id("rc2")
    emulator.run("freeze", "rc2")
    assert emulator.connected("rc1")[paused]
    emulator.eventually(lambda: not emulator.connected("rc1")[paused])
    emulator.run("thaw", "rc2")
    emulator.eventually(lambda: emulator.connected("rc1")[paused], timeout=2)
    assert all(emulator.connected("rc2").values())


def test_a_cut_shows_by_missed_heartbeats(emulator: Emulator) -> None:
    _up(emulator, "7.2.0", nodes=3)
    first, second = emulator.id("rc1"), emulator.id("rc2")
    emulator.run("partition", "rc1", "rc2")
    emulator.eventually(lambda: not (emulator.connected("rc1")[second] or emulator.connected("rc2")[first]))
    assert set(emulator.connected("rc3").values()) == {True}
    emulator.run("heal", "rc1", "rc2")
    emulator.eventually(lambda: emulator.connected("rc1")[second] and emulator.connected("rc2")[first], timeout=2)


def test_older_releases_refuse_nats(emulator: Emulator) -> None:
    refused = (1, "version 6.2.9 does not support NATS: use 6.3 or newer")
    assert emulator.fail("up", "--transport", "nats", "--version", "6.2.9") == refused
    _up(emulator, "6.3.0")
    emulator.run("stop", "rc2")
    assert emulator.fail("start", "rc2", "--version", "6.2.9") == refused
