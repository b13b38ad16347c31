# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of a cluster: address, version, fault, running process, and the cuts between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rocketchat_emulator.database import NOW
from rocketchat_emulator.errors import EmulatorError
from rocketchat_emulator.faults import Fault
from rocketchat_emulator.processes import Process
from rocketchat_emulator.version import Version

if TYPE_CHECKING:
    import sqlite3

    from rocketchat_emulator.database import Database

CutKind = Literal["reset", "silent"]


@dataclass(frozen=True)
class Place:
    """One node. ``wanted``: whether it should run; ``ready_at`` (database's clock): since when it answers."""

    name: str
    number: int
    address: str
    port: int
    version: Version
    fault: Fault
    wanted: bool
    process: Process | None
    instance_id: str | None
    ready_at: float | None
    links: frozenset[str]

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def answers(self) -> bool:
        """Whether its process runs, is not paused, and has stored that it answers."""
        return self.ready_at is not None and self.process is not None and self.process.state == "running"


class Roster:
    """All nodes, and the cuts between them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, name: str, number: int, address: str, port: int, version: Version) -> None:
        self._database.execute(
            "INSERT INTO nodes (name, number, address, port, version) VALUES (?, ?, ?, ?, ?)",
            name,
            number,
            address,
            port,
            str(version),
        )

    def places(self) -> list[Place]:
        return [_place(row) for row in self._database.rows("SELECT * FROM nodes ORDER BY number")]

    def place(self, name: str) -> Place:
        row = self._database.row("SELECT * FROM nodes WHERE name = ?", name)
        if row is None:
            names = ", ".join(place.name for place in self.places())
            raise EmulatorError(f"no node is named '{name}'; choose from {names}")
        return _place(row)

    def fault(self, name: str) -> Fault:
        return Fault.parse(self._database.rows("SELECT fault FROM nodes WHERE name = ?", name)[0]["fault"])

    def set_fault(self, name: str, fault: Fault) -> None:
        self._database.execute("UPDATE nodes SET fault = ? WHERE name = ?", str(fault), name)

    def set_version(self, name: str, version: Version) -> None:
        self._database.execute("UPDATE nodes SET version = ? WHERE name = ?", str(version), name)

    def forget_process(self, name: str) -> None:
        """Forget the previous process before a start, so that it is not mistaken for the new one."""
        self._database.execute(
            "UPDATE nodes SET pid = NULL, pid_started = NULL, instance_id = NULL, ready_at = NULL, links = '[]'"
            " WHERE name = ?",
            name,
        )

    def want(self, name: str) -> None:
        self._database.execute("UPDATE nodes SET wanted = 1 WHERE name = ?", name)

    def unwant(self, name: str | None = None) -> None:
        """Let no process start for this node, or for any node: `claim` refuses from now on."""
        self._database.execute("UPDATE nodes SET wanted = 0 WHERE ? IS NULL OR name = ?", name, name)

    def claim(self, name: str, process: Process) -> bool:
        """The first step of a node's process: store its pid, so that `down` knows of it. False: it must not run."""
        with self._database.transaction():
            place = self.place(name)
            if not place.wanted or (place.process and place.process.state != "stopped"):
                return False
            self._database.execute(
                "UPDATE nodes SET pid = ?, pid_started = ? WHERE name = ?", process.pid, process.started, name
            )
            return True

    def set_instance(self, name: str, instance_id: str) -> None:
        self._database.execute("UPDATE nodes SET instance_id = ? WHERE name = ?", instance_id, name)

    def set_ready(self, name: str) -> None:
        self._database.execute(f"UPDATE nodes SET ready_at = {NOW} WHERE name = ?", name)

    def publish_links(self, name: str, links: list[str]) -> None:
        """Store for the command line only which instances a node reaches."""
        self._database.execute("UPDATE nodes SET links = ? WHERE name = ?", json.dumps(links), name)

    def cut(self, a: str, b: str) -> CutKind | None:
        low, high = sorted((a, b))
        row = self._database.row("SELECT kind FROM cuts WHERE a = ? AND b = ?", low, high)
        return None if row is None else row["kind"]

    def cuts_of(self, name: str) -> dict[str, CutKind]:
        """The nodes that this one is cut off from."""
        rows = self._database.rows("SELECT a, b, kind FROM cuts WHERE ? IN (a, b)", name)
        return {row["b"] if row["a"] == name else row["a"]: row["kind"] for row in rows}

    def cuts(self) -> list[tuple[str, str, CutKind]]:
        return [(row["a"], row["b"], row["kind"]) for row in self._database.rows("SELECT * FROM cuts ORDER BY a, b")]

    def set_cut(self, a: str, b: str, kind: CutKind | None) -> None:
        low, high = sorted((a, b))
        if kind is None:
            self._database.execute("DELETE FROM cuts WHERE a = ? AND b = ?", low, high)
        else:
            self._database.execute("INSERT OR REPLACE INTO cuts (a, b, kind) VALUES (?, ?, ?)", low, high, kind)


def _place(row: sqlite3.Row) -> Place:
    return Place(
        name=row["name"],
        number=row["number"],
        address=row["address"],
        port=row["port"],
        version=Version.parse(row["version"]),
        fault=Fault.parse(row["fault"]),
        wanted=bool(row["wanted"]),
        process=None if row["pid"] is None else Process(row["pid"], row["pid_started"]),
        instance_id=row["instance_id"],
        ready_at=row["ready_at"],
        links=frozenset(json.loads(row["links"])),
    )
