# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""One node, one call: send a request to one Rocket.Chat server, bounded in time and size, and return its JSON."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

try:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
except ImportError as error:  # the surface says which interpreter lacks it
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

INSTANCES = "/api/v1/instances.get"
INFO = "/api/info"
READY = "/readyz"
LOGIN = "/api/v1/login"
LOGOUT = "/api/v1/logout"

MAX_BYTES = 16 * 1024 * 1024
LOGOUT_TIMEOUT = 2.0
RATE_LIMIT_WINDOW = 60.0
EXCERPT_CHARACTERS = 160
HTTP_AGENT = "rocketops.rocketchat"
MASK = "********"


class ClientError(Exception):
    """A call that brought no usable answer. ``code`` is its kind, ``str()`` names method, URL, status and cure."""

    code: ClassVar[str]
    cure: ClassVar[str]
    reason: str = ""  # a few words for a status line, such as "connection refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnreachableError(ClientError):
    code = "unreachable"
    cure = "check that the node runs and that its port can be reached from where the task runs"


class TimedOutError(ClientError):
    code = "timeout"
    cure = "check whether the node hangs, or raise timeout"


class TlsError(ClientError):
    code = "tls"
    cure = "check the certificate and the node's name in url, or set ca_path"


class RedirectedError(ClientError):
    code = "redirected"
    cure = "redirects are not followed, credentials would go along; give the node's own address as url"


class UnauthorizedError(ClientError):
    code = "unauthorized"
    cure = "check user_id and auth_token, or username and password (and totp_code where two-factor is on)"


class ForbiddenError(ClientError):
    code = "forbidden"
    cure = "give the user a role that has the permission view-statistics"


class RateLimitedError(ClientError):
    """``rate_limit`` says when to ask again, where the node told it."""

    code = "rate_limited"
    cure = "ask less often, or give the user the permission api-bypass-rate-limit"
    rate_limit: RateLimit | None = None


class BrokerDownError(ClientError):
    code = "broker_down"
    cure = "the node's broker lost itself and never recovers: restart this node, deploy it first"


class ServerError(ClientError):
    code = "server_error"
    cure = "look into the node's log"


class NotRocketchatError(ClientError):
    code = "not_rocketchat"
    cure = "check that url leads to a Rocket.Chat node and not to a login page, a maintenance page or another service"


_Kind = TypeVar("_Kind", bound=ClientError)


@dataclass(frozen=True)
class Access:
    """How to reach nodes: everything but the node's own URL. ``timeout`` in seconds, for a whole call."""

    user_id: str | None = None
    auth_token: str | None = None
    username: str | None = None
    password: str | None = None
    totp_code: str | None = None
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    timeout: float = 10.0
    http_agent: str = HTTP_AGENT
    proxy: str | None = None

    @property
    def secrets(self) -> frozenset[str]:
        hidden = {self.auth_token, self.password, self.totp_code}
        proxy_password = urlsplit(self.proxy).password if self.proxy else None
        if proxy_password:
            hidden |= {proxy_password, unquote(proxy_password)}
        return frozenset(text for text in hidden if text)

    @property
    def verify(self) -> bool | str:
        return (self.ca_path or True) if self.validate_certs else False

    @property
    def certificate(self) -> str | tuple[str, str] | None:
        if self.client_cert and self.client_key:
            return self.client_cert, self.client_key
        return self.client_cert


@dataclass(frozen=True)
class RateLimit:
    """The X-RateLimit headers of one answer. ``reset_after``: seconds from the answer's own ``Date``, at most 60."""

    limit: int | None
    remaining: int | None
    reset_after: float | None

    def to_dict(self) -> dict[str, Any]:
        return {"limit": self.limit, "remaining": self.remaining, "reset_after": self.reset_after}


@dataclass(frozen=True)
class Answer:
    """A JSON object that one node sent. ``elapsed`` in seconds; ``date`` is the node's clock, in UTC."""

    payload: dict[str, Any]
    status: int
    date: datetime | None
    rate_limit: RateLimit | None
    elapsed: float


