# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many schedules, each played with the gate of this collection and with today's, and what came of it in numbers."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.simulation.gates import OurGate, Tally, TodaysGate
from ansible_collections.rocketops.rocketchat.tests.simulation.roll import Roll
from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKS = 3
CHUNK = 250


def campaign(first: int, schedules: int, *, processes: int | None = None, today: bool = True) -> Totals:
    """Play these seeds, with today's gate too if that is asked for."""
    ends = range(first, first + schedules, CHUNK)
    chunks = [range(seed, min(seed + CHUNK, first + schedules)) for seed in ends]
    totals = Totals()
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(partial(totals_of, today=today), chunks):
            totals.add(part)
    return totals


def play(seed: int, *, today: bool = False) -> tuple[Schedule, Tally]:
    """One schedule from its beginning to its end."""
    schedule = Schedule(seed)
    schedule.cluster.advance(0.0)
    gate = TodaysGate(schedule) if today else OurGate(schedule)
    if schedule.kind == "roll":
        Roll(schedule, gate).play()
    else:
        _health_checks(schedule, gate)
    return schedule, gate.tally


def _health_checks(schedule: Schedule, gate: OurGate | TodaysGate) -> None:
    random = Random(schedule.seed ^ 0xC4EC)
    for _check in range(CHECKS):
        schedule.cluster.advance(schedule.cluster.now + random.uniform(0, 60))
        through = random.choice(["members", "any", schedule.names[0]])
        if through == "members" or isinstance(gate, TodaysGate):
            gate.steady()
        else:
            gate.one_view(len(schedule.names), through)


@dataclass
class Totals:
    schedules: int = 0
    ours: Tally = field(default_factory=Tally)
    todays: Tally = field(default_factory=Tally)
    seeds: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Totals) -> None:
        self.schedules += other.schedules
        self.seeds += other.seeds
        for mine, theirs in ((self.ours, other.ours), (self.todays, other.todays)):
            mine.steps += theirs.steps
            mine.passes += theirs.passes
            mine.false_passes += theirs.false_passes
            mine.missed_bounds += theirs.missed_bounds
            mine.unseen_cuts += theirs.unseen_cuts
            mine.slowest |= theirs.slowest  # the greater of each

    def table(self) -> str:
        """In Markdown, aligned to be read as it is."""
        rows: list[tuple[str, ...]] = [("", "schedules", "gates", "passes", "false passes", "missed bounds")]
        for name, tally in (("`cluster_gate`", self.ours), ("`uri` + `until` all connected", self.todays)):
            figures = (self.schedules, tally.steps, tally.passes, tally.false_passes, tally.missed_bounds)
            rows += [(name, *(f"{figure:,}" for figure in figures))] if tally.steps else []
        lines = [f"| {row[0]:29} | " + " | ".join(f"{cell:>13}" for cell in row[1:]) + " |" for row in rows]
        lines.insert(1, f"| {'':-<29} | " + " | ".join([f"{'':-<12}:"] * 5) + " |")
        return "\n".join(lines)

    def slowest(self) -> str:
        shares = sorted(self.ours.slowest.items())
        return ", ".join(f"{what} {percent} %" for what, percent in shares)

    def faults(self) -> list[str]:
        return [f"seed {seed}: {fault}" for seed, fault in self.seeds]


def totals_of(seeds: Iterable[int], *, today: bool) -> Totals:
    totals = Totals()
    for seed in seeds:
        _schedule, tally = play(seed)
        one = Totals(schedules=1, ours=tally, seeds=[(seed, fault) for fault in tally.faults])
        if today:
            one.todays = play(seed, today=True)[1]
        totals.add(one)
    return totals
