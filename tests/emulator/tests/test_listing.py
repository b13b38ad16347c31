# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of instances.get, in both shapes and in deployments that are easily misread."""

from __future__ import annotations

import re
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator_driver import Emulator

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_an_item_has_the_documented_fields(shared: Emulator) -> None:
    items = {item["currentStatus"].get("local"): item for item in shared.items("rc1")}
    own = items[True]
    assert own == {
        "address": "127.0.0.1",
        "currentStatus": {"connected": True, "lastHeartbeatTime": 0, "local": True},
        "instanceRecord": own["instanceRecord"],
        "broadcastAuth": True,
    }
    record = own["instanceRecord"]
    assert list(record) == ["_id", "_createdAt", "_updatedAt", "extraInformation", "name", "pid"]
    assert str(uuid.UUID(record["_id"])) == record["_id"] == shared.id("rc1")
    assert _ISO.fullmatch(record["_createdAt"])
    assert _ISO.fullmatch(record["_updatedAt"])
    assert (record["name"], record["pid"]) == ("rocket.chat", shared.node("rc1")["pid"])
    extra = record["extraInformation"]
    assert set(extra) == {"host", "port", "tcpPort", "os", "nodeVersion"}, "no conns before the first login"
    assert (extra["host"], extra["port"]) == ("127.0.0.1", str(shared.base_port))
    assert isinstance(extra["tcpPort"], int)
    assert extra["nodeVersion"].startswith("v")
    machine = extra["os"]
    assert list(machine) == [
        "type", "platform", "arch", "release", "uptime", "loadavg", "totalmem", "freemem", "cpus",
    ]  # fmt: skip
    assert (machine["type"], machine["platform"]) == ("Linux", "linux")
    numbers = [machine["uptime"], *machine["loadavg"], machine["totalmem"], machine["freemem"], machine["cpus"]]
    assert [number for number in numbers if not isinstance(number, (int, float))] == []
    assert len(machine["loadavg"]) == 3


def test_the_answer_has_success_and_a_date(shared: Emulator) -> None:
    answer = shared.get("rc1", "/api/v1/instances.get")
    assert set(answer.json()) == {"instances", "success"}
    assert answer.json()["success"] is True
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Date"].endswith("GMT")


def test_connected_is_the_view_of_the_answering_node(shared: Emulator) -> None:
    for name in ("rc1", "rc2"):
        local = [item for item in shared.items(name) if item["currentStatus"].get("local")]
        assert [item["instanceRecord"]["_id"] for item in local] == [shared.id(name)]


def test_heartbeats_are_uptimes_of_the_answering_process(shared: Emulator) -> None:
    peer = shared.id("rc2")

    def heartbeat() -> int:
        (item,) = (item for item in shared.items("rc1") if item["instanceRecord"]["_id"] == peer)
        assert item["address"] == "127.0.0.1"
        assert set(item["currentStatus"]) == {"connected", "lastHeartbeatTime", "local"}
        assert item["currentStatus"]["local"] is False
        return int(item["currentStatus"]["lastHeartbeatTime"])

    first = heartbeat()
    assert first < 120, "neither a timestamp nor milliseconds"
    shared.eventually(lambda: heartbeat() > first)
    (own,) = (item for item in shared.items("rc1") if item["currentStatus"].get("local"))
    assert own["currentStatus"]["lastHeartbeatTime"] == 0, "frozen at the start"


def test_connections_appear_with_the_first_login(emulator: Emulator) -> None:
    user = emulator.up("--rate-limit", "off").document["viewer"]
    for _unused in range(2):
        emulator.request("POST", "rc1", "/api/v1/login", json={"user": user["username"], "password": user["password"]})
    # The second login comes within the 30 s in which the number is not refreshed.
    assert emulator.items("rc1")[0]["instanceRecord"]["extraInformation"]["conns"] == 1