class Client:
    """One node. Every method is one request (the first one may need a login before it); nothing is retried or cached.

    Raises a :class:`ClientError` and nothing else. Calls share one connection until :meth:`close`. A session that had
    to be logged in stays until :meth:`logout`. A login that was refused is not repeated: servers lock accounts out.
    ``settled`` is set unless a login is on its way. For one thread at a time.
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
        self._refused: UnauthorizedError | None = None
        self._secrets = set(access.secrets)
        self._way: _Way | None = None

    @property
    def session(self) -> tuple[str, str] | None:
        """User id and token of a session that this client logged in and has not logged out."""
        return self._token if self._logged_in else None

    @property
    def secrets(self) -> frozenset[str]:
        """All that must not be shown: those of the access, and the tokens of sessions that were logged in."""
        return frozenset(self._secrets)

    def instances(self) -> Answer:
        """``GET /api/v1/instances.get``: needs the permission view-statistics."""
        headers = self._credentials()
        try:
            answer = self._call("GET", INSTANCES, headers=headers)
        except UnauthorizedError as error:
            self._session_refused(error)
            raise
        self._proven = True
        if answer.status == 400:
            said = _server_words(answer.payload)
            raise self._error(BrokerDownError, "GET", INSTANCES, 400, said, "only a restart cures it")
        self._expect_ok(answer, "GET", INSTANCES)
        return answer

    def info(self) -> Answer:
        """``GET /api/info``: the only per-node source of the version; never rate limited."""
        answer = self._call("GET", INFO, headers=self._credentials())
        self._expect_ok(answer, "GET", INFO)
        return answer

    def ready(self) -> bool | None:
        """``GET /readyz`` (since 7.11): true for 200, false for 503, none where the node has no such endpoint."""
        try:
            return self._call("GET", READY, headers={}).status == 200
        except NotRocketchatError:
            return None
        except ServerError:
            return False

    def not_understood(self, why: str) -> NotRocketchatError:
        """The error for an answer of ``instances.get`` that is JSON, but not what the endpoint sends."""
        return self._error(NotRocketchatError, "GET", INSTANCES, 200, why, "answered JSON of another shape")

    def logout(self, session: tuple[str, str]) -> None:
        """End a session that was logged in here or at another node of the same cluster (they share the database)."""
        timeout = min(LOGOUT_TIMEOUT, self._access.timeout)
        self._secrets.add(session[1])
        answer = self._call("POST", LOGOUT, headers=_token_headers(session), body={}, timeout=timeout)
        if answer.status != 200:
            raise self._error(NotRocketchatError, "POST", LOGOUT, answer.status, "", f"answered {answer.status}")

    def forget_session(self) -> None:
        """The session was logged out: it must not be used again."""
        self._token = None
        self._logged_in = False
        self._proven = False

    def close(self) -> None:
        """Close the connection. The next call opens a new one."""
        if self._way is not None:
            self._way.close()

    def _credentials(self) -> dict[str, str]:
        if self._refused is not None:
            raise self._refused
        if self._token is None:
            self.settled.clear()
            try:
                self._token = self._login()
                self._logged_in = True
            finally:
                self.settled.set()
        return _token_headers(self._token)

    def _session_refused(self, error: UnauthorizedError) -> None:
        """A session that worked before has ended: the next call logs in anew. One that never worked is not repeated."""
        if not self._logged_in:
            return
        if not self._proven:
            self._refused = error
        self.forget_session()

    def _login(self) -> tuple[str, str]:
        access = self._access
        body = {"user": access.username, "password": access.password}
        if access.totp_code:
            body["code"] = access.totp_code
        try:
            answer = self._call("POST", LOGIN, headers={}, body=body)
        except UnauthorizedError as error:
            self._refused = error
            raise
        data = answer.payload.get("data")
        user_id, token = (data.get("userId"), data.get("authToken")) if isinstance(data, dict) else (None, None)
        if answer.status != 200 or not _is_header(user_id) or not _is_header(token):
            raise self._error(NotRocketchatError, "POST", LOGIN, answer.status, "", "login brought no token")
        self._secrets.add(str(token))
        return str(user_id), str(token)

    def _expect_ok(self, answer: Answer, method: str, path: str) -> None:
        if answer.status != 200 or answer.payload.get("success") is not True:
            words = _server_words(answer.payload)
            raise self._error(NotRocketchatError, method, path, answer.status, words, f"answered {answer.status}")

    def _call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send one request. Raises for whatever is not a JSON object with status 200, 400 or another oddity of 4xx."""
        limit = self._access.timeout if timeout is None else timeout
        started = time.monotonic()
        deadline = _Deadline(limit)
        try:
            if self._way is None:
                self._way = _Way(self.url, self._access)
            with self._way.send(method, path, headers=headers, body=body, deadline=deadline) as response:
                content = _read(response)
            deadline.check()
        except _TooLargeError:
            text = f"the answer is larger than {MAX_BYTES // 1024 // 1024} MiB"
            raise self._error(NotRocketchatError, method, path, None, text, "answer too large") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._transport_error(error, deadline, method, path, limit) from None
        self._raise_for_status(response, content, method, path)
        return Answer(
            payload=self._parse(content, method, path, response.status),
            status=response.status,
            date=_date(response.headers),
            rate_limit=_rate_limit(response.headers),
            elapsed=time.monotonic() - started,
        )

    def _raise_for_status(self, response: urllib3.BaseHTTPResponse, content: bytes, method: str, path: str) -> None:
        status = response.status
        if 300 <= status < 400:
            place = _place(response.headers.get("Location", ""))
            raise self._error(RedirectedError, method, path, status, f"redirected to {place}", f"redirected to {place}")
        kind = _KINDS.get(status) or (ServerError if status >= 500 else None)
        if kind is None:
            return
        error = self._error(kind, method, path, status, _text(content), _REASONS.get(status, f"answered {status}"))
        if isinstance(error, RateLimitedError):
            error.rate_limit = _rate_limit(response.headers)
        raise error

    def _parse(self, content: bytes, method: str, path: str, status: int) -> dict[str, Any]:
        try:
            payload = json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError):
            text = f"not JSON: {_text(content)}"
            raise self._error(
                NotRocketchatError, method, path, status, text, "answered something else than JSON"
            ) from None
        if not isinstance(payload, dict):
            text = f"not a JSON object: {_text(content)}"
            raise self._error(NotRocketchatError, method, path, status, text, "answered JSON of another shape")
        return payload

    def _transport_error(
        self, error: BaseException, deadline: _Deadline, method: str, path: str, limit: float
    ) -> ClientError:
        if deadline.left <= 0 or _is_timeout(error):
            text = f"no complete answer within {limit:g} s"
            return self._error(TimedOutError, method, path, None, text, text)
        if isinstance(error, (urllib3.exceptions.SSLError, ssl.SSLError)):
            return self._error(TlsError, method, path, None, _root_cause(error), "TLS: " + _root_cause(error))
        if isinstance(error, urllib3.exceptions.DecodeError):
            return self._error(NotRocketchatError, method, path, None, "undecodable answer", "undecodable answer")
        if any(isinstance(cause, _CUT_OFF) for cause in _causes(error)):
            return self._error(NotRocketchatError, method, path, None, "the answer was cut off", "answer cut off")
        reason = _root_cause(error)
        if reason == NOT_HTTP:
            return self._error(NotRocketchatError, method, path, None, reason, reason)
        if isinstance(error, urllib3.exceptions.ProxyError):
            reason = f"proxy: {reason}"
        return self._error(UnreachableError, method, path, None, reason, reason)

    def _error(self, kind: type[_Kind], method: str, path: str, status: int | None, text: str, reason: str) -> _Kind:
        what = f"{method} {self.url}{path}" + (f" answered {status}" if status is not None else " failed")
        message = ": ".join(part for part in (what, self._excerpt(text)) if part)
        return kind(f"{message}; {kind.cure}", reason=self._excerpt(reason))

    def _excerpt(self, text: str) -> str:
        """One line of at most 160 characters. Masked before it is cut: half a secret is a secret too."""
        for secret in _spellings(self._secrets):
            text = text.replace(secret, MASK)
        line = " ".join(printable(text).split())
        return line if len(line) <= EXCERPT_CHARACTERS else line[: EXCERPT_CHARACTERS - 3] + "..."


