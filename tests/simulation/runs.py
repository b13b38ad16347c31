# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published runs of the simulation: a list that each run adds to, and the page made of it.

The list is valid for one judgement and one simulation. The first run after a change of either begins the list again,
and keeps only the seeds of the previous runs, which no run may use again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT
from ansible_collections.rocketops.rocketchat.tests.simulation.campaign import Totals
from ansible_collections.rocketops.rocketchat.tests.simulation.gates import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The files and folders that decide a schedule and its results.
DECIDING = (
    "plugins/module_utils/_argument_spec.py",
    "plugins/module_utils/_cluster/observation.py",
    "plugins/module_utils/_cluster/records.py",
    "plugins/module_utils/_findings.py",
    "plugins/module_utils/_gate",
    "plugins/module_utils/_judgement",
    "plugins/module_utils/_options",
    "plugins/module_utils/_rollout",
    "tests/simulation",
    "tests/unit/options.py",
    "tests/unit/scene.py",
)
# Files in these folders that only start, record or test runs.
REPORTING = (
    *("__main__.py", "mutants.py", "runs.py", "test_runs.py", "test_simulation.py"),
    # The decisions of a roll with ideal gates.
    *("every_path.py", "test_every_path.py", "rollout_mutants.py", "test_rollout_mutants.py"),
)

PAGE = """\
# Results of the simulation

Written by `make simulate` from the runs in [simulation.json](simulation.json); [guarantees.md](guarantees.md) describes
what is checked, and how the bounds are computed. Each run draws its first seed at random and adds its row, whatever the
result. The first run after a change of the judgement, the rollout or the simulation begins the list again.

{table}

A false pass is a gate that passed when the deployment should have stopped. A missed bound is a gate that waited longer
than its bound, or failed, although all was healthy. Where the gate was exempt with `needs_restart`, members that need
a restart count as serving. The columns `uri` are for a task with `ansible.builtin.uri` that repeats `until` all
nodes are connected, on the same schedules, in the runs that played it too: {played:,} schedules.

In {unseen:,} of the passes of `cluster_gate` ({share:.1f} %) two nodes did not reach each other, but no view had
shown it: silent interruptions, which TCP notices only after minutes, and links that worked at that moment.

The slowest passes of `cluster_gate` in all runs, as a share of the bound: {slowest}.

## Faults

{faults}
"""
COLUMNS = ("seeds", "schedules", "gates", "passes", "false passes", "missed bounds")
URI_COLUMNS = ("`uri`: gates", "`uri`: passes", "`uri`: false passes", "`uri`: missed bounds")
NOT_PLAYED = "\N{EN DASH}"


class RunsError(Exception):
    """A run cannot be recorded; the text is the reason."""


@dataclass
class Run:
    """Seeds from ``first`` on, played to the end."""

    first: int
    minutes: float = 0.0
    totals: Totals = field(default_factory=Totals)

    @property
    def seeds(self) -> range:
        return range(self.first, self.first + self.totals.schedules)

    def to_dict(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "schedules": self.totals.schedules,
            "minutes": self.minutes,
            "cluster_gate": _tally_to_dict(self.totals.ours),
            "uri": _tally_to_dict(self.totals.uri) if self.totals.uri.steps else None,
            "faults": self.totals.seeds,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Run:
        totals = Totals(
            schedules=values["schedules"],
            ours=_tally(values["cluster_gate"]),
            uri=_tally(values["uri"] or {}),
            seeds=list(map(tuple, values["faults"])),
        )
        return cls(values["first"], values["minutes"], totals)


@dataclass
class Runs:
    """``sources``: the digest of the code that the runs were played with; ``former``: the seeds of previous runs."""

    sources: str
    runs: list[Run] = field(default_factory=list)
    former: list[range] = field(default_factory=list)

    @classmethod
    def load(cls, file: Path) -> Runs:
        """An empty list if there is no such file."""
        if not file.exists():
            return cls("")
        values = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            values["sources"],
            [Run.from_dict(run) for run in values["runs"]],
            [range(first, last + 1) for first, last in values["former_seeds"]],
        )

    def save(self, file: Path) -> None:
        values = {
            "sources": self.sources,
            "runs": [run.to_dict() for run in self.runs],
            "former_seeds": [[seeds[0], seeds[-1]] for seeds in self.former],
        }
        _replace(file, json.dumps(values, indent=1) + "\n")

    def begin_again(self, sources: str) -> int:
        """Drop all runs that were played with other sources; returns their number."""
        dropped = self.runs if self.sources != sources else []
        if dropped:
            self.former += [run.seeds for run in dropped]
            self.runs = []
        self.sources = sources
        return len(dropped)

    def require_unused(self, seeds: range) -> None:
        """Raise if a previous run has used one of these seeds, also one before the last change."""
        for used in (*self.former, *(run.seeds for run in self.runs)):
            if seeds.start < used.stop and used.start < seeds.stop:
                raise RunsError(
                    f"a previous run has used seeds {used[0]} to {used[-1]}: leave out --first, or set it so"
                    f" that none of the {len(seeds)} seeds is among them"
                )

    def put(self, run: Run) -> None:
        """Add a run, or the same run with more schedules."""
        self.runs = [other for other in self.runs if other.first != run.first] + [run]

    def totals(self) -> Totals:
        totals = Totals()
        for run in self.runs:
            totals.add(run.totals)
        return totals

    def page(self) -> str:
        totals = self.totals()
        slowest = sorted(totals.ours.slowest.items())
        return PAGE.format(
            table=_table(self.runs, totals),
            played=sum(run.totals.schedules for run in self.runs if run.totals.uri.steps),
            unseen=totals.ours.unseen_cuts,
            share=100 * totals.ours.unseen_cuts / max(totals.ours.passes, 1),
            slowest=", ".join(f"{what} {percent} %" for what, percent in slowest),
            faults="\n".join(f"- {fault}" for fault in totals.faults()) or "No run has found a fault.",
        )


