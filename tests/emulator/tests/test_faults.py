# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fault, as a client sees it."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emulator_driver import PING
from rocketchat_emulator.faults import KINDS, Behaviour, Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator_driver import Emulator

_LISTING = "/api/v1/instances.get"

# In place of a path: whether X-Instance-ID is there.
_HEADER = "header"

# How a client notices each kind: the path that it asks rc1 for, and the answer, which a healthy node does not give.
NOTICED: dict[str, tuple[str, str]] = {
    "unauthorized": (_LISTING, "401"),
    "forbidden": (_LISTING, "403"),
    "rate_limited": (_LISTING, "429"),
    "broker_down": (_LISTING, "400"),
    "database_error": (_LISTING, "400"),
    "no_database": (_LISTING, "ReadTimeout"),
    "server_error": (_LISTING, "500"),
    "html": (_LISTING, "200 text/html"),
    "truncated": (_LISTING, "ChunkedEncodingError"),
    "not_json": (_LISTING, "200 not JSON"),
    "wrong_shape": (_LISTING, "200 with 1 nameless"),
    "slow:5": (_LISTING, "ReadTimeout"),
    "drip": (_LISTING, "ConnectionError"),
    "drip_headers": (_LISTING, "ReadTimeout"),
    "reset": (_LISTING, "ConnectionError"),
    "redirect:http://127.0.0.1:9/": (_LISTING, "302"),
    "huge": (_LISTING, "200 with 2, more than 16 MiB"),
    "no_header": (_HEADER, "stripped"),
    "several_processes": (_HEADER, "of two processes"),
    "not_ready": ("/readyz", "503"),
    "loaded": ("/readyz", "503"),
    "slow_start": ("/readyz", "503"),
    "ghost": (_LISTING, "200 with 3"),
    "stale_ping": (_LISTING, "200 with 1"),
    "crash_loop:0.1": (_LISTING, "ConnectionError"),
    "starting:60": (_LISTING, "400"),
    "never_ready": (_LISTING, "503"),
}
_HEALTHY = {_LISTING: "200 with 2", "/readyz": "200 with checks", _HEADER: "of one process"}


@pytest.fixture
def broken(shared: Emulator) -> Iterator[Emulator]:
    """The shared cluster, whose first node each test may break."""
    yield shared
    if Fault.parse(shared.node("rc1")["fault"]).at_start_only:
        shared.run("stop", "rc1")
        shared.run("start", "rc1", "--fault", "none")
    shared.run("fault", "rc1", "none")
    # No restart: a crashed node is started again by the keeper, and a removed record is written again.
    shared.eventually(lambda: _answered(shared, _LISTING) == _HEALTHY[_LISTING])


def _answered(emulator: Emulator, path: str) -> str:
    """What a client sees of rc1: the status and the kind of body, or the class of its error."""
    if path == _HEADER:
        return _named(emulator)
    try:
        answer = emulator.get("rc1", path, timeout=0.5)
    except requests.exceptions.RequestException as error:
        return type(error).__name__
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.status_code != 200:
        return str(answer.status_code)
    if kind != "application/json":
        return f"200 {kind}"
    try:
        answered = answer.json()
    except ValueError:
        return "200 not JSON"
    if "checks" in answered:
        return "200 with checks"
    items = answered["instances"]
    nameless = sum("instanceRecord" not in item for item in items)
    return f"200 with {len(items)}{' nameless' * bool(nameless)}{', more than 16 MiB' * (len(answer.content) > 2**24)}"


def _named(emulator: Emulator) -> str:
    ids = {emulator.get("rc1", _LISTING).headers.get("X-Instance-ID") for _time in range(2)}
    return "stripped" if ids == {None} else f"of {'one process' if len(ids) == 1 else 'two processes'}"


@pytest.mark.parametrize("fault", NOTICED)
def test_a_client_sees_the_fault(broken: Emulator, fault: str) -> None:
    path, expected = NOTICED[fault]
    assert _answered(broken, path) == _HEALTHY[path] != expected
    if Fault.parse(fault).at_start_only:
        broken.run("stop", "rc1")
        broken.run("start", "rc1", "--fault", fault, "--no-wait")
    else:
        broken.run("fault", "rc1", fault)
    seen = ""
    end = time.monotonic() + 8
    while seen != expected:
        assert time.monotonic() < end, f"fault {fault}: {path} answers '{seen}', '{expected}' expected"
        seen = _answered(broken, path)


def test_every_fault_has_a_row() -> None:
    tried = {Fault.parse(fault).kind for fault in NOTICED}
    forgotten = sorted(KINDS.keys() - {"none"} - tried)
    assert [f"fault {name} has no row in NOTICED of tests/emulator/tests/test_faults.py" for name in forgotten] == []


