# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of ansible-playbook against the machines, with its output and the times of its lines."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import HERE, LIMIT, NEW, NODES, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROLLING_UPDATE = "rocketops.rocketchat.rolling_update"
UNGATED = str(HERE / "ungated.yml")


Kind = Literal["drained", "deployed", "passed", "readmitted"]

# The tasks of the role hooks for one node, by the beginning of their names.
_KINDS: dict[Kind, str] = {
    "drained": "Send no new clients to the node",
    "deployed": "Restart|Run compose up",
    "readmitted": "Send clients to the node, and wait until it is up",
}


@dataclass(frozen=True)
class Line:
    after: float  # seconds since the run began
    text: str


@dataclass(frozen=True)
class Step:
    kind: Kind
    node: str
    after: float


class Roll:
    """One run of a playbook, in a separate process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[Line] = []
        self._process = process
        self._began = time.monotonic()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def output(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def await_said(self, pattern: str, *, timeout: float = LIMIT) -> None:
        """Wait until a line since the start of the run matches."""
        end = time.monotonic() + timeout
        while not self.said(pattern):
            assert self._process.poll() is None, f"ended without printing: {pattern}\n{self.output}"
            assert time.monotonic() < end, f"not printed: {pattern}\n{self.output}"
            time.sleep(0.05)

    def said(self, pattern: str) -> bool:
        return any(re.search(pattern, line.text) for line in self.lines)

    def await_end(self) -> int:
        """The exit status of Ansible."""
        try:
            code = self._process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended after {LIMIT:g} s\n{self.output}") from None
        self._reader.join()
        return code

    def interrupt(self) -> None:
        """Send the signal of Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)
        self.await_end()

    def steps(self) -> list[Step]:
        """The steps of the roll in their order, from the first drain or deployment."""
        steps = self._all_steps()
        return steps[len(self._returned(steps)) :]

    def returned(self) -> list[str]:
        """Healthy nodes that were readmitted at the start."""
        return [step.node for step in self._returned(self._all_steps())]

    @staticmethod
    def _returned(steps: list[Step]) -> list[Step]:
        return list(itertools.takewhile(lambda step: step.kind == "readmitted", steps))

    def _all_steps(self) -> list[Step]:
        steps, task = [], ""
        for line in self.lines:
            if found := re.match(r"\[roll\] after (\w+): passed", line.text):
                steps.append(Step("passed", found[1], line.after))
            elif found := re.match(r"(?:TASK|PLAY|RUNNING HANDLER) \[(?:.* : )?(.*)\]", line.text):
                task = found[1]
            elif found := re.match(r"(?:ok|changed): \[(\w+)", line.text):
                steps += [Step(kind, found[1], line.after) for kind, name in _KINDS.items() if re.match(name, task)]
        return steps

    def nodes(self, kind: Kind) -> list[str]:
        return [step.node for step in self.steps() if step.kind == kind]

    def most_out(self) -> int:
        """The largest number of nodes that were out of the load balancer at the same time."""
        out, most = set(), 0
        for step in self.steps():
            if step.kind == "drained":
                out.add(step.node)
            elif step.kind == "readmitted":
                out.discard(step.node)
            most = max(most, len(out))
        return most

    def _read(self) -> None:
        assert self._process.stdout
        for text in iter(self._process.stdout.readline, ""):
            self.lines.append(Line(time.monotonic() - self._began, text.rstrip()))


@contextmanager
def rolling(
    lab: Lab,
    playbook: str = ROLLING_UPDATE,
    *,
    inventory: Path = HERE / "inventory",
    limit: str = "",
    fault: str = "none",
    start: float = 2,
    **variables: Any,
) -> Iterator[Roll]:
    """A running roll, which is ended with the block. The new version has ``fault``, and needs ``start`` seconds."""
    command = ["ansible-playbook", "--inventory", str(inventory), playbook]
    if limit:  # the other nodes get traffic, which the roll cannot know
        command += ["--limit", limit]
        variables["rolling_update_in_rotation"] = [node for node in NODES if node != limit]
    archive = lab.release(fault=fault, start=start)
    installs = {"health_gate_expected_version": NEW, "hooks_release_archive": str(archive)}
    with subprocess.Popen(
        [*command, "--extra-vars", json.dumps({**installs, **variables})],
        env={**lab.environment, "ANSIBLE_COLLECTIONS_PATH": str(lab.collections), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        roll = Roll(process)
        try:
            yield roll
        finally:
            if process.poll() is None:
                process.terminate()
