# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The report as Markdown, for a merge request or a chat message.

Text from servers is in code spans, where it is not formatted, not linked and does not mention all users of a room.
There are no tables, since chats do not show them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import (
    clock,
    duration,
    outcome_word,
    phase_word,
    shortened,
    verdict_word,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.timeline import time_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Gate
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Advice, Roll, Versions
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.timeline import TimeLine

SIGNS = {"passed": "✅", "stopped": "❌", "under way": "⏳"}
LIMIT = 20  # lines of one list; the HTML page has all
ABSENCES_LIMIT = 3  # times out of rotation of one member


def markdown(roll: Roll) -> str:
    line = time_line(roll)
    about = (*_answer(roll, line), *_members(roll, line))
    return "\n".join([*about, *_findings(roll), *_waivers(roll), *_gates(roll)]) + "\n"


def code(text: str) -> str:
    """The text as a code span. Backticks are replaced: they would end it, and not every chat supports longer fences."""
    harmless = shortened(text, 400).replace("`", "'").strip()
    return f"`{harmless or ' '}`"


def _answer(roll: Roll, line: TimeLine | None) -> Iterator[str]:
    yield f"## {SIGNS[roll.outcome.value]} {outcome_word(roll)}"
    yield ""
    yield code(roll.sentence)
    if roll.began:
        yield ""
        yield f"Began {roll.began:%Y-%m-%d} {clock(roll.began)} UTC, took {duration(roll.took or 0)}."
    if line and line.summary:
        yield ""
        yield line.summary


def _members(roll: Roll, line: TimeLine | None) -> Iterator[str]:
    out = {row.name: line.absences(row, limit=ABSENCES_LIMIT) for row in line.rows} if line else {}
    yield from _section("Members", [_member(versions, out.get(versions.name, "")) for versions in roll.versions])


def _member(versions: Versions, out: str) -> str:
    """The line of a member. ``out``: the times when it was out of rotation."""
    first, last = versions.versions
    change = first if first == last else f"{first or '?'} → {last or '?'}"
    does = "serves" if versions.serving else code(versions.reason or "?")
    return f"{code(versions.name)} {code(change or 'version unknown')}: {'; '.join(filter(None, (does, out)))}"


def _findings(roll: Roll) -> Iterator[str]:
    yield from _section("Findings", [_finding(advice) for advice in roll.advice])


def _finding(advice: Advice) -> str:
    level = "blocking" if advice.blocking else "advisory"
    told = [f"  - {code(message)}" for message in _bounded(advice.messages, "finding")]
    return "\n".join([f"**{advice.title}** ({level}). {advice.cause} **What to do:** {advice.remedy}", *told])


def _waivers(roll: Roll) -> Iterator[str]:
    waived = [f"{code(waiver.message)}, because {code(waiver.reason)}" for waiver in roll.waived]
    yield from _section("Waived", waived)


def _gates(roll: Roll) -> Iterator[str]:
    yield from _section("Gates", [_gate(gate) for gate in roll.gates], last=True)


def _gate(gate: Gate) -> str:
    at = f"{clock(gate.began)} " if gate.began else ""
    targets = " ".join(code(name) for name in gate.targets)
    return f"{at}{' '.join(filter(None, (phase_word(gate), targets)))}: **{verdict_word(gate)}**, {code(gate.message)}"


def _section(title: str, items: Sequence[str], *, last: bool = False) -> list[str]:
    """A list with a heading. A long list is cut to its first items, or its last ones."""
    if not items:
        return []
    return ["", f"### {title}", "", *(f"- {item}" for item in _bounded(items, "line", last=last))]


def _bounded(items: Sequence[str], noun: str, *, last: bool = False) -> list[str]:
    more = len(items) - LIMIT
    if more <= 0:
        return list(items)
    note = f"{more} more {noun}{'s' if more > 1 else ''}"
    return [f"{note} before", *items[-LIMIT:]] if last else [*items[:LIMIT], f"and {note}"]
