# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The memory of the judgement between observations. Times are in seconds of the gate's own monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, cast

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import is_number
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, Code

Pair = tuple[str, str]
Reason = tuple[Code, tuple[str, ...]]  # the code of a finding, and its members


def pair(a: str, b: str) -> Pair:
    """The pair of two members, always in the same order."""
    return (a, b) if a <= b else (b, a)


@dataclass(frozen=True)
class Pulse:
    """The last known ping of a process."""

    instance_id: str
    # The time of the ping by the database's clock; none if the record has none.
    updated_at: datetime | None
    # When the gate first saw this ping.
    seen_at: float
    # The latest time at which the process can have sent it. Earlier than ``seen_at`` if the gate did not look then.
    at_latest: float
    # Whether the gate has seen an earlier ping of the process too.
    moved: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "updated_at": _written(self.updated_at)}

    @classmethod
    def from_dict(cls, raw: object) -> Pulse:
        """The inverse of :meth:`to_dict`. Raises :class:`ValueError`."""
        entries = _entries(raw, cls)
        return cls(
            instance_id=_text(entries["instance_id"]),
            updated_at=_moment(entries["updated_at"]),
            seen_at=_number(entries["seen_at"]),
            at_latest=_number(entries["at_latest"]),
            moved=_truth(entries["moved"]),
        )


@dataclass(frozen=True)
class Answerer:
    """A process that has answered at a member's URL."""

    instance_id: str
    # When it first answered, and when it last answered.
    first_at: float
    last_at: float
    # Its last ping, by the database's clock, at the time when another process first answered in its place.
    replaced_ping: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "replaced_ping": _written(self.replaced_ping)}

    @classmethod
    def from_dict(cls, raw: object) -> Answerer:
        """The inverse of :meth:`to_dict`. Raises :class:`ValueError`."""
        entries = _entries(raw, cls)
        return cls(
            instance_id=_text(entries["instance_id"]),
            first_at=_number(entries["first_at"]),
            last_at=_number(entries["last_at"]),
            replaced_ping=_moment(entries["replaced_ping"]),
        )


@dataclass(frozen=True)
class Streak:
    """A time in which all conditions held. Only time that was watched counts."""

    # Its length. Of a long gap between two observations, only a part counts.
    seconds: float
    # The same, but pauses that a node's rate limit enforced count in full.
    held: float
    # When the conditions were last found to hold.
    last_at: float
    # Seconds from then to the next observation, according to the interval and the nodes' rate limits.
    pause: float
    # By target: the id and registration time of its process. The streak ends when one changes.
    processes: Mapping[str, tuple[str, datetime | None]]
    # By target with a record: its last ping when the streak began. A later one must be seen before the gate passes.
    pings: Mapping[str, datetime | None]

    def to_dict(self) -> dict[str, Any]:
        return {
            **vars(self),
            "processes": {name: [identity, _written(at)] for name, (identity, at) in self.processes.items()},
            "pings": {name: _written(at) for name, at in self.pings.items()},
        }

    @classmethod
    def from_dict(cls, raw: object) -> Streak:
        """The inverse of :meth:`to_dict`. Raises :class:`ValueError`."""
        entries = _entries(raw, cls)
        processes = {_text(name): _list(process, 2) for name, process in _mapping(entries["processes"]).items()}
        pings = {_text(name): _moment(at) for name, at in _mapping(entries["pings"]).items()}
        if not pings.keys() <= processes.keys():
            raise ValueError("a streak has pings of targets whose processes it does not have")
        return cls(
            seconds=_number(entries["seconds"]),
            held=_number(entries["held"]),
            last_at=_number(entries["last_at"]),
            pause=_number(entries["pause"]),
            processes={name: (_text(identity), _moment(at)) for name, (identity, at) in processes.items()},
            pings=pings,
        )


