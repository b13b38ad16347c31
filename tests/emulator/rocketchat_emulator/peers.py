# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TCP connections of one process to its peers, which notice at once that a peer died, but not that it hangs.

A process connects to the peers that it knows. Both say hello, then each sends a line from time to time, which is its
heartbeat. Missing lines do not end the connection: observed with Moleculer's TCP transporter, a paused process stays
connected.

With a release that forgets removed records, processes keep the connection to a forgotten process, but do not show it.
The forgotten process still reaches the others: it cannot answer `$node.list` itself any more, so they answer it in
turn, each with its own view.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import TYPE_CHECKING, Any

from rocketchat_emulator.addressbook import AddressBook, Contact
from rocketchat_emulator.links import NOT_AVAILABLE, NOT_FOUND, BrokerError, Link, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rocketchat_emulator.instance import Instance
    from rocketchat_emulator.registry import Registry
    from rocketchat_emulator.roster import CutKind, Roster

# Seconds to wait for the hello of a process that accepts a connection.
_PATIENCE = 2.0

# Ticks that the process with the greater id waits for the other one to connect, so that not both do.
_TURNS_TO_WAIT = 5

_SIGN_OF_LIFE = b"{}\n"


class Peers:
    """All connections of one process. ``request_timeout``: seconds to wait for a peer's answer to `$node.list`."""

    def __init__(
        self, *, address: str, instance: Instance, registry: Registry, roster: Roster, request_timeout: float
    ) -> None:
        self._address = address
        self._instance = instance
        self._roster = roster
        self._request_timeout = request_timeout
        self._book = AddressBook(instance, registry)
        self._port: int | None = None
        self._links: dict[str, Link] = {}
        self._writers: dict[str, set[asyncio.StreamWriter]] = {}
        self._missed: dict[str, int] = {}
        self._dialling: set[str] = set()
        self._published: list[str] = []
        self._mentioned: dict[str, Contact] = {}
        self._asked: dict[int, asyncio.Future[View]] = {}
        self._questions = 0
        # asyncio keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Read the peers, and accept connections on a free port of this node's address; returns the port."""
        self._book.read()
        server = await asyncio.start_server(self._accept, self._address, 0)
        self._port = int(server.sockets[0].getsockname()[1])
        return self._port

    def close(self) -> None:
        for writers in self._writers.values():
            for writer in writers:
                writer.close()

    def look(self) -> None:
        self._book.refresh()

    def tick(self) -> None:
        """Connect to known peers, disconnect from those that are cut off, forget those that are gone."""
        cuts = self._roster.cuts_of(self._instance.node)
        for peer, contact in self._book.contacts.items():
            self._seek(peer, self._links.setdefault(peer, Link(contact.node)), contact, cuts)
        for peer, link in list(self._links.items()):
            writers = self._writers.get(peer)
            if cuts.get(link.node) == "reset":
                for writer in writers or ():
                    reset(writer.transport)
                self._mark(link, connected=False)
            if not writers and self._book.drop(peer):
                self._mark(link, connected=False)
                del self._links[peer]
        self._publish()

    def gossip(self) -> None:
        """Send each peer a heartbeat, or the peers that this process is connected to if they have changed."""
        links = self._shown()
        connected = {
            peer: contact for peer, contact in self._book.contacts.items() if peer in links and links[peer].connected
        }
        line = _SIGN_OF_LIFE
        if connected != self._mentioned:
            self._mentioned = connected
            line = _line({"nodes": {peer: [contact.node, contact.port] for peer, contact in connected.items()}})
        for writers in self._writers.values():
            for writer in writers:
                writer.write(line)

    async def view(self) -> View:
        if self._port is None:
            raise BrokerError(NOT_FOUND)
        if self._book.knows_itself:
            return self._own_view()
        in_reach = sorted(peer for peer, link in self._shown().items() if link.connected)
        if not in_reach:
            raise BrokerError(NOT_AVAILABLE)
        self._questions += 1
        return await self._ask(in_reach[self._questions % len(in_reach)], self._questions)

    def _own_view(self) -> View:
        return View(self._instance.id, self._shown())

    def _shown(self) -> dict[str, Link]:
        return {peer: link for peer, link in self._links.items() if peer not in self._book.forgotten}

    async def _ask(self, peer: str, number: int) -> View:
        """Let a peer answer `$node.list`."""
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            next(iter(self._writers[peer])).write(_line({"ask": number}))
            return await asyncio.wait_for(answer, self._request_timeout)
        except asyncio.TimeoutError:
            raise BrokerError(f"Request is timed out when call '$node.list' action on '{peer}' node.") from None
        finally:
            del self._asked[number]

    def _seek(self, peer: str, link: Link, contact: Contact, cuts: Mapping[str, CutKind]) -> None:
        if self._writers.get(peer) or link.node in cuts:
            self._missed[peer] = 0
            return
        # After a silent cut, a peer that has ended meanwhile is noticed here.
        self._mark(link, connected=False)
        missed = self._missed[peer] = self._missed.get(peer, 0) + 1
        if peer not in self._dialling and (self._instance.id < peer or missed > _TURNS_TO_WAIT):
            self._dialling.add(peer)
            task = asyncio.create_task(self._dial(peer, contact))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _dial(self, peer: str, contact: Contact) -> None:
        try:
            reader, writer = await asyncio.wait_for(self._shake_hands(peer, contact), _PATIENCE)
        except (OSError, ValueError, KeyError, TypeError, asyncio.TimeoutError):
            return
        finally:
            self._dialling.discard(peer)
        await self._hold(peer, contact.node, reader, writer)

    async def _shake_hands(self, peer: str, contact: Contact) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._roster.place(contact.node).address, contact.port)
        try:
            writer.write(_line({**self._hello(), "to": peer}))
            answer = json.loads(await reader.readline())
            # Another process may have got the port of a dead one.
            if answer["from"] != peer:
                raise ValueError("not the expected peer")
            self._learn(answer)
            writer.write(_SIGN_OF_LIFE)
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
            writer.write(_line(self._hello()))
            # After a pause, connections in the queue may have been closed by their callers: wait for the next line.
            if await asyncio.wait_for(reader.readline(), _PATIENCE) != _SIGN_OF_LIFE:
                raise ValueError("the peer closed the connection")
            self._learn(hello)
        except (OSError, ValueError, KeyError, TypeError, asyncio.TimeoutError):
            writer.close()
            return
        await self._hold(peer, node, reader, writer)

    def _hello(self) -> dict[str, Any]:
        return {
            "from": self._instance.id,
            "node": self._instance.node,
            "port": self._port,
            "knows_itself": self._book.knows_itself,
        }

    def _learn(self, hello: Mapping[str, Any]) -> None:
        """Learn of a peer. A process that is not in its own list does not announce itself to others."""
        if hello["knows_itself"]:
            self._book.meet(hello["from"], Contact(hello["node"], hello["port"]))
        else:
            self._book.forgotten.add(hello["from"])

    async def _hold(self, peer: str, node: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a connection until it ends."""
        link = self._links.setdefault(peer, Link(node))
        writers = self._writers.setdefault(peer, set())
        writers.add(writer)
        link.last_heard = self._instance.uptime()
        self._mark(link, connected=True)
        try:
            while line := await reader.readline():
                # Lines that arrive through a silent cut are treated as lost.
                if self._cut(node) is None:
                    link.last_heard = self._instance.uptime()
                    self._hear(json.loads(line), writer)
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
            writers.discard(writer)
            # With a silent cut, the end of a peer is not noticed.
            if not writers and self._cut(node) != "silent":
                self._mark(link, connected=False)

    def _hear(self, message: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        for peer, (node, port) in message.get("nodes", {}).items():
            self._book.meet(peer, Contact(node, port))
        if "ask" in message:
            writer.write(_line({"answer": message["ask"], "view": self._own_view().to_message()}))
        waiting = self._asked.get(message.get("answer", 0))
        if waiting and not waiting.done():
            waiting.set_result(View.from_message(message["view"]))

    def _mark(self, link: Link, *, connected: bool) -> None:
        if link.connected != connected:
            link.connected = connected
            link.ever_connected = True
            self._publish()

    def _publish(self) -> None:
        linked = sorted(peer for peer, link in self._shown().items() if link.connected)
        if linked != self._published:
            self._published = linked
            self._roster.publish_links(self._instance.node, linked)

    def _cut(self, node: str) -> CutKind | None:
        return self._roster.cut(self._instance.node, node)


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection with a TCP reset instead of an orderly close."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
