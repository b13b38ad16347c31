# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the cost of gates in a roll of fifty hosts and in larger ones: ``python -m …tests.scale``.

Writes docs/scale.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.release import __version__ as core

from ansible_collections.rocketops.rocketchat.tests.scale import large
from ansible_collections.rocketops.rocketchat.tests.scale.rolls import (
    GATED,
    LIMIT,
    MIN_SERVING,
    SERIAL,
    UNGATED,
    WAITING,
    nodes,
    rolling,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ansible_collections.rocketops.rocketchat.tests.scale.rolls import Gate
    from emulator_driver import Emulator

NODES = 50
BATCHES = (1, 5, 12, 12, 12, 8)

# The larger roll.
MANY, BATCH = 200, 20

PAGE = """\
# A roll of {nodes} hosts

Written by `make scale`. The {nodes} hosts have a local connection and run one emulated node each, all on one machine.
`rolling_update_serial` is `{serial}`, which gives batches of {batches}; `health_gate_min_serving` is `{min_serving}`.
Each roll with gates is followed by one without gates, with the same hooks and the same batches. The table has the
medians, and the range of all rounds.

{table}

The batches of the last roll, and the results of their gates:

{gates}

Each batch waits until its processes are {stable:g} s old and have been stable for {stable:g} s, and for their next
pings, here every {ping:g} s. With a real Rocket.Chat these times are 30 s and 10 s, so the gates take longer. The other
tasks are Ansible's work for each host of a batch, also where there is nothing to do.

## A roll of {many} hosts

Here the batches have {batch} hosts, one process emulates all nodes, and a deployed node is healthy at once. Each gate
asks all members, and each member lists all of them. {deployed} hosts were deployed to, in {seconds:.0f} s. Ansible's
memory was {second:.0f} MB in the second quarter of the roll, and {last:.0f} MB in the last.

ansible-core {core}, Python {python}, {processors} processors, shared by all nodes; load {load} before and {after}
after; {rounds} rounds.
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of one roll, in wall time and in processor time, and its gates."""

    wall: float
    processor: float
    gates: tuple[Gate, ...]

    @property
    def waited(self) -> float:
        return float(sum(gate.result["elapsed"] for gate in self.gates))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load = _load()
    larger = large.roll(MANY, BATCH)
    with nodes(NODES) as emulator:
        rounds = list(_rounds(emulator, options.rounds))
    page = PAGE.format(
        nodes=NODES,
        serial=list(SERIAL),
        batches=", ".join(map(str, BATCHES)),
        min_serving=MIN_SERVING,
        table=_table(rounds),
        gates=_gates(rounds[-1][0].gates),
        many=MANY,
        batch=BATCH,
        **vars(larger),
        stable=WAITING["stable_for"],
        ping=WAITING["ping_interval"],
        core=core,
        python=platform.python_version(),
        processors=os.cpu_count(),
        load=load,
        after=_load(),
        rounds=options.rounds,
    )
    (Path(__file__).parents[2] / "docs" / "scale.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


def _rounds(emulator: Emulator, count: int) -> Iterator[tuple[Measured, Measured]]:
    """One roll with gates and one without, each to a new version."""
    for number in range(count):
        gated = _measure(emulator, GATED, f"7.{11 + 2 * number}.0")
        yield gated, _measure(emulator, UNGATED, f"7.{12 + 2 * number}.0")


def _measure(emulator: Emulator, playbook: str, version: str) -> Measured:
    began, before = time.monotonic(), _processor()
    with rolling(emulator, playbook, version) as roll:
        code = roll.process.wait(LIMIT)
        wall, processor = time.monotonic() - began, _processor() - before
        assert code == 0, roll.said()
        gates = tuple(roll.gates())
    versions = {node["version"] for node in emulator.run("status")["nodes"]}
    assert versions == {version}
    print(f"{playbook}: {wall:.0f} s", file=sys.stderr)
    return Measured(wall, processor, gates)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _table(rounds: Sequence[tuple[Measured, Measured]]) -> str:
    rows: dict[str, Callable[[Measured, Measured], float]] = {
        "the roll with gates": lambda gated, _ungated: gated.wall,
        "the hooks alone": lambda _gated, ungated: ungated.wall,
        "what the gates add": lambda gated, ungated: gated.wall - ungated.wall,
        "of these, in the gates": lambda gated, _ungated: gated.waited,
        "of these, in other tasks": lambda gated, ungated: gated.wall - ungated.wall - gated.waited,
        "processor time of Ansible and the hooks, with gates": lambda gated, _ungated: gated.processor,
        "processor time of Ansible and the hooks, the hooks alone": lambda _gated, ungated: ungated.processor,
    }
    lines = ["| | seconds | range | per host |", "|---|---|---|---|"]
    for what, value in rows.items():
        found = [value(*one) for one in rounds]
        middle = statistics.median(found)
        lines.append(f"| {what} | {middle:.1f} | {min(found):.1f} to {max(found):.1f} | {middle / NODES:.2f} |")
    return "\n".join(lines)


def _gates(gates: Sequence[Gate]) -> str:
    """For each batch, its last gate before the deployment and its gate after it."""
    lines = [
        "| hosts | `safe_batch` before | seconds in the gate before | seconds in the gate after |",
        "|---|---|---|---|",
    ]
    results = [gate.result for gate in gates if gate.result["phase"] != "steady"]
    for before, after in zip(results[1::3], results[2::3]):
        waits = f"{before['elapsed']:.1f} | {after['elapsed']:.1f}"
        lines.append(f"| {len(before['targets'])} | {before['safe_batch']} | {waits} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
