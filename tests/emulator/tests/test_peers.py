# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cuts between nodes: with a reset, which both notice, and silent ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator_driver import Emulator


def _views(emulator: Emulator) -> dict[str, list[bool]]:
    """For each node, whether it reaches rc1, rc2 and rc3."""
    ids = [emulator.id(name) for name in ("rc1", "rc2", "rc3")]
    views = {name: emulator.connected(name) for name in ("rc1", "rc2", "rc3")}
    return {name: [view[instance_id] for instance_id in ids] for name, view in views.items()}


_WHOLE = {"rc1": [True] * 3, "rc2": [True] * 3, "rc3": [True] * 3}


def test_a_cut_with_resets_is_seen_by_its_two_nodes_only(emulator: Emulator) -> None:
    emulator.up(nodes=3)
    assert emulator.run("partition", "rc2", "rc1")["cuts"] == [{"a": "rc1", "b": "rc2", "kind": "reset"}]
    cut = {"rc1": [True, False, True], "rc2": [False, True, True], "rc3": [True] * 3}
    assert _views(emulator) == cut
    # Neither a restart nor time heals it.
    emulator.run("kill", "rc2")
    emulator.run("start", "rc2")
    emulator.eventually(lambda: _views(emulator) == cut)
    assert emulator.run("heal", "rc1", "rc2")["cuts"] == []
    assert _views(emulator) == _WHOLE


def test_a_silent_cut_is_not_noticed(emulator: Emulator) -> None:
    emulator.up("--expire", "60", nodes=3)
    peer = emulator.id("rc2")

    def heartbeats() -> dict[str, int]:
        return {
            item["instanceRecord"]["_id"]: item["currentStatus"].get("lastHeartbeatTime", 0)
            for item in emulator.items("rc1")
        }

    emulator.run("partition", "rc1", "rc2", "--silent")
    before = heartbeats()
    third = emulator.id("rc3")
    emulator.eventually(lambda: heartbeats()[third] > before[third])
    assert heartbeats()[peer] == before[peer], "nothing is heard through the cut"
    assert _views(emulator) == _WHOLE
    # Even the end of the peer is not noticed, and its new process cannot connect.
    emulator.run("kill", "rc2")
    emulator.eventually(lambda: not emulator.connected("rc3")[peer])
    assert emulator.connected("rc1")[peer]
    new = emulator.run("start", "rc2")["instance_id"]
    emulator.eventually(lambda: emulator.connected("rc3").get(new))
    assert not emulator.connected("rc1")[new]
    emulator.run("heal", "rc1", "rc2")
    assert emulator.connected("rc1")[new]
    emulator.eventually(lambda: not emulator.connected("rc1")[peer])


def test_a_cut_of_a_paused_node_heals_after_it_resumes(emulator: Emulator) -> None:
    emulator.up("--expire", "60", nodes=3)
    emulator.run("freeze", "rc2")
    emulator.run("partition", "rc1", "rc2")
    peer = emulator.id("rc2")
    assert not emulator.connected("rc1")[peer]
    assert emulator.connected("rc3")[peer]
    emulator.run("heal", "rc1", "rc2")
    assert not emulator.connected("rc1")[peer], "the paused node does not answer the call"
    emulator.run("thaw", "rc2")
    emulator.eventually(lambda: _views(emulator) == _WHOLE)