@dataclass(frozen=True)
class Memory:
    """The memory after an observation; empty before the first one.

    Its dictionary can be kept for a later wait that continues this one, on the same machine: its times belong to a
    clock that starts again when the machine does.
    """

    # By member, or by instance id with a single view. A member that is not seen keeps its last pulse.
    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    # By member: the processes that have recently answered at its URL, the latest last.
    answerers: Mapping[str, tuple[Answerer, ...]] = field(default_factory=dict)
    # By pair of members: since when its link is bad, and when it was last seen bad. Only pairs that were ever bad.
    bad_links: Mapping[Pair, tuple[float, float]] = field(default_factory=dict)
    # By reason: since when a member cannot be judged. Removed as soon as the reason is gone.
    unjudgeable: Mapping[Reason, float] = field(default_factory=dict)
    # Findings of the last observation that waiting cannot change. The gate fails if the next one finds them too.
    incurable: frozenset[Reason] = frozenset()
    # Members that served in the last observation, or whose missing view was forgiven.
    served: frozenset[str] = frozenset()
    # Members whose view was missing in the last observation.
    missed: frozenset[str] = frozenset()
    # Members that gave no answer at all in the last observation.
    silent: frozenset[str] = frozenset()
    # Members with a fault in the last observation that only a restart cures.
    ill: frozenset[str] = frozenset()
    # By instance id: whether the process started after the gate before the deployment, according to its statistics;
    # none if they did not say.
    restarted: Mapping[str, bool | None] = field(default_factory=dict)
    # When a member was last asked for the migration lock, and how old the lock was then; none if it was free.
    lock: tuple[float, float | None] | None = None
    # By target that has no living process: since when.
    down: Mapping[str, float] = field(default_factory=dict)
    # Before a deployment: all ids that any view has listed so far. Otherwise only those of the last observation.
    ids: frozenset[str] = frozenset()
    # None if something is wrong that time alone does not end, or if two observations in a row could not be made.
    streak: Streak | None = None
    # By target: its own streak; none if something is wrong with it that time alone does not end.
    target_streaks: Mapping[str, Streak] = field(default_factory=dict)
    # Targets that were ready in the last observation that was made; none if two in a row could not be made.
    ready: frozenset[str] = frozenset()
    # Whether any observation so far found something wrong. That a pass must still hold for some time does not count.
    disturbed: bool = False
    # Whether the last observation could not be made.
    lost: bool = False

    def of_pings(self) -> Memory:
        """The part that another gate may use: the pulses and the migration lock.

        A process whose ping has not changed since this gate is not alive. The lock need not be asked for again at once.
        """
        return Memory(pulses=self.pulses, lock=self.lock)

    def to_dict(self) -> dict[str, Any]:
        return {
            "pulses": {name: pulse.to_dict() for name, pulse in self.pulses.items()},
            "answerers": {name: [one.to_dict() for one in known] for name, known in self.answerers.items()},
            "bad_links": [[*names, *times] for names, times in sorted(self.bad_links.items())],
            "unjudgeable": [[code.value, *names, at] for (code, names), at in sorted(self.unjudgeable.items())],
            "incurable": [[code.value, *names] for code, names in sorted(self.incurable)],
            "served": sorted(self.served),
            "missed": sorted(self.missed),
            "silent": sorted(self.silent),
            "ill": sorted(self.ill),
            "restarted": dict(self.restarted),
            "lock": None if self.lock is None else list(self.lock),
            "down": dict(self.down),
            "ids": sorted(self.ids),
            "streak": self.streak.to_dict() if self.streak else None,
            "target_streaks": {name: streak.to_dict() for name, streak in self.target_streaks.items()},
            "ready": sorted(self.ready),
            "disturbed": self.disturbed,
            "lost": self.lost,
        }

    @classmethod
    def from_dict(cls, raw: object) -> Memory:
        """The inverse of :meth:`to_dict`. Raises :class:`ValueError`."""
        entries = _entries(raw, cls)
        bad_links = [
            (_pair(*_list(link, 4)[:2]), (_number(link[2]), _number(link[3]))) for link in _list(entries["bad_links"])
        ]
        unjudgeable = [_reason_since(_list(one)) for one in _list(entries["unjudgeable"])]
        return cls(
            pulses={_text(name): Pulse.from_dict(pulse) for name, pulse in _mapping(entries["pulses"]).items()},
            answerers={
                _text(name): tuple(Answerer.from_dict(one) for one in _list(known))
                for name, known in _mapping(entries["answerers"]).items()
            },
            bad_links=dict(bad_links),
            unjudgeable=dict(unjudgeable),
            incurable=frozenset(_reason(_list(reason)) for reason in _list(entries["incurable"])),
            served=_names(entries["served"]),
            missed=_names(entries["missed"]),
            silent=_names(entries["silent"]),
            ill=_names(entries["ill"]),
            restarted={
                _text(identity): None if restarted is None else _truth(restarted)
                for identity, restarted in _mapping(entries["restarted"]).items()
            },
            lock=None if entries["lock"] is None else _lock(_list(entries["lock"], 2)),
            down={_text(name): _number(at) for name, at in _mapping(entries["down"]).items()},
            ids=_names(entries["ids"]),
            streak=None if entries["streak"] is None else Streak.from_dict(entries["streak"]),
            target_streaks={
                _text(name): Streak.from_dict(streak) for name, streak in _mapping(entries["target_streaks"]).items()
            },
            ready=_names(entries["ready"]),
            disturbed=_truth(entries["disturbed"]),
            lost=_truth(entries["lost"]),
        )


