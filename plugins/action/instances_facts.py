# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of instances_facts: does the module's work in Ansible's worker if the task runs on the controller."""

from __future__ import annotations

from typing import Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import INSTANCES
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import instances_facts
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._action import ModuleAction


class ActionModule(ModuleAction):
    argument_spec = INSTANCES

    def in_process(self, params: dict[str, Any]) -> dict[str, Any]:
        return instances_facts(params, self.secrets)
