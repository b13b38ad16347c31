# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test whether recorded instances meet a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._recorded import judge_recorded

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTATION = r"""
name: healthy
short_description: Whether recorded instances of a Rocket.Chat cluster meet a policy
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Whether the verdict of P(rocketops.rocketchat.verdict#filter) is V(pass). Instances that cannot be judged are not
    healthy.
options:
  _input:
    description: The result of M(rocketops.rocketchat.instances_info), as registered, with its C(views).
    type: dict
    required: true
  policy:
    description: As for P(rocketops.rocketchat.verdict#filter).
    type: dict
    required: true
seealso:
  - plugin: rocketops.rocketchat.verdict
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Check that the gate would have passed
  ansible.builtin.assert:
    that: recorded is rocketops.rocketchat.healthy(policy)
    fail_msg: "{{ (recorded | rocketops.rocketchat.verdict(policy)).msg }}"
"""

RETURN = r"""
_value:
  description: Whether the verdict is V(pass).
  type: bool
"""


class TestModule:
    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"healthy": healthy}


def healthy(recorded: Any, policy: Any) -> bool:
    try:
        return judge_recorded(recorded, policy).passed
    except ValueError as error:
        raise AnsibleFilterError(f"healthy: {error}") from None
