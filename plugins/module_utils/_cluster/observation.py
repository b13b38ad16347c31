# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The observation: what all members answered at one moment, and what a comparison of their answers shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    STREAMER,
    InvalidAnswerError,
    Listing,
    Record,
    list_of,
    mapping_of,
    moment_of,
    newest,
    to_iso,
    typed,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


FULL_VERSION = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?", re.ASCII)


@dataclass(frozen=True)
class Member:
    """A node that the user declares as part of the cluster. ``url`` is the node's own, not a load balancer's."""

    name: str
    url: str


@dataclass(frozen=True)
class Failure:
    """Why a view is missing. ``code``: of a client error. ``reason``: a few words. ``message``: a whole sentence."""

    code: Code
    reason: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code.value, "reason": self.reason, "message": self.message}

    @classmethod
    def from_dict(cls, raw: object) -> Failure:
        """The inverse of :meth:`to_dict`. Raises :class:`InvalidAnswerError`."""
        raw = mapping_of(raw, "error")
        code = CODES.get(_needed(raw, "code"))
        if code is None or not code.is_client_error:
            raise InvalidAnswerError(f"{raw['code']} is not the code of a client error")
        return cls(code=code, reason=_needed(raw, "reason"), message=_needed(raw, "message"))


@dataclass(frozen=True)
class Statistics:
    """What one process reports about itself and the database, in seconds. Each value is none if it is not reported.

    ``uptime``: the shortest time that the process can have run at the end of the observation; ``uptime_at_most``: the
    longest, which includes the time of the call. ``lock_age``: how long the migration lock has been taken, by the
    node's own clock; none if it is free.
    """

    uptime: float | None
    uptime_at_most: float | None
    lock_age: float | None

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, raw: object) -> Statistics:
        """The inverse of :meth:`to_dict`. Raises :class:`InvalidAnswerError`."""
        raw = mapping_of(raw, "statistics")
        return cls(**{name: typed(raw, name, float) for name in ("uptime", "uptime_at_most", "lock_age")})


@dataclass(frozen=True)
class View:
    """What one member answered at one moment: a listing or a failure.

    ``answered_by``: the instance id of the process that answered, from the header of its answer, errors included; none
    if the header is missing. ``also_answered``: another process that answered a second call of the same observation.
    ``version``: none if not known. ``ready``: none if the node has no readiness endpoint or was not asked.
    ``statistics``: none if not asked for. ``date``: the node's own clock. ``rate_limit``: limit, remaining and
    reset_after (seconds); none if not limited.
    """

    member: Member
    listing: Listing | None = None
    failure: Failure | None = None
    answered_by: str | None = None
    also_answered: str | None = None
    version: str | None = None
    ready: bool | None = None
    statistics: Statistics | None = None
    date: datetime | None = None
    rate_limit: Mapping[str, Any] | None = None

    @property
    def instance_id(self) -> str | None:
        """The id of the process that answered. Without the header, of the process that made the list, maybe a peer."""
        if self.answered_by is None and self.listing and self.listing.local:
            return self.listing.local.id
        return self.answered_by

    @property
    def own(self) -> Record | None:
        """The record of the process that answered; none for a streamer, which has no API."""
        record = self.by_id.get(self.instance_id) if self.instance_id else None
        return None if record is None or record.name == STREAMER else record

    @property
    def lists_itself(self) -> bool:
        """Whether the process that answered is in its list, or this is unknown or not expected."""
        unknown = self.listing is not None and self.listing.old_shape and self.answered_by is None
        return self.own is not None or unknown or bool(self.listing and self.listing.microservices)

    @property
    def is_a_peers(self) -> bool:
        """Whether another process made the list: a process that has dropped itself from its broker passes the call on.

        In its own list, the record of a process is the local one. A peer that has no record yet marks none as local.
        """
        local = self.listing.local if self.listing else None
        others = local is not None and local.id != self.instance_id
        return others or (self.own is not None and not self.own.local)

    @cached_property
    def by_id(self) -> Mapping[str, Record]:
        return {record.id: record for record in self.listing.records} if self.listing else {}

    def counted_until(self, at: float) -> View:
        """The view with an uptime that is counted until ``at`` instead of the zero of the observer's clock."""
        known = self.statistics
        if known is None or known.uptime is None or known.uptime_at_most is None:
            return self
        return replace(
            self, statistics=replace(known, uptime=known.uptime + at, uptime_at_most=known.uptime_at_most + at)
        )

    def to_dict(self, *, details: bool) -> dict[str, Any]:
        """The view as a dictionary. Without ``details``, records have no ``os``, which is large and is not judged."""
        asked = {"statistics": self.statistics.to_dict()} if self.statistics else {}
        return {
            "member": self.member.name,
            "url": self.member.url,
            "answered_by": self.answered_by,
            "also_answered": self.also_answered,
            "error": self.failure.to_dict() if self.failure else None,
            "version": self.version,
            "ready": self.ready,
            **asked,
            "date": to_iso(self.date),
            "rate_limit": None if self.rate_limit is None else dict(self.rate_limit),
            "microservices": self.listing.microservices if self.listing else False,
            "old_shape": self.listing.old_shape if self.listing else False,
            "instances": [_entry(record, details) for record in (self.listing.records if self.listing else ())],
        }

    @classmethod
    def from_dict(cls, raw: object) -> View:
        """The inverse of :meth:`to_dict`. Raises :class:`InvalidAnswerError`."""
        raw = mapping_of(raw, "a view")
        error, limit, statistics = raw.get("error"), raw.get("rate_limit"), raw.get("statistics")
        return cls(
            member=Member(name=_needed(raw, "member"), url=_needed(raw, "url")),
            listing=_listing(raw) if error is None else None,
            failure=None if error is None else Failure.from_dict(error),
            answered_by=typed(raw, "answered_by", str),
            also_answered=typed(raw, "also_answered", str),
            version=typed(raw, "version", str),
            ready=typed(raw, "ready", bool),
            statistics=None if statistics is None else Statistics.from_dict(statistics),
            date=moment_of(raw, "date"),
            rate_limit=None if limit is None else _rate_limit(mapping_of(limit, "rate_limit")),
        )


