# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulate many rolling deployments and record the run, or show a single one with ``--replay SEED``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.simulation.campaign import chunks, play
from ansible_collections.rocketops.rocketchat.tests.simulation.runs import Run, Runs, RunsError, digest, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

URI = "a gate of ansible.builtin.uri and until"

# A run is recorded each time that this many more schedules are finished.
PART = 25_000


class Stop:
    """Whether SIGINT or SIGTERM has asked for the end of the run; a second signal ends it at once."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, signal.SIG_DFL)


def main() -> int:
    options = _parser().parse_args()
    if options.replay is not None:
        return _replay(options.replay, with_uri=options.with_uri)
    try:
        return _simulate(options)
    except RunsError as error:
        print(f"simulation: {error}", file=sys.stderr)
        return 1


def _simulate(options: argparse.Namespace) -> int:
    sources = digest()
    runs = Runs.load(options.write.with_suffix(".json")) if options.write else Runs("")
    dropped = runs.begin_again(sources)
    if dropped:
        print(
            f"The judgement or the simulation has changed: the count begins again, without the {dropped} previous runs."
        )
    # Drawn from so many seeds that one of a previous run is very unlikely.
    first = options.first if options.first is not None else int.from_bytes(os.urandom(5), "big")
    runs.require_unused(range(first, first + options.schedules))
    run = Run(first)
    for _part in _play(run, options):
        if options.write:
            record(options.write, run, sources)
        print(
            f"{run.totals.schedules:,} of {options.schedules:,} schedules in {run.minutes:.1f} minutes,"
            f" {len(run.totals.seeds)} faults",
            flush=True,
        )
    if not run.totals.schedules:
        print("No schedule was finished, so nothing is recorded.")
        return 1
    runs.put(run)
    print("", runs.page(), sep="\n")
    return 1 if run.totals.seeds else 0


def _play(run: Run, options: argparse.Namespace) -> Iterator[None]:
    """Play the run; yields after each part, and at its end or after a signal."""
    stop, began, recorded = Stop(), time.monotonic(), 0
    print(f"Seeds {run.first} to {run.first + options.schedules - 1}", flush=True)
    parts = chunks(run.first, options.schedules, processes=options.processes, with_uri=not options.only_ours)
    try:
        with closing(parts):
            for part in parts:
                run.totals.add(part)
                run.minutes = round((time.monotonic() - began) / 60, 1)
                if stop.asked:
                    break
                if run.totals.schedules - recorded >= PART:
                    recorded = run.totals.schedules
                    yield
    except BrokenProcessPool:
        if not stop.asked:
            raise
    if run.totals.schedules > recorded:
        yield


def _replay(seed: int, *, with_uri: bool) -> int:
    schedule, tally = play(seed, with_uri=with_uri)
    print(f"seed {seed}: {schedule.kind} of {len(schedule.names)} nodes, {schedule.batch} at a time")
    print(", ".join(f"{name}: {value}" for name, value in schedule.options.items()))
    for moment, text in schedule.cluster.log:
        print(f"{moment:9.1f}  {text}")
    for fault in tally.faults:
        print(fault)
    return 1 if tally.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--schedules", type=_count, default=100_000, help="number of seeds (default: %(default)s)")
    parser.add_argument("--first", type=int, metavar="SEED", help="first seed (default: a random one)")
    parser.add_argument("--processes", type=_count, default=os.cpu_count(), help="default: one per processor")
    parser.add_argument("--only-ours", action="store_true", help=f"play without {URI}, in half the time")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="add the run to the list beside FILE (with the suffix .json), and write FILE, the page of all runs",
    )
    parser.add_argument("--replay", type=int, metavar="SEED", help="show the timeline of one schedule")
    parser.add_argument("--with-uri", action="store_true", help=f"with --replay: use {URI}")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number greater than 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
