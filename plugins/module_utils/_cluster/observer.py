# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Asks all members at once and makes one observation of their answers."""

from __future__ import annotations

import re
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    InvalidAnswerError,
    Listing,
    parse,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.thread_pool import MAX_THREADS, run_together
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.client import LOGOUT_TIMEOUT, Answer, Client
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access

_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}", re.ASCII)  # it is shown to people as it is
VERSION = "version"
READINESS = "readiness"


class Observer:
    """Observes the same members again and again. ``clock`` is monotonic, in seconds.

    ``gather``: what to ask besides the instances, of :data:`VERSION` and :data:`READINESS`. One node's failure is its
    view's. Sessions that had to be logged in are kept from one observation to the next, until :meth:`close`.
    """

    def __init__(
        self,
        members: Sequence[Member],
        access: Access,
        *,
        gather: frozenset[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._gather = gather
        self._clock = clock
        self._closed = threading.Event()
        self._nodes = tuple(_Node(member, access) for member in members)

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    @property
    def secrets(self) -> frozenset[str]:
        """All that must not be shown, tokens of sessions that were logged in meanwhile included."""
        return self._access.secrets.union(*(node.client.secrets for node in self._nodes))

    def observe(self) -> Observation:
        jobs = [partial(self._view, node) for node in self._nodes]
        views = run_together(jobs, within=self._time_limit)
        return Observation(
            views=tuple(view or self._late(node) for view, node in zip(views, self._nodes)),
            at=self._clock(),
        )

    def close(self) -> None:
        """Log out what was logged in. Bounded to a few seconds, and never raises: a session expires some day."""
        self._closed.set()
        run_together([partial(self._end, node) for node in self._nodes], within=3 * LOGOUT_TIMEOUT)

    @property
    def _time_limit(self) -> float:
        """Each call has its own limit, but a name lookup cannot be interrupted; the second is for all else."""
        calls = 1 + len(self._gather) + (1 if self._access.username else 0)
        rounds = -(-len(self._nodes) // MAX_THREADS)
        return calls * rounds * self._access.timeout + 1

    def _view(self, node: _Node) -> View:
        if not node.lock.acquire(blocking=False):
            return self._late(node)
        try:
            return self._ask(node)
        finally:
            node.client.close()
            if self._closed.is_set() and node.client.session:
                self._log_out(node)
            node.lock.release()

    def _ask(self, node: _Node) -> View:
        node.answers = False
        try:
            answer, listing = _listing(node.client)
        except ClientError as error:
            return View(
                node.member,
                failure=Failure(error.code, error.reason, str(error)),
                rate_limit=_rate_limit(error),
            )
        node.answers = True
        return View(
            node.member,
            listing=listing,
            version=_version(node.client) if VERSION in self._gather else None,
            ready=node.client.ready() if READINESS in self._gather else None,
            date=answer.date,
            rate_limit=_rate_limit(answer),
        )

    def _late(self, node: _Node) -> View:
        reason = f"no answer within {self._time_limit:g} s"
        message = f"{node.member.url} gave {reason}; check that its name can be looked up, or raise timeout"
        return View(node.member, failure=Failure(Code.TIMEOUT, reason, message))

    def _end(self, node: _Node) -> None:
        node.client.settled.wait(LOGOUT_TIMEOUT)
        self._log_out(node)

    def _log_out(self, node: _Node) -> None:
        """At its own node, else at one of the others, those that answered first: they share the database."""
        session = node.client.session
        if session is None:
            return
        others = sorted((other for other in self._nodes if other is not node), key=lambda other: not other.answers)
        for place in (node, *others):
            client = Client(place.member.url, self._access)  # its own: a call of the node's may still be stuck
            try:
                client.logout(session)
            except ClientError:
                continue
            finally:
                client.close()
            node.client.forget_session()
            return


class _Node:
    """A member and what is kept of it. ``lock`` is held while it is being asked."""

    def __init__(self, member: Member, access: Access) -> None:
        self.member = member
        self.client = Client(member.url, access)
        self.lock = threading.Lock()
        self.answers = False


def _listing(client: Client) -> tuple[Answer, Listing]:
    answer = client.instances()
    try:
        return answer, parse(answer.payload)
    except InvalidAnswerError as error:
        raise client.not_understood(str(error)) from None


def _version(client: Client) -> str | None:
    """The full version is for those with the permission view-statistics; others are told major and minor."""
    try:
        payload = client.info().payload
    except ClientError:
        return None
    info = payload.get("info")
    versions = (info.get("version") if isinstance(info, dict) else None, payload.get("version"))
    return next((version for version in versions if isinstance(version, str) and _VERSION.fullmatch(version)), None)


def _rate_limit(told: Answer | ClientError) -> dict[str, Any] | None:
    return told.rate_limit.to_dict() if told.rate_limit else None
