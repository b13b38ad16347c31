# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the result of every gate, one JSON line each, with the time (seconds since 1970) at which it had ended."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: gates
type: aggregate
short_description: Writes the results of the gates to a file
description: For the tests only.
"""

GATE = "rocketops.rocketchat.cluster_gate"


class CallbackModule(CallbackBase):  # type: ignore[misc, unused-ignore]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "gates"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        if result._task.action == GATE:
            with open(os.environ["GATES"], "a", encoding="utf-8") as file:
                file.write(json.dumps({"ended": time.time(), "result": result._result}) + "\n")
