# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real HTTP server on the loopback interface, whose answers a test defines."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


class Server(ThreadingHTTPServer):
    """``answer`` is called with the handler for each request; ``seen`` has method, path, headers and body of each."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.connections: set[int] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def calls(self) -> list[str]:
        return [f"{method} {path}" for method, path, _headers, _body in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.connections.add(self.client_address[1])
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        try:
            self.server.answer(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_POST = do_GET  # noqa: N815  # the name that the base class calls

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the requests are in ``seen``."""

    def reply(self, status: int, content: Any, **headers: str) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def serving(answer: Callable[[Handler], None]) -> Iterator[Server]:
    with Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def naming(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """Make a host name resolve to these addresses, in this order."""
    look_up = socket.getaddrinfo

    def answer(host: str, *given: Any, **more: Any) -> list[Any]:
        asked = addresses if host == name else (host,)
        return [found for address in asked for found in look_up(address, *given, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """A port that neither accepts nor refuses: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _connection in range(2):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex((address, port))
        yield
