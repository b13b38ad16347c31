# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The WebSocket of Rocket.Chat's clients: the part of Meteor's protocol DDP that keeps it open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from rocketchat_emulator.accounts import random_id

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/websocket"


async def converse(request: web.Request) -> web.WebSocketResponse:
    """Answer until one side ends it. Like the real server, a process that ends does not close it properly."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        reply = _reply(message.data) if message.type is WSMsgType.TEXT else None
        if reply:
            await socket.send_json(reply)
    return socket


def _reply(text: str) -> dict[str, Any] | None:
    """The answer to one message; clients send more kinds, which are not answered here."""
    try:
        message = json.loads(text)
        return _REPLIES[message["msg"]](message)
    except (ValueError, KeyError, TypeError):
        return None


def _pong(message: dict[str, Any]) -> dict[str, Any]:
    return {"msg": "pong", **({"id": message["id"]} if "id" in message else {})}


_REPLIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "connect": lambda _: {"msg": "connected", "session": random_id()},
    "ping": _pong,
}
