# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observations of real servers, which are asked in parallel; each session is logged out."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member, Observation, View
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import InvalidAnswerError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node import client
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import ClientError
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, serving

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = access_with(user_id="me", auth_token="t0ken", timeout=1)
LOGIN = access_with(username="me", password="p", timeout=1)
BOTH = frozenset({"version", "readiness"})
ITEM = {
    "address": "10.0.0.1",
    "currentStatus": {"connected": True, "local": True, "lastHeartbeatTime": 1.5},
    "instanceRecord": {
        "_id": "a",
        "_createdAt": "2026-01-01T00:00:00.000Z",
        "_updatedAt": "2026-01-01T00:01:00.123Z",
        "extraInformation": {"host": "rc1", "port": "3000", "os": {"cpus": 2, "loadavg": [1, 2.5]}},
        "name": "rocket.chat",
    },
}


def healthy(handler: Handler, *, answered_by: str | None = None, **others: tuple[int, Any]) -> None:
    """``answered_by``: the id in the header. ``others``: other answers, by the last part of a path."""
    word = handler.path.partition("?")[0].replace(".", "/").rpartition("/")[2]
    answers: dict[str, tuple[int, Any]] = {
        "get": (200, {"instances": [ITEM], "success": True}),
        "info": (200, {"version": "7.11", "info": {"version": "7.11.0"}, "success": True}),
        "readyz": (200, {"status": "ok"}),
        "login": (200, {"data": {"userId": "u", "authToken": "tok"}}),
        "logout": (200, {"status": "success"}),
        **others,
    }
    status, content = answers[word]
    handler.reply(status, content, **({"X_Instance_ID": answered_by} if answered_by else {}))


def test_a_view_survives_json() -> None:
    with serving(healthy) as server, Observer([Member("rc1", server.url)], TOKEN, gather=BOTH, clock=lambda: 5.0) as o:
        observation = o.observe()
    (view,) = observation.views
    assert (view.version, view.ready, view.failure, observation.at) == ("7.11.0", True, None, 5.0)
    assert server.calls == ["GET /api/v1/instances.get", "GET /api/info", "GET /readyz"]
    assert len(server.connections) == 1
    assert Observation.from_dict(json.loads(json.dumps(observation.to_dict(details=True)))) == observation
    slim = json.loads(json.dumps(observation.to_dict(details=False)))
    assert "os" not in slim["views"][0]["instances"][0]
    assert Observation.from_dict(slim).to_dict(details=False) == slim


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ((200, {"version": "7.11", "success": True}), "7.11"),
        ((200, {"version": 7, "info": {"version": 5}, "success": True}), None),
        ((200, {"version": "7.11", "info": [], "success": True}), "7.11"),
        ((200, {"version": "7.11", "info": {"version": "7.11.0\nok: [rc1]"}, "success": True}), "7.11"),
        ((200, {"version": "7" * 65, "success": True}), None),
        ((500, {}), None),
    ],
)
def test_the_version_of_an_answer(info: tuple[int, Any], version: str | None) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(lambda handler: healthy(handler, info=info)))
        with Observer([Member("rc1", server.url)], TOKEN, gather=frozenset({"version"})) as observer:
            (view,) = observer.observe().views
    assert (view.version, view.failure, view.ready) == (version, None, None)


def answering_as(instance_id: str | None, **others: tuple[int, Any]) -> Callable[[Handler], None]:
    return lambda handler: healthy(handler, answered_by=instance_id, **others)


def test_a_process_with_a_known_version_is_asked_once_per_observation() -> None:
    with (
        serving(answering_as("a")) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=frozenset({"version"})) as observer,
    ):
        views = [view for _look in range(3) for view in observer.observe().views]
    assert [(view.version, view.answered_by) for view in views] == [("7.11.0", "a")] * 3
    assert server.calls == ["GET /api/v1/instances.get", "GET /api/info", *["GET /api/v1/instances.get"] * 2]


def test_a_known_version_is_not_asked_again() -> None:
    with (
        serving(answering_as("a")) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=BOTH, versions={"a": "7.9.0", "b": "1.0.0"}) as observer,
    ):
        (view,) = observer.observe().views
    assert view.version == "7.9.0"
    assert server.calls == ["GET /api/v1/instances.get", "GET /readyz"]


