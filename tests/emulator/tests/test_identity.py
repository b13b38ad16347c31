# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The header X-Instance-ID, which names the process that answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator_driver import Emulator

_LISTING = "/api/v1/instances.get"


@pytest.fixture
def broken(shared: Emulator) -> Iterator[Emulator]:
    """The shared cluster, whose first node each test may break."""
    yield shared
    shared.run("fault", "rc1", "none")


def _answered_by(emulator: Emulator, node: str, path: str = _LISTING, user: str | None = "admin") -> str | None:
    return emulator.get(node, path, user=user).headers.get("X-Instance-ID")


@pytest.mark.parametrize(
    ("fault", "path", "user", "status"),
    [
        ("none", _LISTING, "admin", 200),
        ("none", _LISTING, None, 401),
        ("none", _LISTING, "guest", 403),
        ("none", "/api/v1/statistics", "guest", 400),
        ("none", "/api/info", "admin", 200),
        ("none", "/api/info", None, 200),
        ("none", "/api/v1/nothing", "admin", 404),
        ("none", "/some/where", None, 200),
        ("broker_down", _LISTING, "admin", 400),
        ("rate_limited", _LISTING, "admin", 429),
        ("server_error", _LISTING, "admin", 500),
    ],
)
def test_every_answer_names_its_process(broken: Emulator, fault: str, path: str, user: str | None, status: int) -> None:
    broken.run("fault", "rc1", fault)
    answer = broken.get("rc1", path, user=user)
    assert (answer.status_code, answer.headers["X-Instance-ID"]) == (status, broken.id("rc1"))


def test_the_header_is_the_id_of_the_record(shared: Emulator) -> None:
    assert _answered_by(shared, "rc2") == shared.id("rc2")
    assert shared.id("rc2") in shared.connected("rc1")


def test_a_restart_changes_the_header(shared: Emulator) -> None:
    before = _answered_by(shared, "rc2")
    shared.run("stop", "rc2")
    shared.run("start", "rc2")
    assert _answered_by(shared, "rc2") == shared.id("rc2") != before


@pytest.mark.parametrize("fault", ["no_header", "html", "redirect:http://127.0.0.1:9/"])
def test_answers_of_or_behind_a_proxy_have_no_header(broken: Emulator, fault: str) -> None:
    broken.run("fault", "rc1", fault)
    assert _answered_by(broken, "rc1") is None
    assert _answered_by(broken, "rc2") == broken.id("rc2")


OFTEN = range(30)  # so that each of two nodes is chosen


def test_several_processes_answer_behind_a_balancer(broken: Emulator) -> None:
    broken.run("fault", "rc1", "several_processes")
    ids = [broken.id("rc1"), broken.id("rc2")]
    assert {_answered_by(broken, "rc1") for _time in OFTEN} == set(ids)
    assert {_answered_by(broken, "rc2") for _time in OFTEN} == set(ids[1:]), "only this URL"
    senders = {}
    for _time in OFTEN:
        answer = broken.get("rc1", _LISTING)
        (local,) = (item for item in answer.json()["instances"] if item["currentStatus"].get("local"))
        senders[answer.headers["X-Instance-ID"]] = local["instanceRecord"]["_id"]
    assert senders == {one: one for one in ids}, "each list is that of the process that answered"


def test_a_balancer_forwards_logins(broken: Emulator) -> None:
    broken.run("fault", "rc1", "several_processes")
    user = broken.document["viewer"]
    login = {"user": user["username"], "password": user["password"]}
    answers = [broken.request("POST", "rc1", "/api/v1/login", user=None, json=login) for _time in OFTEN]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["X-Instance-ID"] for answer in answers} == {broken.id("rc1"), broken.id("rc2")}


def test_a_balancer_skips_nodes_that_do_not_answer(broken: Emulator) -> None:
    broken.run("fault", "rc1", "several_processes")
    broken.run("stop", "rc2")
    assert {_answered_by(broken, "rc1") for _time in OFTEN} == {broken.id("rc1")}
    broken.run("start", "rc2")


def test_with_microservices_the_header_is_of_a_process_without_record(emulator: Emulator) -> None:
    emulator.up("--microservices")
    assert _answered_by(emulator, "rc1") == emulator.id("rc1")


def test_old_releases_have_the_header_too(emulator: Emulator) -> None:
    emulator.up("--version", "5.4.9")
    assert _answered_by(emulator, "rc1") == emulator.items("rc1")[0]["_id"]
