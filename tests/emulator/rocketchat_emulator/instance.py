# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process of a node: its id, and the data of the machine that Rocket.Chat reads when a process starts."""

from __future__ import annotations

import os
import platform
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rocketchat_emulator.accounts import random_id

if TYPE_CHECKING:
    from rocketchat_emulator.roster import Place
    from rocketchat_emulator.settings import Settings
    from rocketchat_emulator.version import Version


@dataclass(frozen=True)
class Instance:
    """``id`` is new at every start: only host and port are stable."""

    id: str
    node: str
    version: Version
    host: str
    port: str
    pid: int = field(default_factory=os.getpid)
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, place: Place, settings: Settings) -> Instance:
        return cls(
            id=new_id(place.version),
            node=place.name,
            version=place.version,
            host=settings.host_of(place),
            port=settings.port_of(place),
        )

    def uptime(self) -> float:
        """Seconds since this process started."""
        return time.monotonic() - self.started

    def extra_information(self, *, tcp_port: int | None) -> dict[str, Any]:
        """The data of a process about itself. The port is a string; tcpPort exists since 6, but not over NATS."""
        return {
            "host": self.host,
            "port": self.port,
            **({} if self.version.lists_raw_records or tcp_port is None else {"tcpPort": tcp_port}),
            "os": _machine(),
            "nodeVersion": self.version.node_js,
        }


def new_id(version: Version) -> str:
    """A uuid, or 17 characters before 6."""
    return random_id() if version.lists_raw_records else str(uuid.uuid4())


def _machine() -> dict[str, Any]:
    """Node.js's os module. Real servers send numbers, though Rocket.Chat's API documentation shows some as strings."""
    memory = {
        line.split(":")[0]: int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    }
    return {
        "type": platform.system(),
        "platform": platform.system().lower(),
        "arch": {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "release": platform.release(),
        "uptime": float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]),
        "loadavg": list(os.getloadavg()),
        "totalmem": memory["MemTotal"],
        "freemem": memory["MemFree"],
        "cpus": os.cpu_count() or 1,
    }
