# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The report as one HTML page, without scripts and without other files."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import (
    clock,
    duration,
    listed,
    outcome_word,
    shortened,
    title_of,
    verdict_word,
    words_of,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.timeline import Doing, time_line
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._temporary import folder_of_this_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Gate, Unclaimed
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Roll
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.timeline import Row, Span, TimeLine

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
TICKS = 8
WORDS_LIMIT = 500  # rows of the time line in words
PAIRS_LIMIT = 12
CELL = 20  # of the link matrix, in its own units
LABELLED = 16  # most members of a matrix with numbers at its sides
HEIGHT = 60  # of the capacity chart, in pixels
RECORDS = {
    "alive": "fresh and connected: a process runs that is not declared as a member",
    "isolated": "fresh, but not connected: a process runs, or has ended a moment ago",
    "stalled": "connected, but no longer pings: it hangs or is paused",
    "expired": "left by a process that has ended; the database removes it by itself",
    "ghost": "its last ping lies in the future: a clock was wrong",
}


@dataclass(frozen=True)
class Tick:
    """A tick of the time axis. ``minor``: left out on narrow screens."""

    at: float
    words: str
    minor: bool


@dataclass(frozen=True)
class Matrix:
    """The link matrix as SVG paths: the cells in which the row's member sees the column's, and the other cells."""

    title: str
    size: int
    sees: str
    misses: str
    itself: str
    words: str


def page(roll: Roll) -> str:
    """The complete page. Jinja escapes all strings, and they were made printable when they were read."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_bytecode_cache(),
    )
    environment.filters.update(duration=duration, clock=clock, listed=listed, short=shortened, words=words_of)
    line = time_line(roll)
    return environment.get_template("page.html.j2").render(
        roll=roll,
        title=outcome_word(roll),
        title_of=title_of,
        verdict_word=verdict_word,
        line=line,
        picture=_Picture(line) if line else None,
        matrices=_matrices(roll),
        unclaimed=_unclaimed(roll),
        records=RECORDS,
        limit=WORDS_LIMIT,
    )


def _bytecode_cache() -> FileSystemBytecodeCache | None:
    """The compiled template, kept for this run: a roll writes the page after each gate, each time in a new process."""
    folder = folder_of_this_run()
    return FileSystemBytecodeCache(str(folder)) if folder.is_dir() else None


class _Picture:
    """The positions in the time line: horizontal in percent of its length, vertical in pixels."""

    def __init__(self, line: TimeLine) -> None:
        self.line = line
        self.height = HEIGHT
        size = len(line.rows)
        lowest = min([line.floor, *(fewest for fewest in (line.fewest, line.fewest_in_rotation) if fewest is not None)])
        self.base = max(lowest - 2, 0) if size > 12 else 0
        self.top = max(size, 1)

    def x(self, seconds: float) -> str:
        return f"{100 * min(max(seconds / self.line.length, 0), 1):.3f}%"

    def width(self, begin: float, end: float) -> str:
        return f"{100 * max(end - begin, 0) / self.line.length:.3f}%"

    def y(self, members: int) -> float:
        """The distance from the top for a number of serving members."""
        return round(HEIGHT * (1 - (members - self.base) / max(self.top - self.base, 1)), 1)

    @property
    def ticks(self) -> list[Tick]:
        step = next((step for step in STEPS if self.line.length / step <= TICKS), STEPS[-1])
        times = [step * number for number in range(int(self.line.length / step) + 1)]
        return [
            Tick(time, duration(time) if time else "0", bool(number % 2))
            for number, time in enumerate(times)
            if time <= self.line.length * 0.95
        ]

    @property
    def legend(self) -> list[tuple[Doing, bool, str]]:
        """The entries of the legend that occur, each for the first or for a new process, in the order of an update."""
        seen = {(span.doing, span.new and span.doing in DARKER) for row in self.line.rows for span in row.spans}
        return [
            (doing, new, f"{doing.value}{' as a new process' if new else ''}")
            for doing in Doing
            for new in (False, True)
            if (doing, new) in seen
        ]

    def style(self, span: Span) -> str:
        """The CSS class of a span, which sets its fill."""
        return f"{span.doing.name.lower()}{' new' if span.new and span.doing in DARKER else ''}"

    def time(self, seconds: float) -> str:
        return self.line.time(seconds)

    def words(self, row: Row) -> str:
        out = self.line.absences(row, limit=20)
        return "; ".join([*(f"{self.time(span.begin)} {span.words}" for span in row.spans[:20]), *filter(None, [out])])

    @property
    def in_words(self) -> list[tuple[str, float, float, str]]:
        """The time line in words: member, begin, end and text of each span and each time out of rotation."""
        lines: list[tuple[str, float, float, str]] = []
        for row in self.line.rows:
            spans = [(row.name, span.begin, span.end, span.words) for span in row.spans]
            absences = [(row.name, absence.begin, absence.end, absence.words) for absence in row.out]
            lines += sorted([*spans, *absences], key=lambda line: line[1])
        return lines


DARKER = frozenset({Doing.SERVING})


def _matrices(roll: Roll) -> list[Matrix]:
    """The link matrices of the first and the last gate; one if there was only one gate."""
    gates = [gate for gate in roll.gates if gate.links]
    if not gates:
        return []
    chosen = [("Before", gates[0]), ("At the end", gates[-1])] if len(gates) > 1 else [("At the only gate", gates[0])]
    return [_matrix(title, gate.sees, roll.names) for title, gate in chosen]


def _matrix(title: str, sees: Mapping[str, frozenset[str]], names: Sequence[str]) -> Matrix:
    cells = {True: "", False: ""}
    for row, seer in enumerate(names):
        for column, seen in enumerate(names):
            if row != column:
                cells[seen in sees.get(seer, ())] += _cell(row, column)
    itself = "".join(_cell(rank, rank) for rank in range(len(names)))
    return Matrix(title, len(names), cells[True], cells[False], itself, _matrix_words(sees, names))


def _cell(row: int, column: int) -> str:
    return f"M{(column + 1) * CELL + 2} {(row + 1) * CELL + 2}h16v16h-16z"


def _matrix_words(sees: Mapping[str, frozenset[str]], names: Sequence[str]) -> str:
    """The matrix in words: all see each other, or the pairs that do not."""
    silent = [name for name in names if name not in sees or not sees[name]]
    alone = [name for name in silent if all(name not in seen for seen in sees.values())]
    told = [f"{shortened(name)} and the others do not see each other" for name in alone] if len(names) > 1 else []
    for a, b in combinations([name for name in names if name not in alone], 2):
        forth, back = b in sees.get(a, ()), a in sees.get(b, ())
        if not forth and not back:
            told.append(f"{shortened(a)} and {shortened(b)} do not see each other")
        elif not (forth and back):
            told.append(f"{shortened(a if back else b)} does not see {shortened(b if back else a)}")
    if not told:
        return "Each sees all the others." if len(names) > 1 else "There is only one member."
    more = f"; and {len(told) - PAIRS_LIMIT} more" if len(told) > PAIRS_LIMIT else ""
    return "; ".join(told[:PAIRS_LIMIT]) + more + "."


def _unclaimed(roll: Roll) -> Sequence[Unclaimed]:
    seen: list[Gate] = [gate for gate in roll.gates if gate.members]
    return seen[-1].unclaimed if seen else ()