_KINDS: dict[int, type[ClientError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotRocketchatError,
    429: RateLimitedError,
}
_REASONS = {
    401: "401",
    403: "403",
    404: "404",
    429: "429",
}


def printable(text: str) -> str:
    """Text of a server's making for one line of a terminal: no control characters, line breaks or lone surrogates."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class _TooLargeError(Exception):
    pass


class _Way:
    """How requests get to one node: by proxies and CA bundle as the environment says it to requests, looked up once.

    Sent by urllib3, which requests is built on: no retries, no redirects, no cookies, no netrc.
    """

    def __init__(self, url: str, access: Access) -> None:
        if not access.validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        given = {"http": access.proxy, "https": access.proxy} if access.proxy else {}
        self._settings = requests.Session().merge_environment_settings(
            url, given, True, access.verify, access.certificate
        )
        self._adapter: Any = HTTPAdapter()
        self._headers = {"User-Agent": access.http_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        prepared = requests.Request("GET", url, auth=_unchanged).prepare()
        self._url = str(prepared.url)
        self._target = self._adapter.request_url(prepared, self._settings["proxies"]).rstrip("/")
        self._pool: Any = None
        self._deadline = _Deadline(access.timeout)

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None,
        deadline: _Deadline,
    ) -> urllib3.BaseHTTPResponse:
        if self._pool is None:
            self._pool = self._connect()
        self._deadline = deadline
        typed = {} if body is None else {"Content-Type": "application/json"}
        response: urllib3.BaseHTTPResponse = self._pool.request(
            method,
            self._target + path,
            body=None if body is None else json.dumps(body).encode(),
            headers={**self._headers, **typed, **headers},
            timeout=deadline.check(),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            enforce_content_length=True,
        )
        return response

    def close(self) -> None:
        """The next call connects anew."""
        self._pool = None
        self._adapter.close()

    def _connect(self) -> Any:
        utils: Any = requests.utils
        proxy = utils.select_proxy(self._url, self._settings["proxies"])
        manager = self._adapter.poolmanager
        if proxy:
            manager = self._adapter.proxy_manager_for(utils.prepend_scheme_if_needed(proxy, "http"))
        pool = manager.connection_from_url(self._url)
        self._adapter.cert_verify(pool, self._url, self._settings["verify"], self._settings["cert"])
        pool.ConnectionCls = partial(_bounded(pool.ConnectionCls), deadline=lambda: self._deadline)
        return pool


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Deadline:
    """When a call has to be over. A socket's own timeout is none: it starts anew with every byte of one who drips."""

    def __init__(self, limit: float) -> None:
        self._at = time.monotonic() + limit

    @property
    def left(self) -> float:
        return self._at - time.monotonic()

    def check(self) -> float:
        """The seconds left. Raises :class:`TimeoutError` if there are none."""
        left = self.left
        if left <= 0:
            raise TimeoutError
        return left


@cache
def _bounded(connection: type) -> type:
    return type(connection.__name__, (_Bounded, connection), {})


class _Bounded:
    """What is put before a connection class of urllib3: whatever its socket does ends with the call's time."""

    sock: Any

    def __init__(self, *args: Any, deadline: Callable[[], _Deadline], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = deadline

    def _new_conn(self) -> Any:
        connected = super()._new_conn()  # type: ignore[misc]
        connected.settimeout(self._deadline().check())  # for the handshake of TLS
        return connected

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._deadline().check())
        super().putrequest(*args, **kwargs)  # type: ignore[misc]

    def response_class(self, connected: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        source: Any = _Source(connected, self._deadline())
        return http.client.HTTPResponse(source, *args, **kwargs)


class _Source(io.RawIOBase):
    """Reads from a socket, and gives each read only the time that the whole call has left."""

    def __init__(self, connected: Any, deadline: _Deadline) -> None:
        self._socket = connected
        self._raw: io.RawIOBase = connected.makefile("rb", buffering=0)
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._deadline.check())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """The decoded body, at most 16 MiB of it."""
    content = bytearray()
    for piece in response.stream(16 * 1024, decode_content=True):
        content += piece
        if len(content) > MAX_BYTES:
            raise _TooLargeError
    return bytes(content)


def _text(content: bytes) -> str:
    return content[: 64 * 1024].decode("utf-8", "replace")


# What html.escape does; its module brings a table of all entities, which costs more than the rest of this one.
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def _spellings(secrets: set[str]) -> list[str]:
    """The ways in which an answer could repeat a secret: as it is, or escaped for JSON, a URL or HTML."""
    spelled = {
        spelling
        for secret in secrets
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            quote(secret, errors="replace"),
            quote(secret, safe="", errors="replace"),
            secret.translate(_HTML),
        )
    }
    return sorted(spelled, key=len, reverse=True)