def test_a_kind_without_behaviour_is_an_error() -> None:
    with pytest.raises(
        ValueError,
        match=r"^fault idle has no behaviour: a node with it would be healthy; its row in faults[.]py must ",
    ):
        Kind("idle", "does nothing", Behaviour())
    with pytest.raises(ValueError, match=r"^fault idle:NUMBER: the argument must be one of SECONDS, URL$"):
        Kind("idle:NUMBER", "does not say how", Behaviour(pings=False))


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        (
            "unauthorized",
            401,
            {
                "status": "error",
                "message": "You must be logged in to do this.",
                "success": False,
                "error": "You must be logged in to do this.",
            },
        ),
        (
            "forbidden",
            403,
            {
                "success": False,
                "error": "User does not have the permissions required for this action [error-unauthorized]",
            },
        ),
        (
            "rate_limited",
            429,
            {
                "success": False,
                "error": "Error, too many requests. Please slow down. You must wait 60 seconds before trying this"
                " endpoint again. [error-too-many-requests]",
            },
        ),
        ("broker_down", 400, {"success": False, "error": "Service '$node.list' is not available."}),
        ("database_error", 400, {"success": False, "error": "connection 7 to 10.0.0.21:27017 closed"}),
        ("server_error", 500, {"success": False, "error": "Internal server error"}),
    ],
)
def test_a_fault_refuses_with_the_answer_of_the_server(
    broken: Emulator, kind: str, status: int, body: dict[str, Any]
) -> None:
    assert broken.run("fault", "rc1", kind)["fault"] == kind
    answer = broken.get("rc1", _LISTING)
    assert (answer.status_code, answer.json()) == (status, body)
    assert ("X-RateLimit-Reset" in answer.headers) == (kind == "rate_limited")
    assert broken.get("rc2", _LISTING).status_code == 200, "only rc1 has the fault"
    assert set(broken.connected("rc2").values()) == {True}, "its peers notice nothing"


@pytest.mark.parametrize("kind", ["broker_down", "database_error", "forbidden", "rate_limited"])
def test_faults_of_instances_get_do_not_affect_other_calls(broken: Emulator, kind: str) -> None:
    broken.run("fault", "rc1", kind)
    assert broken.get("rc1", "/api/info", user=None).json() == {"version": "8.6", "success": True}
    assert broken.get("rc1", "/api/v1/me").status_code == (429 if kind == "rate_limited" else 200)


def test_unauthorized_refuses_tokens_and_passwords(broken: Emulator) -> None:
    broken.run("fault", "rc1", "unauthorized")
    assert broken.get("rc1", "/api/info").json()["version"] == "8.6"
    user = broken.document["admin"]
    login = {"user": user["username"], "password": user["password"]}
    assert broken.request("POST", "rc1", "/api/v1/login", user=None, json=login).status_code == 401


def test_html_is_a_web_page_with_200(broken: Emulator) -> None:
    broken.run("fault", "rc1", "html")
    answer = broken.get("rc1", _LISTING)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_not_json_is_said_to_be_json(broken: Emulator) -> None:
    broken.run("fault", "rc1", "not_json")
    answer = broken.get("rc1", _LISTING)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(answer.text)


def test_wrong_shape_is_json_without_ids_and_version(broken: Emulator) -> None:
    broken.run("fault", "rc1", "wrong_shape")
    for path in (_LISTING, "/api/info"):
        answer = broken.get("rc1", path).json()
        assert "version" not in answer
        assert ["_id" in item or "instanceRecord" in item for item in answer["instances"]] == [False]


