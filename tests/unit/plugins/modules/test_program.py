# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules as programs that are shipped to a host: arguments in, one JSON document and an exit status out."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, serving

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "RScctEHSmLGZGywfIhWyRpyofhKOiMoUIpimhvheU3f"
MODULES = "ansible_collections.rocketops.rocketchat.plugins.modules"
WITHOUT_REQUESTS = "import runpy, sys; sys.modules['requests'] = None; runpy.run_module('{}', run_name='__main__')"


def answer(handler: Handler) -> None:
    scene = Scene.today("rc1")
    if handler.path == "/api/info":
        handler.reply(200, {"success": True, "info": {"version": "7.11.0"}})
    else:
        handler.reply(200, {"success": True, "instances": [scene._item(scene["rc1"], scene["rc1"])]})


def run(name: str, folder: Path, *python: str, **options: Any) -> tuple[int, dict[str, Any]]:
    arguments = folder / "arguments.json"
    given = {"user_id": "me", "auth_token": TOKEN, **options}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}), encoding="utf-8")
    program = python or ("-m", f"{MODULES}.{name}")
    command = [sys.executable, *program, str(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "options", "place", "expected"),
    [
        ("instances_info", {}, ("cluster", "alive"), 1),
        ("instances_facts", {}, ("ansible_facts", "rocketchat", "version"), "7.11.0"),
        ("cluster_gate", {"expected": 1}, ("verdict",), "pass"),
    ],
)
def test_each_module_returns_its_result(
    name: str, options: dict[str, Any], place: tuple[str, ...], expected: object, tmp_path: Path
) -> None:
    with serving(answer) as server:
        code, result = run(name, tmp_path, url=server.url, **options)
    assert (code, result["changed"]) == (0, False)
    for key in place:
        result = result[key]
    assert result == expected


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    _code, result = run("cluster_gate", tmp_path, url="http://127.0.0.1:9")
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"] == "url needs expected, the number of instances that must serve (at least 1)"


@pytest.mark.parametrize("proxy", ["http://bob:hunter2secret@127.0.0.1:9", "bob:hunter2secret@127.0.0.1:9"])
@pytest.mark.parametrize("refused", [{"ca_path": "/nonexistent"}, {"timeout": 0}, {}])
def test_the_password_of_a_proxy_is_not_shown_with_the_options(
    proxy: str, refused: dict[str, Any], tmp_path: Path
) -> None:
    _code, result = run("instances_facts", tmp_path, url="http://127.0.0.1:9", proxy=proxy, **refused)
    assert result["failed"]
    assert "hunter2secret" not in str(result)


def test_unencrypted_credentials_are_warned_of(tmp_path: Path) -> None:
    _code, result = run("instances_info", tmp_path, url="http://rocketchat.invalid:3000", timeout=1)
    assert "credentials are sent unencrypted to http://rocketchat.invalid:3000" in str(result["warnings"])


def test_without_requests_the_message_names_the_python(tmp_path: Path) -> None:
    code, result = run("instances_info", tmp_path, "-c", WITHOUT_REQUESTS.format(f"{MODULES}.instances_info"))
    assert (code, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)")
    assert sys.executable in result["msg"]
