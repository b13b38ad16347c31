# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""What can become of a call that brings no usable answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.client import RateLimit


class ClientError(Exception):
    """A call that brought no usable answer. ``code`` is its kind, ``str()`` names method, URL, status and cure."""

    code: ClassVar[str]
    cure: ClassVar[str]
    reason: str = ""  # a few words for a status line, such as "connection refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnreachableError(ClientError):
    code = "unreachable"
    cure = "check that the node runs and that its port can be reached from where the task runs"


class TimedOutError(ClientError):
    code = "timeout"
    cure = "check whether the node hangs, or raise timeout"


class TlsError(ClientError):
    code = "tls"
    cure = "check the certificate and the node's name in url, or set ca_path"


class RedirectedError(ClientError):
    code = "redirected"
    cure = "redirects are not followed, credentials would go along; give the node's own address as url"


class UnauthorizedError(ClientError):
    code = "unauthorized"
    cure = "check user_id and auth_token, or username and password (and totp_code where two-factor is on)"


class ForbiddenError(ClientError):
    code = "forbidden"
    cure = "give the user a role that has the permission view-statistics"


class RateLimitedError(ClientError):
    """``rate_limit`` says when to ask again, where the node told it."""

    code = "rate_limited"
    cure = "ask less often, or give the user the permission api-bypass-rate-limit"
    rate_limit: RateLimit | None = None


class BrokerDownError(ClientError):
    code = "broker_down"
    cure = "the node's broker lost itself and never recovers: restart this node, deploy it first"


class ServerError(ClientError):
    code = "server_error"
    cure = "look into the node's log"


class NotRocketchatError(ClientError):
    code = "not_rocketchat"
    cure = "check that url leads to a Rocket.Chat node and not to a login page, a maintenance page or another service"


CODES = frozenset(kind.code for kind in ClientError.__subclasses__())
