# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single calls to a node: every kind of answer, from a real server."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import sys
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Ends
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node import client as client_module
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node import redaction
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.client import Client
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import (
    ClientError,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.rate_limit import RateLimit
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import printable
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import MAX_BYTES, PROXY_REMEDY
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, naming, serving, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access

TOKEN = access_with(user_id="me", auth_token='s3cr3t/"token', timeout=2)
LOGIN = access_with(username="admin", password="pässword", totp_code="123456", timeout=2)
OK = {"instances": [], "success": True}
ELSE = f". {Code.NOT_ROCKETCHAT.row.remedy}"


def replying(status: int, content: Any, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(status, content, **headers)


def failing(answer: Callable[[Handler], None], access: Access = TOKEN) -> tuple[str, str, str]:
    """Code, reason, and message without the server's URL."""
    with serving(answer) as server:
        client = Client(server.url, access)
        with pytest.raises(ClientError) as caught:
            client.instances()
        client.close()
        return caught.value.code, caught.value.reason, str(caught.value).replace(server.url, "URL")


GET = "GET URL/api/v1/instances.get"


@pytest.mark.parametrize(
    ("status", "content", "code", "reason", "message"),
    [
        (
            401,
            {"message": "no"},
            "unauthorized",
            "401",
            GET + ' answered 401: {"message": "no"}. ' + Code.UNAUTHORIZED.row.remedy,
        ),
        (
            403,
            {},
            "forbidden",
            "403",
            GET + " answered 403: {}. " + Code.FORBIDDEN.row.remedy,
        ),
        (404, b"", "not_rocketchat", "404", GET + " answered 404" + ELSE),
        (
            429,
            {},
            "rate_limited",
            "429",
            GET + " answered 429: {}. " + Code.RATE_LIMITED.row.remedy,
        ),
        (
            400,
            {"error": "Service '$node.list' is not available."},
            "broker_down",
            "only a restart cures it",
            GET + " answered 400: Service '$node.list' is not available. " + Code.BROKER_DOWN.row.remedy,
        ),
        (
            400,
            {"error": "Service '$node.list' is not found on 'x' node."},
            "broker_down",
            "only a restart cures it",
            GET + " answered 400: Service '$node.list' is not found on 'x' node. " + Code.BROKER_DOWN.row.remedy,
        ),
        (
            400,
            {"error": "Service '$node.list' is not found."},
            "starting",
            "its broker is not up yet",
            GET + " answered 400: Service '$node.list' is not found. " + Code.STARTING.row.remedy,
        ),
        (
            400,
            {"error": "connection 5 to 10.0.0.9:27017 closed"},
            "server_error",
            "connection 5 to 10.0.0.9:27017 closed",
            GET + " answered 400: connection 5 to 10.0.0.9:27017 closed. " + Code.SERVER_ERROR.row.remedy,
        ),
        (400, {}, "server_error", "answered 400", GET + " answered 400. " + Code.SERVER_ERROR.row.remedy),
        (
            500,
            b"<html>\n  down\x1b[31m",
            "server_error",
            "answered 500",
            GET + " answered 500: <html> down [31m. " + Code.SERVER_ERROR.row.remedy,
        ),
        (
            503,
            b"<html>no server",
            "unreachable",
            "a proxy answered 503",
            GET + " answered 503: <html>no server. " + Code.UNREACHABLE.row.remedy,
        ),
        (
            200,
            b"<html>",
            "not_rocketchat",
            "did not answer JSON",
            GET + " answered 200: not JSON: <html>" + ELSE,
        ),
        (
            200,
            [1],
            "not_rocketchat",
            "answered JSON of an unexpected form",
            GET + " answered 200: not a JSON object: [1]" + ELSE,
        ),
        (200, {"a": 1}, "not_rocketchat", "answered 200", GET + " answered 200" + ELSE),
        (200, b"[" * 100000, "not_rocketchat", "did not answer JSON", None),
        (200, b"\xff\xfe", "not_rocketchat", "did not answer JSON", None),
    ],
)
def test_a_wrong_answer_has_a_code_and_a_message(
    status: int, content: Any, code: str, reason: str, message: str | None
) -> None:
    found = failing(replying(status, content))
    assert found[:2] == (code, reason)
    if message is not None:
        assert found[2] == message


@pytest.mark.parametrize(
    "said",
    [
        "connection 5 to 10.0.0.9:27017 closed",
        "connection <monitor> to 10.0.0.9:27017 closed",
        "not primary",
        "interrupted at shutdown",
        "Server selection timed out after 30000 ms",
        "Topology is closed, please connect",
        "Service not available",
        "node is not found",
        "no primary is not available on 'rs0' node",
    ],
)
def test_an_error_of_the_database_is_not_broker_down(said: str) -> None:
    code, reason, message = failing(replying(400, {"success": False, "error": said}, X_Instance_ID="a"))
    assert (code, reason) == ("server_error", said)
    assert Code.SERVER_ERROR.row.ends is Ends.WAIT
    assert said in message
    assert "restart" not in message.lower()


@pytest.mark.parametrize(
    ("header", "answered_by"),
    [
        ("6f1ed002-ab5a-4d8f-9c0a-0f9b4f6e4b9a", "6f1ed002-ab5a-4d8f-9c0a-0f9b4f6e4b9a"),
        ("DNjQwZnTvZzrq8RcC", "DNjQwZnTvZzrq8RcC"),
        (None, None),
        ("", None),
        ("a" * 64, "a" * 64),
        ("a" * 65, None),
        ("two words", None),
        ("b\xe4r", None),
        ("a,b", None),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500, 503])
def test_the_header_of_an_answer_is_returned(status: int, header: str | None, answered_by: str | None) -> None:
    headers = {} if header is None else {"X_Instance_ID": header}
    with serving(replying(status, OK, **headers)) as server:
        client = Client(server.url, TOKEN)
        if status == 200:
            assert client.instances().answered_by == answered_by
        else:
            with pytest.raises(ClientError) as caught:
                client.instances()
            assert caught.value.answered_by == answered_by
        client.close()


def test_a_503_with_the_header_is_from_the_server() -> None:
    found = failing(replying(503, {"error": "shutting down"}, X_Instance_ID="a"))
    assert found[:2] == ("server_error", "answered 503")


def test_a_request_has_the_credentials_and_returns_the_answer() -> None:
    headers = {"X_RateLimit_Limit": "10", "X_RateLimit_Remaining": "9"}
    with serving(replying(200, OK, **headers)) as server:
        client = Client(server.url + "/", TOKEN)
        answer = client.instances()
        client.info()
        client.close()
    assert answer.payload == OK
    assert answer.date is not None
    assert answer.rate_limit == RateLimit(limit=10, remaining=9, reset_after=None)
    assert server.calls == ["GET /api/v1/instances.get", "GET /api/info"]
    assert len(server.connections) == 1
    sent = server.seen[0][2]
    assert (sent["X-User-Id"], sent["X-Auth-Token"]) == ("me", 's3cr3t/"token')
    assert (sent["User-Agent"], sent["Accept-Encoding"]) == ("rocketops.rocketchat", "gzip")


SAID = {**OK, "words": "pässword"}
UTF_8, UTF_16, LATIN = "application/json", "application/json; charset=utf-16", "text/plain; charset=ISO-8859-1"


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        *((encoding, UTF_8) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        *((encoding, UTF_8) for encoding in ("utf-32", "utf-32-le", "utf-32-be")),
        *((encoding, LATIN) for encoding in ("utf-8", "utf-8-sig", "utf-16", "iso-8859-1")),
        ("utf-16", UTF_16),
        ("utf-8", UTF_16),
        ("utf-8", "text/html"),
        ("utf-8", ""),
        ("utf-8", "application/json; charset"),
        ("cp1252", "application/json;charset='windows-1252'"),
    ],
)
def test_an_answer_may_have_any_json_encoding(encoding: str, content_type: str) -> None:
    content = json.dumps(SAID, ensure_ascii=False).encode(encoding)
    with serving(replying(200, content, Content_Type=content_type)) as server:
        client = Client(server.url, TOKEN)
        assert client.instances().payload == SAID
        client.close()


@pytest.mark.parametrize(
    "charset", ["", "utf-8", "nonsense", "rot13", "undefined", "\x00", " punycode", "xn--; charset=idna"]
)
def test_an_answer_in_a_wrong_encoding_is_refused(charset: str) -> None:
    content = b"b" * 2**18 + b"\xe9-" + b"k" * 2**18  # as punycode it would take minutes
    started = time.process_time()
    found = failing(replying(200, content, Content_Type=f'application/json; charset="{charset}"'))
    assert found[:2] == ("not_rocketchat", "did not answer JSON")
    assert time.process_time() - started < 2


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_compressed_answer_is_read(compress: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    content = compress(json.dumps(OK).encode("utf-8-sig"))
    with serving(replying(200, content, Content_Encoding=encoding)) as server:
        client = Client(server.url, TOKEN)
        assert client.instances().payload == OK
        client.close()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be"])
def test_an_error_may_have_any_encoding_and_is_masked(encoding: str) -> None:
    """Secrets are masked too: read as UTF-8, there would be other bytes between their letters."""
    content = json.dumps({"error": "Service '$node.list' is not available."}).encode(encoding)
    assert failing(replying(400, content))[0] == "broker_down"
    content = json.dumps({"message": "s3cr3t is wrong"}).encode(encoding)
    found = failing(replying(401, content), access_with(user_id="me", auth_token="s3cr3t", timeout=2))
    assert found[2] == GET + ' answered 401: {"message": "******** is wrong"}. ' + Code.UNAUTHORIZED.row.remedy


@pytest.mark.parametrize(
    ("reset", "after"),
    [("30000", 30.0), ("-5", None), ("x", None), ("999999", 60.0), ("0", 0.0), ("9" * 30, None)],
)
def test_the_rate_limit_wait_uses_the_clock_of_the_node(reset: str, after: float | None) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response_only(429)
        handler.send_header("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
        handler.send_header("X-RateLimit-Limit", "10")
        handler.send_header("X-RateLimit-Reset", reset)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(answer) as server:
        client = Client(server.url, TOKEN)
        with pytest.raises(ClientError) as caught:
            client.instances()
        client.close()
    assert caught.value.rate_limit == RateLimit(limit=10, remaining=None, reset_after=after)


def test_a_redirect_is_not_followed() -> None:
    place = "http://user:pw@elsewhere.example/x?token=1#y"
    assert failing(replying(302, b"", Location=place)) == (
        "redirected",
        "redirected to http://elsewhere.example/x",
        GET + " answered 302: redirected to http://elsewhere.example/x. " + Code.REDIRECTED.row.remedy,
    )


@pytest.mark.parametrize("padding", range(0, 200, 7))
@pytest.mark.parametrize(
    "spelling",
    [
        's3cr3t/"token',
        's3cr3t/\\\\"token',
        's3cr3t\\\\/\\\\"token',
        "s3cr3t/%22token",
        "s3cr3t%2F%22token",
        "s3cr3t%2f%22token",
        "s3cr3t/&quot;token",
    ],
)
def test_a_secret_that_the_server_repeats_is_masked(padding: int, spelling: str) -> None:
    spelled = spelling.replace("\\\\", "\\")
    with serving(replying(500, b"x" * padding + spelled.encode())) as server:
        client = Client(server.url, TOKEN)
        with pytest.raises(ClientError) as caught:
            client.instances()
        client.close()
    assert "s3cr" not in str(caught.value)


def test_a_too_large_answer_is_refused() -> None:
    code, reason, message = failing(replying(200, b" " * (MAX_BYTES + 1)))
    assert (code, reason) == ("not_rocketchat", "answer too large")
    assert message == GET + " failed: the answer is larger than 16 MiB" + ELSE


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
    drip(handler)


def drip_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    drip(handler)


def drip(handler: Handler) -> None:
    for _tick in range(TICKS):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def hang(handler: Handler) -> None:
    handler.connection.settimeout(TICKS * 0.05)
    handler.rfile.read(1)


TICKS = 200  # ten seconds, if the client does not close the connection


@pytest.mark.parametrize("answer", [drip_headers, drip_body, hang])
def test_a_call_never_outlives_its_time_limit(answer: Callable[[Handler], None]) -> None:
    started = time.monotonic()
    with serving(answer) as server:
        client = Client(server.url, access_with(user_id="me", auth_token="t0ken", timeout=0.3))
        with pytest.raises(ClientError) as caught:
            client.instances()
        took = time.monotonic() - started
        client.close()
    assert (caught.value.code, caught.value.reason) == ("timeout", "no complete answer within 0.3 s")
    assert took < 5


def test_the_time_limit_holds_on_a_reused_connection() -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/api/info":
            drip_headers(handler)
        else:
            handler.reply(200, OK)

    with serving(answer) as server:
        client = Client(server.url, access_with(user_id="me", auth_token="t0ken", timeout=0.3))
        client.instances()
        started = time.monotonic()
        with pytest.raises(ClientError, match=r"no complete answer within 0.3 s"):
            client.info()
        assert time.monotonic() - started < 5
        client.close()


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that accepts connections and sends nothing, not even a TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_hanging_tls_handshake_is_a_timeout(mute: int) -> None:
    client = Client(f"https://127.0.0.1:{mute}", access_with(user_id="me", auth_token="t0ken", timeout=0.3))
    with pytest.raises(ClientError) as caught:
        client.instances()
    client.close()
    assert caught.value.code == "timeout"


@contextlib.contextmanager
def dripping(begin: bytes) -> Iterator[int]:
    """A port whose server begins an answer, and sends more of it for ten seconds without finishing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(begin)
                for _tick in range(TICKS):
                    connection.sendall(b" ")
                    time.sleep(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


HANDSHAKE = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"  # the beginning of a handshake message of 16 KiB


@pytest.mark.parametrize(
    ("url", "proxy", "begin"),
    [
        ("http://chat.invalid", "http://127.0.0.1:{port}", b"HTTP/1.1 200 OK\r\nX-A: "),
        ("https://chat.invalid", "http://127.0.0.1:{port}", b"HTTP/1.1 200 OK\r\nX-A: "),
        ("https://127.0.0.1:{port}", None, HANDSHAKE),
    ],
)
def test_the_time_limit_holds_before_the_node_is_reached(url: str, proxy: str | None, begin: bytes) -> None:
    with dripping(begin) as port:
        through = proxy.format(port=port) if proxy else None
        client = Client(
            url.format(port=port), access_with(user_id="me", auth_token="t0ken", timeout=0.3, proxy=through)
        )
        started = time.monotonic()
        with pytest.raises(ClientError, match=r"no complete answer within 0.3 s"):
            client.instances()
        assert time.monotonic() - started < 5
        client.close()


SILENT, REFUSING, GOOD = "127.0.0.2", "127.0.0.3", "127.0.0.1"


@pytest.mark.parametrize(
    ("addresses", "outcome"),
    [
        ((SILENT, GOOD), ""),
        ((REFUSING, GOOD), ""),
        (("::1", SILENT, GOOD), ""),
        ((GOOD, SILENT), ""),
        ((SILENT, REFUSING), "connection refused"),
        ((REFUSING, SILENT), "no complete answer within 0.6 s"),
        ((SILENT, SILENT), "no complete answer within 0.6 s"),
        ((), "(new connection|proxy) error"),
    ],
)
@pytest.mark.parametrize("is_proxy", [False, True])
def test_each_address_of_a_name_is_tried_within_the_time_limit(
    addresses: tuple[str, ...], outcome: str, monkeypatch: pytest.MonkeyPatch, *, is_proxy: bool
) -> None:
    naming(monkeypatch, "rc1.invalid", *addresses)
    with serving(replying(200, OK)) as server, silent(SILENT, server.server_port):
        place = f"http://rc1.invalid:{server.server_port}"
        through = {"url": "http://chat.invalid:3000", "proxy": place} if is_proxy else {"url": place, "proxy": None}
        access = access_with(user_id="me", auth_token="t0ken", timeout=0.6, proxy=through["proxy"])
        client = Client(str(through["url"]), access)
        started = time.monotonic()
        with contextlib.nullcontext() if not outcome else pytest.raises(ClientError, match=outcome):
            client.instances()
        assert time.monotonic() - started < 1
        client.close()
    assert [headers["Host"] for _method, _path, headers, _body in server.seen] == (
        [] if outcome else [str(through["url"]).removeprefix("http://")]
    )


@pytest.mark.parametrize("given", [True, False])
def test_the_proxy_is_from_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch, *, given: bool) -> None:
    with serving(replying(200, OK)) as server:
        proxy = server.url.replace("//", "//user:pass%2Fword@")
        if not given:
            monkeypatch.setenv("http_proxy", proxy)
        access = access_with(user_id="me", auth_token="t0ken", proxy=proxy if given else None)
        client = Client("http://chat.invalid:3000/sub/", access)
        client.instances()
        client.close()
    assert server.calls == ["GET http://chat.invalid:3000/sub/api/v1/instances.get"]
    assert server.seen[0][2]["Proxy-Authorization"] == "Basic dXNlcjpwYXNzL3dvcmQ="


def test_no_proxy_of_the_environment_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(replying(200, OK)) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        client = Client(server.url, TOKEN)
        client.instances()
        client.close()
    assert server.calls == ["GET /api/v1/instances.get"]


def test_cookies_and_netrc_passwords_are_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login netrc-user password netrc-password\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(replying(200, OK, Set_Cookie="a=b")) as server:
        client = Client(server.url, TOKEN)
        client.instances()
        client.info()
        client.close()
    assert {name for _method, _path, headers, _body in server.seen for name in headers} == {
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
        "X-User-Id",
        "X-Auth-Token",
    }


def test_https_to_a_port_without_tls_fails() -> None:
    with serving(replying(200, OK)) as server:
        client = Client(server.url.replace("http:", "https:"), TOKEN)
        with pytest.raises(ClientError) as caught:
            client.instances()
        client.close()
    assert caught.value.code == "tls"


@contextlib.contextmanager
def answering(sent: bytes) -> Iterator[str]:
    """The URL of a server that sends these bytes once, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(sent)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (b"", ("unreachable", "connection closed without an answer")),
        (b"SSH-2.0-OpenSSH\r\n", ("not_rocketchat", "did not answer HTTP")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", ("not_rocketchat", "answer cut off")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{}", ("not_rocketchat", "the answer cannot be decoded")),
    ],
)
def test_a_broken_answer_has_its_code(sent: bytes, outcome: tuple[str, str]) -> None:
    with answering(sent) as url:
        client = Client(url, TOKEN)
        with pytest.raises(ClientError) as caught:
            client.instances()
        client.close()
    assert (caught.value.code, caught.value.reason) == outcome


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}", TOKEN)
    with pytest.raises(ClientError) as caught:
        client.instances()
    assert (caught.value.code, caught.value.reason) == ("unreachable", "connection refused")


