# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials, permissions, rate limits and the other endpoints."""

from __future__ import annotations

import time
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator_driver import Emulator

_LISTING = "/api/v1/instances.get"

_SAID_TWICE = {"success": False, "error": "You must be logged in to do this."}
_LACKS_PERMISSION = "User does not have the permissions required for this action [error-unauthorized]"


@pytest.mark.parametrize(
    ("version", "status_401", "error_403"),
    [
        ("5.4.9", {}, "unauthorized"),
        ("6.14.0", {}, "unauthorized"),
        ("7.6.0", {}, _LACKS_PERMISSION),
        ("7.7.0", _SAID_TWICE, _LACKS_PERMISSION),
        ("8.6.1", _SAID_TWICE, _LACKS_PERMISSION),
    ],
)
def test_calls_without_login_or_permission_are_refused(
    emulator: Emulator, version: str, status_401: dict[str, Any], error_403: str
) -> None:
    emulator.up("--version", version)
    for path in (_LISTING, "/api/v1/statistics", "/api/v1/me"):
        refused = emulator.get("rc1", path, user=None)
        assert refused.status_code == 401
        assert refused.json() == {
            "status": "error",
            "message": "You must be logged in to do this.",
            **status_401,
        }
    forbidden = emulator.get("rc1", _LISTING, user="guest")
    assert (forbidden.status_code, forbidden.json()) == (403, {"success": False, "error": error_403})
    assert emulator.get("rc1", _LISTING, user="viewer").status_code == 200


def test_user_id_and_token_must_belong_together(shared: Emulator) -> None:
    stolen = {**shared.headers("viewer"), "X-Auth-Token": shared.document["admin"]["auth_token"]}
    shared.document["mixed"] = {"user_id": stolen["X-User-Id"], "auth_token": stolen["X-Auth-Token"]}
    assert shared.get("rc1", _LISTING, user="mixed").status_code == 401


def _log_in(emulator: Emulator, who: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    known = emulator.document[who]
    body = {"user": known["username"], "password": known["password"], **fields}
    answer = emulator.request("POST", "rc1", "/api/v1/login", user=None, json=body)
    return answer.status_code, answer.json()


def test_a_login_is_valid_on_all_nodes_until_logout(shared: Emulator) -> None:
    before = shared.run("status")["sessions"]
    status, answer = _log_in(shared, "viewer")
    assert status == 200
    assert answer["status"] == "success"
    data = answer["data"]
    assert set(data) == {"userId", "authToken", "me"}
    assert data["userId"] == shared.document["viewer"]["user_id"] == data["me"]["_id"]
    assert _log_in(shared, "viewer", user="viewer@example.com")[0] == 200
    assert shared.run("status")["sessions"] == before + 2
    # Login and logout are valid for all nodes.
    shared.document["session"] = {"user_id": data["userId"], "auth_token": data["authToken"]}
    assert shared.get("rc2", _LISTING, user="session").status_code == 200
    farewell = shared.request("POST", "rc2", "/api/v1/logout", user="session")
    assert (farewell.status_code, farewell.json()["status"]) == (200, "success")
    assert shared.get("rc1", _LISTING, user="session").status_code == 401
    assert shared.run("status")["sessions"] == before + 1


def test_a_wrong_login_is_refused(shared: Emulator) -> None:
    before = shared.run("status")["sessions"]
    expected = {"status": "error", "error": "Unauthorized", "message": "Unauthorized"}
    assert _log_in(shared, "viewer", password="wrong") == (401, expected)
    assert _log_in(shared, "viewer", user="unknown") == (401, expected)
    malformed = shared.request("POST", "rc1", "/api/v1/login", user=None, data="not JSON")
    assert malformed.status_code == 400
    assert shared.run("status")["sessions"] == before


def test_a_login_with_two_factor_needs_a_code(shared: Emulator) -> None:
    code = shared.document["twofactor"]["totp_code"]
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    assert [_log_in(shared, "twofactor")[0], _log_in(shared, "twofactor")[1]["error"]] == [401, "totp-required"]
    status, answer = _log_in(shared, "twofactor", code=wrong)
    assert (status, answer["error"]) == (401, "totp-invalid")
    assert _log_in(shared, "twofactor", code=code)[0] == 200
    assert shared.get("rc1", _LISTING, user="twofactor").status_code == 200, "a token needs no code"


def test_me_returns_the_user(shared: Emulator) -> None:
    me = shared.get("rc1", "/api/v1/me", user="guest").json()
    assert (me["_id"], me["username"], me["success"]) == (shared.document["guest"]["user_id"], "guest", True)


def test_only_users_with_permission_get_the_full_version(shared: Emulator) -> None:
    for user in (None, "guest"):
        assert shared.get("rc1", "/api/info", user=user).json() == {"version": "8.6", "success": True}
    for user in ("viewer", "admin"):
        info = shared.get("rc1", "/api/info", user=user).json()
        assert (info["version"], info["info"]["version"], info["success"]) == ("8.6.1", "8.6.1", True)


def test_the_oldest_releases_show_the_full_version_without_login(emulator: Emulator) -> None:
    emulator.up("--version", "3.18.7")
    assert emulator.get("rc1", "/api/info", user=None).json() == {"version": "3.18.7", "success": True}


def test_statistics_are_shared_and_refreshed_on_request(shared: Emulator) -> None:
    stored = shared.get("rc1", "/api/v1/statistics").json()
    assert shared.get("rc2", "/api/v1/statistics").json() == stored, "the last document, of either node"
    for name in ("rc1", "rc2"):
        fresh = shared.get(name, "/api/v1/statistics?refresh=true").json()
        assert fresh["process"]["pid"] == shared.node(name)["pid"]
        assert fresh["process"]["uptime"] > 0
        assert (fresh["version"], fresh["instanceCount"], fresh["msEnabled"]) == ("8.6.1", 2, False)
        assert fresh["migration"]["locked"] is False
    refused = shared.get("rc1", "/api/v1/statistics", user="guest")
    assert (refused.status_code, refused.json()["success"]) == (400, False)


def test_unknown_paths_have_the_answers_of_the_server(shared: Emulator) -> None:
    page = shared.get("rc1", "/some/where")
    assert (page.status_code, page.text.startswith("<!DOCTYPE html>")) == (200, True)
    missing = shared.get("rc1", "/api/v1/nothing")
    assert (missing.status_code, missing.json()["success"]) == (404, False)


def test_calls_over_the_rate_limit_get_429(emulator: Emulator) -> None:
    emulator.up("--rate-limit", "2/0.9", nodes=2)
    before = time.time()
    first, second, third = (emulator.get("rc1", _LISTING, user="viewer") for _unused in range(3))
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in (first, second, third)} == {"2"}
    reset = int(third.headers["X-RateLimit-Reset"]) / 1000
    assert before + 0.8 < reset < before + 4
    assert abs(parsedate_to_datetime(third.headers["Date"]).astimezone(timezone.utc).timestamp() - before) < 3
    assert "Retry-After" not in third.headers
    assert third.json()["success"] is False
    assert third.json()["error"] == (
        "Error, too many requests. Please slow down."
        " You must wait 1 seconds before trying this endpoint again. [error-too-many-requests]"
    )
    # Calls are counted per route and per node; users with the permission are not limited.
    assert emulator.get("rc1", "/api/v1/me", user="viewer").status_code == 200
    assert emulator.get("rc2", _LISTING, user="viewer").status_code == 200
    free = emulator.get("rc1", _LISTING, user="admin")
    assert free.status_code == 200
    assert not [name for name in free.headers if name.lower().startswith("x-ratelimit")]
    assert emulator.get("rc1", "/api/info").status_code == 200
    emulator.eventually(lambda: emulator.get("rc1", _LISTING, user="viewer").status_code == 200)