# Functions that read the dictionary. All raise ValueError for data that was not written here.


def _entries(raw: object, kind: type) -> Mapping[str, Any]:
    entries, names = _mapping(raw), {field.name for field in fields(kind)}
    if entries.keys() != names:
        raise ValueError(f"{kind.__name__} must have exactly these entries: {', '.join(sorted(names))}")
    return entries


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _refuse(value, "a dictionary")


def _list(value: object, length: int | None = None) -> list[Any]:
    if not isinstance(value, (list, tuple)) or len(value) != (length or len(value)):
        _refuse(value, "a list" if length is None else f"a list of {length}")
    return list(cast("list[Any]", value))


def _text(value: object) -> str:
    return value if isinstance(value, str) else _refuse(value, "a text")


def _number(value: object) -> float:
    return value if is_number(value) else _refuse(value, "a number")  # type: ignore[return-value]


def _truth(value: object) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "true or false")


def _names(value: object) -> frozenset[str]:
    return frozenset(_text(name) for name in _list(value))


def _lock(values: list[Any]) -> tuple[float, float | None]:
    asked_at, age = values
    return _number(asked_at), None if age is None else _number(age)


def _pair(a: object, b: object) -> Pair:
    a, b = _text(a), _text(b)
    return (a, b) if a < b else _refuse([a, b], "a pair in its order")


def _reason(values: list[Any]) -> Reason:
    code, *names = values or [None]
    if not isinstance(code, str) or code not in CODES:
        _refuse(code, "the code of a finding")
    return CODES[code], tuple(_text(name) for name in names)


def _reason_since(values: list[Any]) -> tuple[Reason, float]:
    if not values:
        _refuse(values, "a reason and its time")
    return _reason(values[:-1]), _number(values[-1])


def _written(moment: datetime | None) -> str | None:
    """The time as a string, to the microsecond: times that are compared must not be rounded."""
    return None if moment is None else moment.isoformat()


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(_text(value))
    if moment.utcoffset() != timedelta(0) or moment.isoformat() != value:
        _refuse(value, "a time in UTC")
    return moment


def _refuse(value: object, wanted: str) -> Any:
    raise ValueError(f"{str(value)[:100]!r} is not {wanted}")
