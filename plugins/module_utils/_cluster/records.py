# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The answer of ``instances.get``: its typed records, from either of the two structures that servers send."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

STREAMER = "ddp-streamer"
LONGEST_ID = 256  # Meteor's has 17 characters, a UUID 36; it is shown unchanged
EXACT = 2**53  # below this, a float represents every whole number exactly


class InvalidAnswerError(ValueError):
    """The payload is not an answer of ``instances.get``."""


class State(str, Enum):
    """The state of a record in one view, from best to worst. Only ``alive`` is good."""

    ALIVE = "alive"
    ISOLATED = "isolated"  # pings the database, but the asked node does not reach it
    STALLED = "stalled"  # its socket is open, but it no longer pings: it hangs or is paused
    EXPIRED = "expired"  # dead, and not yet removed from the database
    GHOST = "ghost"  # its last ping is in the future, so the database never removes it


WORST = {state: rank for rank, state in enumerate(State)}


class System:
    """The operating system: ``extraInformation.os``, as it was at process start. Memory in bytes, uptime in seconds.

    Kept as it was sent and only shown; it is not judged.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    def to_dict(self) -> dict[str, Any]:
        return {name: read(self._raw.get(sent_as)) for name, (sent_as, read) in _SYSTEM.items()}

    @classmethod
    def from_dict(cls, raw: object) -> System:
        """The inverse of :meth:`to_dict`. Raises :class:`InvalidAnswerError`."""
        raw = mapping_of(raw, "os")
        system = cls({sent_as: raw.get(name) for name, (sent_as, _read) in _SYSTEM.items()})
        for name, value in system.to_dict().items():
            if value != raw.get(name):
                raise InvalidAnswerError(f"os: {name} has an invalid value")
        return system


@dataclass(frozen=True)
class Record:
    """One process as the database knows it and one node sees it.

    ``connected``: whether the asked node reaches it; none if the answer does not say. ``local``: whether it is the
    asked node itself; none if unknown. ``last_heartbeat``: uptime of the asked node in seconds, not an age.
    ``created_at`` and ``updated_at``: by the database's clock, UTC.
    """

    id: str
    name: str | None
    host: str | None
    port: int | None
    address: str | None
    connected: bool | None
    local: bool | None
    last_heartbeat: float | None
    created_at: datetime | None
    updated_at: datetime | None
    pid: int | None
    tcp_port: int | None
    node_version: str | None
    connections: int | None
    broadcast_auth: bool | None
    os: System = field(compare=False)

    def age(self, reference: datetime | None) -> float | None:
        """Seconds from the last ping to ``reference``, both by the database's clock."""
        return seconds_between(self.updated_at, reference)

    def is_fresh(self, reference: datetime | None, max_age: float) -> bool:
        """Whether the last ping is at most ``max_age`` seconds before or after ``reference``."""
        age = self.age(reference)
        return age is not None and abs(age) <= max_age

    def state(self, reference: datetime | None, max_age: float) -> State:
        age = self.age(reference)
        if age is not None and age < -max_age:
            return State.GHOST
        fresh = age is not None and age <= max_age
        if self.connected or self.local:
            return State.ALIVE if fresh else State.STALLED
        return State.ISOLATED if fresh else State.EXPIRED

    @property
    def place(self) -> tuple[str, int] | None:
        """Host and port if they identify the node; none for ``localhost`` and similar names."""
        if not self.host or self.port is None or is_loopback(self.host):
            return None
        return self.host.lower(), self.port

    def to_dict(self) -> dict[str, Any]:
        """The record as a dictionary, without the large ``os``."""
        values = {**vars(self), "created_at": to_iso(self.created_at), "updated_at": to_iso(self.updated_at)}
        del values["os"]
        return values

    @classmethod
    def from_dict(cls, raw: object) -> Record:
        """The inverse of :meth:`to_dict`, with ``os`` or without. Raises :class:`InvalidAnswerError`."""
        raw = mapping_of(raw, "an instance")
        identity = typed(raw, "id", str)
        if not identity:
            raise InvalidAnswerError("an instance has no id")
        return cls(
            id=identity,
            **{name: typed(raw, name, str) for name in ("name", "host", "address", "node_version")},
            **{name: typed(raw, name, int) for name in ("port", "pid", "tcp_port", "connections")},
            **{name: typed(raw, name, bool) for name in ("connected", "local", "broadcast_auth")},
            last_heartbeat=typed(raw, "last_heartbeat", float),
            created_at=moment_of(raw, "created_at"),
            updated_at=moment_of(raw, "updated_at"),
            os=System({}) if raw.get("os") is None else System.from_dict(raw["os"]),
        )


