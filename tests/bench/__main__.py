# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure everything and write docs/performance.md and docs/performance.json: ``python -m …tests.bench``.

Written after each part, so that one that fails does not take the others with it; one alone replaces its own rows.
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
# What it costs

Written by `make bench`. Every figure without a unit is a ratio of ours to what people use today, from runs that
alternate on the same machine; the cost of a run that does neither is taken off both. The figure is the median of the
rounds, beside it their quartiles; and the same by processor time, on which other load has less influence.

{table}

ansible-core {core}, Python {python}, {processors} processors. The parts of the table (such as
`make bench ARGS="--only one_task"`) need not be of the same hour, the two sides of a row always are. The part that was
measured last had {rounds} rounds; of what takes minutes there are at most 3.

## Why the goals that are missed are missed, and what the limit is

- **A roll, one host at a time.** For each host, the three gates ask all 50 members for their list and their version,
  and the last gate at least twice, because a new process must be seen to stay: 400 requests and 10,000 records. The
  play with `uri` asks one node twice. What is left of the goal beside three tasks that do nothing is less than one of
  these observations costs `requests` alone (the rows "asking 50 members once" and below): no gate that asks all members
  can meet it. In batches, as fifty hosts are rolled, each gate is once for all hosts of a batch.
- **100 members.** 200 requests, and 10,000 records of JSON, in one process. The same requests by `requests` alone, as
  many threads, and nothing done with the answers, do not meet the goal either: that row is the limit. Returning all
  lists costs Ansible more than it costs to get them: it copies, checks and hands on every value.
- **The shipped module.** One that imports `requests`, asks, and does nothing else is the row below it: that is the
  limit. What it leaves of the goal is less than compiling thirteen files costs, which Ansible sends to the host without
  bytecode.
- **Imports.** Ansible's loader of collections keeps no bytecode, so that what is imported is compiled at every start of
  Ansible; the row "compiling" is that alone, and more than the goal. The rest is mostly dataclasses, 0.5 to 1 ms each.
  It is paid once a play: workers inherit it, and a gate imports nothing in its worker (a unit test holds that).
- **Waiting** is met by what a gate costs beside Ansible, which looks for results a thousand times a second while any
  task runs, be it a `pause`; the row below has that in it, on both sides.
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=PARTS, help="measure these rows anew")
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
    head = ["| what | peer | goal | figure | quartiles | by processor time | met |", "|---|---|---|---|---|---|---|"]
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
