# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Protection of strings from a server: no version of Ansible may evaluate them as templates."""

from __future__ import annotations

from typing import Any

try:
    from ansible.template import trust_as_template
except ImportError:  # before 2.19: every string is a template unless it is marked as unsafe
    from ansible.utils.unsafe_proxy import wrap_var

    LOOKUPS: dict[str, Any] = {"disable_lookups": False}

    def untrusted(value: Any) -> Any:
        if isinstance(value, str):
            return wrap_var(value) if "{" in value else value  # marked strings are slow
        if isinstance(value, dict):
            return {name: untrusted(item) for name, item in value.items()}
        return [untrusted(item) for item in value] if isinstance(value, list) else value

else:  # only strings that are marked as trusted are templates, and lookups are allowed in them
    del trust_as_template
    LOOKUPS = {}

    def untrusted(value: Any) -> Any:
        return value