def record(page: Path, run: Run, sources: str) -> None:
    """Add a run, or its finished part, to the list beside a page, and write the page."""
    if digest() != sources:
        raise RunsError("the judgement or the simulation has changed since the run began: nothing more is recorded")
    file = page.with_suffix(".json")
    runs = Runs.load(file)
    runs.begin_again(sources)
    runs.put(run)
    runs.save(file)
    _replace(page, runs.page())


def digest() -> str:
    """The digest of the code in the deciding files, without comments and docstrings.

    Another release of Python may format the same code differently, which counts as a change.
    """
    found = hashlib.sha256()
    for file in deciding():
        found.update(f"{file.relative_to(ROOT)}\n{_code(file.read_text(encoding='utf-8'))}\n".encode())
    return found.hexdigest()


def deciding() -> list[Path]:
    named = [ROOT / path for path in DECIDING]
    files = {file for path in named for file in (path.rglob("*.py") if path.is_dir() else [path])}
    return sorted(files - {ROOT / "tests/simulation" / name for name in REPORTING})


def _code(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            del node.body[0]
    return ast.unparse(tree)


def _tally_to_dict(tally: Tally) -> dict[str, Any]:
    values = asdict(tally)
    del values["faults"]  # they are listed with their seeds
    return {**values, "slowest": dict(sorted(tally.slowest.items()))}


def _tally(values: dict[str, Any]) -> Tally:
    return Tally(**{**values, "slowest": Counter(values.get("slowest", {}))})


def _table(runs: Sequence[Run], totals: Totals) -> str:
    """The table in Markdown, with aligned columns."""
    rows: list[tuple[str, ...]] = [(*COLUMNS, *URI_COLUMNS, "minutes")]
    rows += [_row(f"{run.seeds[0]} to {run.seeds[-1]}", run.totals, run.minutes) for run in runs]
    rows += [_row("all", totals, sum(run.minutes for run in runs))]
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, tuple(f"{'':-<{width - 1}}:" for width in widths))
    return "\n".join(f"| {' | '.join(f'{cell:>{width}}' for cell, width in zip(row, widths))} |" for row in rows)


def _row(seeds: str, totals: Totals, minutes: float) -> tuple[str, ...]:
    uri = _figures(totals.uri) if totals.uri.steps else [NOT_PLAYED] * len(URI_COLUMNS)
    return (seeds, f"{totals.schedules:,}", *_figures(totals.ours), *uri, f"{minutes:.1f}")


def _figures(tally: Tally) -> list[str]:
    return [f"{figure:,}" for figure in (tally.steps, tally.passes, tally.false_passes, tally.missed_bounds)]


def _replace(file: Path, text: str) -> None:
    """Replace a file atomically, so that a killed run leaves a complete file."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)
