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
rounds, beside it their quartiles; and the same by processor time, on which other load has less influence.

{table}

ansible-core {core}, Python {python}, {processors} processors, {minutes:.0f} minutes, {rounds} rounds unless they take
minutes (then 3). Load average of the machine, this run included: {before:.1f} when it began, {after:.1f} when it ended.

## Why the goals that are missed are missed

- **A roll.** For each host, the three gates ask all 50 members for their list and their version, and the last gate at
  least twice, because what came back has to be seen to stay: 400 requests and 10,000 records. The play with `uri` asks
  one node twice. The row "asking 50 members once" says what one of those four observations costs, and what `requests`
  alone costs for the same, which is what a gate cannot go below by much. Most of the goal is taken by Ansible's own
  work for three tasks, whatever they do: that row says how much.
- **100 members.** 200 requests and 10,000 records, all in one process, and two requests one after the other to each.
  Returning all lists costs Ansible more than it costs to get them: it copies, checks and hands on every value.
- **Waiting.** Ansible itself looks for results a thousand times a second while a task runs; `pause` costs that too, and
  without it little is left.
- **Noticing.** An observation every two seconds comes one second too late in the median; the rest is Ansible's, from
  the end of the gate to the next task, which tells the time.
- **Imports.** Ansible's loader of collections keeps no bytecode, so that what is imported is compiled at every start of
  Ansible; the row "compiling" is that alone. The rest is mostly dataclasses, more than 0.5 ms each. It is paid once a
  play, not once a task: workers inherit it.
- **The shipped module.** It imports `requests` on the host, at the price that the table shows; `uri` does without.
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="a method of Bench, and then nothing is written")
    options = parser.parse_args()
    if not shutil.which("hyperfine"):
        print("hyperfine is missing: apt-get install hyperfine", file=sys.stderr)
        return 1
    began, before = time.monotonic(), os.getloadavg()[0]
    rows = []
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.rounds)
        for row in getattr(bench, options.only)() if options.only else bench.rows():
            print(_line(row), flush=True)
            rows.append(row)
    if not options.only:
        _write(rows, rounds=options.rounds, minutes=(time.monotonic() - began) / 60, before=before)
    return 0 if all(row.met is not False for row in rows) else 1


def _line(row: Row) -> str:
    met = "-" if row.met is None else "yes" if row.met else "no"
    return f"| {row.what} | {row.peer} | {row.goal} | {row.figure} | {row.spread} | {row.processor} | {met} |"


def _write(rows: list[Row], *, rounds: int, minutes: float, before: float) -> None:
    head = ["| what | peer | goal | figure | quartiles | by processor time | met |", "|---|---|---|---|---|---|---|"]
    page = PAGE.format(
        table="\n".join([*head, *map(_line, rows)]),
        core=core,
        python=platform.python_version(),
        processors=os.cpu_count(),
        minutes=minutes,
        rounds=rounds,
        before=before,
        after=os.getloadavg()[0],
    )
    (DOCS / "performance.md").write_text(page, encoding="utf-8")
    (DOCS / "performance.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
