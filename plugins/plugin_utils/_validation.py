# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The validation of options outside of modules, by the argument specifications of the modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError


def validated(spec: Mapping[str, Any], args: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The options as a module would get them. ``secrets`` gets the secret ones. Raises :class:`OptionsError`."""
    validation = ArgumentSpecValidator(spec).validate(plain(args))
    secrets |= validation._no_log_values
    if validation.error_messages:
        error = validation.errors[0]
        raise OptionsError(f"unsupported options: {error.msg}" if isinstance(error, UnsupportedError) else error.msg)
    params: dict[str, Any] = validation.validated_parameters
    return params


def plain(value: Any) -> Any:
    """The options in Python's own types.

    Vaulted values in ansible-core before 2.19 are not strings, so their validation would fail before it knows them as
    secrets. The strings of ansible-core since 2.19 carry tags, and the validation takes ten times as long to copy them.
    """
    if isinstance(value, Mapping):
        return {plain(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)
