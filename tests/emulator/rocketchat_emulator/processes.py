# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of the operating system: identify, signal and start the emulator's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ProcessState = Literal["running", "frozen", "stopped"]

_PACKAGE = Path(__file__).resolve().parent

# No process of a cluster uses TLS, and loading the system's certificates takes a fifth of its start.
NO_CERTIFICATES = {"SSL_CERT_FILE": os.devnull}


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


class Child(Protocol):
    """A child of this process: a ``subprocess.Popen``, or a ``Forked``."""

    def poll(self) -> int | None:
        """The exit status; None while it runs."""

    def kill(self) -> None: ...

    def wait(self) -> int: ...


class Forked:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if ended else None
        return self._status

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._status


def kill_all(children: Collection[Child]) -> None:
    """Kill children, and wait until they have ended: until then, they hold their ports."""
    for child in children:
        child.kill()
    for child in children:
        child.wait()


def fork(act: Callable[[], None], log: Path) -> Forked:
    """Run a function in a child, detached from the terminal and session of this process.

    A fork takes much less time than the start of Python and its imports. This process must have no open database,
    because SQLite's connections do not survive a fork.
    """
    pid = os.fork()
    if pid:
        return Forked(pid)
    status = 1
    try:
        os.setsid()
        with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
            for number, file in enumerate((nothing, output, output)):
                os.dup2(file.fileno(), number)
        act()
        status = 0
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001  # the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def spawn_node(state_dir: Path, name: str) -> subprocess.Popen[bytes]:
    """Start a node, detached from the terminal and session of this process."""
    with (state_dir / f"{name}.log").open("ab") as output:
        return subprocess.Popen(
            _node(state_dir, name),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )


def become_node(state_dir: Path, name: str) -> NoReturn:
    """Replace this process by the node, which keeps its terminal or service manager."""
    command = _node(state_dir, name)
    os.execve(command[0], command, _environment())


def _node(state_dir: Path, name: str) -> list[str]:
    return [sys.executable, "-m", f"{_PACKAGE.name}.node", str(state_dir), name]


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **NO_CERTIFICATES}


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time of a process, from /proc/PID/stat; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])
