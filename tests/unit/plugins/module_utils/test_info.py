# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of instances_info and instances_facts, from scripted observations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import Listing, Record, to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import cluster_information

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def record(identity: str, *, age: float = 0, connected: bool = True, local: bool = False) -> Record:
    moment = to_iso(NOW - timedelta(seconds=age))
    return Record.from_dict({"id": identity, "updated_at": moment, "connected": connected, "local": local})


def view(name: str, *records: Record, version: str | None = None, remaining: int | None = None) -> View:
    limit = None if remaining is None else {"limit": 10, "remaining": remaining, "reset_after": 1.0}
    return View(Member(name, f"http://{name}"), listing=Listing(records), version=version, rate_limit=limit)


def failed(name: str) -> View:
    return View(Member(name, f"http://{name}"), failure=Failure(Code.UNREACHABLE, "refused", f"{name} is gone"))


def test_instances_are_merged_from_several_views() -> None:
    views = (
        view("rc1", record("a", local=True), record("b", connected=False), record("c"), version="2", remaining=9),
        view("rc2", record("a"), record("b", local=True), record("c", connected=False), version="1", remaining=3),
        failed("rc3"),
        view("rc4", record("d", age=100), record("e", age=-100)),
    )
    result = cluster_information(Observation(views, at=0), max_age=30, details=False, readiness=False)
    assert {entry["id"]: entry["state"] for entry in result["instances"]} == {
        "a": "alive",
        "b": "alive",
        "c": "isolated",
        "d": "stalled",
        "e": "ghost",
    }
    assert result["cluster"] == {
        "total": 5,
        "alive": 2,
        "isolated": 1,
        "stalled": 1,
        "expired": 0,
        "ghost": 1,
        "ghosts": ["e"],
        "microservices": False,
        "answered_by": ["a", "b"],
        "versions": ["1", "2"],
        "ready": None,
    }
    assert result["rate_limit"] == {"limit": 10, "remaining": 3, "reset_after": 1.0}
    assert [entry["error"] for entry in result["views"]] == [
        None,
        None,
        {"code": "unreachable", "reason": "refused", "message": "rc3 is gone"},
        None,
    ]
    assert "failed" not in result
    assert [entry["version"] for entry in result["instances"]] == ["2", "1", None, None, None]
    assert set(result["instances"][0]) == {
        *("id", "name", "host", "port", "address", "connected", "local"),
        *("created_at", "updated_at", "version", "age", "state"),
    }


def test_the_result_fails_if_no_member_answered() -> None:
    result = cluster_information(
        Observation((failed("a"), failed("b")), at=0), max_age=30, details=True, readiness=True
    )
    assert (result["failed"], result["msg"]) == (True, "no member answered: a: a is gone | b: b is gone")
    assert (result["instances"], result["cluster"]["total"], result["cluster"]["ready"]) == ([], 0, None)
    single = cluster_information(Observation((failed("a"),), at=0), max_age=30, details=True, readiness=False)
    assert single["msg"] == "a is gone"


def test_one_member_that_is_not_ready_makes_the_cluster_not_ready() -> None:
    answers = (replace(view("rc1", record("a", local=True)), ready=ready) for ready in (True, False, None))
    result = cluster_information(Observation(tuple(answers), at=0), max_age=30, details=True, readiness=True)
    assert result["cluster"]["ready"] is False


def test_without_an_own_record_the_date_header_decides_what_is_alive() -> None:
    """The server is older than 6, or has lost its record."""
    seen = view("rc1", record("a", age=5), record("b", age=5, connected=False), record("c", age=100, connected=False))
    result = cluster_information(
        Observation((replace(seen, date=NOW),), at=0), max_age=30, details=True, readiness=False
    )
    assert [(entry["state"], entry["age"]) for entry in result["instances"]] == [
        ("alive", 5.0),
        ("isolated", 5.0),
        ("expired", 100.0),
    ]


def test_the_record_of_a_previous_process_is_dead() -> None:
    """Its ping is still fresh, but another process runs at its host and port."""
    left, other = record("a", age=5, connected=False), record("b", age=5, connected=False)
    hung, new = record("c", age=100), record("d", local=True)
    here = [replace(one, host="10.0.0.1", port=3000) for one in (left, hung, new)]
    assert states_of(*here, replace(other, host="10.0.0.1", port=3001)) == {
        "a": "expired",
        "b": "isolated",
        "c": "stalled",
        "d": "alive",
    }
    nowhere = [replace(one, host="localhost", port=3000) for one in (left, new)]
    assert states_of(*nowhere) == {"a": "isolated", "d": "alive"}


def states_of(*records: Record) -> dict[str, str]:
    result = cluster_information(Observation((view("rc1", *records),), at=0), max_age=30, details=True, readiness=False)
    return {entry["id"]: entry["state"] for entry in result["instances"]}


def test_without_a_clock_nothing_is_alive() -> None:
    result = cluster_information(
        Observation((view("rc1", record("a")),), at=0), max_age=30, details=True, readiness=False
    )
    assert [(entry["state"], entry["age"]) for entry in result["instances"]] == [("stalled", None)]