@dataclass(frozen=True)
class Listing:
    """All records of one answer. ``old_shape``: whether a server before 6 sent it."""

    records: tuple[Record, ...]
    old_shape: bool = False

    @cached_property
    def local(self) -> Record | None:
        """The record of the process that made the list. This is usually, but not always, the one that answered."""
        return next((record for record in self.records if record.local), None)

    @property
    def microservices(self) -> bool:
        """Whether only streamers are listed and none is connected. Such a deployment cannot be judged by its list."""
        return bool(self.records) and all(
            record.name == STREAMER and not record.connected and not record.local for record in self.records
        )


def parse(payload: Mapping[str, Any], *, answered_by: str | None = None) -> Listing:
    """The listing in ``{"instances": [...]}``, sent by the process with the instance id ``answered_by``.

    Raises only :class:`InvalidAnswerError`, for any other payload.
    """
    items = payload.get("instances")
    if not isinstance(items, list):
        raise InvalidAnswerError("the answer has no list of instances")
    records: dict[str, Record] = {}
    old_shape = False
    for item in items:
        record, old = _record(item)
        if record.id in records:
            raise InvalidAnswerError(f"the answer lists instance {record.id} twice")
        records[record.id] = record
        old_shape = old_shape or old
    if old_shape:
        records = _with_local_of_old_shape(records, answered_by)
    if sum(1 for record in records.values() if record.local) > 1:
        raise InvalidAnswerError("the answer marks more than one instance as local")
    return Listing(records=tuple(records.values()), old_shape=old_shape)


def _with_local_of_old_shape(records: dict[str, Record], answered_by: str | None) -> dict[str, Record]:
    """The records of a server before 6, with the local one marked.

    The asked node's record has no ``connection``, and those of peers that it does not reach can lack it too. If the
    header is missing and several lack it, none is marked.
    """
    lacking = [record for record in records.values() if record.local is None and record.name != STREAMER]
    if answered_by is not None:
        not_reached = {record.id: replace(record, connected=False, local=False) for record in lacking}
        own = {record.id: replace(record, local=True) for record in lacking if record.id == answered_by}
        return {**records, **not_reached, **own}
    if len(lacking) == 1:
        return {**records, lacking[0].id: replace(lacking[0], local=True)}
    return records


def _record(item: object) -> tuple[Record, bool]:
    if not isinstance(item, dict):
        raise InvalidAnswerError("the answer has an instance that is not an object")
    raw = item.get("instanceRecord")
    if isinstance(raw, dict):
        status = _mapping(item.get("currentStatus"))
        connected, local = status.get("connected") is True, status.get("local") is True
        return _typed(raw, item, status, connected, local), False
    connection = item.get("connection")
    if not isinstance(connection, dict):
        return _typed(item, {}, {}, None, None), True
    status = _mapping(connection.get("currentStatus"))
    return _typed(item, connection, status, status.get("connected") is True, False), True


