# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The migrations of the database, which a process runs at its start before it answers any call.

The first process of a release with a new migration locks the control document and migrates. Processes that start
meanwhile try to get the lock 30 times, every 10 s. A lock that is older than 5 minutes, or that another build holds, is
taken over: so two processes may run a longer migration at the same time. A process of a release that does not know the
database's migration refuses to start, and does not release its lock.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rocketchat_emulator.database import NOW
from rocketchat_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from rocketchat_emulator.database import Database
    from rocketchat_emulator.settings import Settings
    from rocketchat_emulator.version import Version

# The values of a real server; times are in seconds.
_ATTEMPTS = 30
_TRY_AGAIN = 10
_LOCK_EXPIRES = 5 * 60


@dataclass(frozen=True)
class Control:
    """The control document. ``locked_at`` is the database's clock, in seconds since 1970; ``build`` set the lock."""

    version: int
    locked: bool
    locked_at: float
    build: str

    @classmethod
    def read(cls, database: Database) -> Control:
        return cls(**json.loads(database.get("migration control")))

    def write(self, database: Database) -> None:
        database.put("migration control", json.dumps(asdict(self)))


def begin(database: Database, settings: Settings, version: Version) -> None:
    """Write the control document of a new database, as after the first start of this release."""
    Control(settings.migration_of(version), locked=False, locked_at=database.now(), build=str(version)).write(database)


def runs(database: Database) -> list[dict[str, Any]]:
    """Every migration that was started; ``ended`` is None while it runs or if its process died. Database's clock."""
    rows = database.rows("SELECT node, version, began, ended FROM migrations ORDER BY sequence")
    return [dict(row) for row in rows]


class Migration:
    """The migrations of one process."""

    def __init__(self, *, node: str, version: Version, database: Database, settings: Settings) -> None:
        self._node = node
        self._build = str(version)
        self._target = settings.migration_of(version)
        self._database = database
        self._settings = settings

    async def run(self) -> None:
        """Return when the database is migrated to this release; EmulatorError if it cannot be."""
        for _attempt in range(_ATTEMPTS):
            if self._lock():
                break
            await asyncio.sleep(self._settings.scaled(_TRY_AGAIN))
        else:
            raise EmulatorError("another process holds the lock of the migrations")
        version = Control.read(self._database).version
        if version > self._target:
            raise EmulatorError(f"Can't find migration version {version}")
        if version < self._target:
            await self._migrate()
        self._unlock()

    def _lock(self) -> bool:
        with self._database.transaction():
            control, now = Control.read(self._database), self._database.now()
            expired = now - control.locked_at > self._settings.scaled(_LOCK_EXPIRES)
            if control.locked and not expired and control.build == self._build:
                return False
            if control.version == self._target:
                # No migration is needed: the lock is released at once.
                Control(self._target, locked=False, locked_at=now, build=self._build).write(self._database)
            else:
                Control(control.version, locked=True, locked_at=now, build=self._build).write(self._database)
            return True

    async def _migrate(self) -> None:
        with self._database.transaction():
            self._database.execute(
                f"INSERT INTO migrations (node, version, began) VALUES (?, ?, {NOW})", self._node, self._target
            )
            number = self._database.rows("SELECT MAX(sequence) FROM migrations")[0][0]
        await asyncio.sleep(self._settings.migration_time)
        self._database.execute(f"UPDATE migrations SET ended = {NOW} WHERE sequence = ?", number)

    def _unlock(self) -> None:
        with self._database.transaction():
            locked_at = Control.read(self._database).locked_at
            Control(self._target, locked=False, locked_at=locked_at, build=self._build).write(self._database)
