# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The client of one node: sends requests to a Rocket.Chat server and returns the JSON of the answers."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access, is_header
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import ClientError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.identity import answered_by
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.rate_limit import (
    RateLimit,
    date_of,
    rate_limit_of,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import excerpt
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import (
    FailedError,
    Response,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

INSTANCES = "/api/v1/instances.get"
INFO = "/api/info"
READY = "/readyz"
STATISTICS = "/api/v1/statistics?refresh=true"
LOGIN = "/api/v1/login"
LOGOUT = "/api/v1/logout"

LOGOUT_TIMEOUT = 2.0
REFUSED_FOR = 900.0  # seconds: longer than a usual gate, but not forever, since a watch runs for months


@dataclass(frozen=True)
class Answer:
    """A JSON object that one node sent."""

    payload: dict[str, Any]
    status: int
    headers: Mapping[str, str]

    @property
    def answered_by(self) -> str | None:
        """The instance id of the process that sent the answer; none if the header is missing."""
        return answered_by(self.headers)

    @property
    def date(self) -> datetime | None:
        """The node's clock, in UTC."""
        return date_of(self.headers)

    @property
    def rate_limit(self) -> RateLimit | None:
        return rate_limit_of(self.headers)


class Client:
    """The client of one node. Each method sends one request, the first one maybe after a login. No retries, no cache.

    Raises only :class:`ClientError`. Calls share one connection until :meth:`close`. A login session stays until
    :meth:`logout`. A refused login is not repeated for :data:`REFUSED_FOR`, since servers lock accounts. ``settled`` is
    set unless a login is in progress. For one thread at a time.
    """

    def __init__(self, url: str, access: Access) -> None:
        self.url = url.rstrip("/")
        self.settled = threading.Event()
        self.settled.set()
        self._access = access
        self._token: tuple[str, str] | None = None
        if access.user_id and access.auth_token:
            self._token = (access.user_id, access.auth_token)
        self._logged_in = False
        self._proven = False
        self._refused: ClientError | None = None
        self._refused_until = 0.0
        self._secrets = set(access.secrets)
        self._transport = Transport(self.url, access)

    @property
    def session(self) -> tuple[str, str] | None:
        """User id and token of the session that this client has logged in and not logged out."""
        return self._token if self._logged_in else None

    @property
    def secrets(self) -> frozenset[str]:
        """Everything that must not be shown: the secrets of the access, and the tokens of login sessions."""
        return frozenset(self._secrets)

    def instances(self) -> Answer:
        """The answer of ``GET /api/v1/instances.get``, which needs the permission view-statistics."""
        headers = self._credentials()
        try:
            answer = self._call("GET", INSTANCES, headers=headers)
        except ClientError as error:
            if error.code is Code.UNAUTHORIZED:
                self._session_refused(error)
            raise
        self._proven = True
        if answer.status == 400:
            raise self._refused_by_endpoint(answer)
        self._expect_ok(answer, "GET", INSTANCES)
        return answer

    def _refused_by_endpoint(self, answer: Answer) -> ClientError:
        """The error for a 400, which the endpoint answers for each of its internal exceptions.

        ``Service '$node.list' is not available.``: the process has dropped itself from its broker, until it is
        restarted. ``Service '$node.list' is not found on '…' node.``: so has the peer that it passes the call on to.
        ``Service '$node.list' is not found.``: its broker is not up yet.
        """
        said = _server_words(answer.payload)
        if "$node.list" in said and ("not available" in said or "not found on" in said):
            return self._error(Code.BROKER_DOWN, "GET", INSTANCES, answer, said, "only a restart cures it")
        if "$node.list" in said and "not found" in said:
            return self._error(Code.STARTING, "GET", INSTANCES, answer, said, "its broker is not up yet")
        return self._error(Code.SERVER_ERROR, "GET", INSTANCES, answer, said, said or "answered 400")

    def info(self) -> Answer:
        """The answer of ``GET /api/info``: the only source of a node's own version. It is not rate limited."""
        answer = self._call("GET", INFO, headers=self._credentials())
        self._expect_ok(answer, "GET", INFO)
        return answer

    def statistics(self) -> Answer:
        """The answer of ``GET /api/v1/statistics?refresh=true``, which needs view-statistics.

        A heavy call: the server stores a document.
        """
        answer = self._call("GET", STATISTICS, headers=self._credentials())
        self._expect_ok(answer, "GET", STATISTICS)
        return answer

    def ready(self) -> bool | None:
        """Whether ``GET /readyz`` (since 7.11) says that the node is ready; none if the node has no such endpoint.

        The node's own ping of the database decides if the answer contains it, since the check of the event loop fails
        under load and with the first request after a start. Otherwise the status decides. Servers before 7.11 answer
        404, or their web page as for any unknown path.
        """
        try:
            response = self._transport.send("GET", READY, headers={}, body=None, limit=self._access.timeout)
        except FailedError:
            return False
        if response.status == 404 or (response.status == 200 and response.text("replace").lstrip()[:1] == "<"):
            return None
        try:
            payload = self._parse(response, "GET", READY)
        except ClientError:
            return False
        mongo = _entry(_entry(payload, "checks"), "mongo").get("status")
        return mongo.lower() == "ok" if isinstance(mongo, str) else response.status == 200

    def not_understood(self, answer: Answer, why: str) -> ClientError:
        """The error for an answer of ``instances.get`` that is JSON, but not what the endpoint should send."""
        return self._error(Code.NOT_ROCKETCHAT, "GET", INSTANCES, answer, why, "answered JSON of an unexpected form")

    def logout(self, session: tuple[str, str]) -> None:
        """Log out a session, also of another node of the same cluster: the nodes share the database."""
        timeout = min(LOGOUT_TIMEOUT, self._access.timeout)
        self._secrets.add(session[1])
        answer = self._call("POST", LOGOUT, headers=_token_headers(session), body={}, timeout=timeout)
        if answer.status != 200:
            raise self._error(Code.NOT_ROCKETCHAT, "POST", LOGOUT, answer, "", f"answered {answer.status}")

    def forget_session(self) -> None:
        """Stop using a session that was logged out."""
        self._token = None
        self._logged_in = False
        self._proven = False

    def close(self) -> None:
        """Close the connection. The next call opens a new one."""
        self._transport.close()

    def _credentials(self) -> dict[str, str]:
        if self._refused is not None and time.monotonic() < self._refused_until:
            raise self._refused
        if self._token is None:
            self.settled.clear()
            try:
                self._token = self._login()
                self._logged_in = True
            finally:
                self.settled.set()
        return _token_headers(self._token)

    def _session_refused(self, error: ClientError) -> None:
        """Forget a refused session. The next call logs in again, but only if the session has worked before."""
        if not self._logged_in:
            return
        if not self._proven:
            self._refuse(error)
        self.forget_session()

    def _refuse(self, error: ClientError) -> None:
        self._refused = error
        self._refused_until = time.monotonic() + REFUSED_FOR

    def _login(self) -> tuple[str, str]:
        access = self._access
        body = {"user": access.username, "password": access.password}
        if access.totp_code:
            body["code"] = access.totp_code
        try:
            answer = self._call("POST", LOGIN, headers={}, body=body)
        except ClientError as error:
            if error.code is Code.UNAUTHORIZED:
                self._refuse(error)
            raise
        data = answer.payload.get("data")
        user_id, token = (data.get("userId"), data.get("authToken")) if isinstance(data, dict) else (None, None)
        if answer.status != 200 or not _is_header(user_id) or not _is_header(token):
            raise self._error(Code.NOT_ROCKETCHAT, "POST", LOGIN, answer, "", "the login returned no token")
        self._secrets.add(str(token))
        return str(user_id), str(token)

    def _expect_ok(self, answer: Answer, method: str, path: str) -> None:
        if answer.status != 200 or answer.payload.get("success") is not True:
            words = _server_words(answer.payload)
            raise self._error(Code.NOT_ROCKETCHAT, method, path, answer, words, f"answered {answer.status}")

    def _call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """The answer to one request. Raises for an answer without a JSON object, and for a status with a code."""
        limit = self._access.timeout if timeout is None else timeout
        try:
            response = self._transport.send(method, path, headers=headers, body=body, limit=limit)
        except FailedError as failed:
            raise self._error(
                failed.code, method, path, None, failed.text, failed.reason, remedy=failed.remedy
            ) from None
        self._raise_for_status(response, method, path)
        return Answer(
            payload=self._parse(response, method, path),
            status=response.status,
            headers=response.headers,
        )

    def _raise_for_status(self, response: Response, method: str, path: str) -> None:
        code = _BY_STATUS.get(response.status)
        if code is None:
            return
        reason = str(response.status) if code is not Code.SERVER_ERROR else f"answered {response.status}"
        text = response.text("replace")  # uncut: text that is cut before it is masked may end with half a secret
        if response.status in NO_SERVER_BEHIND and answered_by(response.headers) is None:
            code, reason = Code.UNREACHABLE, f"a proxy answered {response.status}"
        if code is Code.REDIRECTED:
            text = reason = f"redirected to {_place(response.headers.get('Location', ''))}"
        raise self._error(code, method, path, response, text, reason)

    def _parse(self, response: Response, method: str, path: str) -> dict[str, Any]:
        try:
            payload = json.loads(response.text())
        except (ValueError, RecursionError):
            text = "not JSON: " + response.text("replace")
            raise self._error(Code.NOT_ROCKETCHAT, method, path, response, text, "did not answer JSON") from None
        if not isinstance(payload, dict):
            text = "not a JSON object: " + response.text("replace")
            raise self._error(Code.NOT_ROCKETCHAT, method, path, response, text, "answered JSON of an unexpected form")
        return payload

    def _error(
        self,
        code: Code,
        method: str,
        path: str,
        answer: Answer | Response | None,
        text: str,
        reason: str,
        *,
        remedy: str | None = None,
    ) -> ClientError:
        what = f"{method} {self.url}{path}" + (f" answered {answer.status}" if answer else " failed")
        message = ": ".join(part for part in (what, excerpt(text, self._secrets)) if part).rstrip(".")
        headers = answer.headers if answer else {}
        return ClientError(
            code,
            f"{message}. {remedy or code.row.remedy}",
            reason=excerpt(reason, self._secrets),
            rate_limit=rate_limit_of(headers),
            answered_by=answered_by(headers),
        )


# Without the header X-Instance-ID, a proxy sent it because no node answers behind it.
NO_SERVER_BEHIND = range(502, 505)

# Without 400: its meaning depends on the call and on the server's text.
_BY_STATUS = {status: code for code in Code for status in code.row.statuses or () if status != 400}


def _server_words(payload: Mapping[str, Any]) -> str:
    """The text of the server's error; empty if there is none."""
    return next((payload[key] for key in ("error", "message") if isinstance(payload.get(key), str)), "")


def _token_headers(session: tuple[str, str]) -> dict[str, str]:
    return {"X-User-Id": session[0], "X-Auth-Token": session[1]}


def _entry(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    entry = value.get(name)
    return entry if isinstance(entry, dict) else {}


def _is_header(value: object) -> bool:
    return isinstance(value, str) and is_header(value)


def _place(location: str) -> str:
    """The address that a redirect leads to, without the parts that can contain a secret: user, query and fragment."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an invalid address"
    host = parts.netloc.rpartition("@")[2]
    return (f"{parts.scheme}:" if parts.scheme else "") + (
        f"//{host}" if host else ""
    ) + parts.path or "an empty address"
