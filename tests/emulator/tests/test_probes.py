# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/livez, /readyz and /health: which releases have them, and their answers for a node with a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emulator_driver import Emulator


def _seen(emulator: Emulator, path: str) -> str:
    """The status and the kind of body."""
    answer = emulator.get("rc1", path, user=None)
    kind = answer.headers["Content-Type"].partition(";")[0].rpartition("/")[2]
    return f"{answer.status_code} {kind if kind != 'plain' else answer.text}"


def _checks(emulator: Emulator) -> tuple[int, str, list[str]]:
    """The status of /readyz, its status text, and the checks that fail."""
    answer = emulator.get("rc1", "/readyz", user=None)
    checks = answer.json()["checks"]
    assert list(checks) == ["memory", "eventLoop", "mongo"]
    return answer.status_code, answer.json()["status"], [name for name in checks if checks[name]["status"] != "ok"]


_WELL: tuple[int, str, list[str]] = (200, "ok", [])


@pytest.mark.parametrize(
    ("version", "probes", "health", "unready", "unhealthy"),
    [
        ("5.2.0", "200 html", "200 html", "200 html", "200 html"),
        ("5.3.0", "200 html", "200 ok", "200 html", "500 not healthy"),
        ("7.6.6", "200 html", "200 ok", "200 html", "500 not healthy"),
        ("7.7.0", "200 html", "200 ok", "200 html", "200 ok"),
        ("7.10.0", "200 html", "200 ok", "200 html", "200 ok"),
        ("7.11.0", "200 json", "200 json", "503 json", "200 json"),
        ("8.6.1", "200 json", "200 json", "503 json", "200 json"),
    ],
)
def test_each_release_has_its_probes(
    emulator: Emulator, version: str, probes: str, health: str, unready: str, unhealthy: str
) -> None:
    emulator.up("--version", version)
    assert [_seen(emulator, path) for path in ("/livez", "/readyz", "/health")] == [probes, probes, health]
    emulator.run("fault", "rc1", "not_ready")
    assert [_seen(emulator, path) for path in ("/livez", "/readyz", "/health")] == [probes, unready, unhealthy]


@pytest.fixture
def node(emulator: Emulator) -> Emulator:
    emulator.up()
    assert _checks(emulator) == _WELL
    return emulator


@pytest.mark.parametrize("fault", ["not_ready", "no_database"])
def test_probes_fail_if_the_database_does_not_answer(node: Emulator, fault: str) -> None:
    node.run("fault", "rc1", fault)
    assert [_checks(node) for _time in range(2)] == [(503, "error", ["mongo"])] * 2
    node.run("fault", "rc1", "none")
    assert _checks(node) == _WELL


def test_every_other_readyz_fails_under_load(node: Emulator) -> None:
    node.run("fault", "rc1", "loaded")
    lagging = (503, "error", ["eventLoop"])
    seen = [_checks(node) for _time in range(4)]
    assert sorted(seen) == [_WELL, _WELL, lagging, lagging]
    assert seen[0] != seen[1] != seen[2]


def test_the_first_readyz_fails_after_a_slow_start(node: Emulator) -> None:
    for arguments in (["--fault", "slow_start"], []):
        node.run("stop", "rc1")
        node.run("start", "rc1", *arguments)
        assert [_checks(node) for _time in range(3)] == [(503, "error", ["eventLoop"]), _WELL, _WELL]


def test_probes_have_no_instance_id(node: Emulator) -> None:
    for path in ("/livez", "/readyz", "/health"):
        assert "X-Instance-ID" not in node.get("rc1", path).headers