def test_the_shape_before_6_0(emulator: Emulator) -> None:
    emulator.up("--version", "5.4.9", "--expire", "60", nodes=2)
    own, peer = sorted(emulator.items("rc1"), key=lambda item: str(item["extraInformation"]["port"]))
    assert list(own) == ["_id", "_createdAt", "_updatedAt", "extraInformation", "name", "pid"]
    assert len(own["_id"]) == 17
    assert "tcpPort" not in own["extraInformation"]
    assert peer["connection"] == {
        "address": f"127.0.0.1:{emulator.base_port + 1}",
        "currentStatus": {"connected": True, "status": "connected", "retryCount": 0},
        "broadcastAuth": True,
    }
    emulator.run("kill", "rc2")
    lost = emulator.eventually(lambda: _lost(emulator, peer["_id"]))
    assert (lost["status"], lost["retryCount"]) == ("waiting", 1)
    assert isinstance(lost["retryTime"], int)
    # A connection belongs to host and port: the old record looks like the new one.
    emulator.run("start", "rc2")
    emulator.eventually(lambda: not _lost(emulator, peer["_id"]))
    items = emulator.items("rc1")
    assert [item["connection"]["currentStatus"]["connected"] for item in items if "connection" in item] == [True, True]
    assert [item["_id"] for item in emulator.items("rc2") if "connection" not in item] == [
        peer["_id"],
        emulator.id("rc2"),
    ]


def _lost(emulator: Emulator, instance_id: str) -> Any:
    (item,) = (item for item in emulator.items("rc1") if item["_id"] == instance_id)
    status = item["connection"]["currentStatus"]
    return None if status["connected"] else status


def test_the_shape_is_that_of_the_answering_node(emulator: Emulator) -> None:
    emulator.up("--version", "5.4.9", nodes=2)
    emulator.run("stop", "rc2")
    emulator.run("start", "rc2", "--version", "6.0.0")
    new = emulator.id("rc2")
    emulator.eventually(lambda: len([i for i in emulator.items("rc1") if i.get("_id") == new and "connection" in i]))
    emulator.eventually(lambda: emulator.connected("rc2")[emulator.id("rc1")])


def test_microservices_mode_lists_no_node(emulator: Emulator) -> None:
    emulator.up("--microservices", nodes=2)
    items = emulator.items("rc1")
    assert len(items) == 2
    for item in items:
        assert item == {
            "currentStatus": {"connected": False},
            "instanceRecord": {**item["instanceRecord"], "name": "ddp-streamer", "extraInformation": {}},
            "broadcastAuth": True,
        }
        assert item["instanceRecord"]["_id"] not in {emulator.id("rc1"), emulator.id("rc2")}
    assert emulator.get("rc1", "/api/v1/statistics").json()["msEnabled"] is True


@pytest.mark.parametrize(
    ("arguments", "places", "address"),
    [
        (["--host-field", "localhost", "--port-field", "undefined"], [("localhost", "undefined")] * 2, "localhost"),
        (
            ["--host-field", "10.0.0.{n}", "--port-field", "3000"],
            [("10.0.0.1", "3000"), ("10.0.0.2", "3000")],
            "10.0.0.1",
        ),
    ],
)
def test_host_and_port_in_records_can_be_set(
    emulator: Emulator, arguments: list[str], places: list[tuple[str, str]], address: str
) -> None:
    emulator.up(*arguments, nodes=2)
    extras = [item["instanceRecord"]["extraInformation"] for item in emulator.items("rc1")]
    assert sorted((extra["host"], extra["port"]) for extra in extras) == places
    (own,) = (item for item in emulator.items("rc1") if item["currentStatus"].get("local"))
    assert own["address"] == address


def test_the_data_of_the_machine_changes_only_at_a_start(shared: Emulator) -> None:
    before = shared.record("rc1", shared.id("rc1"))
    assert before

    def later() -> dict[str, Any] | None:
        record = shared.record("rc1", shared.id("rc1"))
        return record if record and record["_updatedAt"] > before["_updatedAt"] else None

    after = shared.eventually(later)
    assert after["extraInformation"] == before["extraInformation"]


def test_before_6_0_peers_that_were_never_reached_have_no_connection(emulator: Emulator) -> None:
    emulator.up("--version", "5.4.9", nodes=2)
    for name in ("rc1", "rc2"):
        emulator.run("stop", name)
    emulator.run("partition", "rc1", "rc2")
    for name in ("rc1", "rc2"):
        emulator.run("start", name)
    ids = {emulator.id("rc1"), emulator.id("rc2")}
    for name in ("rc1", "rc2"):
        emulator.eventually(partial(_lists, emulator, name, ids))
        assert ["connection" in item for item in emulator.items(name)] == [False, False]
        # Only the header shows which of them is the answering process.
        assert emulator.get(name, "/api/v1/instances.get").headers["X-Instance-ID"] == emulator.id(name)
    emulator.run("heal", "rc1", "rc2")
    assert [item["_id"] for item in emulator.items("rc1") if "connection" in item] == [emulator.id("rc2")]


def _lists(emulator: Emulator, name: str, ids: set[str]) -> bool:
    return {item["_id"] for item in emulator.items(name)} == ids
