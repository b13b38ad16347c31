# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TCP connections of one node to its peers: whoever dies is noticed at once, whoever hangs is not.

Of two processes the one with the smaller id dials. They say hello, then each sends a line now and then, from which the
other learns when it last heard of it. That lines fail to come means nothing to either: observed with Moleculer's TCP
transporter, a paused process stays connected.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rocketchat_emulator.instance import Instance
    from rocketchat_emulator.registry import Registry
    from rocketchat_emulator.roster import CutKind, Roster

# Seconds after which a process that accepts a connection, but says nothing, is given up for now.
_PATIENCE = 2.0

_GOSSIP = b"{}\n"


@dataclass
class Link:
    """One peer as this node sees it. ``last_heard`` is in seconds of this process's uptime."""

    node: str
    connected: bool = False
    ever_connected: bool = False
    last_heard: float = 0
    writer: asyncio.StreamWriter | None = None


class Peers:
    """All links of one node. ``tick`` and ``gossip`` are to be called regularly."""

    def __init__(self, *, address: str, instance: Instance, registry: Registry, roster: Roster) -> None:
        self._address = address
        self._instance = instance
        self._registry = registry
        self._roster = roster
        self._links: dict[str, Link] = {}
        self._dialling: set[str] = set()
        # asyncio itself holds tasks by weak references only.
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def links(self) -> Mapping[str, Link]:
        return self._links

    async def listen(self) -> int:
        """Accept peers on a free port of this node's address; returns the port."""
        server = await asyncio.start_server(self._accept, self._address, 0)
        return int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        for link in self._links.values():
            if link.writer:
                link.writer.close()

    def tick(self) -> None:
        """Dial who is missing, part from who is cut off, forget who has neither record nor connection."""
        ports = self._registry.peer_ports()
        cuts = self._roster.cuts_of(self._instance.node)
        for peer, (node, port) in ports.items():
            if peer != self._instance.id and node and port:
                self._seek(peer, self._links.setdefault(peer, Link(node)), port, cuts)
        for peer, link in list(self._links.items()):
            if cuts.get(link.node) == "reset":
                if link.writer:
                    reset(link.writer.transport)
                self._mark(link, connected=False)
            if peer not in ports and link.writer is None:
                self._mark(link, connected=False)
                del self._links[peer]

    def gossip(self) -> None:
        for link in self._links.values():
            if link.writer:
                link.writer.write(_GOSSIP)

    def _seek(self, peer: str, link: Link, port: int, cuts: Mapping[str, CutKind]) -> None:
        if link.writer or link.node in cuts:
            return
        # At the end of a silent cut this is the moment at which a peer that went away meanwhile is missed.
        self._mark(link, connected=False)
        if self._instance.id < peer and peer not in self._dialling:
            self._dialling.add(peer)
            task = asyncio.create_task(self._dial(peer, link.node, port))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _dial(self, peer: str, node: str, port: int) -> None:
        try:
            reader, writer = await asyncio.wait_for(self._shake_hands(peer, node, port), _PATIENCE)
        except (OSError, ValueError, asyncio.TimeoutError):
            return
        finally:
            self._dialling.discard(peer)
        await self._hold(peer, node, reader, writer)

    async def _shake_hands(self, peer: str, node: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._roster.place(node).address, port)
        try:
            writer.write(_line({"from": self._instance.id, "node": self._instance.node, "to": peer}))
            # Somebody else may have inherited the port of a dead process.
            if json.loads(await reader.readline()) != {"from": peer}:
                raise ValueError("not the peer that was dialled")
            writer.write(_GOSSIP)
        except BaseException:
            writer.close()
            raise
        return reader, writer

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = json.loads(await asyncio.wait_for(reader.readline(), _PATIENCE))
            peer, node = str(hello["from"]), str(hello["node"])
            if hello["to"] != self._instance.id:
                raise ValueError("not for this process")
            writer.write(_line({"from": self._instance.id}))
            # A process that was paused finds callers in its queue who have long hung up: only the next line is proof.
            if await asyncio.wait_for(reader.readline(), _PATIENCE) != _GOSSIP:
                raise ValueError("the caller hung up")
        except (OSError, ValueError, KeyError, TypeError, asyncio.TimeoutError):
            writer.close()
            return
        await self._hold(peer, node, reader, writer)

    async def _hold(self, peer: str, node: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a connection until it ends."""
        link = self._links.setdefault(peer, Link(node))
        link.writer = writer
        link.last_heard = self._instance.uptime()
        self._mark(link, connected=True)
        try:
            while await reader.readline():
                # What arrives through a silent cut counts as lost on the way.
                if self._cut(node) is None:
                    link.last_heard = self._instance.uptime()
        except OSError:
            pass
        finally:
            writer.close()
            if link.writer is writer:
                link.writer = None
                # Where packets are dropped, nobody hears a peer go.
                if self._cut(node) != "silent":
                    self._mark(link, connected=False)

    def _mark(self, link: Link, *, connected: bool) -> None:
        if link.connected != connected:
            link.connected = connected
            link.ever_connected = True
            linked = sorted(peer for peer, other in self._links.items() if other.connected)
            self._roster.publish_links(self._instance.node, linked)

    def _cut(self, node: str) -> CutKind | None:
        return self._roster.cut(self._instance.node, node)


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection with a TCP reset instead of an orderly goodbye."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
