# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node: a process that serves the API, refreshes its record and keeps its links."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from rocketchat_emulator.accounts import Accounts
from rocketchat_emulator.api import Api
from rocketchat_emulator.balancer import Balancer
from rocketchat_emulator.database import Database
from rocketchat_emulator.errors import EmulatorError
from rocketchat_emulator.instance import Instance, new_id
from rocketchat_emulator.links import NoBroker
from rocketchat_emulator.migration import Migration
from rocketchat_emulator.nats import NatsPeers
from rocketchat_emulator.peers import Peers
from rocketchat_emulator.presence import Presence
from rocketchat_emulator.probes import Probes
from rocketchat_emulator.processes import own_process
from rocketchat_emulator.ratelimit import RateLimiter
from rocketchat_emulator.registry import Registry
from rocketchat_emulator.roster import Roster
from rocketchat_emulator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from rocketchat_emulator.links import Broker
    from rocketchat_emulator.roster import Place

# Seconds between two reads of the database. New peers are found within this time.
_TICK = 0.1

# Seconds between two looks at whether the cluster's lifetime or its state directory has ended.
_END = 0.5

# Seconds between two heartbeats to each peer.
_GOSSIP = 1.0

# Seconds of a real server that a process waits for a peer's answer, and for its database.
_REQUEST_TIMEOUT = 60
_SELECTION_TIMEOUT = 30


