# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process's own record: it is registered, refreshed, and written again after a sweep."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rocketchat_emulator.registry import Registry

# Seconds between two writes of the number of client connections.
_CONNECTIONS_EVERY = 30.0


@dataclass
class Presence:
    """Does not remove the record: a shutdown of Rocket.Chat in general does not either."""

    registry: Registry
    id: str
    node: str
    name: str
    pid: int
    extra: dict[str, Any]
    peer_port: int | None = None
    _logins: int = 0
    _connections_written: float = field(default=-_CONNECTIONS_EVERY)

    def ping(self) -> None:
        """Refresh the record; if it was swept, register again with the same id and a new _createdAt."""
        if not self.registry.ping(self.id):
            self.registry.register(
                instance_id=self.id,
                node=self.node,
                peer_port=self.peer_port,
                name=self.name,
                pid=self.pid,
                extra=self.extra,
            )

    def count_login(self) -> None:
        """Add `conns` with the first login; later logins change it at most every 30 s."""
        self._logins += 1
        now = time.monotonic()
        if now - self._connections_written >= _CONNECTIONS_EVERY:
            self._connections_written = now
            self.extra["conns"] = self._logins
            self.registry.set_extra(self.id, self.extra)
