# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-inventory in forked processes, which saves the second that each would need to import Ansible.

One process imports Ansible, and forks for each run. Ansible's constants come from the environment of this process;
plugins read the environment of the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ansible.cli.inventory import InventoryCLI

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class ForkedInventory:
    """The side of the tests: it orders runs, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run ``ansible-inventory`` with these arguments in a folder, which also gets the output."""
        assert self._process.stdin
        assert self._process.stdout
        order = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        printed = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(list(arguments), code, *printed)


@contextmanager
def forked_inventory(environment: Mapping[str, str]) -> Iterator[ForkedInventory]:
    """``environment``: that of the process that imports Ansible."""
    with subprocess.Popen(
        [sys.executable, __file__],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield ForkedInventory(process)  # it ends when its standard input does


def _serve() -> None:
    """Read orders, a line of JSON each; answer with exit codes."""
    import_module("requests")  # the plugin needs it
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(**json.loads(line))
        _pid, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run once in a fork, and end it."""
    os.chdir(folder)
    os.environ.update(environment)
    for descriptor, name in enumerate((os.devnull, "stdout", "stderr")):
        flags = os.O_RDWR | (os.O_CREAT | os.O_TRUNC if descriptor else 0)
        os.dup2(os.open(name, flags, 0o600), descriptor)
    code: Any = 1
    try:
        InventoryCLI.cli_executor(["ansible-inventory", *arguments])
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))  # without the exit handlers of the process that imported Ansible


if __name__ == "__main__":
    _serve()
