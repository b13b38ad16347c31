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

## Why the goals that are missed are missed, and what the limit is

- **A roll, one host at a time.** For each host, the three gates ask all 50 members for their list and their version,
  and the last gate at least twice, because what came back has to be seen to stay: 400 requests and 10,000 records. The
  play with `uri` asks one node twice. What is left of the goal beside three tasks that do nothing is less than one of
  these observations costs `requests` alone (the rows "asking 50 members once" and below): no gate that asks all members
  can meet it. In batches, as fifty hosts are rolled, each gate is once for all hosts of a batch.
- **100 members.** 200 requests, and 10,000 records of JSON, in one process. The same requests by `requests` alone, as
  many threads, and nothing done with the answers, take longer: that row is the limit of what requests can do. Returning
  all lists costs Ansible more than it costs to get them: it copies, checks and hands on every value.
- **The shipped module.** One that imports `requests`, asks, and does nothing else is the row below it: that is the
  limit. The rest is compiling thirteen files on the host, which Ansible sends without bytecode.
- **Imports.** Ansible's loader of collections keeps no bytecode, so that what is imported is compiled at every start of
  Ansible; the row "compiling" is that alone, and more than the goal. The rest is mostly dataclasses, 0.5 to 1 ms each.
  It is paid once a play: workers inherit it, and a gate imports nothing in its worker (a unit test holds that).
- **Waiting** is met by what a gate costs beside Ansible, which looks for results a thousand times a second while any
  task runs, be it a `pause`; the row below has that in it, on both sides.
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
