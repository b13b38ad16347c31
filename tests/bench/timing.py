# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that alternate on the same machine, timed by hyperfine, and ratios between them."""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Timed:
    """Seconds of one run: wall time, and processor time (children included)."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Ratio:
    """The collection's cost to the other's, both minus the cost of an idle run. One value per round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.values) < 2:
            return self.median, self.median
        low, _middle, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high


def alternate(
    commands: Mapping[str, Sequence[str]], rounds: int, *, environment: Mapping[str, str], folder: Path
) -> list[dict[str, Timed]]:
    """A B C A B C …: one run of every command per round, one after the other. All must succeed."""
    return [_round(commands, environment, folder) for _number in range(rounds)]


def _round(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], folder: Path) -> dict[str, Timed]:
    with TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.json"
        lines = [shlex.join(command) for command in commands.values()]
        options = ["--shell=none", "--runs=1", "--style=none", f"--export-json={results}"]
        subprocess.run(
            ["hyperfine", *options, *lines], env=dict(environment), cwd=folder, check=True, capture_output=True
        )
        found = json.loads(results.read_text(encoding="utf-8"))["results"]
    return {name: Timed(one["mean"], one["user"] + one["system"]) for name, one in zip(commands, found)}


def ratio(
    rounds: Sequence[Mapping[str, Timed]],
    *,
    of: Callable[[Timed], float] = lambda timed: timed.wall,
    ours: str = "ours",
    peer: str = "peer",
    idle: str | None = "idle",
) -> Ratio:
    """``idle``: the run whose cost is subtracted from both."""
    values = []
    for one in rounds:
        nothing = of(one[idle]) if idle else 0.0
        values.append((of(one[ours]) - nothing) / (of(one[peer]) - nothing))
    return Ratio(tuple(values))
