# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of both shapes, and wrong answers."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    InvalidAnswerError,
    Record,
    State,
    parse,
    parse_time,
    to_iso,
)

DOCUMENTED = json.loads((Path(__file__).parents[1] / "answers" / "instances.get.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def old(identity: str, *, connected: bool | None) -> dict[str, Any]:
    """An item of a server before 6."""
    link = {} if connected is None else {"connection": {"currentStatus": {"connected": connected}}}
    return {"_id": identity, "name": "rocket.chat", "extraInformation": {"port": "undefined"}, **link}


def test_the_documented_answer_is_parsed() -> None:
    (record,) = parse(DOCUMENTED).records
    assert {**record.to_dict(), "os": record.os.to_dict()} == {
        "id": "871f8be4-5fdb-45a8-868f-8d3e28a39148",
        "name": "rocket.chat",
        "host": "localhost",
        "port": 3000,
        "address": "localhost",
        "connected": True,
        "local": True,
        "last_heartbeat": 16,
        "created_at": "2024-05-22T11:14:11.845Z",
        "updated_at": "2024-07-05T02:55:40.526Z",
        "pid": 1,
        "tcp_port": 46443,
        "node_version": "v14.21.3",
        "connections": 1,
        "broadcast_auth": True,
        "os": {
            "type": "Linux",
            "platform": "linux",
            "arch": "x64",
            "release": "5.10.165-143.735.amzn2.x86_64",
            "uptime": 8455403.28,
            "load_average": [0.41, 0.17, 0.15],
            "total_memory": 4110323712,
            "free_memory": 198479872,
            "cpus": 2,
        },
    }
    assert Record.from_dict(json.loads(json.dumps({**record.to_dict(), "os": record.os.to_dict()}))) == record


@pytest.mark.parametrize(
    ("links", "local"),
    [([None, True], "0"), ([None, None], None), ([None, False], "0"), ([True], None)],
)
def test_before_6_the_only_record_without_a_connection_is_the_answering_node(
    links: list[bool | None], local: str | None
) -> None:
    listing = parse({"instances": [old(str(number), connected=link) for number, link in enumerate(links)]})
    assert listing.old_shape
    assert (listing.local.id if listing.local else None) == local
    assert listing.records[0].port is None


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "the answer has no list of instances"),
        ({"instances": {}}, "the answer has no list of instances"),
        ({"instances": [1]}, "the answer has an instance that is not an object"),
        ({"instances": [{}]}, "the answer has an instance without a valid _id"),
        ({"instances": [{"_id": 5}]}, "the answer has an instance without a valid _id"),
        ({"instances": [{"_id": "a\nok: [rc1]"}]}, "the answer has an instance without a valid _id"),
        ({"instances": [{"_id": "a" * 257}]}, "the answer has an instance without a valid _id"),
        ({"instances": [{"_id": "a"}, {"_id": "a"}]}, "the answer lists instance a twice"),
    ],
)
def test_a_wrong_answer_is_refused(payload: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidAnswerError) as caught:
        parse(payload)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-05-22T11:14:11.845Z", "2024-05-22T11:14:11.845Z"),
        ("2024-05-22T11:14:11.8459999Z", "2024-05-22T11:14:11.845Z"),
        ("2024-05-22T11:14:11+02:00", "2024-05-22T09:14:11.000Z"),
        ("+012024-05-22T11:14:11.845Z", "9999-12-31T23:59:59.999Z"),
        ("2024-05-22", None),
        ("2024-13-22T11:14:11.845Z", None),
        (5, None),
    ],
)
def test_times_are_parsed(text: object, written: str | None) -> None:
    assert to_iso(parse_time(text)) == written
    assert parse_time(written) == parse_time(text)


@pytest.mark.parametrize(
    ("connected", "age", "state"),
    [
        (True, 30, State.ALIVE),
        (True, 31, State.STALLED),
        (False, 30, State.ISOLATED),
        (False, 31, State.EXPIRED),
        (True, -30, State.ALIVE),
        (True, -31, State.GHOST),
        (False, -31, State.GHOST),
    ],
)
def test_the_state_of_a_record(*, connected: bool, age: int, state: State) -> None:
    raw = {"id": "a", "connected": connected, "updated_at": to_iso(NOW)}
    record = Record.from_dict(raw)
    assert record.state(datetime.fromtimestamp(NOW.timestamp() + age, tz=timezone.utc), 30) is state
    assert record.state(None, 30) in (State.STALLED, State.EXPIRED)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, "an instance is not a dictionary"),
        ({}, "an instance has no id"),
        ({"id": "a", "port": "1"}, "port is not of the type int"),
        ({"id": "a", "port": True}, "port is not of the type int"),
        ({"id": "a", "local": 1}, "local is not of the type bool"),
        ({"id": "a", "created_at": "now"}, "created_at is not a time"),
        ({"id": "a", "os": 5}, "os is not a dictionary"),
        ({"id": "a", "os": {"load_average": ["x"]}}, "os: load_average has an invalid value"),
    ],
)
def test_a_wrong_record_is_refused(raw: object, message: str) -> None:
    with pytest.raises(InvalidAnswerError) as caught:
        Record.from_dict(raw)
    assert str(caught.value) == message


def test_not_finite_numbers_are_null() -> None:
    item = copy.deepcopy(DOCUMENTED["instances"][0])
    item["instanceRecord"]["pid"] = "inf"
    item["instanceRecord"]["extraInformation"]["os"]["loadavg"] = ["nan", "0.5"]
    (record,) = parse({"instances": [item]}).records
    assert (record.pid, record.os.to_dict()["load_average"]) == (None, [0.5])


@pytest.mark.parametrize(("sent", "pid"), [(7.0, 7), (7.5, None), ("7", 7), (True, None)])
def test_whole_numbers_are_parsed(sent: object, pid: int | None) -> None:
    item = copy.deepcopy(DOCUMENTED["instances"][0])
    item["instanceRecord"]["pid"] = sent
    (record,) = parse({"instances": [item]}).records
    assert record.pid == pid


def test_two_local_instances_are_refused() -> None:
    items = [copy.deepcopy(DOCUMENTED["instances"][0]) for _unused in range(2)]
    items[1]["instanceRecord"]["_id"] = "another"
    with pytest.raises(InvalidAnswerError, match=r"^the answer marks more than one instance as local$"):
        parse({"instances": items})


def test_before_6_only_the_header_names_the_answering_node() -> None:
    items = [old("a", connected=None), old("b", connected=None), old("c", connected=True)]
    told = parse({"instances": items}, answered_by="a").records
    assert [(record.local, record.connected) for record in told] == [(True, None), (False, False), (False, True)]
    assert parse({"instances": items}).local is None
