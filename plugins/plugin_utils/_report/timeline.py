# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The time line of a roll: for each member what it did when, and how many served meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Change, Gate, Seen
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Roll

SILENT = frozenset(code.value for code in Code if code.is_silence)
STARTING = frozenset(code.value for code in Code if code.settles or code is Code.NOT_READY)


class Doing(str, Enum):
    """What a member does; the text is for people."""

    SERVING = "serves"
    FAULTY = "serves, but not as it should"
    SETTLING = "serves, has to stay so"
    STARTING = "starting"
    FAILING = "failing"
    DOWN = "down"
    DRAINING = "draining"
    DEPLOYING = "being deployed"
    UNKNOWN = "not known"


CARRIES = frozenset({Doing.SERVING, Doing.FAULTY, Doing.SETTLING})


@dataclass(frozen=True)
class Span:
    """Seconds since the roll began. ``new``: another process than at the begin."""

    begin: float
    end: float
    doing: Doing
    new: bool = False
    code: str = ""

    @property
    def essence(self) -> object:
        """All but the times."""
        return self.doing, self.new, self.code

    @property
    def words(self) -> str:
        why = f" ({words_of(self.code)})" if self.code else ""
        process = " as a new process" if self.new and self.doing in CARRIES | {Doing.STARTING} else ""
        return f"{self.doing.value}{process}{why}"


@dataclass(frozen=True)
class Mark:
    """``passed``: a gate let this member on; ``shut``: it did not; ``missed``: it was seen to fail."""

    at: float
    kind: str
    words: str


@dataclass(frozen=True)
class Row:
    name: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Step:
    """``serving`` is none where nobody knows. ``floor``: how many have to carry the service."""

    begin: float
    end: float
    serving: int | None
    floor: int

    @property
    def essence(self) -> object:
        return self.serving, self.floor


Piece = TypeVar("Piece", Span, Step)


@dataclass(frozen=True)
class TimeLine:
    """``watches``: when a gate was looking. In between, members are taken to be as they were last seen."""

    began: datetime
    length: float
    watches: tuple[tuple[float, float], ...]
    rows: tuple[Row, ...]
    steps: tuple[Step, ...]

    @property
    def fewest(self) -> int | None:
        return min((step.serving for step in self.steps if step.serving is not None), default=None)

    @property
    def floor(self) -> int:
        return max((step.floor for step in self.steps), default=0)


@dataclass(frozen=True)
class _Period:
    """A while in which nothing changed as far as was seen. Without a ``change`` nobody looked."""

    begin: float
    end: float
    gate: Gate
    change: Change | None
    away: Doing | None = None


@dataclass(frozen=True)
class _State:
    doing: Doing = Doing.UNKNOWN
    instance_id: str = ""
    code: str = ""


def time_line(roll: Roll) -> TimeLine | None:
    """None if no result tells when its gate began."""
    if roll.began is None or roll.took is None:
        return None
    origin = roll.began
    gates = [gate for gate in roll.gates if gate.began and gate.history]
    gates.sort(key=lambda gate: _since(origin, gate.began))
    if not gates:
        return None
    periods = list(_periods(gates, origin))
    states = {name: _State(instance_id=_first_id(gates[0], name)) for name in roll.names}
    births = {name: state.instance_id for name, state in states.items()}
    spans: dict[str, list[Span]] = {name: [] for name in roll.names}
    steps: list[Step] = []
    floor = next((gate.needed for gate in gates if gate.phase == "before"), gates[0].needed)
    for period in periods:
        floor = period.gate.needed if period.gate.phase == "before" else floor
        for name in roll.names:
            states[name] = _next(states[name], name, period)
            _extend(spans[name], _span(states[name], births[name], name, period))
        _extend(steps, _step(period, [spans[name][-1] for name in roll.names], floor))
    rows = tuple(Row(name, tuple(spans[name]), tuple(_marks(gates, origin, name))) for name in roll.names)
    watches = tuple((period.begin, period.end) for period in periods if period.change)
    return TimeLine(origin, max(roll.took, 0.001), watches, rows, tuple(steps))


def _periods(gates: Sequence[Gate], origin: datetime) -> Iterator[_Period]:
    """The whole time in pieces: one for each change that a gate saw, and one between two gates."""
    for previous, gate, following in zip((None, *gates), gates, (*gates[1:], None)):
        begin = _since(origin, gate.began)
        drained = _away(previous, gate) if previous and gate.phase == "before" else None
        ends = [*(change.at for change in gate.history[1:]), gate.elapsed]
        starts = [0.0, *ends[:-1]]
        for change, start, end in zip(gate.history, starts, ends):
            yield _Period(begin + start, begin + max(end, start), gate, change, drained)
        if following is not None:
            end = begin + gate.elapsed
            yield _Period(end, max(_since(origin, following.began), end), gate, None, _away(gate, following))


def _since(origin: datetime, moment: datetime | None) -> float:
    return 0.0 if moment is None else (moment - origin).total_seconds()


def _away(gate: Gate, following: Gate) -> Doing | None:
    """What the targets of a gate that let them go do until the next gate."""
    if gate.phase != "before" or not gate.passed:
        return None
    if following.phase != "before":
        return Doing.DEPLOYING
    return Doing.DRAINING if following.targets == gate.targets else None


def _first_id(gate: Gate, name: str) -> str:
    return gate.members[name].instance_id if name in gate.members else ""


def _next(state: _State, name: str, period: _Period) -> _State:
    gate, change = period.gate, period.change
    if change is None:
        return state
    if change.members is None:
        return replace(state, doing=Doing.UNKNOWN, code="")
    seen = change.members.get(name)
    if seen is None:
        return _State(Doing.SERVING, _first_id(gate, name) or state.instance_id)
    return _State(_doing(seen, gate, change), seen.instance_id or state.instance_id, seen.code)


def _doing(seen: Seen, gate: Gate, change: Change) -> Doing:
    if not seen.serving:
        if seen.code in STARTING:
            return Doing.STARTING
        return Doing.DOWN if seen.code in SILENT else Doing.FAILING
    if seen.code:
        return Doing.FAULTY
    return Doing.SETTLING if gate.phase == "after" and change.verdict != "pass" else Doing.SERVING


def _span(state: _State, birth: str, name: str, period: _Period) -> Span:
    away = period.away if name in period.gate.targets else None
    return Span(
        begin=period.begin,
        end=period.end,
        doing=away or state.doing,
        new=bool(state.instance_id) and state.instance_id != birth,
        code="" if away else state.code,
    )


def _extend(pieces: list[Piece], piece: Piece) -> None:
    """Two pieces that differ in their times alone are one."""
    if pieces and pieces[-1].essence == piece.essence:
        pieces[-1] = replace(pieces[-1], end=piece.end)
    else:
        pieces.append(piece)


def _step(period: _Period, spans: Sequence[Span], floor: int) -> Step:
    unknown = any(span.doing is Doing.UNKNOWN for span in spans)
    serving = None if unknown else sum(span.doing in CARRIES for span in spans)
    return Step(period.begin, period.end, serving, floor)


def _marks(gates: Sequence[Gate], origin: datetime, name: str) -> Iterator[Mark]:
    for gate in gates:
        begin = _since(origin, gate.began)
        for change in gate.history:
            seen = (change.members or {}).get(name)
            if seen and not seen.serving and seen.code not in STARTING:
                yield Mark(begin + change.at, "missed", words_of(seen.code))
        if name in gate.targets:
            words = f"gate {gate.phase} {'passed' if gate.passed else 'stayed shut'}"
            yield Mark(begin + gate.elapsed, "passed" if gate.passed else "shut", words)
