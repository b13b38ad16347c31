# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of cluster_gate: asks a gate, and waits for it on the controller."""

from __future__ import annotations

from typing import Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.task import result_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import warnings_for
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._gate import GateAction


class ActionModule(GateAction):
    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        return self.guarded(lambda: self._gate(task_vars))

    def _gate(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        gate = self.ask(self._task.args, task_vars)
        result = result_of(gate, check_mode=self._task.check_mode)
        warnings = warnings_for(gate.policy.members)
        return {**result, **({"warnings": warnings} if warnings else {})}
