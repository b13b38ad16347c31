# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The entry point of the modules: it runs their work and exits with Ansible's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import proxy_secrets
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import IMPORT_ERROR
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Work = Callable[[Mapping[str, Any], set[str]], dict[str, Any]]


def run_module(module: AnsibleModule, work: Work) -> None:
    """Exit with the result of ``work(params, secrets)``, which adds more values to mask to ``secrets``."""
    if IMPORT_ERROR is not None:
        trace = "".join(format_exception_only(type(IMPORT_ERROR), IMPORT_ERROR))
        module.fail_json(msg=missing_required_lib("requests"), exception=trace)
    # Ansible shows the options of a module that fails, even of one whose options are refused.
    secrets = set(proxy_secrets(module.params.get("proxy")))
    try:
        result = work(module.params, secrets)
    except OptionsError as error:
        result = {"failed": True, "changed": False, "msg": str(error)}
    module.no_log_values.update(secrets)
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    module.exit_json(**result)
