# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The error for a call that got no usable answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.rate_limit import RateLimit


class ClientError(Exception):
    """A call got no usable answer.

    ``code``: the finding. ``str()`` names the method, the URL and the status, and says what to do. ``reason``: a few
    words for a status line, such as "connection refused". ``rate_limit``: when to ask again, if the node said it.
    ``answered_by``: the instance id of the process that sent the error, if its header is there.
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