@pytest.mark.parametrize(
    ("instance_id", "info"), [(None, (200, {"version": "7.11.0"})), ("a", (200, {"version": "7.11"}))]
)
def test_a_version_is_kept_only_under_an_id_and_in_full(instance_id: str | None, info: tuple[int, Any]) -> None:
    with (
        serving(answering_as(instance_id, info=(info[0], {**info[1], "success": True}))) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=frozenset({"version"})) as observer,
    ):
        for _look in range(2):
            (view,) = observer.observe().views
            assert view.version == info[1]["version"]
    assert server.calls == ["GET /api/v1/instances.get", "GET /api/info"] * 2


def test_the_version_of_another_process_is_not_used() -> None:
    """Behind a load balancer, the list may come from one process, and the version from another."""

    def answer(handler: Handler) -> None:
        healthy(handler, answered_by="b" if handler.path.endswith("/info") else "a")

    with (
        serving(answer) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=frozenset({"version"})) as observer,
    ):
        (view,) = observer.observe().views
    assert (view.answered_by, view.also_answered, view.version) == ("a", "b", None)


def test_an_error_names_the_answering_process() -> None:
    with (
        serving(answering_as("a", get=(400, {"error": "Service '$node.list' is not available."}))) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=BOTH) as observer,
    ):
        observation = observer.observe()
    assert (observation.views[0].answered_by, observation.ids) == ("a", ("a",))


LOCKED_AT = "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("told", "uptime", "locked"),
    [
        ({"process": {"uptime": 12.5}, "migration": {"locked": False, "lockedAt": LOCKED_AT}}, 12.5, False),
        ({"process": {"uptime": "12"}, "migration": {"locked": True, "lockedAt": LOCKED_AT}}, None, True),
        (
            {"process": {"uptime": -5}, "migration": {"locked": True, "lockedAt": "2999-01-01T00:00:00.000Z"}},
            None,
            True,
        ),
        ({"process": [], "migration": {"locked": True, "lockedAt": "yesterday"}}, None, True),
        (None, None, False),
    ],
)
def test_statistics_are_asked_of_the_named_members(told: Any, uptime: float | None, *, locked: bool) -> None:
    content = (400, {}) if told is None else (200, {**told, "success": True})
    clock = iter([100.0, 102.0, 103.0]) if told else iter([100.0, 103.0])
    with (
        serving(lambda handler: healthy(handler, statistics=content)) as s,
        Observer(
            [Member("rc1", s.url), Member("rc2", s.url)], TOKEN, gather=frozenset(), clock=lambda: next(clock)
        ) as observer,
    ):
        first, second = observer.observe(frozenset({"rc2"})).views
    assert first.statistics is None
    assert second.statistics is not None
    uptimes = (second.statistics.uptime, second.statistics.uptime_at_most)
    assert uptimes == ((None, None) if uptime is None else (uptime + 1.0, uptime + 3.0))
    assert (second.statistics.lock_age is not None and second.statistics.lock_age >= 0) is locked
    assert s.calls.count("GET /api/v1/statistics?refresh=true") == 1


@pytest.mark.parametrize("status", [429, 500])
def test_statistics_that_fail_once_are_asked_again(status: int) -> None:
    with (
        serving(lambda handler: healthy(handler, statistics=(status, {}))) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=frozenset()) as observer,
    ):
        (view,) = observer.observe(frozenset({"rc1"})).views
    assert view.statistics is None


@pytest.mark.parametrize(("status", "answered_by", "asked"), [(400, "a", True), (400, None, True), (403, "a", False)])
def test_a_process_without_its_broker_is_asked_for_the_lock(
    status: int, answered_by: str | None, *, asked: bool
) -> None:
    broken = (status, {"success": False, "error": "Service '$node.list' is not available."})
    told = (200, {"migration": {"locked": True, "lockedAt": LOCKED_AT}, "success": True})
    with (
        serving(lambda handler: healthy(handler, answered_by=answered_by, get=broken, statistics=told)) as server,
        Observer([Member("rc1", server.url)], TOKEN, gather=frozenset()) as observer,
    ):
        (view,) = observer.observe(frozenset({"rc1"})).views
    assert view.failure is not None
    assert (view.statistics is not None) is asked
    assert asked is any("statistics" in call for call in server.calls)
    assert View.from_dict(view.to_dict(details=True)) == view


