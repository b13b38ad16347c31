# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links over NATS: processes are connected to a server, so only missed heartbeats show that a process has died.

The heartbeats are kept in the database, in place of a NATS server. A process checks once per timeout for peers that
were silent for longer than that, so a dead or paused peer looks connected for one to two timeouts. A process that is
stopped says goodbye, which its peers see at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketchat_emulator.database import NOW
from rocketchat_emulator.links import NOT_FOUND, BrokerError, Link, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from rocketchat_emulator.database import Database
    from rocketchat_emulator.instance import Instance
    from rocketchat_emulator.roster import Roster


class NatsPeers:
    """All links of one process. ``interval`` and ``timeout`` of heartbeats are in seconds of ``clock``."""

    def __init__(
        self,
        *,
        instance: Instance,
        database: Database,
        roster: Roster,
        interval: float,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._instance = instance
        self._database = database
        self._roster = roster
        self._interval = interval
        self._timeout = timeout
        self._clock = clock
        self._started = False
        self._links: dict[str, Link] = {}
        self._beats: dict[str, float] = {}
        self._heard_at: dict[str, float] = {}
        self._beaten_at = self._checked_at = clock()
        self._published: list[str] = []

    async def start(self) -> None:
        """Ignore heartbeats from before the start."""
        self._beats = {peer: beat for peer, (_node, beat) in self._read().items()}
        self._beat()
        self._started = True

    def close(self) -> None:
        self._database.execute("DELETE FROM heartbeats WHERE id = ?", self._instance.id)

    def look(self) -> None:
        pass

    def tick(self) -> None:
        now = self._clock()
        if now - self._beaten_at >= self._interval:
            self._beat()
        self._listen()
        if now - self._checked_at >= self._timeout:
            self._checked_at = now
            for peer, link in self._links.items():
                if now - self._heard_at[peer] > self._timeout:
                    link.connected = False
        linked = sorted(peer for peer, link in self._links.items() if link.connected)
        if linked != self._published:
            self._published = linked
            self._roster.publish_links(self._instance.node, linked)

    def gossip(self) -> None:
        pass

    async def view(self) -> View:
        if not self._started:
            raise BrokerError(NOT_FOUND)
        return View(self._instance.id, self._links)

    def _beat(self) -> None:
        self._beaten_at = self._clock()
        self._database.execute(
            f"INSERT OR REPLACE INTO heartbeats (id, node, beat) VALUES (?, ?, {NOW})",
            self._instance.id,
            self._instance.node,
        )

    def _read(self) -> dict[str, tuple[str, float]]:
        rows = self._database.rows("SELECT id, node, beat FROM heartbeats WHERE id != ?", self._instance.id)
        return {row["id"]: (row["node"], row["beat"]) for row in rows}

    def _listen(self) -> None:
        beats, cuts = self._read(), self._roster.cuts_of(self._instance.node)
        for peer, (node, beat) in beats.items():
            if node in cuts or beat <= self._beats.get(peer, 0):
                continue
            self._beats[peer] = beat
            if peer not in self._links:
                # A new process asks its peers, which answer at once.
                self._beat()
            link = self._links.setdefault(peer, Link(node))
            link.connected = link.ever_connected = True
            link.last_heard = self._instance.uptime()
            self._heard_at[peer] = self._clock()
        for peer, link in self._links.items():
            if peer not in beats and link.node not in cuts:
                link.connected = False