class Node:
    """The parts of one process, and the order in which they start."""

    def __init__(self, *, state_dir: Path, name: str, database: Database) -> None:
        self._state_dir = state_dir
        self._name = name
        self._database = database
        self._settings = Settings.from_json(database.get("settings"))
        self._registry = Registry(database)
        self._roster = Roster(database)
        place = self._roster.place(name)
        self._address, self._port = place.address, place.port
        self._never_ready = not place.fault.behaviour.becomes_ready
        self._late = place.fault.seconds if place.fault.behaviour.starts_late else 0
        self._instance = Instance.of(place, self._settings)
        self._broker = self._broker_of(place)
        self._presence = self._presence_of_release()
        self._tasks: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM, the end of the cluster's lifetime, or the end of its state directory."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._over.set)
        self._roster.set_instance(self._name, self._instance.id)
        api = self._api()
        runner = web.AppRunner(
            api.application(), access_log=None, handler_cancellation=True, handle_signals=False, shutdown_timeout=0.2
        )
        await runner.setup()
        self._repeat(_END, self._notice_the_end)
        begun = asyncio.create_task(self._begin(api, web.TCPSite(runner, self._address, self._port)))
        over = asyncio.create_task(self._over.wait())
        await asyncio.wait({begun, over}, return_when=asyncio.FIRST_COMPLETED)
        if begun.done():
            begun.result()
        await over
        for task in (begun, *self._tasks):
            task.cancel()
        self._broker.close()
        await runner.cleanup()

    async def _begin(self, api: Api, site: web.TCPSite) -> None:
        """Migrate, then register and answer in the order of the release."""
        migration = Migration(
            node=self._name, version=self._instance.version, database=self._database, settings=self._settings
        )
        await migration.run()
        if self._never_ready:
            await site.start()
            return
        if self._late:
            # The services of a real server are started by a poll every second, which nothing waits for.
            await site.start()
            self._roster.set_ready(self._name)
            await asyncio.sleep(self._late)
            await self._join()
        elif self._start_gap:
            await site.start()
            await self._join()
        else:
            await self._join()
            await site.start()
        api.store_statistics()
        if not self._late:
            self._roster.set_ready(self._name)
        for seconds, act in self._duties():
            self._repeat(seconds, act)

    async def _join(self) -> None:
        """Read the peers, then write the own record; from 7.3 to 7.8 peers that register in between stay unknown."""
        port = await self._broker.start()
        if not self._settings.microservices:
            self._presence.peer_port = port
            self._presence.extra = self._instance.extra_information(tcp_port=port)
        await asyncio.sleep(self._start_gap)
        self._presence.ping()

    @property
    def _start_gap(self) -> float:
        by_reading = self._settings.transport == "tcp" and not self._settings.microservices
        return self._settings.start_gap if by_reading and not self._instance.version.watches_records else 0

    def _broker_of(self, place: Place) -> Broker:
        if self._settings.microservices:
            return NoBroker(self._instance.id)
        if self._settings.transport == "nats":
            return NatsPeers(
                instance=self._instance,
                database=self._database,
                roster=self._roster,
                interval=self._settings.ping,
                timeout=self._settings.ping * self._instance.version.heartbeat_timeout,
                clock=time.monotonic,
            )
        return Peers(
            address=place.address,
            instance=self._instance,
            registry=self._registry,
            roster=self._roster,
            request_timeout=self._settings.scaled(_REQUEST_TIMEOUT),
        )

    def _presence_of_release(self) -> Presence:
        """The record to keep: this process's own or, in microservices mode, that of a ddp-streamer beside it.

        A monolith does not register in that mode, and the record of a ddp-streamer has hardly any data.
        """
        streamer = self._settings.microservices
        return Presence(
            registry=self._registry,
            id=new_id(self._instance.version) if streamer else self._instance.id,
            node=self._name,
            name="ddp-streamer" if streamer else "rocket.chat",
            pid=self._instance.pid,
            extra={},
        )

    def _api(self) -> Api:
        limit = self._settings.rate_limit
        return Api(
            instance=self._instance,
            database=self._database,
            registry=self._registry,
            accounts=Accounts(self._database),
            roster=self._roster,
            broker=self._broker,
            presence=self._presence,
            limiter=RateLimiter(limit, time.monotonic) if limit else None,
            balancer=Balancer(self._name, self._roster),
            probes=Probes(self._instance.version, self._never_ready),
            request_log=self._state_dir / f"{self._name}.requests.jsonl",
            selection_timeout=self._settings.scaled(_SELECTION_TIMEOUT),
            microservices=self._settings.microservices,
            never_ready=self._never_ready,
        )

    def _duties(self) -> list[tuple[float, Callable[[], None]]]:
        """The repeated tasks of a registered process, each with its interval in seconds."""
        return [
            (self._settings.ping, self._ping),
            (max(_TICK, self._settings.sweep / 10), self._sweep),
            (_TICK, self._look),
            (_TICK, self._broker.tick),
            (_GOSSIP, self._broker.gossip),
        ]

    def _repeat(self, seconds: float, act: Callable[[], None]) -> None:
        self._tasks.append(asyncio.create_task(_every(seconds, act)))

    def _notice_the_end(self) -> None:
        if self._database.vanished or self._database.now() > self._database.get("ends_at"):
            self._over.set()

    def _ping(self) -> None:
        behaviour = self._roster.fault(self._name).behaviour
        if behaviour.pings and behaviour.reaches_database:
            self._presence.ping()

    def _look(self) -> None:
        if self._roster.fault(self._name).behaviour.reaches_database:
            self._broker.look()

    def _sweep(self) -> None:
        """Remove old records in place of MongoDB's TTL monitor, which runs even if no node reaches it."""
        self._registry.sweep(expire=self._settings.expire, every=self._settings.sweep)


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        try:
            act()
        except sqlite3.Error as error:
            print(f"database: {error}", file=sys.stderr)
        await asyncio.sleep(seconds)


def main(state_dir: Path, name: str) -> None:
    os.umask(0o077)
    database = Database(state_dir)
    if not Roster(database).claim(name, own_process()):
        sys.exit(f"{name} already runs, or was stopped")
    node = Node(state_dir=state_dir, name=name, database=database)
    try:
        asyncio.run(node.run())
    except EmulatorError as error:
        sys.exit(f"{name}: {error}")
    except OSError as error:
        sys.exit(f"{name}: {error.strerror or error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
