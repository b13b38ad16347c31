# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker that links the processes of a cluster, as far as instances.get shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

# Errors of `$node.list`, the broker's action that instances.get calls. It is not available to a process that is not in
# its own list and reaches no other process; it is not found by a process that is starting.
NOT_AVAILABLE = "Service '$node.list' is not available."
NOT_FOUND = "Service '$node.list' is not found."


class BrokerError(Exception):
    """An error of the broker; instances.get answers 400 with its text."""


@dataclass
class Link:
    """One peer as a process sees it. ``last_heard`` is in seconds of that process's uptime."""

    node: str
    connected: bool = False
    ever_connected: bool = False
    last_heard: float = 0


@dataclass(frozen=True)
class View:
    """The links of the process ``local``, which may be another process than the one that was asked."""

    local: str
    links: Mapping[str, Link] = field(default_factory=dict)

    def to_message(self) -> dict[str, Any]:
        heard = {peer: link.last_heard for peer, link in self.links.items() if link.connected}
        return {"local": self.local, "heard": heard}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> View:
        heard = {peer: Link("", connected=True, last_heard=seconds) for peer, seconds in message["heard"].items()}
        return cls(local=message["local"], links=heard)


class Broker(Protocol):
    """The interface of a broker; call ``look``, ``tick`` and ``gossip`` regularly after its start."""

    async def start(self) -> int | None:
        """Listen to peers; returns the port on which they connect, or None."""

    def look(self) -> None:
        """Read what has changed in the database."""

    def tick(self) -> None:
        """Connect to new peers, and notice lost ones."""

    def gossip(self) -> None:
        """Send each peer a heartbeat."""

    async def view(self) -> View:
        """Answer `$node.list`, or raise BrokerError."""

    def close(self) -> None:
        """Disconnect from all peers."""


@dataclass(frozen=True)
class NoBroker:
    """The broker of a process whose links instances.get does not show, as in microservices mode."""

    local: str

    async def start(self) -> None:
        return None

    def look(self) -> None:
        pass

    def tick(self) -> None:
        pass

    def gossip(self) -> None:
        pass

    async def view(self) -> View:
        return View(self.local)

    def close(self) -> None:
        pass
