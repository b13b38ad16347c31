# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The time line of a roll: what each member did, when it was in rotation, and how many members served.

A member serves if it is well. It is in rotation if the load balancer sends it traffic. A result may say which members
the roll did not know to be in rotation. By one rule, this becomes a time line: a member is in rotation during a gate
that knew so, and between two such gates. At all other times it counts as out of rotation, also while its hooks drain or
readmit it. This shows what the roll relied on, not what the load balancer did. During a gate whose result does not say
it, and next to such a gate, nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import (
    COUNTED_OUT,
    clock,
    out_of_rotation,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Change, Gate, Seen
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Roll

SILENT = frozenset(code.value for code in Code if code.is_silence)
STARTING = frozenset(code.value for code in Code if code.settles or code is Code.NOT_READY)


class Doing(str, Enum):
    """What a member does, with the text for the report."""

    SERVING = "serves"
    FAULTY = "serves with a fault"
    SETTLING = "serves, not stable yet"
    STARTING = "starting"
    FAILING = "failing"
    DOWN = "down"
    DRAINING = "draining"
    DEPLOYING = "being deployed"
    UNKNOWN = "unknown"


# These serve. A drained member still serves; that it gets no traffic is shown separately.
CARRIES = frozenset({Doing.SERVING, Doing.FAULTY, Doing.SETTLING, Doing.DRAINING})


@dataclass(frozen=True)
class Span:
    """A time in which a member did the same, in seconds since the roll began. ``new``: not with its first process."""

    begin: float
    end: float
    doing: Doing
    new: bool = False
    code: str = ""

    @property
    def essence(self) -> object:
        """Everything except the times."""
        return self.doing, self.new, self.code

    @property
    def words(self) -> str:
        why = f" ({words_of(self.code)})" if self.code else ""
        process = " as a new process" if self.new and self.doing in CARRIES | {Doing.STARTING} else ""
        return f"{self.doing.value}{process}{why}"


@dataclass(frozen=True)
class Mark:
    """A mark at a member. ``passed``: its gate passed; ``shut``: its gate did not; ``missed``: it was seen failed."""

    at: float
    kind: str
    words: str


@dataclass(frozen=True)
class Traffic:
    """A time with or without traffic, in seconds since the roll began.

    ``out``: whether the member counts as out of rotation, by the rule above; none if not known.
    """

    begin: float
    end: float
    out: bool | None

    @property
    def essence(self) -> object:
        return self.out

    @property
    def words(self) -> str:
        return COUNTED_OUT if self.out else ""


@dataclass(frozen=True)
class Row:
    name: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    traffic: tuple[Traffic, ...]

    @property
    def out(self) -> tuple[Traffic, ...]:
        return tuple(piece for piece in self.traffic if piece.out)


@dataclass(frozen=True)
class Step:
    """A time in which the numbers stayed the same: members that serve, and those in rotation; none if not known.

    ``floor``: how many must serve in rotation.
    """

    begin: float
    end: float
    serving: int | None
    floor: int
    in_rotation: int | None = None

    @property
    def essence(self) -> object:
        return self.serving, self.floor, self.in_rotation

    @property
    def carrying(self) -> int | None:
        """How many serve in rotation; if rotation is not known, how many serve."""
        return self.serving if self.in_rotation is None else self.in_rotation

    @property
    def idle(self) -> int:
        """How many serve and count as out of rotation, as far as known."""
        return (self.serving or 0) - (self.carrying or 0)


Piece = TypeVar("Piece", Span, Step, Traffic)


@dataclass(frozen=True)
class TimeLine:
    """The time line. ``watches``: times of the gates. Between them, members count as last seen."""

    began: datetime
    length: float
    watches: tuple[tuple[float, float], ...]
    rows: tuple[Row, ...]
    steps: tuple[Step, ...]

    def time(self, seconds: float) -> str:
        return clock(self.began + timedelta(seconds=seconds))

    def absences(self, row: Row, *, limit: int) -> str:
        """The text ``counted as out of rotation 02:55:17 to 02:55:43 and 02:56:01 to 02:56:14``; empty if never."""
        times = [f"{self.time(piece.begin)} to {self.time(piece.end)}" for piece in row.out]
        more = [f"{len(times) - limit} more times"] if len(times) > limit else []
        return f"{COUNTED_OUT} {' and '.join([*times[:limit], *more])}" if times else ""

    @property
    def fewest(self) -> int | None:
        return min((step.serving for step in self.steps if step.serving is not None), default=None)

    @property
    def fewest_in_rotation(self) -> int | None:
        """The lowest number of members that served in rotation; none if not known."""
        return min((step.in_rotation for step in self.steps if step.in_rotation is not None), default=None)

    @property
    def summary(self) -> str:
        """A sentence with this number; empty if it is not known."""
        fewest = self.fewest_in_rotation
        if fewest is None:
            return ""
        return f"Fewest members serving in rotation: {fewest} of {len(self.rows)}."

    @property
    def floor(self) -> int:
        return max((step.floor for step in self.steps), default=0)


@dataclass(frozen=True)
class _Period:
    """A time in which no change was seen. Without a ``change``, it is a time between two gates.

    ``out``: members that count as out of rotation; none if not known. ``away``: what targets do after a passed gate.
    """

    begin: float
    end: float
    gate: Gate
    change: Change | None
    out: frozenset[str] | None
    away: Mapping[str, Doing] = field(default_factory=dict)


@dataclass(frozen=True)
class _State:
    doing: Doing = Doing.UNKNOWN
    instance_id: str = ""
    code: str = ""


def time_line(roll: Roll) -> TimeLine | None:
    """The time line; none if no result says when its gate began."""
    if roll.began is None or roll.took is None:
        return None
    origin = roll.began
    gates = [gate for gate in roll.gates if gate.began and gate.history]
    gates.sort(key=lambda gate: _since(origin, gate.began))
    if not gates:
        return None
    periods = list(_periods(gates, origin, out_of_rotation(gates, roll.names)))
    states = {name: _State(instance_id=_first_id(gates[0], name)) for name in roll.names}
    births = {name: state.instance_id for name, state in states.items()}
    spans: dict[str, list[Span]] = {name: [] for name in roll.names}
    traffic: dict[str, list[Traffic]] = {name: [] for name in roll.names}
    steps: list[Step] = []
    floor = next((gate.needed for gate in gates if gate.phase == "before"), gates[0].needed)
    for period in periods:
        floor = period.gate.needed if period.gate.phase == "before" else floor
        for name in roll.names:
            states[name] = _next(states[name], name, period)
            spans[name].append(_span(states[name], births[name], name, period))
            traffic[name].append(_traffic(name, period))
        steps.append(_step(period, {name: spans[name][-1].doing for name in roll.names}, floor))
    rows = tuple(
        Row(name, _merged(spans[name]), tuple(_marks(gates, origin, name)), _merged(traffic[name]))
        for name in roll.names
    )
    watches = tuple((period.begin, period.end) for period in periods if period.change)
    return TimeLine(origin, max(roll.took, 0.001), watches, rows, _merged(steps))


def _periods(gates: Sequence[Gate], origin: datetime, rotation: Sequence[frozenset[str] | None]) -> Iterator[_Period]:
    """The periods of the roll: one for each change that a gate saw, and one between two gates.

    ``rotation``: for each gate, the members that count as out of rotation; none if not known.
    """
    for gate, following, out, later in zip(gates, (*gates[1:], None), rotation, (*rotation[1:], None)):
        begin = _since(origin, gate.began)
        ends = [*(change.at for change in gate.history[1:]), gate.elapsed]
        starts = [0.0, *ends[:-1]]
        for change, start, end in zip(gate.history, starts, ends):
            yield _Period(begin + start, begin + max(end, start), gate, change, out)
        if following is not None:
            end = begin + gate.elapsed
            known = None if out is None or later is None else (out | later, later - out)
            counted, left = known or (None, frozenset())
            away = _away(gate, following, left)
            yield _Period(end, max(_since(origin, following.began), end), gate, None, counted, away)


def _since(origin: datetime, moment: datetime | None) -> float:
    return 0.0 if moment is None else (moment - origin).total_seconds()


def _away(gate: Gate, following: Gate, left: frozenset[str]) -> Mapping[str, Doing]:
    """What the targets do between a passed gate before their deployment and the next gate.

    ``left``: the members that leave rotation in that time.
    """
    if gate.phase != "before" or not gate.passed:
        return {}
    if following.phase != "before":
        return dict.fromkeys(gate.targets, Doing.DEPLOYING)
    return dict.fromkeys(left.intersection(gate.targets) if following.targets == gate.targets else (), Doing.DRAINING)


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
    if seen.code and seen.code != Code.OUT_OF_ROTATION.value:
        return Doing.FAULTY
    return Doing.SETTLING if gate.phase == "after" and change.verdict != "pass" else Doing.SERVING


def _span(state: _State, birth: str, name: str, period: _Period) -> Span:
    away = period.away.get(name)
    if away is Doing.DRAINING and state.doing not in CARRIES:
        away = None
    return Span(
        begin=period.begin,
        end=period.end,
        doing=away or state.doing,
        new=bool(state.instance_id) and state.instance_id != birth,
        code="" if away else state.code,
    )


def _traffic(name: str, period: _Period) -> Traffic:
    return Traffic(period.begin, period.end, None if period.out is None else name in period.out)


def _merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """One piece for each run of pieces that differ only in their times."""
    runs = (list(run) for _essence, run in groupby(pieces, key=attrgetter("essence")))
    return tuple(replace(run[0], end=run[-1].end) for run in runs)


def _step(period: _Period, doings: Mapping[str, Doing], floor: int) -> Step:
    """The numbers in a period. ``doings``: what each member does."""
    if Doing.UNKNOWN in doings.values():
        return Step(period.begin, period.end, None, floor)
    serving = {name for name, doing in doings.items() if doing in CARRIES}
    in_rotation = None if period.out is None else len(serving - period.out)
    return Step(period.begin, period.end, len(serving), floor, in_rotation)


def _marks(gates: Sequence[Gate], origin: datetime, name: str) -> Iterator[Mark]:
    for gate in gates:
        begin = _since(origin, gate.began)
        for change in gate.history:
            seen = (change.members or {}).get(name)
            if seen and not seen.serving and seen.code not in STARTING:
                yield Mark(begin + change.at, "missed", words_of(seen.code))
        if name in gate.targets:
            words = f"gate {gate.phase} {'passed' if gate.passed else 'did not pass'}"
            yield Mark(begin + gate.elapsed, "passed" if gate.passed else "shut", words)
