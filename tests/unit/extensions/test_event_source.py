# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source, loaded from its file and run with a queue as ansible-rulebook does, on real servers."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import threading
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import WATCH
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate import watch
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, Server, serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

SOURCE = Path(watch.__file__).parents[3] / "extensions" / "eda" / "plugins" / "event_source" / "instances.py"
NAMES = ("rc1", "rc2")
TOKEN = "RScctEHSmLGZGywfIhWyRpyofhKOiMoUIpimhvheU3f"
LOGIN = {"username": "watcher", "password": "pässword"}
TEMPLATE = "{{ 7 * 7 }}{% if %}{# x #}{{{ 1 }}}"
SOON = {"interval": 0.05, "stable_for": 0.2, "ping_interval": 1, "link_memory": 0.2, "timeout": 1}
BEGAN = datetime.now(timezone.utc)


class Cluster:
    """Two nodes; those in ``down`` fail, and repeat the token in their answers."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.servers: dict[str, Server] = {}
        self.logging_out: threading.Event | None = None  # an event that a logout waits for
        self.waited: list[bool] = []  # whether the event was set

    @property
    def members(self) -> list[dict[str, str]]:
        return [{"name": name, "url": server.url} for name, server in self.servers.items()]

    def answer(self, name: str, handler: Handler) -> None:
        if handler.path == "/api/v1/login":
            handler.reply(200, {"status": "success", "data": {"userId": "me", "authToken": TOKEN}})
        elif handler.path == "/api/v1/logout":
            if self.logging_out is not None:
                self.waited.append(self.logging_out.wait(1))
            handler.reply(200, {"status": "success"})
        elif name in self.down:
            handler.reply(500, {"error": f"down {TEMPLATE}, told {handler.headers['X-Auth-Token']}"})
        elif handler.path == "/api/info":
            handler.reply(200, {"success": True, "info": {"version": "7.10.0"}})
        else:
            handler.reply(200, {"success": True, "instances": [_record(other, name) for other in NAMES]})


def _record(name: str, asked: str) -> dict[str, Any]:
    record = {"_id": f"{name}-1", "_createdAt": to_iso(BEGAN - timedelta(hours=1)), "_updatedAt": to_iso(_ping())}
    return {
        "currentStatus": {"connected": True, "local": name == asked},
        "instanceRecord": {**record, "name": "rocket.chat", "extraInformation": {"tcpPort": 4000}},
    }


def _strings(value: Any) -> Iterator[str]:
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, str):
            yield item
        elif isinstance(item, (dict, list)):
            yield from _strings(item)


def _ping() -> datetime:
    return datetime.now(timezone.utc)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    with ExitStack() as stack:
        for name in NAMES:
            server = serving(lambda handler, name=name: cluster.answer(name, handler))  # type: ignore[misc]
            cluster.servers[name] = stack.enter_context(server)
        yield cluster


def main() -> Any:
    return runpy.run_path(str(SOURCE))["main"]


def watched(args: Mapping[str, Any], story: Callable[[Callable[[], Awaitable[Any]]], Awaitable[None]]) -> None:
    """Run the source, let ``story`` take its events, cancel it, and check that it ends."""

    async def run() -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        source = asyncio.create_task(main()(queue, dict(args)))
        try:
            await story(lambda: asyncio.wait_for(queue.get(), 20))
            assert not source.done()
        finally:
            source.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(source, 20)
        assert source.cancelled()

    asyncio.run(run())


def given(cluster: Cluster, **options: Any) -> dict[str, Any]:
    return {**SOON, "members": cluster.members, "user_id": "me", "auth_token": TOKEN, **options}


def test_events_of_a_node_that_dies_and_comes_back(cluster: Cluster) -> None:
    async def story(next_event: Callable[[], Awaitable[Any]]) -> None:
        first = await next_event()
        assert (first["type"], first["current"]) == ("state", "pass")
        cluster.down.add("rc2")
        member, verdict = await next_event(), await next_event()
        assert (member["member"], member["previous"], member["current"]) == ("rc2", "serving", "server_error")
        assert (verdict["previous"], verdict["current"]) == ("pass", "wait")
        assert member["meta"]["hosts"] == ["rc2"]
        assert TOKEN not in json.dumps([member, verdict])
        assert "********" in json.dumps(member)
        assert not re.search(r"\{[{%#]", "".join(_strings([member, verdict])))
        assert "{ { 7 * 7 }}{ % if %}{ # x #}{ { { 1 }}}" in member["findings"][0]["message"]
        cluster.down.clear()
        changes = {(event["member"], event["current"]) for event in (await next_event(), await next_event())}
        assert changes == {("rc2", "serving"), (None, "pass")}

    watched(given(cluster), story)


def test_the_watch_continues_while_no_node_answers(cluster: Cluster) -> None:
    async def story(next_event: Callable[[], Awaitable[Any]]) -> None:
        await next_event()
        cluster.down.update(NAMES)
        for _event in range(3):
            await next_event()
        cluster.down.clear()
        changes = [(event["member"], event["current"]) for event in [await next_event() for _event in range(3)]]
        assert sorted(map(str, changes)) == ["('rc1', 'serving')", "('rc2', 'serving')", "(None, 'pass')"]

    watched(given(cluster), story)


def test_a_heartbeat_has_the_whole_state(cluster: Cluster) -> None:
    async def story(next_event: Callable[[], Awaitable[Any]]) -> None:
        assert [(await next_event())["type"] for _event in range(3)] == ["state", "heartbeat", "heartbeat"]

    watched(given(cluster, heartbeat=0.2), story)


def test_a_cancelled_watch_logs_out(cluster: Cluster) -> None:
    async def story(next_event: Callable[[], Awaitable[Any]]) -> None:
        await next_event()

    watched({**SOON, "members": cluster.members, **LOGIN}, story)
    for server in cluster.servers.values():
        assert server.calls.count("POST /api/v1/login") == server.calls.count("POST /api/v1/logout") == 1


def test_a_node_that_hangs_at_the_logout_does_not_block_other_sources(cluster: Cluster) -> None:
    async def cancelled() -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        source = asyncio.create_task(main()(queue, {**SOON, "members": cluster.members, **LOGIN}))
        await asyncio.wait_for(queue.get(), 20)
        cluster.logging_out = release = threading.Event()
        source.cancel()
        await asyncio.sleep(0.05)  # as another source does meanwhile
        release.set()
        await asyncio.wait([source], timeout=20)
        assert source.cancelled()

    asyncio.run(cancelled())
    assert cluster.waited == [True, True]


def test_the_policy_may_be_one_variable(cluster: Cluster) -> None:
    async def story(next_event: Callable[[], Awaitable[Any]]) -> None:
        event = await next_event()
        assert (event["current"], event["cluster"]["needed"]) == ("pass", 1)

    cluster.down.add("rc2")
    policy = {**SOON, "members": cluster.members, "min_serving": 2, "deadline": 60}
    # Options outside of the policy have precedence. The only answering node must be seen to ping.
    watched({"policy": policy, "min_serving": 1, "user_id": "me", "auth_token": TOKEN}, _after_a_ping(story))


def _after_a_ping(story: Callable[[Callable[[], Awaitable[Any]]], Awaitable[None]]) -> Any:
    async def later(next_event: Callable[[], Awaitable[Any]]) -> None:
        async def passing() -> Any:
            event = await next_event()
            while event["current"] != "pass":
                event = await next_event()
            return event

        await story(passing)

    return later


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": None}, "neither url nor members is given"),
        ({"auth_token": None}, "auth_token is missing"),
        ({"phase": "before", "targets": ["rc1"]}, "unsupported options: phase, targets"),
        ({"min_serving": 3}, "min_serving 3 needs 3 to serve, but only 2 members are given: lower it"),
        ({"heartbeat": 0}, "heartbeat is 0, it must be at least 0.001 s"),
        ({"hearbeat": 5}, "unsupported options: hearbeat"),
        ({"policy": "strict"}, "policy"),
    ],
)
def test_wrong_options_are_refused(cluster: Cluster, options: dict[str, Any], message: str) -> None:
    args = {name: value for name, value in given(cluster, **options).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        asyncio.run(main()(asyncio.Queue(), args))


def test_the_example_and_the_sample_can_be_read() -> None:
    example = yaml.safe_load(runpy.run_path(str(SOURCE))["EXAMPLES"])
    sample = yaml.safe_load((SOURCE.parents[2] / "rulebooks" / "watch.yml").read_text(encoding="utf-8"))
    for ruleset in (*example, *sample):
        (source,) = ruleset["sources"]
        args = source["rocketops.rocketchat.instances"]
        assert set(args) <= set(WATCH)
    members = example[0]["sources"][0]["rocketops.rocketchat.instances"]["members"]
    assert [member["name"] for member in members] == ["rc1", "rc2"]
