# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure everything and write docs/performance.md and docs/performance.json: ``python -m …tests.bench``.

The files are written after each part, so that a failure does not lose earlier parts; a single part replaces its rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible.release import __version__ as core

from ansible_collections.rocketops.rocketchat.tests.bench.rows import PARTS, Bench, Row

DOCS = Path(__file__).parents[2] / "docs"
JSON = DOCS / "performance.json"

PAGE = """\
# Performance

Written by `make bench`. A figure without a unit is the ratio of the collection's cost to that of the usual way, `uri`
tasks, in runs that alternate on the same machine. The cost of an idle run is subtracted from both. The figure is the
median of the rounds, followed by its quartiles and by the same ratio in processor time, which depends less on other
load.

{table}

ansible-core {core}, Python {python}, {processors} processors. The parts of the table (such as
`make bench ARGS="--only one_task"`) may be measured at different times, but the two sides of a row are always measured
together. Rounds of the part that was measured last: {rounds}; parts that take minutes have at most 3.

## Goals that are not met, and the limits

- **One task.** The row with `assert` is what Ansible itself needs for a task: a process for each host, its variables
  and its result. What remains is mostly the asking. Two requests of the collection take about 6 ms of processor time in
  a process that Ansible has just started, and about 1 ms when they are repeated there: after a fork, memory is copied
  when it is first used. In a profile, the options are 15 % of the task's own part, and the result 6 %.
- **A roll.** Ansible runs each task of each host in a process of its own, which costs 25 to 35 ms here. A roll of the
  playbook needs about nine of them per node: its gates and decisions, and what runs the hooks and notices their
  failures. At its start and end about ten more are needed per host, because each play sets variables and connects.
  The row with three tasks that do nothing is the cost of three. The rest is the gates: one host at a time, each
  observation asks all 50 members for their lists, about four times per host (the rows from "asking 50 members
  once"), while the play with `uri` asks one node twice. In batches, as fifty hosts are usually rolled, each gate runs
  once for all hosts of a batch.
- **100 members.** 200 requests, and 10,000 records of JSON, in one process. The same requests with `requests` alone, as
  many threads, and without using the answers, take longer than an observation: that row is the limit. Returning all
  lists costs more, because Ansible copies, checks and passes on every value.
- **Inventory.** In a profile of `ansible-inventory --list`, the plugin's own part is 7 %: asking, reading the list and
  choosing names. The rest is Ansible's: printing takes 46 %, composing the variables of each host 23 %, and storing
  them 19 %. Printing takes nearly twice as long as for the script: texts from a server are not trusted, and Ansible
  marks each of them as unsafe, while it trusts the output of a script. So the ratio would be above 0.93 even if the
  plugin's own part took no time.
- **The shipped module.** The row below it is a module that imports `requests`, asks, and does nothing else: that is the
  limit. What remains between this limit and the goal is less than the cost of compiling the thirteen files that Ansible
  sends to the host without bytecode.
- **Imports** meet their goal on a quiet machine. Ansible's loader of collections keeps no bytecode, so each start of
  Ansible compiles what it imports: the row "compiling" is this cost alone. A play pays it once: workers inherit the
  imports, and a gate imports nothing in its worker (a unit test checks this).
- **Waiting.** A run that asks once is subtracted on both sides, and Ansible looks for results every five seconds
  instead of a thousand times a second; the row below includes both. The gate itself uses 0.09 s of processor time in a
  minute, in which it asks 39 times. In a profile, asking is 67 % of it, judging 18 %, and the pauses 8 %. Repeated at
  once, an observation of three members takes 2.6 ms of processor time; after a pause it takes 7 to 10 ms, because
  little of what it uses is still in the processor's caches. In runs in which it took 10 ms, it took 7 ms with kept
  connections and without threads. But then one node that hangs would hold up all others.

## What remains of the waits

With the default options, a roll waits only in the gate after each deployment: 30 s (`stable_for`) from the moment at
which the new process answers. If nothing is wrong, the gates before a deployment and the last gate pass with their
first observation. So 90 s of the row with the default options are waits. A shorter wait would prove less: a process
that dies after 20 s would pass.
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=PARTS, help="measure only this part again")
    options = parser.parse_args()
    if not shutil.which("hyperfine"):
        print("hyperfine is missing: apt-get install hyperfine", file=sys.stderr)
        return 1
    parts = json.loads(JSON.read_text(encoding="utf-8")) if options.only and JSON.exists() else {}
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.rounds)
        for part in [options.only] if options.only else PARTS:
            rows = []
            for row in getattr(bench, part)():
                print(_line(row), flush=True)
                rows.append(asdict(row))
            parts[part] = rows
            _write({part: parts[part] for part in PARTS if part in parts}, options.rounds)
    return 0 if all(row["met"] is not False for rows in parts.values() for row in rows) else 1


def _line(row: Row) -> str:
    met = "-" if row.met is None else "yes" if row.met else "no"
    return f"| {row.what} | {row.peer} | {row.goal} | {row.figure} | {row.spread} | {row.processor} | {met} |"


def _write(parts: dict[str, list[dict[str, Any]]], rounds: int) -> None:
    head = [
        "| what | compared with | goal | figure | quartiles | by processor time | met |",
        "|---|---|---|---|---|---|---|",
    ]
    page = PAGE.format(
        table="\n".join([*head, *(_line(Row(**row)) for rows in parts.values() for row in rows)]),
        core=core,
        python=platform.python_version(),
        processors=os.cpu_count(),
        rounds=rounds,
    )
    (DOCS / "performance.md").write_text(page, encoding="utf-8")
    JSON.write_text(json.dumps(parts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
