# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access from options, and the options that are refused before the first request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import CONNECTION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import access_from, spelled_out
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import ENVIRONMENT
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with, left_out

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = left_out(CONNECTION, http_agent="agent")
TOKEN: dict[str, Any] = {"user_id": "u", "auth_token": "t0ken"}
SCHEMES = "(schemes: http, https, socks4, socks4a, socks5, socks5h)"
PYSOCKS = f"needs the Python library PySocks, which {sys.executable} does not have"
LOGIN: dict[str, Any] = {"username": "n", "password": "p4ss"}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def from_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, str]:
    for name, value in values.items():
        monkeypatch.setenv(ENVIRONMENT[name], value)
    return values


def test_token_or_password_are_accepted() -> None:
    assert access_from({**DEFAULTS, **TOKEN}) == access_with(**TOKEN, http_agent="agent")
    assert access_from({**DEFAULTS, **LOGIN, "totp_code": "1"}) == access_with(
        **LOGIN, totp_code="1", http_agent="agent"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no credentials: set user_id and auth_token, or username and password"),
        (
            {"user_id": "u"},
            "auth_token is missing: user_id and auth_token must be set together",
        ),
        (
            {"totp_code": "1"},
            "totp_code needs username and password",
        ),
        ({**TOKEN, **LOGIN}, "user_id and auth_token and username and password: set only one kind of credentials"),
        ({**TOKEN, "timeout": 0}, "timeout is 0, it must be at least 0.001 s"),
        ({**TOKEN, "timeout": float("nan")}, "timeout is nan, it must be finite"),
        ({**TOKEN, "timeout": 1e9}, "timeout is 1e+09, it must be at most 3600 s"),
        (
            {**TOKEN, "auth_token": "a\nb"},
            "auth_token cannot be sent in a header: it must be printable ASCII, without line breaks and without white "
            "space around it",
        ),
        ({**TOKEN, "ca_path": "/nowhere"}, "ca_path does not exist: /nowhere"),
        (
            {**TOKEN, "ca_path": __file__},
            f"ca_path contains no readable certificates: {__file__} (no certificate or crl found)",
        ),
        ({**TOKEN, "client_cert": "/nowhere"}, "client_cert does not exist: /nowhere"),
        ({**TOKEN, "client_key": "/k"}, "client_key (/k) is given without client_cert"),
        (
            {**TOKEN, "proxy": "u:pw@p"},
            f"proxy p is not a URL such as http://proxy.example.com:3128 {SCHEMES}",
        ),
        ({**TOKEN, "proxy": "ftp://u:pw@p:21"}, f"proxy ftp://p:21 has an unknown scheme {SCHEMES}"),
        (
            {**TOKEN, "proxy": "http://u:p/w"},
            f"proxy is not a URL such as http://proxy.example.com:3128 {SCHEMES}",
        ),
        ({**TOKEN, "proxy": "socks5h://u:pw@p:1080"}, f"proxy socks5h://p:1080 {PYSOCKS} {SCHEMES}"),
        ({**TOKEN, "proxy": "SOCKS4://p"}, f"proxy SOCKS4://p {PYSOCKS} {SCHEMES}"),
        ({**TOKEN, "proxy": "socks://p:1080"}, f"proxy socks://p:1080 {PYSOCKS}, and has an unknown scheme {SCHEMES}"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    with pytest.raises(OptionsError) as caught:
        access_from({**DEFAULTS, **options})
    assert str(caught.value) == message


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
def test_a_socks_proxy_is_accepted_with_pysocks(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", sys)  # any module
    proxy = f"{scheme}://u:pw@p:1080"
    assert access_from({**DEFAULTS, **TOKEN, "proxy": proxy}).proxy == proxy


def test_ca_path_may_be_a_folder(tmp_path: Path) -> None:
    assert access_from({**DEFAULTS, **TOKEN, "ca_path": str(tmp_path)}).ca_path == str(tmp_path)


def test_a_wrong_client_certificate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    path.write_text("no", encoding="ascii")
    with pytest.raises(OptionsError, match=rf"^client_cert \({path}\) cannot be loaded: "):
        access_from({**DEFAULTS, **TOKEN, "client_cert": str(path)})


def test_the_task_has_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = from_environment(monkeypatch, **TOKEN)
    assert access_from({**DEFAULTS, **environment}).auth_token == "t0ken"
    access = access_from({**DEFAULTS, **environment, **LOGIN})
    assert (access.user_id, access.auth_token, access.username) == (None, None, "n")
    assert access_from({**DEFAULTS, **environment, "auth_token": "other"}).user_id == "u"


def test_two_kinds_of_credentials_in_the_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = from_environment(monkeypatch, **TOKEN, **LOGIN)
    with pytest.raises(OptionsError) as caught:
        access_from({**DEFAULTS, **environment})
    assert str(caught.value) == (
        "the environment has two kinds of credentials (ROCKETCHAT_USER_ID, ROCKETCHAT_AUTH_TOKEN, ROCKETCHAT_USERNAME, "
        "ROCKETCHAT_PASSWORD): unset one kind"
    )


def test_options_from_the_environment_are_passed_to_a_shipped_module(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings = from_environment(monkeypatch, url="http://rc", **TOKEN)
    assert spelled_out(surroundings) == {"url": "http://rc", **TOKEN}
    # The shipped module would take both kinds as options of the task, and refuse them together.
    assert spelled_out({**surroundings, **LOGIN}) == {"url": "http://rc", **LOGIN}
    assert spelled_out({**surroundings, "members": [{"name": "rc1", "url": "http://rc1"}]}) == TOKEN
    # If nothing is set here, the environment of the shipped module may have it.
    assert spelled_out({}) == {}
