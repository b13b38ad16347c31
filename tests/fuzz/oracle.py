# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true of raw answers when a gate passes. Reads the JSON itself, without code of the collection."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any


def objections(
    answers: dict[str, Any], names: list[str], pairs: list[tuple[str, str]], *, max_age: float, stable_for: float
) -> list[str]:
    """The reasons why members do not serve, or why two of them do not see each other; empty if all is well."""
    own = {name: _own(answers[name]) for name in answers}
    pings = [ping for ping in (_moment(record.get("_updatedAt")) for record in own.values() if record) if ping]
    if not pings:
        return ["no node lists itself with a ping"]
    now = max(pings)
    found = []
    for name in names:
        record = own[name]
        if record is None:
            found.append(f"{name} does not list itself once")
        elif not _fresh(record, now, max_age):
            found.append(f"{name} does not ping")
        elif not _is_old(record, now, stable_for):
            found.append(f"{name} is too young")
    ids = [record["_id"] for name, record in own.items() if record and name in names]
    if len(set(ids)) < len(ids):
        found.append("two members are one process")
    for name, other in [*pairs, *((other, name) for name, other in pairs)]:
        record = own[other]
        if record is not None and not _sees(answers[name], record["_id"], now, max_age):
            found.append(f"{name} does not see {other}")
    return found


def _items(answer: Any) -> list[dict[str, Any]]:
    items = answer.get("instances") if isinstance(answer, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _record(item: dict[str, Any]) -> dict[str, Any] | None:
    record = item.get("instanceRecord")
    return record if isinstance(record, dict) and isinstance(record.get("_id"), str) and record["_id"] else None


def _says(item: dict[str, Any], what: str) -> bool:
    status = item.get("currentStatus")
    return isinstance(status, dict) and status.get(what) is True


def _own(answer: Any) -> dict[str, Any] | None:
    own = [_record(item) for item in _items(answer) if _says(item, "local")]
    return own[0] if len(own) == 1 else None


def _sees(answer: Any, identity: str, now: datetime, max_age: float) -> bool:
    matching = [item for item in _items(answer) if (_record(item) or {}).get("_id") == identity]
    if len(matching) != 1:
        return False
    record = _record(matching[0])
    return record is not None and _says(matching[0], "connected") and _fresh(record, now, max_age)


def _fresh(record: dict[str, Any], now: datetime, max_age: float) -> bool:
    ping = _moment(record.get("_updatedAt"))
    return ping is not None and abs(now - ping) <= timedelta(seconds=max_age)


def _is_old(record: dict[str, Any], now: datetime, stable_for: float) -> bool:
    created = _moment(record.get("_createdAt"))
    return created is not None and now - created >= timedelta(seconds=stable_for)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    if value.startswith("+"):  # a year beyond 9999: JavaScript's
        return datetime.max.replace(tzinfo=timezone.utc)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    try:
        moment = moment.astimezone(timezone.utc)
    except OverflowError:
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
