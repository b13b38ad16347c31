# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The identity of an answer: the process that sent it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSTANCE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


def answered_by(headers: Mapping[str, str]) -> str | None:
    """The instance id of the process that sent an answer; none if the header is missing or is not an id.

    Each Rocket.Chat process adds ``X-Instance-ID`` to its answers, errors included. It is the ``_id`` of its instance
    record, made when the process starts, even if the record is never written. A proxy may remove the header.
    """
    value = headers.get("X-Instance-ID")
    return value if value is not None and _INSTANCE_ID.fullmatch(value) else None
