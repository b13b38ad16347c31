# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options that may come from the environment. Options of the task override it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = {
    "url": "ROCKETCHAT_URL",
    "user_id": "ROCKETCHAT_USER_ID",
    "auth_token": "ROCKETCHAT_AUTH_TOKEN",
    "username": "ROCKETCHAT_USERNAME",
    "password": "ROCKETCHAT_PASSWORD",
}


def is_set_by_task(params: Mapping[str, Any], name: str) -> bool:
    """Whether the task itself sets the option. A value equal to its environment variable counts as not set by it."""
    value = params.get(name)
    variable = ENVIRONMENT.get(name)
    return bool(value) and (variable is None or value != os.environ.get(variable))
