# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The results of gates, read for a report: typed, and with printable text only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    InvalidAnswerError,
    mapping_of,
    moment_of,
    typed,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

REFUSED = "refused"  # the verdict of a task that failed before it could judge


@dataclass(frozen=True)
class Seen:
    """One member at one moment. ``code``: of the finding about it; empty if there is none."""

    name: str
    instance_id: str
    serving: bool
    code: str = ""


@dataclass(frozen=True)
class Change:
    """A change of the verdict. ``at``: seconds since the gate began. ``members``: the targets, and those not well.

    ``members`` is none if no member was seen.
    """

    at: float
    verdict: str
    message: str
    members: Mapping[str, Seen] | None


@dataclass(frozen=True)
class Member:
    name: str
    instance_id: str
    version: str
    state: str
    serving: bool
    reason: str


@dataclass(frozen=True)
class Found:
    """A finding, or with a ``reason`` a waiver."""

    code: str
    message: str
    members: tuple[str, ...] = ()
    blocking: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Unclaimed:
    instance_id: str
    state: str
    place: str


@dataclass(frozen=True)
class Gate:
    """The result of one gate. ``began``: none if not known. ``elapsed``: seconds.

    ``links``: unchanged, since they are large, and those of two gates at most are read. ``out_of_rotation``: members
    that the roll did not know to be in rotation during this gate; none if the result does not say it.
    """

    phase: str
    targets: tuple[str, ...]
    verdict: str
    message: str
    began: datetime | None
    elapsed: float
    observations: int
    needed: int
    members: Mapping[str, Member]
    links: Sequence[Mapping[str, Any]]
    findings: tuple[Found, ...]
    waived: tuple[Found, ...]
    unclaimed: tuple[Unclaimed, ...]
    history: tuple[Change, ...] = field(default=())
    out_of_rotation: tuple[str, ...] | None = None

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"

    @cached_property
    def sees(self) -> Mapping[str, frozenset[str]]:
        return {_text(entry, "member"): frozenset(_texts(entry, "sees")) for entry in self.links}

    @property
    def ended(self) -> datetime | None:
        return None if self.began is None else self.began + timedelta(seconds=self.elapsed)


def gates_from(results: object) -> tuple[Gate, ...]:
    """The gates in registered results or their JSON, without those that were skipped.

    Raises :class:`InvalidAnswerError`, which is a :class:`ValueError`.
    """
    if isinstance(results, (str, Mapping)) or not hasattr(results, "__iter__"):
        raise InvalidAnswerError("the input is not a list of results of cluster_gate")
    gates = (_numbered(number, result) for number, result in enumerate(results, 1))
    return tuple(gate for gate in gates if gate is not None)


def _numbered(number: int, result: object) -> Gate | None:
    try:
        raw = mapping_of(stored(result), "it")
        return None if raw.get("skipped") is True else _gate(raw)
    except InvalidAnswerError as error:
        raise InvalidAnswerError(f"result {number} is not a result of cluster_gate: {error}") from None


def stored(result: object) -> object:
    """The result in Python's own types, also if it is a string with JSON."""
    if not isinstance(result, str):
        return plain(result)
    try:
        return json.loads(result)
    except ValueError:
        raise InvalidAnswerError("it is a string, but not JSON") from None


def printable(text: str) -> str:
    """The text with escapes for characters that are invisible or change the direction of text."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in text)


def _spelled(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _gate(raw: Mapping[str, Any]) -> Gate:
    verdict = _text(raw, "verdict")
    if not verdict and raw.get("failed") is not True and raw.get("unreachable") is not True:
        raise InvalidAnswerError("it has no verdict")
    members = [_member(entry) for entry in _entries(raw, "members")]
    return Gate(
        phase=_text(raw, "phase") or "steady",
        targets=_texts(raw, "targets"),
        verdict=verdict or REFUSED,
        message=_text(raw, "msg"),
        began=moment_of(raw, "began"),
        elapsed=_number(raw, "elapsed"),
        observations=int(_number(raw, "observations")),
        needed=int(_number(raw, "needed")),
        members={member.name: member for member in members},
        links=_entries(raw, "links"),
        findings=tuple(_found(entry) for entry in _entries(raw, "findings")),
        waived=tuple(_waived(entry) for entry in _entries(raw, "waived")),
        unclaimed=tuple(_unclaimed(entry) for entry in _entries(raw, "unclaimed")),
        history=tuple(_change(entry) for entry in _entries(raw, "history")),
        out_of_rotation=None if raw.get("out_of_rotation") is None else _texts(raw, "out_of_rotation"),
    )


def _member(raw: Mapping[str, Any]) -> Member:
    return Member(
        name=_text(raw, "name"),
        instance_id=_text(raw, "instance_id"),
        version=_text(raw, "version"),
        state=_text(raw, "state"),
        serving=bool(typed(raw, "serving", bool)),
        reason=_text(raw, "reason"),
    )


def _found(raw: Mapping[str, Any]) -> Found:
    member = _text(raw, "member")
    return Found(
        code=_text(raw, "code"),
        message=_text(raw, "message"),
        members=(member,) if member else _texts(raw, "pair"),
        blocking=_text(raw, "level") != "advisory",
    )


def _waived(raw: Mapping[str, Any]) -> Found:
    return Found(_text(raw, "code"), _text(raw, "message"), _texts(raw, "members"), reason=_text(raw, "reason"))


def _unclaimed(raw: Mapping[str, Any]) -> Unclaimed:
    place = raw.get("place")
    words = ":".join(map(str, place)) if isinstance(place, list) else ""
    return Unclaimed(_text(raw, "instance_id"), _text(raw, "state"), printable(words))


def _change(raw: Mapping[str, Any]) -> Change:
    members = None if raw.get("members") is None else [_seen(entry) for entry in _entries(raw, "members")]
    return Change(
        at=_number(raw, "elapsed"),
        verdict=_text(raw, "verdict"),
        message=_text(raw, "msg"),
        members=None if members is None else {seen.name: seen for seen in members},
    )


def _seen(raw: Mapping[str, Any]) -> Seen:
    return Seen(_text(raw, "name"), _text(raw, "instance_id"), bool(typed(raw, "serving", bool)), _text(raw, "code"))


def _text(raw: Mapping[str, Any], name: str) -> str:
    return printable(typed(raw, name, str) or "")


def _number(raw: Mapping[str, Any], name: str) -> float:
    return max(float(typed(raw, name, float) or 0.0), 0.0)


def _texts(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = raw.get(name)
    if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise InvalidAnswerError(f"{name} is not a list of strings")
    return tuple(printable(item) for item in value or ())


def _entries(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = raw.get(name)
    if value is not None and not isinstance(value, list):
        raise InvalidAnswerError(f"{name} is not a list")
    return [mapping_of(entry, f"an entry of {name}") for entry in value or ()]