def through(proxy: str, url: str = "http://rc1.invalid:3000") -> tuple[str, str, str]:
    """Code, reason, and the part of the message after the reason."""
    client = Client(url, access_with(user_id="me", auth_token="t0ken", timeout=2, proxy=proxy or None))
    with pytest.raises(ClientError) as caught:
        client.instances()
    client.close()
    return caught.value.code, caught.value.reason, str(caught.value).partition(f"failed: {caught.value.reason}. ")[2]


@pytest.mark.parametrize("url", ["http://rc1.invalid:3000", "https://rc1.invalid"])
def test_a_missing_proxy_is_unreachable(url: str) -> None:
    proxy = "http://who:pr%2Fxy@127.0.0.1:9"
    assert {"pr%2Fxy", "pr/xy"} <= access_with(user_id="me", auth_token="t0ken", proxy=proxy).secrets
    refused = ("unreachable", "proxy http://127.0.0.1:9: connection refused", PROXY_REMEDY)
    assert through(proxy, url) == refused


PYSOCKS = f"needs the Python library PySocks, which {sys.executable} does not have"


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("socks5h://u:s3cr3t@127.0.0.1:1080", f"proxy socks5h://127.0.0.1:1080 {PYSOCKS}"),
        ("socks://127.0.0.1:1080", f"proxy socks://127.0.0.1:1080 {PYSOCKS}, and has an unknown scheme"),
        ("ftp://u:s3cr3t@127.0.0.1:21", "proxy ftp://127.0.0.1:21 has an unknown scheme"),
        ("http://127.0.0.1:99999", "proxy is not a URL such as http://proxy.example.com:3128"),
        ("http://u:s3cr3t/@", "proxy is not a URL such as http://proxy.example.com:3128"),
        ("http://[::1", "proxy is not a URL such as http://proxy.example.com:3128"),
        ("http://", "proxy is not a URL such as http://proxy.example.com:3128"),
        ("127.0.0.1:9", "proxy http://127.0.0.1:9: connection refused"),
        ("u:s3cr3t@127.0.0.1:9", "proxy http://127.0.0.1:9: connection refused"),
        ("http://proxy.invalid:3128", "proxy http://proxy.invalid:3128: host name not found"),
    ],
)
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_wrong_proxy_of_the_environment_is_named(
    proxy: str, reason: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setenv(variable, proxy)
    assert through("") == ("unreachable", reason, PROXY_REMEDY)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(replying(200, OK)) as server:
        client = Client(server.url, TOKEN)
        client.instances()
        client.close()


REFUSED_407 = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "sent", "outcome"),
    [
        ("http://rc1.invalid", REFUSED_407, "proxy {proxy}: answered 407"),
        ("https://rc1.invalid", REFUSED_407, "proxy {proxy}: answered 407"),
        ("https://rc1.invalid", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy {proxy}: answered 502"),
        ("http://rc1.invalid", b"SSH-2.0-x\r\n", "did not answer HTTP (through the proxy {proxy})"),
        ("https://rc1.invalid", b"", "connection closed without an answer (through the proxy {proxy})"),
    ],
)
def test_a_refusal_of_the_proxy_is_named(url: str, sent: bytes, outcome: str) -> None:
    with answering(sent) as proxy:
        assert through(proxy.replace("//", "//u:s3cr3t@"), url)[1] == outcome.format(proxy=proxy)


