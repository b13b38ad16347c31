# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls of twenty hosts: which nodes were down when, by the emulator's database, not by the playbook's output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.tests.scale.rolls import (
    GATED,
    LIMIT,
    Watch,
    nodes,
    rolling,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator_driver import Emulator

NODES, LEAST = 20, 15  # 75% of 20
BATCHES = (1, 2, 1, 5, 5, 5, 1)
NEW, NEWER = "7.11.0", "7.12.0"
VICTIM = f"rc{NODES}"  # in the last batch


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with nodes(NODES) as emulator:
        yield emulator


def test_a_node_that_dies_during_a_roll_is_deployed_next(emulator: Emulator) -> None:
    """A node of a later batch dies: it is deployed next, alone, and the roll continues."""
    before = {node["name"]: node for node in emulator.run("status")["nodes"]}
    with (
        Watch(emulator.state_dir) as watch,
        rolling(emulator, GATED, NEW, health_gate_restart_confirmed=True) as roll,
    ):
        roll.await_said("after rc2, rc3: ")
        emulator.run("kill", VICTIM)
        assert roll.process.wait(LIMIT) == 0, roll.said()
        gates = roll.gates()
    after = {node["name"]: node for node in emulator.run("status")["nodes"]}
    assert {node["version"] for node in after.values()} == {NEW}
    assert not {node["pid"] for node in before.values()} & {node["pid"] for node in after.values()}
    assert min(len(moment.answering) for moment in watch.moments) >= LEAST
    batches = [gate.result["targets"] for gate in gates if gate.result["phase"] == "before"]
    assert [len(batch) for batch in batches] == list(BATCHES)
    assert batches[2] == [VICTIM]


def test_a_batch_that_is_too_large_for_min_serving_is_refused(emulator: Emulator) -> None:
    """At least 80% must serve: a batch of four of twenty may be taken down, a batch of five may not."""
    before = emulator.run("status")["nodes"]
    with rolling(emulator, GATED, NEWER, health_gate_min_serving="80%", rolling_update_serial="25%") as roll:
        assert roll.process.wait(LIMIT) == 2
        said, gates = roll.said(), roll.gates()
    assert not gates
    assert "min_serving 80% needs 16 to serve, but only 15 members are left without the targets: lower it" in said
    assert emulator.run("status")["nodes"] == before
