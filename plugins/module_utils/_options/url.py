# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The URLs in options: checked, in one spelling, and shown without secrets."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError

PORTS = {"http": 80, "https": 443}


def checked_url(url: str) -> str:
    """The URL in one spelling: scheme and host in lower case, no default port, no slash at the end."""
    parts = split(url)
    text = without_secrets(url)
    if parts is None or any(not letter.isprintable() or letter.isspace() for letter in url):
        raise OptionsError(f"not a URL: {text}")
    if parts.scheme not in PORTS:
        raise OptionsError(f"the URL {text} must begin with http:// or https://")
    if not parts.hostname:
        raise OptionsError(f"the URL {text} has no host")
    if "@" in parts.netloc:
        raise OptionsError(f"the URL {text} contains a user name or password: use the options for credentials")
    if parts.query or parts.fragment:
        raise OptionsError(f"the URL {text} has a query or a fragment: give the base URL of the node only")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def node_of(url: str) -> tuple[str, int, str]:
    """Host, port and path of a checked URL, which identify the node. All names of the local host are one."""
    parts = urlsplit(url)
    host = str(parts.hostname).rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        address = getattr(address, "ipv4_mapped", None) or address
        host = str(address)
    return "localhost" if host in ITSELF else host, parts.port or PORTS[parts.scheme], parts.path


# Other addresses of 127.0.0.0/8 can be other nodes.
ITSELF = ("127.0.0.1", "127.1", "::1", "0.0.0.0", "::", "localhost.localdomain", "ip6-localhost", "ip6-loopback")


def split(url: str) -> SplitResult | None:
    """The parts of the URL; none if it cannot be parsed."""
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            return None
    except ValueError:
        return None
    return parts


def without_secrets(url: object) -> str:
    """The URL without the parts that can contain a secret: user, query and fragment."""
    base = str(url).split("?", 1)[0].split("#", 1)[0]
    scheme, mark, rest = base.rpartition("://")
    place, slash, path = rest.partition("/")
    shown = f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"
    return repr(shown) if not shown or not shown.isprintable() or " " in shown else shown


def is_readable_by_others(url: str) -> bool:
    """Whether others can read what is sent to this URL: it is plain HTTP to another host."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    if parts.scheme != "http" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
