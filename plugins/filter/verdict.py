# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that judges recorded instances, to test a policy without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._recorded import judge_recorded

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTATION = r"""
name: verdict
short_description: Judge recorded instances of a Rocket.Chat cluster
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Returns the verdict that M(rocketops.rocketchat.cluster_gate) would have returned after one observation when the
    instances were recorded. No server is asked.
  - Use it to test a policy on recorded instances, or on ones that you write by hand.
positional: policy
options:
  _input:
    description: The result of M(rocketops.rocketchat.instances_info), as registered, with its C(views).
    type: dict
    required: true
  policy:
    description:
      - Options of M(rocketops.rocketchat.cluster_gate), with the same names and defaults. Options for the connection
        and for the wait have no effect.
      - C(members) or C(url) must be those of the recording. With C(url), record with C(details=true). Otherwise the
        instances are judged as if they used NATS.
      - C(phase=after) is refused, because it needs more than one observation.
    type: dict
    required: true
seealso:
  - module: rocketops.rocketchat.cluster_gate
  - module: rocketops.rocketchat.instances_info
  - plugin: rocketops.rocketchat.healthy
    plugin_type: test
"""

EXAMPLES = r"""
- name: Record the instances
  rocketops.rocketchat.instances_info:
    members: "{{ policy.members }}"
    user_id: "{{ user_id }}"
    auth_token: "{{ auth_token }}"
  register: recorded
  delegate_to: localhost

- name: Show whether two of three members would be enough
  ansible.builtin.debug:
    msg: "{{ (recorded | rocketops.rocketchat.verdict(policy | combine({'min_serving': 2}))).msg }}"
  vars:
    policy:
      members:
        - {name: rc1, url: "http://rc1.example.com:3000"}
        - {name: rc2, url: "http://rc2.example.com:3000"}
        - {name: rc3, url: "http://rc3.example.com:3000"}
"""

RETURN = r"""
_value:
  description: The result of M(rocketops.rocketchat.cluster_gate), without C(changed) and C(failed).
  type: dict
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"verdict": verdict}


def verdict(recorded: Any, policy: Any) -> dict[str, Any]:
    try:
        return judge_recorded(recorded, policy).to_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"verdict: {error}") from None
