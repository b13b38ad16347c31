# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links over NATS, which end by missed heartbeats."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from emulator_driver import PING

if TYPE_CHECKING:
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
    """30 to 60 s up to 7.2, 60 to 120 s since, where a ping takes ten."""
    _up(emulator, version)
    dead = emulator.id("rc2")
    emulator.run("kill", "rc2")
    began = time.monotonic()
    emulator.eventually(lambda: not emulator.connected("rc1")[dead])
    # The last heartbeat may be a ping old at the death.
    assert (pings - 1) * PING <= time.monotonic() - began <= 2 * pings * PING + 1
    new = emulator.run("start", "rc2")["instance_id"]
    emulator.eventually(lambda: emulator.connected("rc1").get(new), timeout=2)
    assert not emulator.connected("rc2")[dead], "what was dead before it started never looked alive to it"


def test_an_orderly_end_shows_at_once(emulator: Emulator) -> None:
    _up(emulator, "8.6.1")
    ended = emulator.id("rc2")
    emulator.run("stop", "rc2")
    began = time.monotonic()
    emulator.eventually(lambda: not emulator.connected("rc1")[ended])
    assert time.monotonic() - began < 5 * PING


def test_a_paused_node_is_missed_and_comes_back(emulator: Emulator) -> None:
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


def test_releases_that_do_not_speak_it(emulator: Emulator) -> None:
    refused = (1, "version 6.2.9 does not speak NATS: that begins with 6.3")
    assert emulator.fail("up", "--transport", "nats", "--version", "6.2.9") == refused
    _up(emulator, "6.3.0")
    emulator.run("stop", "rc2")
    assert emulator.fail("start", "rc2", "--version", "6.2.9") == refused
