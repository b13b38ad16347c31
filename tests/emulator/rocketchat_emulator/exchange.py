# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the API and its answer, with the ways in which faults change the answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from rocketchat_emulator.peers import reset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rocketchat_emulator.answers import Answer
    from rocketchat_emulator.balancer import Balancer
    from rocketchat_emulator.faults import Fault

# The key of a request that another process or a proxy answers.
_FOREIGN = "foreign"

WEB_PAGE = """<!DOCTYPE html>
<html>
<head><title>Rocket.Chat</title></head>
<body><div id="rocket-chat">Rocket.Chat is loading…</div></body>
</html>
"""


def _compact(document: object) -> str:
    """JSON as JavaScript writes it: without spaces and unneeded escapes."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def to_response(answer: Answer, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(answer.body, status=answer.status, headers=headers, dumps=_compact)


def web_page() -> web.Response:
    """The web client, which Rocket.Chat serves on every path that it does not know."""
    return web.Response(text=WEB_PAGE, content_type="text/html")


def mark_foreign(request: web.Request) -> None:
    """Mark the answer as another's: it does not get the X-Instance-ID of this process."""
    request[_FOREIGN] = True


def is_foreign(request: web.Request) -> bool:
    return _FOREIGN in request


@dataclass(frozen=True)
class Exchange:
    """One call of /api. ``healthy`` creates the answer of a node without this fault."""

    request: web.Request
    fault: Fault
    balancer: Balancer
    healthy: Callable[[], Awaitable[web.Response]]

    async def finish(self) -> web.StreamResponse | None:
        """Answer as the fault requires; None if no answer was sent and none can be."""
        responds = self.fault.behaviour.responds
        return await responds(self) if responds else await self.healthy()

    def reply(self, answer: Answer) -> web.Response:
        return to_response(answer)

    def reply_text(self, text: str, *, content_type: str = "application/json") -> web.Response:
        return web.Response(text=text, content_type=content_type)

    def reply_page(self) -> web.Response:
        """The page of a proxy that requires a login."""
        mark_foreign(self.request)
        return web_page()

    def redirect(self, url: str) -> web.Response:
        mark_foreign(self.request)
        return web.Response(status=302, headers={"Location": url})

    async def reply_balanced(self) -> web.Response:
        """The answer of this process, or of the process that the balancer chooses."""
        url = self.balancer.url(self.request)
        return await self.balancer.forward(self.request, url) if url else await self.healthy()

    def reset(self) -> None:
        if self.request.transport:
            reset(self.request.transport)

    def close(self) -> None:
        if self.request.transport:
            self.request.transport.close()

    def write(self, data: bytes) -> bool:
        """Write to the connection itself: aiohttp sends all headers at once. Returns whether it is still open."""
        transport = self.request.transport
        if transport is None or transport.is_closing():
            return False
        transport.write(data)
        return True

    async def begin(self, headers: Mapping[str, str], *, status: int = 200) -> web.StreamResponse:
        """Send the headers of an answer whose body follows in parts."""
        stream = web.StreamResponse(status=status, headers=headers)
        await stream.prepare(self.request)
        return stream

    async def begin_like(self, response: web.Response) -> web.StreamResponse:
        """Send the headers of an answer, the length of its whole body among them."""
        return await self.begin(
            {**response.headers, "Content-Length": str(len(self.body_of(response)))}, status=response.status
        )

    def body_of(self, response: web.Response) -> bytes:
        assert isinstance(response.body, bytes)
        return response.body
