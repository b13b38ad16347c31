# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The WebSocket of a client, from its first message to the end of the process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from emulator_driver import Emulator


def test_a_client_is_answered_until_the_process_ends(emulator: Emulator) -> None:
    emulator.up()
    url = emulator.document["nodes"][0]["url"]

    async def talk() -> list[Any]:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/websocket") as socket:
            await socket.send_str("nonsense")
            await socket.send_json({"msg": "ping", "id": "7"})
            said = [await socket.receive_json(timeout=5)]
            await socket.send_json({"msg": "connect", "version": "1", "support": ["1"]})
            said.append(await socket.receive_json(timeout=5))
            await asyncio.to_thread(emulator.run, "stop", "rc1")
            said.append((await socket.receive(timeout=5)).type.name)
            return said

    pong, connected, end = asyncio.run(talk())
    assert pong == {"msg": "pong", "id": "7"}
    assert (connected["msg"], len(connected["session"])) == ("connected", 17)
    assert end in {"CLOSE", "CLOSED"}


def test_a_build_that_is_never_ready_accepts_no_websocket(emulator: Emulator) -> None:
    emulator.up()
    url = emulator.document["nodes"][0]["url"]
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--fault", "never_ready", "--no-wait")

    async def knock() -> int:
        async with aiohttp.ClientSession() as session:
            try:
                await session.ws_connect(f"{url}/websocket")
            except aiohttp.WSServerHandshakeError as error:
                return error.status
            except aiohttp.ClientConnectorError:
                return 0
        return 101

    assert emulator.eventually(lambda: asyncio.run(knock())) == 200, "a web page instead"
