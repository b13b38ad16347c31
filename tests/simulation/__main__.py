# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulate many rolling deployments, or replay one: ``python -m …tests.simulation --replay SEED``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from ansible_collections.rocketops.rocketchat.tests.simulation.campaign import campaign, play

PAGE = """\
# What the simulation found

Written by `make simulate`; [guarantees.md](guarantees.md) says what is checked, and how the bounds come about.

{table}

Seeds {first} to {last}, {minutes:.1f} minutes with {processes} processes on {processors} processors. Both gates
were held against the same clusters. A false pass let a deployment go on when it should not have; a missed bound kept
it waiting, or gave it up, although all was well.

In {unseen:,} of the passes of `cluster_gate` ({share:.1f} %) two nodes were cut off from each other, and no view had
shown it: silent cuts, which TCP takes for minutes to notice, and cuts that flapped and looked well just then.

The slowest pass of `cluster_gate`, as a share of its bound: {slowest}.
"""


def main() -> int:
    options = _parser().parse_args()
    if options.replay is not None:
        return _replay(options.replay, today=options.today)
    first = options.first if options.first is not None else int.from_bytes(os.urandom(4), "big")
    began = time.monotonic()
    totals = campaign(first, options.schedules, processes=options.processes, today=not options.only_ours)
    page = PAGE.format(
        table=totals.table(),
        first=first,
        last=first + options.schedules - 1,
        minutes=(time.monotonic() - began) / 60,
        processes=options.processes,
        processors=os.cpu_count(),
        unseen=totals.ours.unseen_cuts,
        share=100 * totals.ours.unseen_cuts / max(totals.ours.passes, 1),
        slowest=totals.slowest(),
    )
    if options.write:
        options.write.write_text(page)
    print(page, *totals.faults()[:20], sep="\n")
    return 1 if totals.seeds else 0


def _replay(seed: int, *, today: bool) -> int:
    schedule, tally = play(seed, today=today)
    print(f"seed {seed}: {schedule.kind} of {len(schedule.names)} nodes, {schedule.batch} at a time")
    print(", ".join(f"{name}: {value}" for name, value in schedule.options.items()))
    for moment, text in schedule.cluster.log:
        print(f"{moment:9.1f}  {text}")
    for fault in tally.faults:
        print(fault)
    return 1 if tally.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--first", type=int, help="first seed; a random one if left out")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only-ours", action="store_true", help="without the gate of today")
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep the result there, as Markdown")
    parser.add_argument("--replay", type=int, metavar="SEED", help="the time line of one schedule")
    parser.add_argument("--today", action="store_true", help="replay with the gate of today")
    return parser


if __name__ == "__main__":
    sys.exit(main())