def test_truncated_closes_the_connection_in_the_body(broken: Emulator) -> None:
    broken.run("fault", "rc1", "truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        broken.get("rc1", _LISTING)


def test_slow_answers_after_the_given_time(broken: Emulator) -> None:
    broken.run("fault", "rc1", "slow:0.3")
    begin = time.monotonic()
    assert broken.get("rc1", _LISTING).status_code == 200
    assert time.monotonic() - begin >= 0.3
    with pytest.raises(requests.exceptions.ReadTimeout):
        broken.get("rc1", _LISTING, timeout=0.1)


def test_drip_sends_one_byte_per_second(broken: Emulator) -> None:
    broken.run("fault", "rc1", "drip")
    begin = time.monotonic()
    received = b""
    with broken.get("rc1", _LISTING, stream=True) as answer:
        assert answer.status_code == 200
        for byte in answer.iter_content(1):
            received += byte
            if len(received) == 2:
                break
    assert received == b'{"'
    assert 0.9 < time.monotonic() - begin < 5


def test_drip_headers_never_ends_its_headers(broken: Emulator) -> None:
    broken.run("fault", "rc1", "drip_headers")
    with socket.create_connection(("127.0.0.1", broken.base_port), timeout=5) as connection:
        connection.sendall(f"GET {_LISTING} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        while not received.endswith(b"xx"):
            received += connection.recv(1000)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in received


def test_reset_resets_the_connection(broken: Emulator) -> None:
    broken.run("fault", "rc1", "reset")
    with socket.create_connection(("127.0.0.1", broken.base_port), timeout=5) as connection:
        connection.sendall(f"GET {_LISTING} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)
    assert broken.logged("rc1")[-1]["status"] is None


def test_redirect_answers_302_to_the_url(broken: Emulator) -> None:
    broken.run("fault", "rc1", "redirect:https://login.example.com/sso?to=chat")
    answer = broken.get("rc1", _LISTING)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://login.example.com/sso?to=chat")


def test_huge_answers_more_than_16_mib(broken: Emulator) -> None:
    broken.run("fault", "rc1", "huge")
    body = broken.get("rc1", _LISTING).content
    assert len(body) > 16 * 2**20
    assert len(json.loads(body)["instances"]) == 2


def test_ghost_adds_a_record_of_the_year_2257(broken: Emulator) -> None:
    broken.run("fault", "rc1", "ghost")
    for name in ("rc1", "rc2"):
        (ghost,) = (i for i in broken.items(name) if i["instanceRecord"]["_updatedAt"].startswith("2257-"))
        assert ghost["currentStatus"] == {"connected": False}
        assert "address" not in ghost
        assert ghost["instanceRecord"]["extraInformation"]["port"] == str(broken.base_port)
    assert broken.get("rc1", "/api/v1/statistics?refresh=true").json()["instanceCount"] == 3
    broken.run("fault", "rc1", "none")
    assert len(broken.items("rc2")) == 2


def test_stale_ping_loses_its_record_although_it_answers(broken: Emulator) -> None:
    instance_id = broken.id("rc1")
    before = broken.record("rc2", instance_id)
    assert before
    broken.run("fault", "rc1", "stale_ping")
    # It is removed from the list although it runs, answers and is connected.
    broken.eventually(lambda: not broken.record("rc2", instance_id))
    assert set(broken.connected("rc1")) == {broken.id("rc2")}, "a list without the answering node"
    broken.run("fault", "rc1", "none")
    after = broken.eventually(lambda: broken.record("rc2", instance_id))
    assert after["_createdAt"] > before["_createdAt"]


def test_crash_loop_restarts_the_node_until_it_is_healed(broken: Emulator) -> None:
    broken.run("fault", "rc1", "crash_loop:0.3")

    def run() -> tuple[int, str] | None:
        node = broken.node("rc1")
        return (node["pid"], node["instance_id"]) if node["instance_id"] else None

    runs = set()

    def three() -> bool:
        runs.add(run())
        return len(runs - {None}) >= 3

    broken.eventually(three)
    assert len({found[0] for found in runs if found}) == len({found[1] for found in runs if found})
    broken.run("fault", "rc1", "none")
    broken.eventually(lambda: broken.node("rc1")["state"] == "running")
    broken.eventually(lambda: _answers(broken))
    assert _stays(broken, seconds=0.5)


def test_kill_ends_a_crash_loop(broken: Emulator) -> None:
    broken.run("fault", "rc1", "crash_loop:0.2")
    broken.run("kill", "rc1")
    time.sleep(0.4)
    assert broken.node("rc1")["state"] == "stopped"
    assert broken.run("start", "rc1", "--fault", "none")["fault"] == "none"


def _answers(emulator: Emulator) -> bool:
    try:
        return emulator.get("rc1", _LISTING).status_code == 200
    except requests.exceptions.ConnectionError:
        return False


def _stays(emulator: Emulator, *, seconds: float) -> bool:
    first = emulator.node("rc1")["pid"]
    time.sleep(seconds)
    return bool(emulator.node("rc1")["pid"] == first)


def test_down_ends_crash_loops(emulator: Emulator) -> None:
    emulator.up(nodes=2)
    emulator.run("fault", "rc1", "crash_loop:0.1")
    emulator.run("fault", "rc2", "crash_loop:0.1")
    old = emulator.id("rc1")
    emulator.eventually(lambda: emulator.id("rc1") != old)
    emulator.run("down")
    assert emulator.processes() == []


def test_never_ready_answers_503_and_does_not_register(emulator: Emulator) -> None:
    emulator.up("--version", "7.11.0", "--expire", "60", nodes=2)
    known = set(emulator.connected("rc2"))
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--version", "7.12.0", "--fault", "never_ready", "--no-wait")
    emulator.eventually(lambda: _listens(emulator))
    for path in (_LISTING, "/api/info", "/api/v1/nothing"):
        assert emulator.get("rc1", path).status_code == 503
    assert (emulator.get("rc1", "/livez").status_code, emulator.get("rc1", "/readyz").status_code) == (200, 503)
    assert emulator.node("rc1")["state"] == "running"
    assert set(emulator.connected("rc2")) == known, "it does not register"
    assert emulator.fail("start", "rc1") == (1, f"rc1 already runs, as process {emulator.node('rc1')['pid']}")
    emulator.run("stop", "rc1")
    assert emulator.fail("start", "rc1", "--timeout", "0.2") == (
        1,
        f"rc1 did not become ready (waited 0.2 s; logs are in {emulator.state_dir})",
    )
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--fault", "none", "--version", "7.11.0")
    emulator.eventually(lambda: emulator.connected("rc2").get(emulator.id("rc1")))


def test_starting_answers_400_and_has_no_record_at_first(emulator: Emulator) -> None:
    """The process answers, but its broker has not started yet."""
    emulator.up("--expire", "60", nodes=2)
    known = set(emulator.connected("rc2"))
    emulator.run("stop", "rc1")
    begin = time.monotonic()
    new = emulator.run("start", "rc1", "--fault", "starting:6")["instance_id"]
    answer = emulator.get("rc1", _LISTING)
    assert time.monotonic() - begin < 6, "the machine is too slow for this test"
    assert answer.headers["X-Instance-ID"] == new
    assert (answer.status_code, answer.json()) == (
        400,
        {"success": False, "error": "Service '$node.list' is not found."},
    )
    assert emulator.get("rc1", "/api/v1/me").status_code == 200
    assert set(emulator.connected("rc2")) == known, "it has no record yet"
    emulator.eventually(lambda: emulator.connected("rc2").get(new))
    assert time.monotonic() - begin >= 6
    emulator.eventually(lambda: emulator.connected("rc1").get(emulator.id("rc2")))
    assert emulator.fail("fault", "rc2", "starting:1") == (
        1,
        "starting takes effect only at a start, but rc2 runs: stop it, and use start rc2 --fault starting:1",
    )


def test_no_database_answers_500_after_three_pings(emulator: Emulator) -> None:
    emulator.up("--expire", "60", nodes=2)
    emulator.run("fault", "rc1", "no_database")
    for path in (_LISTING, "/api/info", "/api/v1/me"):
        begin = time.monotonic()
        answer = emulator.get("rc1", path)
        assert (answer.status_code, answer.json()) == (500, {"success": False, "error": "Internal server error"})
        assert time.monotonic() - begin >= 3 * PING
    user = emulator.document["admin"]
    login = {"user": user["username"], "password": user["password"]}
    assert emulator.request("POST", "rc1", "/api/v1/login", user=None, json=login).status_code == 500
    # Calls that need no database are answered.
    assert emulator.get("rc1", _LISTING, user=None).status_code == 401
    assert emulator.get("rc1", "/api/info", user=None).status_code == 200
    assert (emulator.get("rc1", "/livez").status_code, emulator.get("rc1", "/readyz").status_code) == (200, 503)
    # It cannot ping, but its peer can.
    first, second = emulator.id("rc1"), emulator.id("rc2")
    stuck = _pings(emulator, "rc2")
    emulator.eventually(lambda: _pings(emulator, "rc2")[second] > stuck[second])
    assert _pings(emulator, "rc2")[first] == stuck[first]
    emulator.run("fault", "rc1", "none")
    assert emulator.get("rc1", _LISTING).status_code == 200
    emulator.eventually(lambda: _pings(emulator, "rc2")[first] > stuck[first])


def test_a_waiting_call_is_answered_when_the_database_is_back(emulator: Emulator) -> None:
    emulator.up("--ping", "10", "--expire", "60")
    emulator.run("fault", "rc1", "no_database")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(emulator.get, "rc1", _LISTING, timeout=20)
        time.sleep(0.3)
        assert not waiting.done()
        emulator.run("fault", "rc1", "none")
        assert waiting.result(10).status_code == 200


def _pings(emulator: Emulator, node: str) -> dict[str, str]:
    return {item["instanceRecord"]["_id"]: item["instanceRecord"]["_updatedAt"] for item in emulator.items(node)}


def _listens(emulator: Emulator) -> bool:
    try:
        return emulator.get("rc1", "/").status_code == 200
    except requests.exceptions.ConnectionError:
        return False


def test_a_restart_cures_only_some_faults(broken: Emulator) -> None:
    for kind, after in (("html", "html"), ("broker_down", "none")):
        broken.run("fault", "rc1", kind)
        broken.run("stop", "rc1")
        assert broken.run("start", "rc1")["fault"] == after