def _rate_limit(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "limit": typed(raw, "limit", int),
        "remaining": typed(raw, "remaining", int),
        "reset_after": typed(raw, "reset_after", float),
    }


def _entry(record: Record, details: bool) -> dict[str, Any]:
    return {**record.to_dict(), "os": record.os.to_dict()} if details else record.to_dict()


def _listing(raw: Mapping[str, Any]) -> Listing:
    records = tuple(Record.from_dict(entry) for entry in list_of(raw, "instances"))
    if len({record.id for record in records}) < len(records):
        raise InvalidAnswerError("a view lists an instance twice")
    return Listing(records=records, old_shape=bool(typed(raw, "old_shape", bool)))


def _needed(raw: Mapping[str, Any], name: str) -> str:
    value = typed(raw, name, str)
    if value is None:
        raise InvalidAnswerError(f"{name} is missing")
    return str(value)


@dataclass(frozen=True)
class Observation:
    """All views at one moment.

    ``at``: seconds of the observer's monotonic clock; ``made``: the same moment by its wall clock, if known. ``lost``:
    why no observation could be made, as when the host that asks was out of reach; then there are no views.
    """

    views: tuple[View, ...]
    at: float
    made: datetime | None = None
    lost: str | None = None

    @cached_property
    def reference(self) -> datetime | None:
        """The database's clock: the newest ping of a process that answered; none if no such process lists itself."""
        return newest(view.own.updated_at for view in self.views if view.own)

    @cached_property
    def clock(self) -> datetime | None:
        """The reference, or if there is none the ``Date`` of a node: good enough to show ages, not to judge them."""
        return self.reference or newest(view.date for view in self.views)

    @cached_property
    def claimed(self) -> Mapping[str, tuple[str, ...]]:
        """By instance id: the members that it answered for. If these are several, their URLs lead to one process."""
        claims: dict[str, tuple[str, ...]] = {}
        for view in self.views:
            if view.instance_id:
                claims[view.instance_id] = (*claims.get(view.instance_id, ()), view.member.name)
        return claims

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All ids that any view lists or that answered."""
        return tuple(sorted({identity for view in self.views for identity in view.by_id}.union(self.claimed)))

    @property
    def versions(self) -> dict[str, str]:
        """The full versions of the processes that answered with the header X-Instance-ID, by instance id."""
        return {
            view.answered_by: view.version
            for view in self.views
            if view.answered_by and view.version and FULL_VERSION.fullmatch(view.version)
        }

    def to_dict(self, *, details: bool) -> dict[str, Any]:
        return {
            "views": [view.to_dict(details=details) for view in self.views],
            "at": self.at,
            "made": to_iso(self.made),
            "lost": self.lost,
        }

    @classmethod
    def from_dict(cls, raw: object) -> Observation:
        """The inverse of :meth:`to_dict`. Raises :class:`InvalidAnswerError`."""
        raw = mapping_of(raw, "an observation")
        at = typed(raw, "at", float)
        if at is None:
            raise InvalidAnswerError("at is missing")
        views = tuple(View.from_dict(view) for view in list_of(raw, "views"))
        return cls(views=views, at=at, made=moment_of(raw, "made"), lost=typed(raw, "lost", str))
