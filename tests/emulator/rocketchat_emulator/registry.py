# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection of instance records: registered processes, their last pings, and the removal of old records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rocketchat_emulator.database import NOW

if TYPE_CHECKING:
    import sqlite3

    from rocketchat_emulator.database import Database


@dataclass(frozen=True)
class Record:
    """One instance record. Times are the database's clock, in seconds since 1970.

    ``node`` and ``peer_port`` are the emulator's own and appear in no answer; both are None for a ghost.
    """

    id: str
    node: str | None
    peer_port: int | None
    name: str
    pid: int
    created_at: float
    updated_at: float
    extra: dict[str, Any]

    @property
    def place(self) -> tuple[object, object]:
        """Host and port: not changed by a restart, but not always unique."""
        return self.extra.get("host"), self.extra.get("port")

    def to_dict(self) -> dict[str, Any]:
        """The document as Rocket.Chat's API shows it."""
        return {
            "_id": self.id,
            "_createdAt": isoformat(self.created_at),
            "_updatedAt": isoformat(self.updated_at),
            "extraInformation": self.extra,
            "name": self.name,
            "pid": self.pid,
        }


class Registry:
    """The records of all instances, in the order in which they registered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self) -> list[Record]:
        return [_record(row) for row in self._database.rows("SELECT * FROM records ORDER BY sequence")]

    def peer_ports(self) -> dict[str, tuple[str | None, int | None]]:
        """The node and the port for peers of each process, by its id."""
        rows = self._database.rows("SELECT id, node, peer_port FROM records ORDER BY sequence")
        return {row["id"]: (row["node"], row["peer_port"]) for row in rows}

    def last_removal(self) -> int:
        """The number of the last removal; 0 if there was none."""
        return int(self._database.rows("SELECT COALESCE(MAX(sequence), 0) FROM removals")[0][0])

    def removals_after(self, number: int) -> dict[int, str]:
        """The ids of the records that were removed since, by a sweep or by hand, as from a change stream."""
        rows = self._database.rows("SELECT sequence, id FROM removals WHERE sequence > ?", number)
        return {row["sequence"]: row["id"] for row in rows}

    def count(self) -> int:
        return int(self._database.rows("SELECT COUNT(*) FROM records")[0][0])

    def register(
        self, *, instance_id: str, node: str, peer_port: int | None, name: str, pid: int, extra: dict[str, Any]
    ) -> None:
        self._database.execute(
            "INSERT INTO records (id, node, peer_port, name, pid, created_at, updated_at, extra)"
            f" VALUES (?, ?, ?, ?, ?, {NOW}, {NOW}, ?)",
            instance_id,
            node,
            peer_port,
            name,
            pid,
            json.dumps(extra),
        )

    def ping(self, instance_id: str) -> bool:
        """Refresh a record; False if it was removed."""
        return self._database.execute(f"UPDATE records SET updated_at = {NOW} WHERE id = ?", instance_id) == 1

    def set_extra(self, instance_id: str, extra: dict[str, Any]) -> None:
        self._database.execute("UPDATE records SET extra = ? WHERE id = ?", json.dumps(extra), instance_id)

    def sweep(self, *, expire: float, every: float) -> None:
        """Remove records whose last ping is more than ``expire`` seconds ago, at most once in ``every`` seconds.

        MongoDB's TTL monitor does this about once a minute. Here the first node to call this does it.
        """
        if self._sweep_is_due(every):
            with self._database.transaction():
                # Another node may have done it.
                if self._sweep_is_due(every):
                    self._database.put("last_sweep", self._database.now())
                    self._database.execute(f"DELETE FROM records WHERE updated_at < {NOW} - ?", expire)

    def remove(self, instance_id: str) -> None:
        self._database.execute("DELETE FROM records WHERE id = ?", instance_id)

    def _sweep_is_due(self, every: float) -> bool:
        last = self._database.get("last_sweep")
        return last is None or self._database.now() - float(last) >= every

    def add_ghost(self, *, node: str, instance_id: str, extra: dict[str, Any]) -> None:
        """Add a record of the year 2257, as in issue 31016 of Rocket.Chat's tracker: no sweep removes it."""
        future = datetime(2257, 4, 12, 23, 47, 16, 854000, tzinfo=timezone.utc).timestamp()
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO records (id, node, peer_port, name, pid, created_at, updated_at, extra)"
                f" VALUES (?, NULL, NULL, 'rocket.chat', 1, {NOW}, ?, ?)",
                instance_id,
                future,
                json.dumps(extra),
            )
            self._database.put(f"ghost of {node}", instance_id)

    def remove_ghost(self, node: str) -> None:
        """Remove it, which an administrator does by hand in the real database."""
        self.remove(self._database.get(f"ghost of {node}"))


def isoformat(seconds: float) -> str:
    """Seconds since 1970 as JavaScript writes a date: UTC, milliseconds, Z."""
    moment = datetime.fromtimestamp(round(seconds * 1000) / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _record(row: sqlite3.Row) -> Record:
    values = dict(row)
    del values["sequence"]
    values["extra"] = json.loads(values["extra"])
    return Record(**values)
