# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The access to nodes: credentials, TLS, proxy and timeout."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True)
class Access:
    """Everything that is needed to reach a node, except its URL. The fields are the options with the same names.

    ``timeout`` in seconds, for a whole call.
    """

    user_id: str | None
    auth_token: str | None
    username: str | None
    password: str | None
    totp_code: str | None
    validate_certs: bool
    ca_path: str | None
    client_cert: str | None
    client_key: str | None
    timeout: float
    http_agent: str
    proxy: str | None

    @property
    def secrets(self) -> frozenset[str]:
        hidden = {self.auth_token, self.password, self.totp_code, *proxy_secrets(self.proxy)}
        return frozenset(text for text in hidden if text)

    @property
    def verify(self) -> bool | str:
        return (self.ca_path or True) if self.validate_certs else False

    @property
    def certificate(self) -> str | tuple[str, str] | None:
        if self.client_cert and self.client_key:
            return self.client_cert, self.client_key
        return self.client_cert


def proxy_secrets(proxy: object) -> frozenset[str]:
    """The password in the URL of a proxy, as written and with percent-encoding decoded. The URL may be invalid."""
    user_info = str(proxy or "").rpartition("@")[0]
    password = user_info.rpartition("://")[2].partition(":")[2]
    return frozenset({password, unquote(password)} - {""})


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"(\[[\w:.%]+\]|[\w.-]+)(:\d+)?(?=[/?#]|$)")


def proxy_shown(proxy: str) -> str:
    """The scheme, host and port of a proxy's URL, which contain no secrets; empty if it is not a URL."""
    scheme = _SCHEME.match(proxy)
    place = _PLACE.match(proxy[scheme.end() if scheme else 0 :].rpartition("@")[2])
    return (scheme[0] if scheme else "") + place[0] if place else ""


def proxy_problem(proxy: str) -> str | None:
    """Why no request can be sent through the proxy; none if requests can be sent."""
    try:
        parts = urlsplit(proxy)
        is_url = bool(parts.hostname and proxy_shown(proxy)) and parts.port != 0
    except ValueError:
        return "proxy is not a URL such as http://proxy.example.com:3128"
    problems = []
    if parts.scheme.startswith("socks") and find_spec("socks") is None:
        problems.append(f"needs the Python library PySocks, which {sys.executable} does not have")
    if not is_url:
        problems.append("is not a URL such as http://proxy.example.com:3128")
    elif parts.scheme not in PROXIES:
        problems.append("has an unknown scheme")
    return f"proxy {proxy_shown(proxy)}".rstrip() + f" {', and '.join(problems)}" if problems else None


def is_header(value: str) -> bool:
    """Whether the text can be sent as the value of a header: printable ASCII without white space around it."""
    return bool(value) and value.isascii() and value.isprintable() and value == value.strip()
