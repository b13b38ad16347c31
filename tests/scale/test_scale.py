# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twenty hosts: what went down when, by the emulator's own book and not by what the playbook says of itself."""

from __future__ import annotations

from itertools import pairwise
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

    from ansible_collections.rocketops.rocketchat.tests.scale.rolls import Gate
    from emulator_driver import Emulator

NODES, LEAST = 20, 15  # as 75% are
BATCHES = (1, 2, 5, 5, 5, 2)
NEW, NEWER = "7.11.0", "7.12.0"
VICTIM = f"rc{NODES}"  # of the last batch


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with nodes(NODES) as emulator:
        yield emulator


def test_a_roll_with_an_incident(emulator: Emulator) -> None:
    """With the node of a later batch dead, a batch of five is one too many until that node is back."""
    before = {node["name"]: node for node in emulator.run("status")["nodes"]}
    with Watch(emulator.state_dir) as watch, rolling(emulator, GATED, NEW) as roll:
        roll.await_said("after rc2, rc3: ")
        emulator.run("kill", VICTIM)
        roll.await_said(f"{LEAST - 1} of {LEAST} other members serve, {LEAST} needed: {VICTIM} ")
        emulator.run("start", VICTIM)
        assert roll.process.wait(LIMIT) == 0, roll.said()
        gates = roll.gates()
    after = {node["name"]: node for node in emulator.run("status")["nodes"]}
    assert {node["version"] for node in after.values()} == {NEW}
    assert not {node["pid"] for node in before.values()} & {node["pid"] for node in after.values()}
    assert min(len(moment.answering) for moment in watch.moments) >= LEAST
    _assert_batches(watch, gates)


def _assert_batches(watch: Watch, gates: list[Gate]) -> None:
    """Between a batch's last gate before and the next batch's first, this batch has gone down and come back."""
    befores = [gate for gate in gates if gate.result["phase"] == "before"]
    assert [len(gate.result["targets"]) for gate in befores] == [size for size in BATCHES for _twice in range(2)]
    incident, *outages = sorted(watch.outages(), key=lambda outage: outage.node != VICTIM)
    for gate, following in pairwise([*befores[1::2], None]):
        assert gate
        targets = gate.result["targets"]
        until = following.ended if following else watch.moments[-1].at
        batch = [outage for outage in outages if gate.ended < outage.gone < until]
        assert sorted(outage.node for outage in batch) == sorted(targets)
        assert all(outage.back < until for outage in batch)
        assert gate.result["verdict"] == "pass"
        assert len(targets) <= gate.result["safe_batch"]
        assert set(targets) <= set(gate.result["next_safe"])
    assert befores[2 * 2].ended > incident.back  # the third batch's


def test_a_batch_that_is_too_large(emulator: Emulator) -> None:
    """Four of five have to serve: four may go, five may not."""
    before = emulator.run("status")["nodes"]
    with rolling(emulator, GATED, NEWER, health_gate_min_serving="80%", rolling_update_serial="25%") as roll:
        assert roll.process.wait(LIMIT) == 2
        said, gates = roll.said(), roll.gates()
    assert not gates
    assert "min_serving 80% needs 16 to serve, but only 15 members are left with the targets away" in said
    assert emulator.run("status")["nodes"] == before