def test_a_407_without_a_known_proxy_is_not_rocketchat() -> None:
    assert failing(replying(407, {}))[:2] == ("not_rocketchat", "answered 407")


@pytest.mark.parametrize("data", [None, {"userId": "me"}, {"userId": "me", "authToken": "not\na header"}])
def test_a_login_without_a_token_is_not_rocketchat(data: object) -> None:
    with serving(replying(200, {"status": "success", "data": data})) as server:
        client = Client(server.url, LOGIN)
        with pytest.raises(ClientError) as caught:
            client.instances()
        client.close()
    assert (caught.value.code, caught.value.reason) == ("not_rocketchat", "the login returned no token")


@pytest.mark.parametrize(("worked_once", "calls"), [(True, 2), (False, 1)])
def test_an_ended_session_logs_in_again_if_it_worked_once(worked_once: bool, calls: int) -> None:
    """A session that worked logs in again with the next call; one that never worked would be refused repeatedly."""
    answers = [200, 401] if worked_once else [401]

    def answer(handler: Handler) -> None:
        if handler.path.endswith("login"):
            handler.reply(200, {"data": {"userId": "me", "authToken": "s3ssion"}})
        else:
            handler.reply(answers.pop(0) if answers else 200, OK)

    with serving(answer) as server:
        client = Client(server.url, LOGIN)
        if worked_once:
            client.instances()
        for _unused in range(2):
            with contextlib.suppress(ClientError):
                client.instances()
        client.close()
    assert server.calls.count("POST /api/v1/login") == calls


