# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""A call that brings no usable answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.rate_limit import RateLimit


class ClientError(Exception):
    """A call that brought no usable answer.

    ``code`` is its row, ``str()`` names method, URL and status, and says what to do. ``reason`` says it in a few words
    for a status line, such as "connection refused". ``rate_limit`` says when to ask again, where the node told it.
    ``answered_by``: the instance id of the process that sent the error, where its answer has it.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        reason: str,
        rate_limit: RateLimit | None = None,
        answered_by: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.rate_limit = rate_limit
        self.answered_by = answered_by
