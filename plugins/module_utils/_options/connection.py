# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The connection options: credentials, TLS and proxy. Settings that cannot work are refused."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import (
    PROXIES,
    Access,
    is_header,
    proxy_problem,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import (
    ENVIRONMENT,
    is_set_by_task,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.timing import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TIMEOUT = 3600.0

_TOKEN = ("user_id", "auth_token")
_LOGIN = ("username", "password")


def access_from(params: Mapping[str, Any]) -> Access:
    """The access to the nodes, from the options. Raises :class:`OptionsError`."""
    access = Access(
        **{**dict.fromkeys((*_TOKEN, *_LOGIN, "totp_code")), **_credentials(params)},
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"] or None,
        client_cert=params["client_cert"] or None,
        client_key=params["client_key"] or None,
        timeout=seconds(params, "timeout", most=MAX_TIMEOUT),
        http_agent=params["http_agent"],
        proxy=params["proxy"] or None,
    )
    _check_headers(access)
    _check_authority(access)
    _check_certificate(access)
    _check_proxy(access)
    return access


def spelled_out(params: Mapping[str, Any]) -> dict[str, Any]:
    """Options that the controller's environment provides, for a module that runs in another environment.

    Raises :class:`OptionsError`.
    """
    found = _credentials(params) if any(params.get(name) for name in (*_TOKEN, *_LOGIN)) else {}
    if params.get("members") is None:
        found["url"] = params.get("url")
    return {name: value for name, value in found.items() if value}


def _credentials(params: Mapping[str, Any]) -> dict[str, str | None]:
    kinds = [kind for kind in (_TOKEN, _LOGIN) if any(params.get(name) for name in kind)]
    written = [
        kind
        for kind in (_TOKEN, _LOGIN)
        if any(is_set_by_task(params, name) for name in kind) or (kind is _LOGIN and params.get("totp_code"))
    ]
    if len(written) > 1:
        raise OptionsError(
            f"{_given(params, _TOKEN)} and {_given(params, (*_LOGIN, 'totp_code'))}: set only one kind of credentials"
        )
    chosen = written or kinds
    if not chosen:
        raise OptionsError("no credentials: set user_id and auth_token, or username and password")
    if len(chosen) > 1:
        names = ", ".join(ENVIRONMENT[name] for name in (*_TOKEN, *_LOGIN) if params.get(name))
        raise OptionsError(f"the environment has two kinds of credentials ({names}): unset one kind")
    missing = [name for name in chosen[0] if not params.get(name)]
    if missing == list(_LOGIN):
        raise OptionsError("totp_code needs username and password")
    if missing:
        raise OptionsError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
            f"{' and '.join(chosen[0])} must be set together"
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
        raise OptionsError(f"ca_path contains no readable certificates: {path} ({_cause(error)})") from None


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
    """Refuse a key with a passphrase: OpenSSL would ask for it at the terminal."""
    raise ValueError("the key has a passphrase")


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM").lower().replace("_", " ")
    return (error.strerror or "unreadable").lower() if isinstance(error, OSError) else str(error)


def _check_proxy(access: Access) -> None:
    problem = proxy_problem(access.proxy) if access.proxy else None
    if problem is not None:
        raise OptionsError(f"{problem} (schemes: {', '.join(PROXIES)})")