@pytest.mark.parametrize(("location", "place"), [("https://me:pw@b/x?t=1#y", "https://b/x"), ("", "an empty address")])
def test_the_target_of_a_redirect_is_shown(location: str, place: str) -> None:
    code, reason, _message = failing(replying(302, b"", Location=location))
    assert (code, reason) == ("redirected", f"redirected to {place}")


def test_login_happens_once_and_logout_ends_it() -> None:
    def answer(handler: Handler) -> None:
        login = {"data": {"userId": "u", "authToken": "t"}}
        handler.reply(200, login if handler.path.endswith("/login") else OK)

    with serving(answer) as server:
        client = Client(server.url, LOGIN)
        client.instances()
        client.instances()
        assert client.session == ("u", "t")
        client.logout(("u", "t"))
        client.close()
    assert server.calls == [
        "POST /api/v1/login",
        "GET /api/v1/instances.get",
        "GET /api/v1/instances.get",
        "POST /api/v1/logout",
    ]
    assert server.seen[0][3] == {"user": "admin", "password": "pässword", "code": "123456"}


def test_a_refused_login_is_not_repeated() -> None:
    with serving(replying(401, {"error": "totp-required"})) as server:
        client = Client(server.url, LOGIN)
        for _attempt in range(2):
            with pytest.raises(ClientError, match="totp-required"):
                client.instances()
        client.close()
    assert server.calls == ["POST /api/v1/login"]


