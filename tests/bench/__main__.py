# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure everything and write docs/performance.md and docs/performance.json: ``python -m …tests.bench``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from ansible.release import __version__ as core

from ansible_collections.rocketops.rocketchat.tests.bench.rows import Bench, Row

DOCS = Path(__file__).parents[2] / "docs"

PAGE = """\
# What it costs

Written by `make bench`. Every figure without a unit is a ratio of ours to what people use today, from runs that
alternate on the same machine; the cost of a run that does neither is taken off both. The figure is the median of the
rounds, beside it their quartiles.

{table}

ansible-core {core}, Python {python}, {processors} processors, {minutes:.0f} minutes, {rounds} rounds unless they take
minutes (then 3).
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="a method of Bench, and then nothing is written")
    options = parser.parse_args()
    if not shutil.which("hyperfine"):
        print("hyperfine is missing: apt-get install hyperfine", file=sys.stderr)
        return 1
    began = time.monotonic()
    rows = []
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.rounds)
        for row in getattr(bench, options.only)() if options.only else bench.rows():
            print(_line(row), flush=True)
            rows.append(row)
    if not options.only:
        _write(rows, options.rounds, (time.monotonic() - began) / 60)
    return 0 if all(row.met for row in rows) else 1


def _line(row: Row) -> str:
    return f"| {row.what} | {row.peer} | {row.goal} | {row.figure} | {row.spread} | {'yes' if row.met else 'no'} |"


def _write(rows: list[Row], rounds: int, minutes: float) -> None:
    head = ["| what | peer | goal | figure | quartiles | met |", "|---|---|---|---|---|---|"]
    page = PAGE.format(
        table="\n".join([*head, *map(_line, rows)]),
        core=core,
        python=platform.python_version(),
        processors=os.cpu_count(),
        minutes=minutes,
        rounds=rounds,
    )
    (DOCS / "performance.md").write_text(page, encoding="utf-8")
    (DOCS / "performance.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
