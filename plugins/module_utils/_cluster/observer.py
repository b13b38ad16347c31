# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The observer, which asks all members at the same time and makes one observation of their answers."""

from __future__ import annotations

import re
import threading
import time
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    FULL_VERSION,
    Failure,
    Member,
    Observation,
    Statistics,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    InvalidAnswerError,
    Listing,
    is_number,
    parse,
    parse_time,
    seconds_between,
    to_iso,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.thread_pool import MAX_THREADS, run_together
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Ends
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.client import LOGOUT_TIMEOUT, Answer, Client
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access

_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}", re.ASCII)  # it is shown unchanged
VERSION = "version"
READINESS = "readiness"


class Observer:
    """Observes the same members repeatedly. ``clock`` is monotonic, in seconds.

    ``gather``: what to ask besides the instances, :data:`VERSION` or :data:`READINESS` or both. ``versions``: known
    full versions by instance id; the version of a process does not change, so each process is asked once. A node that
    fails gets a view with the failure. Login sessions are kept for the next observations, until :meth:`close`.
    """

    def __init__(
        self,
        members: Sequence[Member],
        access: Access,
        *,
        gather: frozenset[str],
        versions: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._gather = gather
        self._versions = dict(versions or {})
        self._clock = clock
        self._closed = threading.Event()
        self._nodes = tuple(_Node(member, access) for member in members)

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    @property
    def secrets(self) -> frozenset[str]:
        """Everything that must not be shown, including the tokens of login sessions."""
        return self._access.secrets.union(*(node.client.secrets for node in self._nodes))

    def observe(self, statistics_of: AbstractSet[str] = frozenset()) -> Observation:
        """One observation. ``statistics_of``: members that are also asked for their statistics, a heavy call."""
        jobs = [partial(self._view, node, node.member.name in statistics_of) for node in self._nodes]
        views = run_together(jobs, within=self._time_limit + (self._access.timeout if statistics_of else 0))
        at = self._clock()
        observation = Observation(
            views=tuple(view.counted_until(at) if view else self._late(node) for view, node in zip(views, self._nodes)),
            at=at,
            made=parse_time(to_iso(datetime.now(timezone.utc))),
        )
        self._versions = observation.versions
        return observation

    def close(self) -> None:
        """Log out of all login sessions. Takes a few seconds at most and never raises: sessions expire anyway."""
        self._closed.set()
        if self._access.username:
            run_together([partial(self._end, node) for node in self._nodes], within=3 * LOGOUT_TIMEOUT)

    @property
    def _time_limit(self) -> float:
        """Seconds for one observation: for all calls, and one more. It also ends a name lookup that hangs."""
        calls = 1 + len(self._gather) + (1 if self._access.username else 0)
        rounds = -(-len(self._nodes) // MAX_THREADS)
        return calls * rounds * self._access.timeout + 1

    def _view(self, node: _Node, statistics: bool) -> View:
        if not node.lock.acquire(blocking=False):
            return self._late(node)
        try:
            return self._ask(node, statistics)
        finally:
            node.client.close()
            if self._closed.is_set() and node.client.session:
                self._log_out(node)
            node.lock.release()

    def _ask(self, node: _Node, statistics: bool) -> View:
        node.answers = False
        try:
            answer, listing = _listing(node.client)
        except ClientError as error:
            statistics = statistics and _lacks_broker(error)
            return View(
                node.member,
                failure=Failure(error.code, error.reason, str(error)),
                answered_by=error.answered_by,
                statistics=self._statistics(node.client, error.answered_by) if statistics else None,
                rate_limit=_rate_limit(error),
            )
        node.answers = True
        version, also_answered = self._version(node.client, answer.answered_by)
        return View(
            node.member,
            listing=listing,
            answered_by=answer.answered_by,
            also_answered=also_answered,
            version=version,
            ready=node.client.ready() if READINESS in self._gather else None,
            statistics=self._statistics(node.client, answer.answered_by) if statistics else None,
            date=answer.date,
            rate_limit=_rate_limit(answer),
        )

    def _version(self, client: Client, instance_id: str | None) -> tuple[str | None, str | None]:
        """The version of the process that sent the list, and the id of another process if that one answered now.

        Only users with the permission view-statistics get the full version.
        """
        if VERSION not in self._gather:
            return None, None
        if instance_id in self._versions:
            return self._versions[instance_id], None
        try:
            answer = client.info()
        except ClientError:
            return None, None
        version = _told_version(answer.payload)
        if answer.answered_by and version and FULL_VERSION.fullmatch(version):
            self._versions[answer.answered_by] = version
        if answer.answered_by == instance_id:
            return version, None
        return None, answer.answered_by

    def _statistics(self, client: Client, instance_id: str | None) -> Statistics | None:
        """The statistics; none if a later call may succeed. The uptime is that of the process that sent the list."""
        asked_at = self._clock()
        try:
            answer = client.statistics()
        except ClientError as error:
            return None if error.code.row.ends in (Ends.WAIT, Ends.TIME) and not _is_refused(error) else REFUSED
        received_at = self._clock()
        process = answer.payload.get("process") if answer.answered_by == instance_id else None
        told = _mapping(process).get("uptime")
        uptime = told if isinstance(told, (int, float)) and is_number(told) and told >= 0 else None
        return Statistics(
            # Counted until the zero of the clock here; counted_until adds the end of the observation.
            uptime=None if uptime is None else uptime - received_at,
            uptime_at_most=None if uptime is None else uptime - asked_at,
            lock_age=_lock_age(_mapping(answer.payload.get("migration")), answer.date),
        )

    def _late(self, node: _Node) -> View:
        reason = f"no answer within {self._time_limit:g} s"
        message = f"{node.member.url} gave {reason}; check that its name can be looked up, or raise timeout"
        return View(node.member, failure=Failure(Code.TIMEOUT, reason, message))

    def _end(self, node: _Node) -> None:
        node.client.settled.wait(LOGOUT_TIMEOUT)
        self._log_out(node)

    def _log_out(self, node: _Node) -> None:
        """Log out at the session's own node, or else at another one, since they share the database."""
        session = node.client.session
        if session is None:
            return
        others = sorted((other for other in self._nodes if other is not node), key=lambda other: not other.answers)
        for place in (node, *others):
            client = Client(place.member.url, self._access)  # a new one: a call of the node's client may still hang
            try:
                client.logout(session)
            except ClientError:
                continue
            finally:
                client.close()
            node.client.forget_session()
            return


class _Node:
    """A member, its client, and whether it answered last. ``lock`` is held while the member is asked."""

    def __init__(self, member: Member, access: Access) -> None:
        self.member = member
        self.client = Client(member.url, access)
        self.lock = threading.Lock()
        self.answers = False


def _listing(client: Client) -> tuple[Answer, Listing]:
    answer = client.instances()
    try:
        return answer, parse(answer.payload, answered_by=answer.answered_by)
    except InvalidAnswerError as error:
        raise client.not_understood(answer, str(error)) from None


REFUSED = Statistics(uptime=None, uptime_at_most=None, lock_age=None)


def _is_refused(error: ClientError) -> bool:
    """Whether the user lacks the permission for statistics, which the server answers with a 400."""
    return error.code is Code.NOT_ROCKETCHAT


def _lacks_broker(error: ClientError) -> bool:
    """Whether the process has lost its broker: it refuses the list, but answers calls that need only the database."""
    return error.code.row.ends is Ends.RESTART


def _lock_age(migration: Mapping[str, Any], date: datetime | None) -> float | None:
    """Seconds for which the lock has been taken; 0 if the time is missing or in the future, none if it is free."""
    if migration.get("locked") is not True:
        return None
    return max(seconds_between(parse_time(migration.get("lockedAt")), date) or 0.0, 0.0)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _told_version(payload: Mapping[str, Any]) -> str | None:
    info = payload.get("info")
    versions = (info.get("version") if isinstance(info, dict) else None, payload.get("version"))
    return next((version for version in versions if isinstance(version, str) and _VERSION.fullmatch(version)), None)


def _rate_limit(told: Answer | ClientError) -> dict[str, Any] | None:
    return told.rate_limit.to_dict() if told.rate_limit else None
