# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Masking: replaces secrets in everything that a plugin returns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from ansible.module_utils.common.parameters import remove_values

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def masked(value: T, secrets: Iterable[str]) -> T:
    """The JSON value with its secrets masked as Ansible does it.

    Usually there is no secret, and a search in the whole text is ten times as fast as in every value.
    """
    return remove_values(value, secrets) if has_secret(as_text(value), secrets) else value


def as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def has_secret(text: str, secrets: Iterable[str]) -> bool:
    """Whether a text of :func:`as_text` contains one of the secrets."""
    return any(as_text(secret)[1:-1] in text for secret in secrets)
