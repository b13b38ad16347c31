# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a Rocket.Chat cluster, and sends an event for every change of a member's state or of the verdict."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
name: instances
short_description: Watch the nodes of a Rocket.Chat cluster
author: Rocketops contributors (@rocketops)
requirements:
  - ansible-core and requests, in the Python that ansible-rulebook runs in
description:
  - Asks the nodes of a Rocket.Chat cluster for C(GET /api/v1/instances.get) repeatedly, and judges the answers as
    the module C(rocketops.rocketchat.cluster_gate) does. Sends one event with the whole state at the start, and one
    for each change of a member's state or of the verdict.
  - A change for the worse is sent when two consecutive observations have seen it. A member is reported as serving
    again after it has served for O(stable_for); the verdict is V(pass) again when the gate would pass.
  - The options are those of the module C(rocketops.rocketchat.cluster_gate) for a cluster in which nothing is deployed,
    with the same names and defaults, such as C(members), C(url) and C(expected), C(user_id), C(auth_token),
    C(min_serving), C(ping_interval), C(links), C(stable_for) and C(interval), and the two below. The file
    C(schemas/instances.json) lists all of them.
  - Playbooks that a rule starts get events as variables, in which Ansible looks for templates. So braces that could
    begin a template are sent with a space between them.
  - While no node answers, the pauses between observations grow up to one minute. Rate limits are respected.
options:
  policy:
    description:
      - Options of the module C(rocketops.rocketchat.cluster_gate) in one dictionary, so that both can use one variable.
        Options that only the module has are ignored.
      - Options that are set outside of it have precedence. When left out, only those are used.
    type: dict
  heartbeat:
    description: Seconds after which the whole state is sent again. When left out, it is sent only at the start.
    type: float
"""

EXAMPLES = r"""
- name: Watch the chat servers
  hosts: all
  sources:
    - rocketops.rocketchat.instances:
        members:
          - {name: rc1, url: "http://rc1.example.com:3000"}
          - {name: rc2, url: "http://rc2.example.com:3000"}
        user_id: "{{ user_id }}"
        auth_token: "{{ auth_token }}"
  rules:
    - name: A node has gone
      condition: event.type == "member" and event.current == "unreachable"
      action:
        run_playbook:
          name: restart.yml
"""

# ansible-rulebook runs this file by its path, so the collection is found from there. Links are not resolved: they may
# lead outside of ansible_collections.
for _folder in Path(os.path.abspath(__file__)).parents:
    if _folder.name == "ansible_collections":
        sys.path.append(str(_folder.parent))

from ansible.module_utils.common.parameters import remove_values

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.task import observing
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.watch import watch_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import IMPORT_ERROR
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._watching import watch_params


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Watch until cancelled. Raises OptionsError, a ValueError, for options that cannot be met."""
    if IMPORT_ERROR is not None:
        raise IMPORT_ERROR
    secrets: set[str] = set()
    params = watch_params(args, secrets)
    policy = policy_from(params, members_from(params))
    watch = watch_from(params, policy)
    sessions = ExitStack()
    observe = sessions.enter_context(observing(policy, params, secrets))
    try:
        while True:
            observation = await asyncio.to_thread(observe, frozenset())
            for event in watch.events(observation, datetime.now(timezone.utc)):
                await queue.put(_without_templates(remove_values(event, secrets)))
            await asyncio.sleep(watch.pause_after(observation))
    finally:
        await asyncio.to_thread(sessions.close)  # a node that hangs must not hold up the other sources


def _without_templates(value: Any) -> Any:
    """Break template braces: an event has texts of servers, and ansible-rulebook passes it on as extra variables."""
    if isinstance(value, dict):
        return {name: _without_templates(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_templates(item) for item in value]
    return _TEMPLATE.sub("{ ", value) if isinstance(value, str) else value


_TEMPLATE = re.compile(r"\{(?=[{%#])")
