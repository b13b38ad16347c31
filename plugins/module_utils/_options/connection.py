# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""From options to what is asked and how. All that can be refused is refused here, before the first request.

An option that has its environment variable's value counts as coming from there: what a task says itself wins over it.
"""

from __future__ import annotations

import ipaddress
import math
import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access, is_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENVIRONMENT = {
    "url": "ROCKETCHAT_URL",
    "user_id": "ROCKETCHAT_USER_ID",
    "auth_token": "ROCKETCHAT_AUTH_TOKEN",
    "username": "ROCKETCHAT_USERNAME",
    "password": "ROCKETCHAT_PASSWORD",
}
MAX_TIMEOUT = 3600.0
PINGS = 3  # a record is fresh for so many pings

_TOKEN = ("user_id", "auth_token")
_LOGIN = ("username", "password")
_PORTS = {"http": 80, "https": 443}
_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


class OptionsError(ValueError):
    """Options that cannot be met; the message names them, their values and the limit, but never a secret."""


def access_from(params: Mapping[str, Any]) -> Access:
    """Raises :class:`OptionsError`."""
    credentials = _credentials(params)
    access = Access(
        **credentials,
        validate_certs=params["validate_certs"],
        ca_path=params.get("ca_path") or None,
        client_cert=params.get("client_cert") or None,
        client_key=params.get("client_key") or None,
        timeout=seconds(params, "timeout", most=MAX_TIMEOUT),
        http_agent=params["http_agent"],
        proxy=params.get("proxy") or None,
    )
    _check_headers(access)
    _check_authority(access)
    _check_certificate(access)
    _check_proxy(access)
    return access


def members_from(params: Mapping[str, Any]) -> tuple[Member, ...]:
    """The nodes to ask: those of ``members``, or the one of ``url``, named by its host and port.

    Raises :class:`OptionsError`.
    """
    url, declared = params.get("url"), params.get("members")
    if declared is None:
        if not url:
            raise OptionsError("neither url nor members is given: set one of them, or ROCKETCHAT_URL")
        return (_single(url),)
    if _written(params, "url"):
        raise OptionsError(f"url ({_shown(url)}) and members are both given: url is for one node, members for many")
    if not declared:
        raise OptionsError("members is empty: name at least one node")
    members = tuple(Member(name=_name(raw), url=_checked_url(raw["url"])) for raw in declared)
    _check_distinct(members)
    return members


def spelled_out(params: Mapping[str, Any]) -> dict[str, Any]:
    """What the environment adds to a task's options, for a module that runs where the environment is another.

    Raises :class:`OptionsError`.
    """
    found = _credentials(params) if any(params.get(name) for name in (*_TOKEN, *_LOGIN)) else {}
    if params.get("members") is None:
        found["url"] = params.get("url")
    return {name: value for name, value in found.items() if value}


def warnings_for(members: Sequence[Member]) -> list[str]:
    """What works, but should be known: credentials that anybody on the way can read."""
    open_urls = [member.url for member in members if _readable_on_the_way(member.url)]
    if not open_urls:
        return []
    return [f"credentials are sent unencrypted to {', '.join(open_urls)}: use https, or a network nobody else reads"]


def seconds(params: Mapping[str, Any], name: str, *, least: float = 0.001, most: float = math.inf) -> float:
    """An option that is a time. Raises :class:`OptionsError`."""
    value = float(params[name])
    if math.isfinite(value) and least <= value <= most:
        return value
    limit = f"at least {least:g} s" if value < least else f"at most {most:g} s"
    raise OptionsError(f"{name} is {value:g}, it must be {limit if math.isfinite(value) else 'finite'}")


def max_record_age(params: Mapping[str, Any]) -> float:
    """For how long (s) a record counts as one of a living process. Raises :class:`OptionsError`."""
    ping_interval = seconds(params, "ping_interval")
    if params.get("max_record_age") is None:
        return PINGS * ping_interval
    age = seconds(params, "max_record_age")
    if age < ping_interval:
        raise OptionsError(
            f"max_record_age ({age:g} s) is shorter than ping_interval ({ping_interval:g} s): "
            "every record would look stale between two pings"
        )
    return age


def _written(params: Mapping[str, Any], name: str) -> bool:
    """Whether the task itself says it, rather than the environment."""
    value = params.get(name)
    variable = ENVIRONMENT.get(name)
    return bool(value) and (variable is None or value != os.environ.get(variable))


def _credentials(params: Mapping[str, Any]) -> dict[str, str | None]:
    kinds = [kind for kind in (_TOKEN, _LOGIN) if any(params.get(name) for name in kind)]
    written = [
        kind
        for kind in (_TOKEN, _LOGIN)
        if any(_written(params, name) for name in kind) or (kind is _LOGIN and params.get("totp_code"))
    ]
    if len(written) > 1:
        raise OptionsError(f"{_given(params, _TOKEN)} and {_given(params, (*_LOGIN, 'totp_code'))}: give only one kind")
    chosen = written or kinds
    if not chosen:
        raise OptionsError("no credentials: give user_id and auth_token, or username and password")
    if len(chosen) > 1:
        names = ", ".join(ENVIRONMENT[name] for name in (*_TOKEN, *_LOGIN) if params.get(name))
        raise OptionsError(f"the environment has two kinds of credentials ({names}): unset one kind")
    missing = [name for name in chosen[0] if not params.get(name)]
    if missing:
        raise OptionsError(
            f"half of the credentials is missing: {' and '.join(chosen[0])} belong together, "
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given"
        )
    found = {name: params[name] for name in chosen[0]}
    if chosen[0] is _LOGIN:
        found["totp_code"] = params.get("totp_code") or None
    return found


def _given(params: Mapping[str, Any], names: Sequence[str]) -> str:
    return " and ".join(name for name in names if params.get(name))


def _check_headers(access: Access) -> None:
    for name in ("user_id", "auth_token", "http_agent"):
        value = getattr(access, name)
        if value is not None and not is_header(value):
            raise OptionsError(
                f"{name} cannot be sent in a header: it must be printable ASCII, without line breaks "
                "and without white space around it"
            )


def _check_authority(access: Access) -> None:
    path = access.ca_path
    if path is None:
        return
    if not os.path.exists(path):
        raise OptionsError(f"ca_path does not exist: {path}")
    try:
        if os.path.isdir(path):
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except OSError as error:
        raise OptionsError(f"ca_path holds no certificates that can be read: {path} ({_cause(error)})") from None


def _check_certificate(access: Access) -> None:
    certificate, key = access.client_cert, access.client_key
    if certificate is None:
        if key is not None:
            raise OptionsError(f"client_key ({key}) is given without client_cert")
        return
    for name, path in (("client_cert", certificate), ("client_key", key)):
        if path is not None and not os.path.isfile(path):
            raise OptionsError(f"{name} does not exist: {path}")
    try:
        ssl.create_default_context().load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        files = f"client_cert ({certificate})" + (f" and client_key ({key})" if key else "")
        raise OptionsError(f"{files} cannot be loaded: {_cause(error)}") from None


def _no_passphrase() -> str:
    """Without it OpenSSL would ask for the passphrase at the terminal."""
    raise ValueError("the key has a passphrase")


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM").lower().replace("_", " ")
    return (error.strerror or "unreadable").lower() if isinstance(error, OSError) else str(error)


def _check_proxy(access: Access) -> None:
    if access.proxy is None:
        return
    parts = _split(access.proxy)
    if parts is None or parts.scheme not in _PROXIES or not parts.hostname:
        raise OptionsError(f"proxy is not a URL such as http://proxy.example.com:3128 (schemes: {', '.join(_PROXIES)})")


def _single(url: str) -> Member:
    checked = _checked_url(url)
    parts = urlsplit(checked)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return Member(name=f"{host}:{parts.port or _PORTS[parts.scheme]}", url=checked)


def _name(raw: Mapping[str, Any]) -> str:
    name = str(raw["name"])
    if not name.strip() or not name.isprintable():
        raise OptionsError(f"members has the name {name!r}: it must be printable, and not empty")
    return name


def _checked_url(url: str) -> str:
    """The URL in one spelling: scheme and host in lower case, no default port, no slash at the end."""
    parts = _split(url)
    shown = _shown(url)
    if parts is None or any(not letter.isprintable() or letter.isspace() for letter in url):
        raise OptionsError(f"not a URL: {shown}")
    if parts.scheme not in _PORTS:
        raise OptionsError(f"the URL {shown} must begin with http:// or https://")
    if not parts.hostname:
        raise OptionsError(f"the URL {shown} has no host")
    if "@" in parts.netloc:
        raise OptionsError(f"the URL {shown} holds a user name or password: use the options for credentials")
    if parts.query or parts.fragment:
        raise OptionsError(f"the URL {shown} has a query or a fragment: give the base URL of the node only")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            return None
    except ValueError:
        return None
    return parts


def _shown(url: object) -> str:
    """A URL without what can hold a secret: user, query and fragment."""
    text = str(url).split("?", 1)[0].split("#", 1)[0]
    scheme, mark, rest = text.rpartition("://")
    place, slash, path = rest.partition("/")
    shown = f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"
    return repr(shown) if not shown or not shown.isprintable() or " " in shown else shown


def _check_distinct(members: Sequence[Member]) -> None:
    names: dict[str, Member] = {}
    urls: dict[str, Member] = {}
    for member in members:
        if member.name in names:
            raise OptionsError(f"members has the name {member.name} twice")
        if member.url in urls:
            raise OptionsError(f"members {urls[member.url].name} and {member.name} have the same url: {member.url}")
        names[member.name] = urls[member.url] = member


def _readable_on_the_way(url: str) -> bool:
    parts = urlsplit(url)
    host = str(parts.hostname)
    if parts.scheme != "http" or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
