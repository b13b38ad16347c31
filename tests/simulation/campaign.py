# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many schedules, each played with the gate of this collection, and the totals of their results.

``with_uri``: each is also played with a gate of ``ansible.builtin.uri`` and ``until``, as users write it.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.simulation.gates import OurGate, Tally, UriGate
from ansible_collections.rocketops.rocketchat.tests.simulation.roll import Roll
from ansible_collections.rocketops.rocketchat.tests.simulation.rollout import Rollout
from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

CHECKS = 3
CHUNK = 25


def campaign(first: int, schedules: int, *, processes: int | None = None, with_uri: bool = True) -> Totals:
    """The totals of these seeds."""
    totals = Totals()
    for part in chunks(first, schedules, processes=processes, with_uri=with_uri):
        totals.add(part)
    return totals


def chunks(
    first: int, schedules: int, *, processes: int | None = None, with_uri: bool = True
) -> Generator[Totals, None, None]:
    """The totals of at most ``CHUNK`` seeds each, in the order of the seeds; close the generator to stop early."""
    end = first + schedules
    ranges = [range(seed, min(seed + CHUNK, end)) for seed in range(first, end, CHUNK)]
    with ProcessPoolExecutor(processes, initializer=_leave_signals_to_the_parent) as pool:
        yield from pool.map(partial(totals_of, with_uri=with_uri), ranges)


def _leave_signals_to_the_parent() -> None:
    """Finish the chunk when a terminal interrupts all processes. SIGTERM ends a process, which the pool needs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def play(seed: int, *, with_uri: bool = False) -> tuple[Schedule, Tally]:
    """One schedule from its beginning to its end."""
    schedule = Schedule(seed)
    schedule.cluster.advance(0.0)
    gate = UriGate(schedule) if with_uri else OurGate(schedule)
    if schedule.kind != "roll":
        _health_checks(schedule, gate)
    elif isinstance(gate, OurGate):
        Rollout(schedule, gate).play()
    else:
        Roll(schedule, gate).play()
    return schedule, gate.tally


def _health_checks(schedule: Schedule, gate: OurGate | UriGate) -> None:
    random = Random(schedule.seed ^ 0xC4EC)
    for _check in range(CHECKS):
        schedule.cluster.advance(schedule.cluster.now + random.uniform(0, 60))
        through = random.choice(["members", "any", schedule.names[0]])
        if through == "members" or isinstance(gate, UriGate):
            gate.steady()
        else:
            gate.one_view(len(schedule.names), through)


@dataclass
class Totals:
    schedules: int = 0
    ours: Tally = field(default_factory=Tally)
    uri: Tally = field(default_factory=Tally)
    seeds: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Totals) -> None:
        self.schedules += other.schedules
        self.seeds += other.seeds
        for mine, theirs in ((self.ours, other.ours), (self.uri, other.uri)):
            mine.steps += theirs.steps
            mine.passes += theirs.passes
            mine.ready += theirs.ready
            mine.false_passes += theirs.false_passes
            mine.missed_bounds += theirs.missed_bounds
            mine.unseen_cuts += theirs.unseen_cuts
            mine.slowest |= theirs.slowest  # the greater of each

    def faults(self) -> list[str]:
        return [f"seed {seed}: {fault}" for seed, fault in self.seeds]


def totals_of(seeds: Iterable[int], *, with_uri: bool) -> Totals:
    totals = Totals()
    for seed in seeds:
        _schedule, tally = play(seed)
        one = Totals(schedules=1, ours=tally, seeds=[(seed, fault) for fault in tally.faults])
        if with_uri:
            one.uri = play(seed, with_uri=True)[1]
        totals.add(one)
    return totals
