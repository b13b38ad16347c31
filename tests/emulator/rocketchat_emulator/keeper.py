# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A supervisor: restarts nodes in a crash loop, and ends nodes that cannot end themselves.

A paused process cannot notice that its lifetime is over or its state directory is gone. Each cluster has one keeper.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

from rocketchat_emulator.database import Database
from rocketchat_emulator.processes import Process, kill_all, own_process, spawn_node
from rocketchat_emulator.roster import Roster

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path
    from types import FrameType

    from rocketchat_emulator.roster import Place

_TICK = 0.1


class Keeper:
    """Remembers every process it has seen, because the database may be gone when it must end them."""

    def __init__(self, state_dir: Path, database: Database) -> None:
        self._state_dir = state_dir
        self._database = database
        self._roster = Roster(database)
        self._seen: set[Process] = set()
        self._crashed: set[str] = set()
        self._children: list[subprocess.Popen[bytes]] = []
        self._told_to_end = False

    def run(self) -> None:
        """Run until SIGTERM, the end of the cluster's lifetime or of its state directory; then end all processes."""
        signal.signal(signal.SIGTERM, self._hear)
        while not self._told_to_end and not self._database.vanished:
            try:
                if self._database.now() > self._database.get("ends_at"):
                    break
                self._look_around()
            except (OSError, sqlite3.Error) as error:
                print(f"keeper: {error}", file=sys.stderr)
            time.sleep(_TICK)
        for process in self._seen:
            process.signal(signal.SIGKILL)
        kill_all(self._children)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_end = True

    def _look_around(self) -> None:
        places = self._roster.places()
        seen = {place.process for place in places if place.process}
        if len(seen) != len(self._seen):
            self._database.put("keeper_watches", len(seen))
        self._seen = seen
        for place in places:
            if place.wanted and place.process:
                self._loop(place, place.process)
        # Wait for the ended child, so that the kernel removes it.
        self._children = [child for child in self._children if child.poll() is None]

    def _loop(self, place: Place, process: Process) -> None:
        looping = place.fault.behaviour.crashes
        if process.state == "stopped":
            # A node whose fault was removed between its crash and its start is started too.
            if looping or place.name in self._crashed:
                self._crashed.discard(place.name)
                self._roster.forget_process(place.name)
                self._children.append(spawn_node(self._state_dir, place.name))
        elif looping and place.ready_at and self._database.now() - place.ready_at >= place.fault.seconds:
            self._crashed.add(place.name)
            process.signal(signal.SIGKILL)


def claim(database: Database, process: Process) -> bool:
    """Store the keeper's own process, unless the cluster is already down."""
    with database.transaction():
        if database.get("over"):
            return False
        database.put("keeper_pid", process.pid)
        database.put("keeper_started", process.started)
        return True


def recorded(database: Database) -> Process | None:
    pid = database.get("keeper_pid")
    return None if pid is None else Process(pid, database.get("keeper_started"))


def watches(database: Database) -> int:
    """The number of processes that the keeper knows, and would end."""
    return database.get("keeper_watches") or 0


def main(state_dir: Path) -> None:
    os.umask(0o077)
    database = Database(state_dir)
    if claim(database, own_process()):
        Keeper(state_dir, database).run()
