# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What options mean, and what is refused before the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import (
    ENVIRONMENT,
    OptionsError,
    access_from,
    max_record_age,
    members_from,
    spelled_out,
    warnings_for,
)

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = {"validate_certs": True, "timeout": 10.0, "http_agent": "agent"}
TOKEN: dict[str, Any] = {"user_id": "u", "auth_token": "t0ken"}
LOGIN: dict[str, Any] = {"username": "n", "password": "p4ss"}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def from_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, str]:
    for name, value in values.items():
        monkeypatch.setenv(ENVIRONMENT[name], value)
    return values


def test_either_kind_of_credentials() -> None:
    assert access_from({**DEFAULTS, **TOKEN}) == Access(**TOKEN, http_agent="agent")
    assert access_from({**DEFAULTS, **LOGIN, "totp_code": "1"}) == Access(**LOGIN, totp_code="1", http_agent="agent")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no credentials: give user_id and auth_token, or username and password"),
        (
            {"user_id": "u"},
            "half of the credentials is missing: user_id and auth_token belong together, auth_token is not given",
        ),
        (
            {"totp_code": "1"},
            "half of the credentials is missing: username and password belong together, username and password are not "
            "given",
        ),
        ({**TOKEN, **LOGIN}, "user_id and auth_token and username and password: give only one kind"),
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
            f"ca_path holds no certificates that can be read: {__file__} (no certificate or crl found)",
        ),
        ({**TOKEN, "client_cert": "/nowhere"}, "client_cert does not exist: /nowhere"),
        ({**TOKEN, "client_key": "/k"}, "client_key (/k) is given without client_cert"),
        (
            {**TOKEN, "proxy": "u:pw@p"},
            "proxy is not a URL such as http://proxy.example.com:3128 (schemes: http, https, socks4, socks4a, socks5, "
            "socks5h)",
        ),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        access_from({**DEFAULTS, **options})
    assert str(caught.value) == message


def test_a_folder_of_certificates(tmp_path: Path) -> None:
    assert access_from({**DEFAULTS, **TOKEN, "ca_path": str(tmp_path)}).ca_path == str(tmp_path)


def test_how_old_a_record_may_be() -> None:
    assert max_record_age({"ping_interval": 10}) == 30
    assert max_record_age({"ping_interval": 10, "max_record_age": 25}) == 25


def test_a_client_certificate_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    path.write_text("no", encoding="ascii")
    with pytest.raises(OptionsError, match=rf"^client_cert \({path}\) cannot be loaded: "):
        access_from({**DEFAULTS, **TOKEN, "client_cert": str(path)})


def test_the_task_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = from_environment(monkeypatch, **TOKEN)
    assert access_from({**DEFAULTS, **environment}).auth_token == "t0ken"
    access = access_from({**DEFAULTS, **environment, **LOGIN})
    assert (access.user_id, access.auth_token, access.username) == (None, None, "n")
    assert access_from({**DEFAULTS, **environment, "auth_token": "other"}).user_id == "u"


def test_two_kinds_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = from_environment(monkeypatch, **TOKEN, **LOGIN)
    with pytest.raises(OptionsError) as caught:
        access_from({**DEFAULTS, **environment})
    assert str(caught.value) == (
        "the environment has two kinds of credentials (ROCKETCHAT_USER_ID, ROCKETCHAT_AUTH_TOKEN, ROCKETCHAT_USERNAME, "
        "ROCKETCHAT_PASSWORD): unset one kind"
    )


@pytest.mark.parametrize(
    ("url", "member"),
    [
        ("http://RC1:3000/", Member("rc1:3000", "http://rc1:3000")),
        ("https://rc1:443/chat/", Member("rc1:443", "https://rc1/chat")),
        ("http://[::1]:3000", Member("[::1]:3000", "http://[::1]:3000")),
    ],
)
def test_one_url(url: str, member: Member) -> None:
    assert members_from({"url": url}) == (member,)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "neither url nor members is given: set one of them, or ROCKETCHAT_URL"),
        ({"members": []}, "members is empty: name at least one node"),
        ({"url": "rc1:3000"}, "the URL rc1:3000 must begin with http:// or https://"),
        ({"url": "ftp://a"}, "the URL ftp://a must begin with http:// or https://"),
        ({"url": "http://"}, "the URL http:// has no host"),
        (
            {"url": "http://me:s3cret@a/x?tok=1"},
            "the URL http://a/x holds a user name or password: use the options for credentials",
        ),
        (
            {"url": "http://a/x?tok=1#y"},
            "the URL http://a/x has a query or a fragment: give the base URL of the node only",
        ),
        ({"url": "http://a:99999"}, "not a URL: http://a:99999"),
        ({"url": "http://a:0"}, "not a URL: http://a:0"),
        ({"url": "http://a\n"}, "not a URL: 'http://a\\n'"),
        (
            {"url": "http://a", "members": [{"name": "b", "url": "http://b"}]},
            "url (http://a) and members are both given: url is for one node, members for many",
        ),
        (
            {"members": [{"name": "a", "url": "http://a:80/"}, {"name": "b", "url": "HTTP://A"}]},
            "members a and b have the same url: http://a",
        ),
        (
            {"members": [{"name": "a", "url": "http://a"}, {"name": "a", "url": "http://b"}]},
            "members has the name a twice",
        ),
        (
            {"members": [{"name": " ", "url": "http://a"}]},
            "members has the name ' ': it must be printable, and not empty",
        ),
    ],
)
def test_members_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        members_from(params)
    assert str(caught.value) == message


def test_members_beside_a_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = from_environment(monkeypatch, url="http://elsewhere")
    declared = [{"name": "a", "url": "http://a/"}]
    assert members_from({**environment, "members": declared}) == (Member("a", "http://a"),)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://rc1", False),
        ("http://127.0.0.9:3000", False),
        ("http://[::1]", False),
        ("http://localhost", False),
        ("http://127.evil.example", True),
        ("http://10.0.0.1", True),
    ],
)
def test_credentials_in_the_clear(url: str, *, warned: bool) -> None:
    text = f"credentials are sent unencrypted to {url}: use https, or a network nobody else reads"
    assert warnings_for([Member("a", url)]) == ([text] if warned else [])


def test_what_is_spelled_out_for_elsewhere_is_what_counts_here(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings = from_environment(monkeypatch, url="http://rc", **TOKEN)
    assert spelled_out(surroundings) == {"url": "http://rc", **TOKEN}
    # The module would take both of these for the task's own words, and refuse them together.
    assert spelled_out({**surroundings, **LOGIN}) == {"url": "http://rc", **LOGIN}
    assert spelled_out({**surroundings, "members": [{"name": "rc1", "url": "http://rc1"}]}) == TOKEN
    # Where nothing is known here, the module's own environment may know.
    assert spelled_out({}) == {}
