# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database that all nodes share: one SQLite file in place of Rocket.Chat's MongoDB."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "database.sqlite3"

# The database's clock as SQL: seconds since 1970, with milliseconds. All times in records are of this clock.
NOW = "((julianday('now') - 2440587.5) * 86400.0)"

_SCHEMA = """
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    node TEXT,
    peer_port INTEGER,
    name TEXT NOT NULL,
    pid INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    extra TEXT NOT NULL
);
CREATE TABLE nodes (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    version TEXT NOT NULL,
    fault TEXT NOT NULL DEFAULT 'none',
    wanted INTEGER NOT NULL DEFAULT 1,
    pid INTEGER,
    pid_started INTEGER,
    instance_id TEXT,
    ready_at REAL,
    links TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE cuts (a TEXT NOT NULL, b TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (a, b));
CREATE TABLE removals (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL);
CREATE TRIGGER removed AFTER DELETE ON records BEGIN INSERT INTO removals (id) VALUES (OLD.id); END;
CREATE TABLE migrations (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL,
    version INTEGER NOT NULL,
    began REAL NOT NULL,
    ended REAL
);
CREATE TABLE heartbeats (id TEXT PRIMARY KEY, node TEXT NOT NULL, beat REAL NOT NULL);
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    permissions TEXT NOT NULL,
    roles TEXT NOT NULL,
    totp_hash TEXT
);
CREATE TABLE tokens (hash TEXT PRIMARY KEY, user_id TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL);
"""


class Database:
    """One process's connection."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self._inode = self._path.stat().st_ino
        self._connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # Data need not survive a power failure, and a fast start matters.
        self._connection.execute("PRAGMA synchronous = OFF")

    @classmethod
    def create(cls, state_dir: Path) -> Database:
        for suffix in ("", "-wal", "-shm"):
            (state_dir / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
        path = state_dir / FILE_NAME
        path.touch(mode=0o600)
        database = cls(state_dir)
        # Readers never wait for a writer in this mode.
        database._connection.execute("PRAGMA journal_mode = WAL")
        database._connection.executescript(_SCHEMA)
        return database

    @property
    def vanished(self) -> bool:
        """Whether the file was removed or replaced since this connection was opened."""
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement; returns the number of rows that it changed."""
        return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def now(self) -> float:
        """The database's clock, in seconds since 1970."""
        return float(self.rows(f"SELECT {NOW}")[0][0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the write lock, so that what the block reads is still true when it writes."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def get(self, key: str) -> Any:
        """A value of the whole cluster, or None."""
        found = self.row("SELECT value FROM meta WHERE key = ?", key)
        return None if found is None else found["value"]

    def put(self, key: str, value: object) -> None:
        self.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value)

    def close(self) -> None:
        self._connection.close()
