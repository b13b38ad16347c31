# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that emulates many nodes, and answers at once or after a set time.

``http://127.0.0.1:PORT/CLUSTER/NODE`` is the base URL of a node. The name of a cluster has its size (``c3`` has three
nodes). A cluster is healthy, or becomes so a number of seconds after its next request
(``POST /CLUSTER/well_after/SECONDS``).
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from multiprocessing import Process, Queue
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import to_iso
from ansible_collections.rocketops.rocketchat.tests.fuzz.answers import DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Iterator

LIFETIME = 3600.0
PINGS = 0.02  # seconds from one ping of a node to the next
INFO = {"success": True, "version": "7.11", "info": {"version": "7.11.0"}}


class Nodes:
    """``latency``: seconds that every answer takes. ``restarts``: of each node, by cluster and number."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.began = datetime.now(timezone.utc)
        self.well_after: dict[str, float] = {}
        self.well_at: dict[str, float] = {}
        self.restarts: dict[tuple[str, int], int] = {}
        self.peers: dict[str, tuple[float, list[str]]] = {}

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/{cluster}/{node}/api/v1/instances.get", self.instances)
        application.router.add_get("/{cluster}/{node}/api/info", self.info)
        application.router.add_get("/{cluster}/{node}/restart", self.restart)
        application.router.add_post("/{cluster}/well_after/{seconds}", self.make_well)
        application.router.add_get("/{cluster}/well_at", self.told_well)
        return application

    async def instances(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.latency)
        cluster, asked = request.match_info["cluster"], int(request.match_info["node"])
        if cluster in self.well_after:
            self.well_at[cluster] = time.monotonic() + self.well_after.pop(cluster)
        items = self._peers(cluster).copy()
        items[asked] = json.dumps(self._item(cluster, asked, asked, True))
        text = f'{{"success": true, "instances": [{", ".join(items)}]}}'
        return web.Response(text=text, content_type="application/json", headers=self._identity(cluster, asked))

    def _peers(self, cluster: str) -> list[str]:
        """The items of the other nodes, as JSON. Created once per ping, so that the server costs little."""
        now, well_at = time.monotonic(), self.well_at.get(cluster, 0.0)
        until, items = self.peers.get(cluster, (0.0, []))
        if now >= until:
            size = int(cluster.lstrip("c").partition("-")[0])
            items = [json.dumps(self._item(cluster, node, -1, now >= well_at)) for node in range(size)]
            until = now + PINGS
            self.peers[cluster] = (min(until, well_at) if now < well_at else until, items)
        return items

    def _item(self, cluster: str, node: int, asked: int, connected: bool) -> dict[str, Any]:
        now = datetime.now(timezone.utc)
        documented = DOCUMENTED["instances"][0]
        record = {
            **documented["instanceRecord"],
            "_id": self._id(cluster, node),
            "_createdAt": to_iso(self.began - timedelta(hours=1)),
            "_updatedAt": to_iso(now),
        }
        status = {"connected": connected, "lastHeartbeatTime": 16, **({"local": True} if node == asked else {})}
        return {**documented, "currentStatus": status, "instanceRecord": record}

    def _id(self, cluster: str, node: int) -> str:
        return f"{cluster}-{node}-{self.restarts.get((cluster, node), 0)}"

    def _identity(self, cluster: str, node: int) -> dict[str, str]:
        return {"X-Instance-ID": self._id(cluster, node)}

    async def info(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.latency)
        cluster, asked = request.match_info["cluster"], int(request.match_info["node"])
        return web.json_response(INFO, headers=self._identity(cluster, asked))

    async def restart(self, request: web.Request) -> web.Response:
        key = (request.match_info["cluster"], int(request.match_info["node"]))
        self.restarts[key] = self.restarts.get(key, 0) + 1
        self.peers.pop(key[0], None)
        return web.Response(text="restarted")

    async def make_well(self, request: web.Request) -> web.Response:
        cluster = request.match_info["cluster"]
        self.well_after[cluster] = float(request.match_info["seconds"])
        self.peers.pop(cluster, None)
        return web.Response(text="not well")

    async def told_well(self, request: web.Request) -> web.Response:
        """Answer with the time by the monotonic clock, which all processes of a machine share."""
        return web.Response(text=str(self.well_at[request.match_info["cluster"]]))


@contextmanager
def nodes(*, latency: float = 0.0) -> Iterator[str]:
    """The URL of such a server in a separate process, which ends with the block."""
    ports: Queue[int] = Queue()
    process = Process(target=_serve, args=(latency, ports), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=20)}"
    finally:
        process.terminate()
        process.join()


def _serve(latency: float, ports: Queue[int]) -> None:
    asyncio.run(_run(latency, ports))


async def _run(latency: float, ports: Queue[int]) -> None:
    runner = web.AppRunner(Nodes(latency).application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ports.put(runner.addresses[0][1])
    await asyncio.sleep(LIFETIME)


def answer_of(instances: int) -> dict[str, Any]:
    """The answer of a node of a cluster of this size."""
    items = [Nodes(0.0)._item("c", node, 0, True) for node in range(instances)]
    loaded: dict[str, Any] = json.loads(json.dumps({"success": True, "instances": items}))
    return loaded
