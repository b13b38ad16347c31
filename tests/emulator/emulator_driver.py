# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drives an emulated cluster in a test, by its command line and by HTTP."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rocketchat_emulator.__main__ import main
from rocketchat_emulator.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

PACKAGE_PARENT = Path(__file__).resolve().parent

# Fast enough for tests, slow enough that no record of a running node expires on a busy machine.
PING, EXPIRE, SWEEP = 0.2, 1.2, 0.2


class Emulator:
    """The command line, and the HTTP API of the cluster that it started."""

    def __init__(self, state_dir: Path, session: requests.Session) -> None:
        self.state_dir = state_dir
        self.base_port = 0
        self.document: dict[str, Any] = {}
        self._session = session

    def call(self, command: str, *arguments: str) -> tuple[int, str, str]:
        """Run one command; returns its exit code, standard output and standard error."""
        if command not in {"up", "start"}:
            return self._call_here(command, *arguments)
        # Commands that start nodes run in a separate process, so that this one is not the nodes' parent.
        outcome = subprocess.run(
            [sys.executable, "-m", "rocketchat_emulator", command, *arguments],
            cwd=PACKAGE_PARENT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return outcome.returncode, outcome.stdout, outcome.stderr

    def _call_here(self, *arguments: str) -> tuple[int, str, str]:
        """The same in this process, which is faster."""
        output, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(errors):
            try:
                code: Any = main(arguments)
            except SystemExit as end:
                code = end.code
        return code, output.getvalue(), errors.getvalue()

    def run(self, command: str, *arguments: str) -> Any:
        """Run a command that must succeed; returns the document that it prints."""
        code, output, errors = self.call(command, *arguments, "--state-dir", str(self.state_dir))
        assert (code, errors) == (0, "")
        return json.loads(output)

    def fail(self, command: str, *arguments: str) -> tuple[int, str]:
        """Run a command that must fail; returns its exit code and its one-line message."""
        code, output, errors = self.call(command, *arguments, "--state-dir", str(self.state_dir))
        assert output == ""
        (line,) = errors.splitlines()
        return code, line.removeprefix("rocketchat_emulator").removeprefix(f" {command}").lstrip(": ")

    def up(self, *arguments: str, nodes: int = 1) -> Emulator:
        self.base_port = free_ports(nodes)
        timing = ("--ping", str(PING), "--expire", str(EXPIRE), "--sweep", str(SWEEP), "--lifetime", "120")
        self.document = self.run("up", "--nodes", str(nodes), "--base-port", str(self.base_port), *timing, *arguments)
        return self

    def request(
        self, method: str, node: str, path: str, *, user: str | None = "admin", timeout: float = 10, **arguments: Any
    ) -> requests.Response:
        port = self.base_port + int(node.removeprefix("rc")) - 1
        return self._session.request(
            method,
            f"http://127.0.0.1:{port}{path}",
            headers=self.headers(user) if user else {},
            timeout=timeout,
            allow_redirects=False,
            **arguments,
        )

    def get(self, node: str, path: str, *, user: str | None = "admin", **arguments: Any) -> requests.Response:
        return self.request("GET", node, path, user=user, **arguments)

    def headers(self, user: str) -> dict[str, str]:
        return {"X-User-Id": self.document[user]["user_id"], "X-Auth-Token": self.document[user]["auth_token"]}

    def items(self, node: str) -> list[dict[str, Any]]:
        """The items of a node's instances.get."""
        answer = self.get(node, "/api/v1/instances.get")
        assert answer.status_code == 200
        listed: list[dict[str, Any]] = answer.json()["instances"]
        return listed

    def connected(self, node: str) -> dict[str, bool]:
        """Whether a node reaches the processes that it lists, by their ids (since 6)."""
        return {item["instanceRecord"]["_id"]: item["currentStatus"]["connected"] for item in self.items(node)}

    def record(self, node: str, instance_id: str) -> dict[str, Any] | None:
        """One record as a node lists it (since 6)."""
        records = (item["instanceRecord"] for item in self.items(node))
        return next((record for record in records if record["_id"] == instance_id), None)

    def node(self, name: str) -> dict[str, Any]:
        """One node of `status`."""
        with Cluster.open(self.state_dir) as cluster:
            return cluster.node(name)

    def id(self, name: str) -> str:
        return str(self.node(name)["instance_id"])

    def logged(self, node: str) -> list[dict[str, Any]]:
        """The request log of a node."""
        text = (self.state_dir / f"{node}.requests.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def processes(self) -> list[int]:
        """Every running process that was started for this state directory."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_ours(pid)]

    def eventually(self, condition: Callable[[], Any], *, timeout: float = 15) -> Any:
        """Wait until a condition holds; returns what it returned."""
        end = time.monotonic() + timeout
        while not (found := condition()):
            assert time.monotonic() < end, f"the condition did not become true within {timeout} s"
            time.sleep(0.02)
        return found

    def _is_ours(self, pid: int) -> bool:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        # An ended process whose parent has not waited for it has no arguments any more.
        return str(self.state_dir).encode() in arguments


def free_ports(count: int) -> int:
    """The first of ``count`` consecutive free ports, below the kernel's ephemeral ports.

    Each worker of pytest has its own range: the port of a node that is being restarted looks free to others.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    lowest = 15000 + worker % 5 * 3000
    while True:
        base = random.randrange(lowest, lowest + 2900)
        try:
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
