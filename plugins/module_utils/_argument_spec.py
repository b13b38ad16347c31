# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options of the modules, as Ansible's argument specifications.

This is the one place for names, types, choices, suboptions and defaults. Other files that repeat them are generated
from here (``make options``) or compared with it (``tests/unit/test_options.py``).
"""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.parameters import env_fallback

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import ENVIRONMENT


def _from_environment(name: str) -> dict[str, Any]:
    return {"type": "str", "fallback": (env_fallback, [ENVIRONMENT[name]])}


# Constraints between options are not declared here: options of the task override those from the environment, and only
# _options can tell them apart.
CONNECTION: dict[str, Any] = {
    "user_id": _from_environment("user_id"),
    "auth_token": {**_from_environment("auth_token"), "no_log": True},
    "username": _from_environment("username"),
    "password": {**_from_environment("password"), "no_log": True},
    "totp_code": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},  # a path; the key itself is never shown
    "timeout": {"type": "float", "default": 10.0},
    "http_agent": {"type": "str", "default": "rocketops.rocketchat"},
    "proxy": {"type": "str"},
}

MEMBERS: dict[str, Any] = {
    "url": _from_environment("url"),
    "members": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
        },
    },
}

FRESHNESS: dict[str, Any] = {
    "ping_interval": {"type": "float", "default": 10.0},
    "max_record_age": {"type": "float"},
}

INSTANCES: dict[str, Any] = {
    **CONNECTION,
    **MEMBERS,
    **FRESHNESS,
    "gather": {"type": "list", "elements": "str", "choices": ["version", "readiness"], "default": ["version"]},
    "details": {"type": "bool", "default": True},
}

# The options for the judgement, in a gate and in a watch.
JUDGEMENT: dict[str, Any] = {
    "expected": {"type": "int"},
    "min_serving": {"type": "str"},
    "expected_version": {"type": "str"},
    **FRESHNESS,
    "links": {"type": "str", "choices": ["connected", "listed", "ignored"], "default": "connected"},
    "link_memory": {"type": "float", "default": 60.0},
    "readiness": {"type": "str", "choices": ["ignored", "required"], "default": "ignored"},
    "waive": {
        "type": "list",
        "elements": "dict",
        "options": {
            "code": {"type": "str", "required": True},
            "member": {"type": "str"},
            "pair": {"type": "list", "elements": "str"},
            "reason": {"type": "str", "required": True},
        },
    },
    "keep_out": {"type": "list", "elements": "str"},
    "interval": {"type": "float"},
    "stable_for": {"type": "float"},
}

# The options that only a gate has: a watch has no deployment and no end.
GATE_ONLY: dict[str, Any] = {
    "phase": {"type": "str", "choices": ["steady", "before", "after"], "default": "steady"},
    "targets": {"type": "list", "elements": "str"},
    "out_of_rotation": {"type": "list", "elements": "str"},
    "before": {"type": "dict"},
    "upgrade_path": {"type": "str", "choices": ["strict", "ignored"], "default": "strict"},
    "restart_required": {"type": "bool", "default": True},
    "restart_confirmed": {"type": "bool", "default": False},
    "hold_for": {"type": "float", "default": 0.0},
    "deadline": {"type": "float", "default": 600.0},
    "progress_deadline": {"type": "float"},
}

GATE: dict[str, Any] = {**CONNECTION, **MEMBERS, **JUDGEMENT, **GATE_ONLY}

# For one observation of a gate that waits on the controller, with what that gate already knows.
GATE_OBSERVATION: dict[str, Any] = {
    **GATE,
    "known_versions": {"type": "dict"},
    "statistics_of": {"type": "list", "elements": "str"},
}

WATCH_ONLY: dict[str, Any] = {
    "policy": {"type": "dict"},
    "heartbeat": {"type": "float"},
}

WATCH: dict[str, Any] = {**CONNECTION, **MEMBERS, **JUDGEMENT, **WATCH_ONLY}

REPORT: dict[str, Any] = {
    "results": {"type": "list", "elements": "raw", "required": True},
    "dest": {"type": "list", "elements": "path", "required": True},
}

# The variables of the playbook rolling_update, without their prefix and without its hooks.
ROLLING_UPDATE: dict[str, Any] = {
    "serial": {"type": "raw", "default": 1},
    "batches": {"type": "int"},
    "soak": {"type": "float", "default": 0.0},
    "recheck_deadline": {"type": "float", "default": 120.0},
    "keep_out": {"type": "list", "elements": "str"},
    "in_rotation": {"type": "list", "elements": "str"},
    "check_strict": {"type": "bool", "default": False},
}

ROLLOUT: dict[str, Any] = {
    "point": {"type": "str", "choices": ["checks", "start", "turn", "put_back", "end"], "required": True},
    "hosts": {"type": "list", "elements": "str"},
}