def test_one_failed_member_is_one_failed_view() -> None:
    bad = {"instances": [{}], "success": True}
    with ExitStack() as stack:
        good = stack.enter_context(serving(healthy))
        wrong = stack.enter_context(serving(lambda handler: healthy(handler, get=(200, bad))))
        with Observer([Member("a", good.url), Member("b", wrong.url)], TOKEN, gather=BOTH) as observer:
            observation = observer.observe()
    assert observation.views[0].failure is None
    failure = observation.views[1].failure
    assert failure is not None
    assert failure.to_dict() == {
        "code": "not_rocketchat",
        "reason": "answered JSON of an unexpected form",
        "message": f"GET {wrong.url}/api/v1/instances.get answered 200: "
        "the answer has an instance without a valid _id. " + Code.NOT_ROCKETCHAT.row.remedy,
    }
    assert wrong.calls == ["GET /api/v1/instances.get"]
    assert Observation.from_dict(observation.to_dict(details=True)) == observation


def test_all_members_are_asked_in_parallel() -> None:
    meeting = threading.Barrier(10, timeout=5)

    def answer(handler: Handler) -> None:
        meeting.wait()
        healthy(handler)

    with ExitStack() as stack:
        members = [Member(str(number), stack.enter_context(serving(answer)).url) for number in range(10)]
        with Observer(members, TOKEN, gather=frozenset()) as observer:
            assert [view.failure for view in observer.observe().views] == [None] * 10


@pytest.mark.parametrize("broken", [False, True])
def test_sessions_are_logged_out_on_a_node_that_answers(*, broken: bool) -> None:
    own: tuple[int, Any] = (500, {}) if broken else (200, {})
    with ExitStack() as stack:
        first = stack.enter_context(serving(lambda handler: healthy(handler, logout=own)))
        second = stack.enter_context(serving(healthy))
        with Observer([Member("a", first.url), Member("b", second.url)], LOGIN, gather=frozenset()) as observer:
            observer.observe()
            observer.observe()
            assert observer.secrets == {"p", "tok"}
        observer.close()
    assert first.calls.count("POST /api/v1/login") == 1
    assert first.calls.count("POST /api/v1/logout") == 1
    assert second.calls.count("POST /api/v1/logout") == (2 if broken else 1)


def test_closing_never_raises_and_is_quick() -> None:
    with serving(lambda handler: healthy(handler, logout=(500, {}))) as server:
        observer = Observer([Member("a", server.url)], LOGIN, gather=frozenset())
        observer.observe()
    started = time.monotonic()
    observer.close()
    assert time.monotonic() - started < 3


def test_a_hanging_name_lookup_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def stuck(*_args: object, **_kwargs: object) -> None:
        release.wait(10)
        raise ClientError(Code.UNREACHABLE, "never", reason="never")

    monkeypatch.setattr(client.Client, "instances", stuck)
    with Observer(
        [Member("a", "http://a")], access_with(user_id="u", auth_token="t0ken", timeout=0.1), gather=frozenset()
    ) as o:
        for _turn in range(2):
            failure = o.observe().views[0].failure
            assert failure is not None
            assert (failure.code, failure.reason) == ("timeout", "no answer within 1.1 s")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.pop("at"), "at is missing"),
        (lambda raw: raw.pop("views"), "views is not a list"),
        (lambda raw: raw["views"].append(5), "a view is not a dictionary"),
        (lambda raw: raw["views"][0].pop("url"), "url is missing"),
        (lambda raw: raw["views"][0].update(error={}), "code is missing"),
        (
            lambda raw: raw["views"][0].update(error={"code": "bored", "reason": "r", "message": "m"}),
            "bored is not the code of a client error",
        ),
        (lambda raw: raw["views"][0].update(instances=None), "instances is not a list"),
        (lambda raw: raw["views"][0].update(instances=[{"id": "a"}, {"id": "a"}]), "a view lists an instance twice"),
        (lambda raw: raw["views"][0].update(rate_limit=5), "rate_limit is not a dictionary"),
    ],
)
def test_a_wrong_observation_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    raw: dict[str, Any] = {"at": 1.0, "views": [{"member": "a", "url": "http://a", "instances": []}]}
    Observation.from_dict(raw)
    change(raw)
    with pytest.raises(InvalidAnswerError) as caught:
        Observation.from_dict(raw)
    assert str(caught.value) == message
