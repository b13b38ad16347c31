# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that go wrong on their way to the client: what each fault of the transport does to one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

from . import answers
from .peers import reset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .faults import Fault

_HUGE = 17 * 1024 * 1024

_WRONG_SHAPE = {"instances": [{"name": "rocket.chat", "connected": True}], "success": True}

_DRIP_EVERY = 1.0

WEB_PAGE = """<!DOCTYPE html>
<html>
<head><title>Rocket.Chat</title></head>
<body><div id="rocket-chat">Rocket.Chat is loading…</div></body>
</html>
"""


def _compact(document: object) -> str:
    """As JavaScript writes JSON: no spaces, no escapes that are not needed."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def to_response(answer: answers.Answer, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(answer.body, status=answer.status, headers=headers, dumps=_compact)


def web_page() -> web.Response:
    """The web client, which Rocket.Chat serves on every path that it does not know."""
    return web.Response(text=WEB_PAGE, content_type="text/html")


async def respond(
    request: web.Request, fault: Fault, answer: Callable[[], Awaitable[web.Response]]
) -> web.StreamResponse | None:
    """Answer as the fault wants; None when no answer went out, and none can any more."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind in _INSTEAD:
        return _INSTEAD[fault.kind](fault)
    if fault.kind in _WITHOUT:
        await _WITHOUT[fault.kind](request)
        return None
    response = await answer()
    if fault.kind in _SPOILED:
        return await _SPOILED[fault.kind](request, response)
    return response


def _redirect(fault: Fault) -> web.Response:
    return web.Response(status=302, headers={"Location": fault.argument})


_INSTEAD: dict[str, Callable[[Fault], web.Response]] = {
    "server_error": lambda _: to_response(answers.server_error()),
    "html": lambda _: web_page(),
    "not_json": lambda _: web.Response(text="this is not JSON", content_type="application/json"),
    "wrong_shape": lambda _: web.json_response(_WRONG_SHAPE),
    "redirect": _redirect,
}


async def _reset(request: web.Request) -> None:
    if request.transport:
        reset(request.transport)


async def _drip_headers(request: web.Request) -> None:
    """aiohttp writes headers in one go, so this goes to the connection directly."""
    transport = request.transport
    if transport:
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Padding: ")
    while transport and not transport.is_closing():
        transport.write(b"x")
        await asyncio.sleep(_DRIP_EVERY)


_WITHOUT: dict[str, Callable[[web.Request], Awaitable[None]]] = {"reset": _reset, "drip_headers": _drip_headers}


async def _drip(request: web.Request, response: web.Response) -> web.StreamResponse:
    stream = await _begin(request, response)
    for byte in _body(response):
        await stream.write(bytes([byte]))
        await asyncio.sleep(_DRIP_EVERY)
    return stream


async def _truncated(request: web.Request, response: web.Response) -> web.StreamResponse:
    stream = await _begin(request, response)
    body = _body(response)
    await stream.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return stream


async def _huge(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Valid JSON, only more than anybody should read."""
    stream = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json"})
    await stream.prepare(request)
    await stream.write(b'{"padding":"')
    for _unused in range(_HUGE // 2**16):
        await stream.write(b"x" * 2**16)
    await stream.write(b'",' + _body(response).lstrip(b"{"))
    return stream


_SPOILED: dict[str, Callable[[web.Request, web.Response], Awaitable[web.StreamResponse]]] = {
    "drip": _drip,
    "truncated": _truncated,
    "huge": _huge,
}


async def _begin(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Send the headers of an answer, its full length among them."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(_body(response))
    await stream.prepare(request)
    return stream


def _body(response: web.Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body