def _server_words(payload: Mapping[str, Any]) -> str:
    """What a Rocket.Chat server says of an error."""
    return next((payload[key] for key in ("error", "message") if isinstance(payload.get(key), str)), "")


def _token_headers(session: tuple[str, str]) -> dict[str, str]:
    return {"X-User-Id": session[0], "X-Auth-Token": session[1]}


def _is_header(value: object) -> bool:
    return isinstance(value, str) and is_header(value)


def is_header(value: str) -> bool:
    """Whether it can be sent as the value of a header: printable ASCII, no white space around it."""
    return bool(value) and value.isascii() and value.isprintable() and value == value.strip()


def _place(location: str) -> str:
    """Where a redirect leads, without what can hold a secret: user, query, fragment."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an invalid place"
    host = parts.netloc.rpartition("@")[2]
    return (f"{parts.scheme}:" if parts.scheme else "") + (f"//{host}" if host else "") + parts.path or "nowhere"


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """None where the caller is not limited: the headers are absent then."""
    limit, remaining, reset = (
        _whole(headers.get(f"X-RateLimit-{name}", "")) for name in ("Limit", "Remaining", "Reset")
    )
    if limit is None and remaining is None and reset is None:
        return None
    date = _date(headers)
    reset_after = None
    if reset is not None and date is not None:
        reset_after = min(max(reset / 1000 - date.timestamp(), 0.0), RATE_LIMIT_WINDOW)
    return RateLimit(limit=limit, remaining=remaining, reset_after=reset_after)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None


_CUT_OFF = (http.client.IncompleteRead,)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all it was made from; libraries keep that in arguments, in ``reason`` or as the cause."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]


def _is_timeout(error: BaseException) -> bool:
    """Of urllib3's errors a connection that was refused is a timeout too."""
    kinds = urllib3.exceptions
    return isinstance(error, kinds.TimeoutError) and not isinstance(error, kinds.NewConnectionError)


def _root_cause(error: BaseException) -> str:
    """A few words; none of them the server's."""
    causes = list(_causes(error))
    for kind, words in _WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate not accepted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
        if isinstance(cause, OSError) and isinstance(cause.errno, int):
            return os.strerror(cause.errno).lower()
    if any(isinstance(cause, http.client.HTTPException) for cause in causes):
        return NOT_HTTP
    name = type(error).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


NOT_HTTP = "answered something else than HTTP"
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "name not known"),
    (ConnectionRefusedError, "connection refused"),
    (http.client.RemoteDisconnected, "connection closed without an answer"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection reset"),
)
