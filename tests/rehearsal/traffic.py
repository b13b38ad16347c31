# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that use the chat during a deployment: with one request after the other, and with open WebSockets."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from typing_extensions import Self

_BROWSERS = 20
_SOCKETS = 8

# Seconds between two requests of a browser, and between two pings on a WebSocket.
_PAUSE = 0.2

# Time limit of each operation, in seconds.
_PATIENCE = 5.0


@dataclass
class Report:
    """The results of all clients. A WebSocket that ends is opened again; only if that fails, it is a failure."""

    requests: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    closed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    nodes: Counter[str] = field(default_factory=Counter)

    @property
    def failures(self) -> int:
        return self.failed.total() + self.refused.total()


class Traffic:
    """Runs in a thread, for the length of a block."""

    def __init__(self, url: str) -> None:
        self.report = Report()
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ended()

    def ended(self) -> Report:
        """End it before the end of the block; returns the final report."""
        self._over.set()
        self._thread.join()
        return self.report

    async def _run(self) -> None:
        await asyncio.gather(
            *(self._client(self._browse) for _unused in range(_BROWSERS)),
            *(self._client(self._converse) for _unused in range(_SOCKETS)),
        )

    async def _client(self, act: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
        """A client that keeps its cookies, and so its node; also for a host that is an IP address."""
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        async with aiohttp.ClientSession(
            self._url, cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=timeout
        ) as session:
            while not self._over.is_set():
                await act(session)
                await asyncio.sleep(_PAUSE)

    async def _browse(self, session: aiohttp.ClientSession) -> None:
        self.report.requests += 1
        try:
            async with session.get("/api/info") as answer:
                document = await answer.json()
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            self.report.failed[_name(error)] += 1
            return
        if answer.status != 200 or "version" not in document:
            self.report.failed[str(answer.status)] += 1
        for cookie in session.cookie_jar:
            self.report.nodes[cookie.value] += 1

    async def _converse(self, session: aiohttp.ClientSession) -> None:
        try:
            socket = await session.ws_connect("/websocket")
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            self.report.refused[_name(error)] += 1
            return
        async with socket:
            try:
                while not self._over.is_set():
                    await socket.send_json({"msg": "ping"})
                    await socket.receive_json(timeout=_PATIENCE)
                    await asyncio.sleep(_PAUSE)
            except (aiohttp.ClientError, asyncio.TimeoutError, TypeError):
                # aiohttp raises TypeError if the connection ends where a text was expected.
                self.report.closed += 1


def _name(error: Exception) -> str:
    """A short name of an error: the status, or what happened to the connection."""
    status: Any = getattr(error, "status", None)
    return str(status) if status else type(error).__name__
