# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The transport: sends requests to one node, each once and with limits in time and size."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from email.message import Message
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import (
    PROXIES,
    proxy_problem,
    proxy_shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access

try:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
except ImportError as error:  # the module or plugin reports it, and names the interpreter
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

MAX_BYTES = 16 * 1024 * 1024


class Response(NamedTuple):
    """A response. ``content``: decompressed, at most 16 MiB."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def text(self, errors: str = "strict") -> str:
        """The content as text: in the UTF that its first bytes show, or else in the charset of its content type.

        Raises :class:`UnicodeDecodeError` if neither fits and ``errors`` is ``strict``.
        """
        utils: Any = requests.utils
        utf = utils.guess_json_utf(self.content) or "utf-8"
        try:
            return self.content.decode(utf)
        except UnicodeDecodeError:
            declared = Message()
            declared["Content-Type"] = self.headers.get("Content-Type", "")
        with suppress(LookupError, ValueError):  # Python does not know the charset, or the content does not fit it
            return self.content.decode(declared.get_content_charset(""))
        return self.content.decode(utf, errors)


class FailedError(Exception):
    """No complete answer came. ``text``: why. ``reason``: why, in few words. ``remedy``: replaces the code's own."""

    def __init__(self, code: Code, text: str, reason: str = "", remedy: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.reason = reason or text
        self.remedy = remedy or code.row.remedy


class Transport:
    """The transport to one node. Requests share one connection until :meth:`close`."""

    def __init__(self, url: str, access: Access) -> None:
        self._url = url
        self._access = access
        self._way: _Way | None = None

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: Mapping[str, Any] | None, limit: float
    ) -> Response:
        """The response to one request, which may take ``limit`` seconds. Raises :class:`FailedError`."""
        deadline = _Deadline(limit)
        try:
            if self._way is None:
                self._way = _Way(self._url, self._access)
            with self._way.send(method, path, headers=headers, body=body, deadline=deadline) as response:
                content = _read(response)
            deadline.check()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            proxy = self._way.proxy if self._way else ""
            if deadline.left <= 0 or _is_timeout(error):
                raise FailedError(Code.TIMEOUT, f"no complete answer within {limit:g} s" + _through(proxy)) from None
            raise _failed(error, proxy) from None
        if response.status == 407 and self._way.proxy:
            raise _proxy_failed(f"proxy {self._way.proxy}: answered 407")
        return Response(response.status, response.headers, content)

    def close(self) -> None:
        """Close the connection. The next request opens a new one."""
        if self._way is not None:
            self._way.close()


class _Way:
    """The way to one node: proxies and CA bundle as requests takes them from the environment, looked up once.

    Requests are sent by urllib3, on which requests is built: no retries, redirects, cookies or netrc. ``proxy``: the
    proxy without its secrets; empty if there is none.
    """

    def __init__(self, url: str, access: Access) -> None:
        if not access.validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        given = {"http": access.proxy, "https": access.proxy} if access.proxy else {}
        self._settings = requests.Session().merge_environment_settings(
            url, given, True, access.verify, access.certificate
        )
        self._proxy = _proxy_of(url, self._settings["proxies"])
        self.proxy = proxy_shown(self._proxy)
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
        """Close the connection. The next call opens a new one."""
        self._pool = None
        self._adapter.close()

    def _connect(self) -> Any:
        manager = self._adapter.proxy_manager_for(self._proxy) if self._proxy else self._adapter.poolmanager
        pool = manager.connection_from_url(self._url)
        pool.ConnectionCls = partial(_bounded(pool.ConnectionCls), deadline=lambda: self._deadline)
        try:
            self._adapter.cert_verify(pool, self._url, self._settings["verify"], self._settings["cert"])
            if not self._proxy and self._url.startswith("https"):
                _share_context(pool)
        except ssl.SSLError:
            raise
        except OSError as error:
            text = "certificates cannot be read"
            raise FailedError(Code.TLS, f"{text}: {error}", f"TLS: {text}") from None
        return pool


def _proxy_of(url: str, proxies: Mapping[str, str]) -> str:
    """The proxy for a URL; empty if there is none. Raises :class:`FailedError` if it cannot be used."""
    utils: Any = requests.utils
    chosen: str = utils.select_proxy(url, proxies) or ""
    proxy = chosen if "://" in chosen or not chosen else f"http://{chosen}"
    problem = proxy_problem(proxy) if proxy else None
    if problem is not None:
        raise _proxy_failed(problem)
    return proxy


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _share_context(pool: Any) -> None:
    """Let connections share a TLS context: urllib3 would read the certificates for each, which takes very long."""
    files = (pool.ca_certs, pool.ca_cert_dir, pool.cert_file, pool.key_file)
    with _CONTEXTS:
        pool.conn_kw["ssl_context"] = _context(pool.cert_reqs, *files, versions=tuple(map(_version, files)))
    pool.ca_certs = pool.ca_cert_dir = pool.cert_file = pool.key_file = None


_CONTEXTS = threading.Lock()  # without it, threads that need the same context at the same time would all make it


@lru_cache(maxsize=8)
def _context(
    cert_reqs: str,
    ca_certs: str | None,
    ca_cert_dir: str | None,
    cert_file: str | None,
    key_file: str | None,
    *,
    versions: tuple[tuple[int, int] | None, ...],
) -> ssl.SSLContext:
    """The TLS context. ``versions``: of the files, which may be replaced while a process runs for months."""
    del versions
    context: ssl.SSLContext = urllib3.util.ssl_.create_urllib3_context(cert_reqs=getattr(ssl, cert_reqs))
    if ca_certs or ca_cert_dir:
        context.load_verify_locations(ca_certs, ca_cert_dir)
    elif cert_reqs != "CERT_NONE":  # requests 2.32.3 keeps its bundle in a context of its own
        utils: Any = requests.utils
        context.load_verify_locations(utils.extract_zipped_paths(utils.DEFAULT_CA_BUNDLE_PATH))
    if cert_file:
        context.load_cert_chain(cert_file, key_file, password="")  # without it, OpenSSL asks at the terminal
    return context


def _version(path: str | None) -> tuple[int, int] | None:
    if path is None:
        return None
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns


class _Deadline:
    """The deadline of a call. A socket's timeout is not enough, since it starts again with every byte."""

    def __init__(self, limit: float) -> None:
        self._at = time.monotonic() + limit

    @property
    def left(self) -> float:
        return self._at - time.monotonic()

    def check(self) -> float:
        """The seconds left. Raises :class:`TimeoutError` if none are left."""
        left = self.left
        if left <= 0:
            raise TimeoutError
        return left


@cache
def _bounded(connection: type) -> type:
    return type(connection.__name__, (_Bounded, connection), {})


class _Bounded:
    """A mix-in for a connection class of urllib3: everything that its socket does ends with the call's deadline."""

    sock: Any
    port: int
    timeout: float
    _dns_host: str

    def __init__(self, *args: Any, deadline: Callable[[], _Deadline], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = deadline

    def _new_conn(self) -> Any:
        connected = self._first_connected()
        connected.settimeout(self._deadline().check())  # for the handshake of TLS
        return connected

    def _first_connected(self) -> Any:
        """Connect to the first address of the name that accepts the connection.

        Each address gets a share of the time left, so that a silent one leaves time for the next.
        """
        name = self._dns_host
        addresses = self._addresses()
        try:
            for left in range(len(addresses), 0, -1):
                self._dns_host = addresses[-left]
                self.timeout = self._deadline().check() / left
                try:
                    return super()._new_conn()  # type: ignore[misc]
                except urllib3.exceptions.HTTPError:
                    if left == 1:
                        raise
        finally:
            self._dns_host = name

    def _addresses(self) -> list[str]:
        """The addresses of the name, in the order of the resolver; the name itself if a SOCKS proxy resolves it."""
        if hasattr(self, "_socks_options"):
            return [self._dns_host]
        family = urllib3.util.connection.allowed_gai_family()
        try:
            found = socket.getaddrinfo(self._dns_host.strip("[]"), self.port, family, socket.SOCK_STREAM)
        except UnicodeError:  # not a name: urllib3 raises its own error for it
            return [self._dns_host]
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return list(dict.fromkeys(socket.getnameinfo(address, numeric)[0] for *_kind, address in found)) or [
            self._dns_host
        ]

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._deadline().check())
        super().putrequest(*args, **kwargs)  # type: ignore[misc]

    def response_class(self, connected: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        source: Any = _Source(connected, self._deadline())
        return http.client.HTTPResponse(source, *args, **kwargs)


class _Source(io.RawIOBase):
    """A reader of a socket, in which each read may only take the time that the call has left."""

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
    content = bytearray()
    for piece in response.stream(16 * 1024, decode_content=True):
        content += piece
        if len(content) > MAX_BYTES:
            text = f"the answer is larger than {MAX_BYTES // 1024 // 1024} MiB"
            raise FailedError(Code.NOT_ROCKETCHAT, text, "answer too large")
    return bytes(content)


def _failed(error: Exception, proxy: str) -> FailedError:
    if isinstance(error, (urllib3.exceptions.SSLError, ssl.SSLError)):
        return FailedError(Code.TLS, _root_cause(error), "TLS: " + _root_cause(error))
    if isinstance(error, urllib3.exceptions.DecodeError):
        return FailedError(Code.NOT_ROCKETCHAT, "the answer cannot be decoded")
    if any(isinstance(cause, http.client.IncompleteRead) for cause in _causes(error)):
        return FailedError(Code.NOT_ROCKETCHAT, "the answer was cut off", "answer cut off")
    reason = _root_cause(error)
    if reason == _NOT_HTTP:
        return FailedError(Code.NOT_ROCKETCHAT, reason + _through(proxy))
    if isinstance(error, urllib3.exceptions.ProxyError):
        return _proxy_failed(f"proxy {proxy}: {reason}")
    return FailedError(Code.UNREACHABLE, reason + _through(proxy))


def _through(proxy: str) -> str:
    return f" (through the proxy {proxy})" if proxy else ""


def _proxy_failed(text: str) -> FailedError:
    return FailedError(Code.UNREACHABLE, text, remedy=PROXY_REMEDY)


PROXY_REMEDY = (
    f"Check the option proxy (schemes: {', '.join(PROXIES)}), or http_proxy, https_proxy, all_proxy and no_proxy of "
    "the environment."
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all its causes, which libraries keep in the arguments, in ``reason`` or as the cause."""
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
    """Whether the error is a timeout. For urllib3, a refused connection is a kind of timeout, but not here."""
    kinds = urllib3.exceptions
    return isinstance(error, kinds.TimeoutError) and not isinstance(error, kinds.NewConnectionError)


def _root_cause(error: BaseException) -> str:
    """The cause of the error in a few words, without any text from the server."""
    causes = list(_causes(error))
    for kind, words in _WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate not accepted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
        tunnel = _TUNNEL.match(str(cause))
        if tunnel:
            return f"answered {tunnel[1]}"
        if isinstance(cause, OSError) and isinstance(cause.errno, int):
            return os.strerror(cause.errno).lower()
    if any(isinstance(cause, http.client.HTTPException) for cause in causes):
        return _NOT_HTTP
    name = type(error).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")  # of http.client
_NOT_HTTP = "did not answer HTTP"
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "host name not found"),
    (ConnectionRefusedError, "connection refused"),
    (http.client.RemoteDisconnected, "connection closed without an answer"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection reset"),
)
