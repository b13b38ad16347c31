# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of findings in the guides, generated from the rows of ``_findings``: ``make docs`` writes them.

The tables are committed, because the guides are read in the repository and built by others from the tarball. A table
that was out of date is written and is an error, so that CI does not publish a table that no commit has.
"""

from __future__ import annotations

import re
import sys
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import NO_ANSWER, Code, Ends, Row, Scope
from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GUIDES = ROOT / "docs" / "docsite" / "rst"
BEGIN, END = ".. Written by make docs: begin", ".. Written by make docs: end"

# The first row of each group leads to the group's title.
TITLES = {
    Code.UNREACHABLE: "A member's answer is missing",
    Code.NO_LOCAL_RECORD: "A member answers and does not serve",
    Code.TOO_FEW_SERVING: "The cluster",
    Code.WRONG_VERSION: "After a deployment",
    Code.MICROSERVICES: "The judgement itself",
}
ENDS = {
    Ends.TIME: "by itself, as time passes",
    Ends.WAIT: "when its cause is gone",
    Ends.RESTART: "only by a restart of the process",
    Ends.NEVER: "not while a gate waits",
}
WAIVED_FOR = {Scope.MEMBER: "for a member", Scope.PAIR: "for a pair", Scope.CLUSTER: "for the cluster"}


class Column(NamedTuple):
    """``width``: relative to the other columns. A column is left out if all its cells are empty."""

    title: str
    width: int
    cell: Callable[[Row], str]


def written() -> list[str]:
    """Write the tables into the guides, and return the names of the guides that have changed."""
    changed = []
    for name, tables in (("guide_verdict.rst", by_group()), ("guide_troubleshooting.rst", by_status())):
        path = GUIDES / name
        text = path.read_text(encoding="utf-8")
        made = filled(text, tables, name=name)
        if made != text:
            path.write_text(made, encoding="utf-8")
            changed.append(name)
    return changed


def filled(text: str, tables: str, *, name: str) -> str:
    """The guide's text with these tables between the two marks."""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _old, end, after = rest.partition(f"{END}\n")
    if not begin or not end:
        raise ValueError(f"{name} must have the line '{BEGIN}' and after it the line '{END}'")
    return f"{before}{begin}\n{tables}\n{end}{after}"


def by_group() -> str:
    """One table for each group of rows."""
    groups: dict[str, list[Row]] = {}
    title = ""
    for code in Code:
        title = TITLES.get(code, title)
        groups.setdefault(title, []).append(code.row)
    columns = (
        Column("code", 14, lambda row: f"``{row.code}``"),
        Column("status", 6, _status),
        Column("cause", 32, lambda row: marked(row.cause)),
        Column("what to do", 32, lambda row: marked(row.remedy)),
        Column("how it ends", 12, _end),
        Column("waivable", 10, lambda row: WAIVED_FOR[row.scope] if row.waivable else ""),
    )
    return "\n".join(_table(title, rows, columns) for title, rows in groups.items())


def by_status() -> str:
    """The errors of the client, in the order of their statuses."""
    rows = sorted(
        (code.row for code in Code if code.is_client_error), key=lambda row: (row.statuses or NO_ANSWER).start
    )
    columns = (
        Column("status", 10, _status),
        Column("code", 18, lambda row: f"``{row.code}``"),
        Column("what to do", 72, lambda row: marked(row.remedy)),
    )
    return _table("What an HTTP status means", rows, columns)


def marked(text: str) -> str:
    """Sentences of a row, with names and values as literals.

    Literals are words with an underscore (options, codes, variables), calls (``instances.get``), paths and permissions;
    and options that are ordinary words (members, interval) if the text marks them as options, with their values.
    """
    text = _TYPED.sub(r"``\g<0>``", text)
    text = _ORDINARY.sub(r"\1``\2``", text)
    text = _PAIR.sub(r"``\1`` and ``\2``", text)
    return _VALUE.sub(r"\1``\2``", text)


_ORDINARY_WORDS = "|".join(name for name in GATE if "_" not in name)
_CHOICES = "|".join(choice for option in GATE.values() for choice in option.get("choices", ()))
_TYPED = re.compile(r"(?<!\S)(?:/[a-z]+)+|\b\w*[^\W_]_\w+|\b[a-z]+[.][a-z]+\b|(?<=\bpermission )[a-z]+(?:-[a-z]+)+")
_ORDINARY = re.compile(rf"\b((?:[Ss]et|[Rr]aise|[Ll]ower|option|instead of) )({_ORDINARY_WORDS})\b")
_PAIR = re.compile(rf"(?<!`)\b({_ORDINARY_WORDS}) and ({_ORDINARY_WORDS})\b")
_VALUE = re.compile(rf"(\b[Ss]et ``\w+`` to )({_CHOICES}|true|false|\d+)\b")


def _status(row: Row) -> str:
    if row.statuses is None:
        return ""
    if row.statuses == NO_ANSWER:
        return "none"
    return str(row.statuses.start) if len(row.statuses) == 1 else f"{row.statuses.start // 100}xx"


def _end(row: Row) -> str:
    if row.judgeable:
        return ENDS[row.ends]
    return f"{ENDS[row.ends]}; {'' if row.ends is Ends.NEVER else 'if it lasts, '}``inconclusive``"


def _table(title: str, rows: Iterable[Row], columns: Iterable[Column]) -> str:
    rows = list(rows)
    shown = [column for column in columns if any(column.cell(row) for row in rows)]
    lines = [
        f".. list-table:: {title}",
        "   :header-rows: 1",
        f"   :widths: {' '.join(str(column.width) for column in shown)}",
        "",
        *_cells(column.title for column in shown),
    ]
    for row in rows:
        lines += _cells(column.cell(row) for column in shown)
    return "\n".join(lines) + "\n"


def _cells(texts: Iterable[str]) -> list[str]:
    """One row of a list-table, each cell on separate lines."""
    lines = []
    for number, text in enumerate(texts):
        start = "     - " if number else "   * - "
        cell = fill(text, 118, initial_indent=start, subsequent_indent=" " * 7, break_on_hyphens=False)
        lines.append(cell if text else start.rstrip())
    return lines


def main() -> None:
    changed = written()
    if changed:
        sys.exit(f"The tables of {' and '.join(changed)} were out of date. They have been written: commit them.")


if __name__ == "__main__":
    main()
