# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP API of one node: its paths, permissions and rate limits."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from rocketchat_emulator import answers, realtime
from rocketchat_emulator.accounts import BYPASS_RATE_LIMIT, VIEW_STATISTICS, Session
from rocketchat_emulator.answers import RefusedError
from rocketchat_emulator.exchange import Exchange, is_foreign, to_response, web_page
from rocketchat_emulator.links import BrokerError
from rocketchat_emulator.migration import Control
from rocketchat_emulator.ratelimit import Tally
from rocketchat_emulator.registry import isoformat

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rocketchat_emulator.accounts import Accounts, User
    from rocketchat_emulator.answers import Answer
    from rocketchat_emulator.balancer import Balancer
    from rocketchat_emulator.database import Database
    from rocketchat_emulator.faults import Fault
    from rocketchat_emulator.instance import Instance
    from rocketchat_emulator.links import Broker
    from rocketchat_emulator.presence import Presence
    from rocketchat_emulator.probes import Probes
    from rocketchat_emulator.ratelimit import RateLimiter
    from rocketchat_emulator.registry import Registry
    from rocketchat_emulator.roster import Roster
    from rocketchat_emulator.version import Version


# Seconds between two checks of a call that waits for the database.
_LOOK_AGAIN = 0.05

# The header with the id of the process that answered.
INSTANCE_ID = "X-Instance-ID"


@dataclass(frozen=True)
class _Call:
    """One request to /api/v1 that has reached its handler."""

    request: web.Request
    user: User | None
    fault: Fault


@dataclass(frozen=True)
class _Route:
    """``permission_refused`` is the answer to users without view-statistics, where that permission is needed."""

    handler: Callable[[_Call], Awaitable[Answer]]
    login: bool = True
    permission_refused: Callable[[Version], Answer] | None = None