def _typed(
    raw: Mapping[str, Any],
    link: Mapping[str, Any],
    status: Mapping[str, Any],
    connected: bool | None,
    local: bool | None,
) -> Record:
    identity = _text(raw.get("_id"))
    if not identity or len(identity) > LONGEST_ID or not identity.isprintable():
        raise InvalidAnswerError("the answer has an instance without a valid _id")
    extra = _mapping(raw.get("extraInformation"))
    return Record(
        id=identity,
        name=_text(raw.get("name")),
        host=_text(extra.get("host")),
        port=_integer(extra.get("port")),
        address=_text(link.get("address")),
        connected=connected,
        local=local,
        last_heartbeat=_number(status.get("lastHeartbeatTime")),
        created_at=parse_time(raw.get("_createdAt")),
        updated_at=parse_time(raw.get("_updatedAt")),
        pid=_integer(raw.get("pid")),
        tcp_port=_integer(extra.get("tcpPort")),
        node_version=_text(extra.get("nodeVersion")),
        connections=_integer(extra.get("conns")),
        broadcast_auth=link["broadcastAuth"] if isinstance(link.get("broadcastAuth"), bool) else None,
        os=System(_mapping(extra.get("os"))),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """The text, none for other types. Lone surrogates, which JSON allows, are replaced: they cannot be written."""
    if isinstance(value, str) and value.isascii():
        return value
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else None


def _number(value: object) -> float | None:
    """The number, also from a numeric string (the API's documentation shows both); none for NaN and infinity."""
    if isinstance(value, int) and not isinstance(value, bool) and -EXACT < value < EXACT:
        return value
    if (
        value is None
        or isinstance(value, bool)
        or not isinstance(value, (int, float, str))
        or (isinstance(value, str) and len(value) > 40)
    ):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and not isinstance(value, float) else number


def _integer(value: object) -> int | None:
    number = _number(value)
    if isinstance(number, float):
        return int(number) if number.is_integer() else None
    return number


def _numbers(value: object) -> list[float] | None:
    numbers = [_number(item) for item in value] if isinstance(value, list) else []
    return [number for number in numbers if number is not None] or None


_SYSTEM: dict[str, tuple[str, Callable[[object], Any]]] = {
    "type": ("type", _text),
    "platform": ("platform", _text),
    "arch": ("arch", _text),
    "release": ("release", _text),
    "uptime": ("uptime", _number),
    "load_average": ("loadavg", _numbers),
    "total_memory": ("totalmem", _integer),
    "free_memory": ("freemem", _integer),
    "cpus": ("cpus", _integer),
}


_TIME = re.compile(r"([+-]\d{6}|\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_LAST = datetime.max.replace(microsecond=999000, tzinfo=timezone.utc)


@lru_cache(maxsize=65536)
def _parse_time(text: str) -> datetime | None:
    match = _TIME.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if len(year) > 4:  # JavaScript writes years beyond 9999 with a sign and six digits
        return _LAST if year[0] == "+" and int(year) > 9999 else None
    microsecond = int((fraction or "0").ljust(3, "0")[:3]) * 1000  # the server has milliseconds, and so do results
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), microsecond, timezone.utc
        )
        return moment if zone == "Z" else moment - _offset(zone)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str) -> timedelta:
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -offset if zone[0] == "-" else offset


def parse_time(value: object) -> datetime | None:
    """The time in an ISO 8601 string with a zone, in UTC; none for anything else."""
    return _parse_time(value) if isinstance(value, str) and len(value) < 40 else None


def to_iso(moment: datetime | None) -> str | None:
    """The time as a string with milliseconds and ``Z``, as the server writes it."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")[:23] + "Z"


def seconds_between(earlier: datetime | None, later: datetime | None) -> float | None:
    return None if earlier is None or later is None else (later - earlier).total_seconds()


def newest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def mapping_of(raw: object, what: str) -> Mapping[str, Any]:
    """The mapping, for data that ``to_dict`` wrote. Raises :class:`InvalidAnswerError`, like the functions below."""
    if not isinstance(raw, Mapping):
        raise InvalidAnswerError(f"{what} is not a dictionary")
    return raw


def list_of(raw: Mapping[str, Any], name: str) -> list[Any]:
    value = raw.get(name)
    if not isinstance(value, list):
        raise InvalidAnswerError(f"{name} is not a list")
    return value


def typed(raw: Mapping[str, Any], name: str, kind: type) -> Any:
    """The value of this type, or none. A whole number counts as a float."""
    value = raw.get(name)
    if kind is float:
        right = is_number(value)
    else:
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if value is not None and not right:
        raise InvalidAnswerError(f"{name} is not of the type {kind.__name__}")
    return value


def moment_of(raw: Mapping[str, Any], name: str) -> datetime | None:
    value = raw.get(name)
    moment = parse_time(value)
    if value is not None and moment is None:
        raise InvalidAnswerError(f"{name} is not a time")
    return moment


def is_number(value: object) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and -EXACT < value < EXACT
    return isinstance(value, float) and math.isfinite(value)


_LOOPBACK = re.compile(r"localhost|undefined|::1|::|0\.0\.0\.0|127(\.\d+){1,3}", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether the host means a different machine on each node, or none."""
    return bool(_LOOPBACK.fullmatch(host.strip("[]").lower()))