def test_a_refused_login_is_repeated_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a watch that runs for months would not notice that the user is allowed again."""
    with serving(replying(401, {"error": "blocked for now"})) as server:
        client = Client(server.url, LOGIN)
        for refused_for in (0.0, client_module.REFUSED_FOR, client_module.REFUSED_FOR):
            monkeypatch.setattr(client_module, "REFUSED_FOR", refused_for)
            with pytest.raises(ClientError, match="blocked for now"):
                client.instances()
        client.close()
    assert server.calls == ["POST /api/v1/login"] * 2


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False), (404, None), (302, False)])
def test_readiness_by_status(status: int, *, ready: bool | None) -> None:
    with serving(replying(status, {"status": "x"})) as server:
        client = Client(server.url, TOKEN)
        assert client.ready() is ready
        client.close()


@pytest.mark.parametrize(
    ("status", "checks", "ready"),
    [
        (503, {"mongo": {"status": "ok"}, "eventLoop": {"status": "error"}}, True),
        (200, {"mongo": {"status": "error"}}, False),
        (503, {"mongo": {"status": "error"}}, False),
        (503, {"mongo": "ok"}, False),
        (503, {"eventLoop": {"status": "error"}}, False),
        (503, [], False),
        (200, {"mongo": {"status": True}}, True),
    ],
)
def test_readiness_is_the_database_check_if_there_are_checks(status: int, checks: Any, *, ready: bool) -> None:
    with serving(replying(status, {"status": "x", "checks": checks})) as server:
        client = Client(server.url, TOKEN)
        assert client.ready() is ready
        client.close()


@pytest.mark.parametrize(
    ("sent", "ready"),
    [
        (b"Content-Length: 17\r\n\r\n <!DOCTYPE html> ", None),
        (b"Content-Length: 18\r\n\r\n\xef\xbb\xbf<!DOCTYPE html>", None),
        (b"Content-Length: 2\r\n\r\n[]", False),
        (b'Content-Length: 14\r\n\r\n{"status": "ok', False),
        (b'Content-Length: 99\r\n\r\n{"status": "ok"}', False),
        (b"Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n<!DOCTYPE html>", False),
    ],
)
def test_readiness_is_unknown_only_for_a_web_page(sent: bytes, *, ready: bool | None) -> None:
    """Older servers send a web page for every path, which does not answer the question."""
    with answering(b"HTTP/1.1 200 OK\r\n" + sent) as url:
        client = Client(url, TOKEN)
        assert client.ready() is ready
        client.close()


def test_a_cut_secret_is_masked() -> None:
    """The limit up to which an answer is read is in the middle of the secret."""
    blanks = b" " * (redaction.READ - 3)
    _code, _reason, message = failing(replying(500, blanks + str(TOKEN.auth_token).encode()))
    assert message == GET + " answered 500: ***. " + Code.SERVER_ERROR.row.remedy


def test_text_of_a_server_is_one_printable_line() -> None:
    assert printable("a\x1b[2J\r\nb\ud800") == "a [2J  b "