@dataclass(frozen=True)
class Api:
    """``never_ready`` is decided when the process starts: such a build does not recover.

    ``selection_timeout``: seconds that a call waits for an unavailable database.
    """

    instance: Instance
    database: Database
    registry: Registry
    accounts: Accounts
    roster: Roster
    broker: Broker
    presence: Presence
    limiter: RateLimiter | None
    balancer: Balancer
    probes: Probes
    request_log: Path
    selection_timeout: float
    microservices: bool
    never_ready: bool

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.handle)
        application.on_response_prepare.append(self._sign)
        return application

    async def handle(self, request: web.Request) -> web.StreamResponse:
        status = None
        try:
            response = await self._respond(request)
            status = response.status if response else None
            return response or web.Response()
        finally:
            self._log(request, status)

    async def _respond(self, request: web.Request) -> web.StreamResponse | None:
        fault = self.roster.fault(self.instance.node)
        if request.path == realtime.PATH and not self.never_ready:
            return await realtime.converse(request)
        if not request.path.startswith("/api/"):
            return self._outside(request, fault)
        if self.never_ready:
            return to_response(answers.unavailable())
        return await Exchange(request, fault, self.balancer, lambda: self._answer(request, fault)).finish()

    def _outside(self, request: web.Request, fault: Fault) -> web.Response:
        """The answer of a probe, or the web client's page for all other paths."""
        return self.probes.answer(request, fault.behaviour) or web_page()

    async def _sign(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the id of the answering process, as the first handler of every Rocket.Chat process has since 2017.

        The id is the `_id` of the process's record, and is sent even if no record is written. No header names the
        server software.
        """
        response.headers.pop(hdrs.SERVER, None)
        if self.roster.fault(self.instance.node).behaviour.names_itself and not is_foreign(request):
            response.headers[INSTANCE_ID] = self.instance.id

    async def _answer(self, request: web.Request, fault: Fault) -> web.Response:
        headers: dict[str, str] = {}
        try:
            answer = await self._dispatch(request, fault, headers)
        except RefusedError as refused:
            answer = refused.answer
        except sqlite3.Error:
            answer = answers.server_error()
        return to_response(answer, headers)

    async def _dispatch(self, request: web.Request, fault: Fault, headers: dict[str, str]) -> Answer:
        """The checks of a call in the order of the release: since 8.0 only permitted calls are counted."""
        if _needs_database(request) and not await self._reaches_database():
            return answers.server_error()
        user = self._user(request, fault)
        if (request.method, request.path) == (hdrs.METH_GET, "/api/info"):
            return answers.info(self.instance.version, privileged=_may(user, VIEW_STATISTICS, fault))
        route = self._routes().get((request.method, request.path))
        if route is None:
            return answers.not_found()
        checks: list[Callable[[], Answer | None]] = [
            lambda: self._refused(route, user, fault),
            lambda: self._over_limit(request, user, fault, headers),
        ]
        for check in reversed(checks) if self.instance.version.limits_rates_first else checks:
            answer = check()
            if answer:
                return answer
        if request.path in fault.behaviour.answers:
            return fault.behaviour.answers[request.path]
        return await route.handler(_Call(request, user, fault))

    async def _reaches_database(self) -> bool:
        """Wait for the database as long as its driver does; returns whether it answers."""
        end = time.monotonic() + self.selection_timeout
        while not self.roster.fault(self.instance.node).behaviour.reaches_database:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(_LOOK_AGAIN)
        return True

    def _routes(self) -> dict[tuple[str, str], _Route]:
        return {
            ("GET", "/api/v1/instances.get"): _Route(self._instances_get, permission_refused=answers.forbidden),
            ("GET", "/api/v1/statistics"): _Route(self._statistics, permission_refused=answers.statistics_forbidden),
            ("GET", "/api/v1/me"): _Route(self._me),
            ("POST", "/api/v1/login"): _Route(self._login, login=False),
            ("POST", "/api/v1/logout"): _Route(self._logout),
        }

    def _user(self, request: web.Request, fault: Fault) -> User | None:
        if not fault.behaviour.knows_users:
            return None
        return self.accounts.caller(user_id=request.headers.get("X-User-Id"), token=request.headers.get("X-Auth-Token"))

    def _refused(self, route: _Route, user: User | None, fault: Fault) -> Answer | None:
        """The refusal because of login or permission, or None."""
        if route.login and user is None:
            return answers.unauthorized(self.instance.version)
        if route.permission_refused and not _may(user, VIEW_STATISTICS, fault):
            return route.permission_refused(self.instance.version)
        return None

    def _over_limit(
        self, request: web.Request, user: User | None, fault: Fault, headers: dict[str, str]
    ) -> Answer | None:
        """Count a call; its answer has the headers of the limiter in any case."""
        tally = self._count(request, user, fault)
        if tally is None:
            return None
        headers.update(tally.headers(now=time.time()))
        return None if tally.allowed else answers.too_many_requests(tally.wait)

    def _count(self, request: web.Request, user: User | None, fault: Fault) -> Tally | None:
        if fault.behaviour.limits_all:
            limit = self.limiter.limit if self.limiter else None
            return Tally(limit.calls if limit else 10, 0, limit.seconds if limit else 60, allowed=False)
        if self.limiter is None or not self.instance.version.limits_rates or _may(user, BYPASS_RATE_LIMIT, fault):
            return None
        return self.limiter.count((request.remote or "", request.path, request.method))

    async def _instances_get(self, _call: _Call) -> Answer:
        try:
            view = await self.broker.view()
        except BrokerError as error:
            return answers.failure(400, str(error))
        return answers.instances(self.registry.records(), instance=self.instance, view=view)

    async def _me(self, call: _Call) -> Answer:
        assert call.user
        return answers.me(call.user)

    async def _login(self, call: _Call) -> Answer:
        fields = await _fields(call.request)
        name = fields.get("user") or fields.get("username") or fields.get("email")
        if not call.fault.behaviour.knows_users:
            return answers.login_failed("Unauthorized")
        code = fields.get("code")
        outcome = self.accounts.log_in(
            name=str(name), password=str(fields.get("password")), code=None if code is None else str(code)
        )
        if not isinstance(outcome, Session):
            return answers.login_failed(outcome)
        self.presence.count_login()
        return answers.logged_in(outcome)

    async def _logout(self, call: _Call) -> Answer:
        self.accounts.log_out(call.request.headers["X-Auth-Token"])
        return answers.logged_out()

    async def _statistics(self, call: _Call) -> Answer:
        """The last stored document, perhaps of another node; with refresh=true a new one."""
        if call.request.query.get("refresh") == "true":
            self.store_statistics()
        return answers.success(**json.loads(self.database.get("statistics")))

    def store_statistics(self) -> None:
        """Rocket.Chat does this every hour; the emulator does it at the start of each node and on request."""
        now, control = isoformat(self.database.now()), Control.read(self.database)
        document = {
            "_id": self.presence.id,
            "version": str(self.instance.version),
            "instanceCount": self.registry.count(),
            "msEnabled": self.microservices,
            "migration": {
                "_id": "control",
                "version": control.version,
                "locked": control.locked,
                "lockedAt": isoformat(control.locked_at),
            },
            "process": {
                "nodeVersion": self.instance.version.node_js,
                "pid": self.instance.pid,
                "uptime": self.instance.uptime(),
            },
            "createdAt": now,
        }
        self.database.put("statistics", json.dumps(document))

    def _log(self, request: web.Request, status: int | None) -> None:
        """Log one line per request, for tests that count. No query and no headers: they may contain secrets."""
        line = {"time": time.time(), "method": request.method, "path": request.path, "status": status}
        try:
            with self.request_log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
        except FileNotFoundError:
            # The state directory was removed; this process ends soon.
            return


def _needs_database(request: web.Request) -> bool:
    """Whether a token or a password must be looked up, which is the first step."""
    return "X-Auth-Token" in request.headers or request.path == "/api/v1/login"


def _may(user: User | None, permission: str, fault: Fault) -> bool:
    return user is not None and permission in user.permissions - fault.behaviour.withholds


async def _fields(request: web.Request) -> dict[str, Any]:
    """The fields of a login, from JSON or a form."""
    text = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text))
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise RefusedError(answers.failure(400, "Invalid JSON"))
    return fields