@pytest.mark.parametrize(
    ("version", "refused"),
    [("7.10.0", [401, 429, 429, 429]), ("8.6.1", [401, 401, 403, 403])],
)
def test_refused_calls_count_for_the_limit_before_8_0(emulator: Emulator, version: str, refused: list[int]) -> None:
    """Up to 7.x calls are counted before any other check; since 8.0 only permitted calls are counted."""
    emulator.up("--version", version, "--rate-limit", "1/60")
    assert [_log_in(emulator, "admin")[0] for _unused in range(2)] == [200, 429]
    answers = [emulator.get("rc1", _LISTING, user=user) for user in (None, None, "guest", "guest")]
    assert [answer.status_code for answer in answers] == refused
    assert {"X-RateLimit-Limit" in answer.headers for answer in answers} == {version == "7.10.0"}


def test_7_7_has_no_rate_limit(emulator: Emulator) -> None:
    emulator.up("--version", "7.7.12", "--rate-limit", "1/60")
    answers = [emulator.get("rc1", _LISTING, user="viewer") for _unused in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [name for answer in answers for name in answer.headers if name.lower().startswith("x-ratelimit")] == []
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--version", "7.9.0")
    assert [emulator.get("rc1", _LISTING, user="viewer").status_code for _unused in range(2)] == [200, 429]


def test_the_rate_limit_can_be_off(shared: Emulator) -> None:
    answers = [shared.get("rc1", _LISTING, user="viewer") for _unused in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0].headers


def test_requests_are_logged_without_secrets(shared: Emulator) -> None:
    known = len(shared.logged("rc2"))
    shared.get("rc2", "/api/v1/statistics?token=secret")
    shared.get("rc2", _LISTING, user=None)
    lines = [{key: line[key] for key in ("method", "path", "status")} for line in shared.logged("rc2")[known:]]
    assert lines == [
        {"method": "GET", "path": "/api/v1/statistics", "status": 200},
        {"method": "GET", "path": _LISTING, "status": 401},
    ]
