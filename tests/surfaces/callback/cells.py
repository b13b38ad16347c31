# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes one JSON line for each cell: the result of its last task, and how long it took."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: cells
type: aggregate
short_description: Writes the results of the collection's tasks to a file
description: For the tests only.
"""

OURS = "rocketops.rocketchat."


class CallbackModule(CallbackBase):  # type: ignore[misc, unused-ignore]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "cells"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._began: dict[tuple[str, str], float] = {}
        self._cells: dict[str, dict[str, Any]] = {}

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._began[host.get_name(), task._uuid] = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        del ignore_errors
        self._keep(result)

    def _keep(self, result: Any) -> None:
        host, task = result._host.get_name(), result._task
        if str(task.action).startswith(OURS):
            took = time.monotonic() - self._began.get((host, task._uuid), 0.0)
            self._cells[host] = {"cell": host, "took": took, "result": result._result}

    def v2_playbook_on_stats(self, stats: Any) -> None:
        with open(os.environ["CELLS"], "w", encoding="utf-8") as file:
            for host, cell in self._cells.items():
                failed = bool(stats.failures.get(host) or stats.rescued.get(host))
                file.write(json.dumps({**cell, "failed": failed}) + "\n")
