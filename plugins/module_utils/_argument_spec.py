# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options of the modules, as Ansible's argument specifications."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.parameters import env_fallback

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import HTTP_AGENT

# No constraints between options are left to Ansible: what comes from the environment must give way to what is written
# in the task, and only _options knows how.
CONNECTION: dict[str, Any] = {
    "user_id": {"type": "str", "fallback": (env_fallback, ["ROCKETCHAT_USER_ID"])},
    "auth_token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["ROCKETCHAT_AUTH_TOKEN"])},
    "username": {"type": "str", "fallback": (env_fallback, ["ROCKETCHAT_USERNAME"])},
    "password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["ROCKETCHAT_PASSWORD"])},
    "totp_code": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},  # a path; the key itself is never shown
    "timeout": {"type": "float", "default": 10.0},
    "http_agent": {"type": "str", "default": HTTP_AGENT},
    "proxy": {"type": "str"},
}

MEMBERS: dict[str, Any] = {
    "url": {"type": "str", "fallback": (env_fallback, ["ROCKETCHAT_URL"])},
    "members": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
        },
    },
}

INSTANCES: dict[str, Any] = {
    **CONNECTION,
    **MEMBERS,
    "gather": {"type": "list", "elements": "str", "choices": ["version", "readiness"], "default": ["version"]},
    "ping_interval": {"type": "float", "default": 10.0},
    "max_record_age": {"type": "float"},
    "details": {"type": "bool", "default": True},
}

GATE: dict[str, Any] = {
    **CONNECTION,
    **MEMBERS,
    "expected": {"type": "int"},
    "phase": {"type": "str", "choices": ["steady", "before", "after"], "default": "steady"},
    "targets": {"type": "list", "elements": "str"},
    "before": {"type": "dict"},
    "min_serving": {"type": "str"},
    "expected_version": {"type": "str"},
    "ping_interval": {"type": "float", "default": 10.0},
    "max_record_age": {"type": "float"},
    "links": {"type": "str", "choices": ["connected", "listed", "ignored"], "default": "connected"},
    "link_memory": {"type": "float", "default": 60.0},
    "readiness": {"type": "str", "choices": ["ignored", "required"], "default": "ignored"},
    "restart_required": {"type": "bool", "default": True},
    "restart_confirmed": {"type": "bool", "default": False},
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
    "deadline": {"type": "float", "default": 600.0},
    "interval": {"type": "float"},
    "stable_for": {"type": "float"},
    "progress_deadline": {"type": "float"},
}

WATCH: dict[str, Any] = {
    **GATE,
    "policy": {"type": "dict"},
    "heartbeat": {"type": "float"},
}

REPORT: dict[str, Any] = {
    "results": {"type": "list", "elements": "raw", "required": True},
    "dest": {"type": "list", "elements": "path", "required": True},
}
