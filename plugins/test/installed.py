# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test whether a module is installed on the controller."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTATION = r"""
name: installed
short_description: Whether a module is installed
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Whether a module is found on the controller, such as a module of an optional collection.
  - The role P(rocketops.rocketchat.hooks#role) uses modules of other collections if they are installed, otherwise
    commands.
options:
  _input:
    description: The full name of the module, such as V(community.general.haproxy).
    type: str
    required: true
seealso:
  - plugin: rocketops.rocketchat.hooks
    plugin_type: role
"""

EXAMPLES = r"""
- name: Include the tasks that use the module if it is installed
  ansible.builtin.include_tasks: >-
    {{ 'by_module.yml' if 'community.general.haproxy' is rocketops.rocketchat.installed else 'by_command.yml' }}
"""

RETURN = r"""
_value:
  description: Whether the module is installed.
  type: bool
"""


class TestModule:
    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"installed": installed}


def installed(name: str) -> bool:
    """Whether the module is installed. Ansible's loader would warn about a collection that it does not find."""
    namespace, collection, module = name.split(".")
    try:
        return find_spec(f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}") is not None
    except ModuleNotFoundError:  # the collection
        return False
