# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of the operating system: identify, signal and start the emulator's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    import signal

ProcessState = Literal["running", "frozen", "stopped"]

_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Process:
    """A process that cannot be confused with a later one of the same pid.

    ``started`` is the kernel's start time of the process, in clock ticks since boot.
    """

    pid: int
    started: int

    @property
    def state(self) -> ProcessState:
        seen = _stat(self.pid)
        # Z and X: it has ended, but its parent has not waited for it yet.
        if seen is None or seen[1] != self.started or seen[0] in "ZX":
            return "stopped"
        return "frozen" if seen[0] in "Tt" else "running"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.state == "stopped":
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def await_state(self, state: ProcessState, *, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds; False when the time ran out."""
        end = time.monotonic() + timeout
        while self.state != state:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True


def own_process() -> Process:
    pid = os.getpid()
    seen = _stat(pid)
    if seen is None:
        raise OSError("this system has no /proc")
    return Process(pid, seen[1])


def spawn(module: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a module of this package, detached from the terminal and session of this process."""
    with log.open("ab") as output:
        return subprocess.Popen(
            _command(module, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )


def spawn_node(state_dir: Path, name: str) -> subprocess.Popen[bytes]:
    return spawn("node", str(state_dir), name, log=state_dir / f"{name}.log")


def become_node(state_dir: Path, name: str) -> NoReturn:
    """Replace this process by the node, which keeps its terminal or service manager."""
    command = _command("node", str(state_dir), name)
    os.execve(command[0], command, _environment())


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"{_PACKAGE.name}.{module}", *arguments]


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    # No process of a cluster uses TLS, and loading the system's certificates takes a fifth of its start.
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "SSL_CERT_FILE": os.devnull}


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time of a process, from /proc/PID/stat; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])
