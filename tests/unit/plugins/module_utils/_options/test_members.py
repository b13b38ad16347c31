# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The members from options, and the options that are refused before the first request."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import ENVIRONMENT
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from, warnings_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.url import checked_url


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT["url"], raising=False)


@pytest.mark.parametrize(
    ("url", "member"),
    [
        ("http://RC1:3000/", Member("rc1:3000", "http://rc1:3000")),
        ("https://rc1:443/chat/", Member("rc1:443", "https://rc1/chat")),
        ("http://[::1]:3000", Member("[::1]:3000", "http://[::1]:3000")),
    ],
)
def test_a_url_is_one_member(url: str, member: Member) -> None:
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
            "the URL http://a/x contains a user name or password: use the options for credentials",
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
            "members: the name a is used twice",
        ),
        (
            {"members": [{"name": " ", "url": "http://a"}]},
            "members: the name ' ' must be printable, and not empty",
        ),
    ],
)
def test_wrong_members_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        members_from(params)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:3000", "http://localhost:3000"),
        ("http://localhost:3000", "http://[::1]:3000"),
        ("http://localhost:3000", "http://LOCALHOST.:3000/"),
        ("http://127.0.0.1:3000", "http://[0:0:0:0:0:0:0:1]:3000"),
        ("http://127.0.0.1:3000", "http://[::ffff:127.0.0.1]:3000"),
        ("http://127.0.0.1:3000", "http://0.0.0.0:3000"),
        ("http://localhost.localdomain", "http://127.1:80"),
        ("http://rc1:3000", "http://rc1.:3000"),
        ("http://rc1:3000", "https://rc1:3000"),
        ("http://[fe80::1]:3000", "http://[fe80:0::1]:3000"),
    ],
)
def test_two_urls_of_one_node_are_refused(one: str, other: str) -> None:
    with pytest.raises(OptionsError) as caught:
        members_from({"members": [{"name": "a", "url": one}, {"name": "b", "url": other}]})
    assert str(caught.value) == f"members a and b have urls of the same node: {one} and {checked_url(other)}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3001"),
        ("http://localhost:3000", "http://127.0.0.1:3001"),
        ("http://localhost", "https://localhost"),
        ("http://127.0.0.1:3000", "http://127.0.0.2:3000"),
        ("http://rc1/a", "http://rc1/b"),
        ("http://10.0.0.1:3000", "http://10.0.0.10:3000"),
    ],
)
def test_several_nodes_on_one_host_are_accepted(one: str, other: str) -> None:
    declared = [{"name": "a", "url": one}, {"name": "b", "url": other}]
    assert members_from({"members": declared}) == (Member("a", one), Member("b", other))


def test_members_have_precedence_over_a_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT["url"], "http://elsewhere")
    declared = [{"name": "a", "url": "http://a/"}]
    assert members_from({"url": "http://elsewhere", "members": declared}) == (Member("a", "http://a"),)


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
def test_unencrypted_credentials_are_warned_of(url: str, *, warned: bool) -> None:
    text = f"credentials are sent unencrypted to {url}: use https, or a private network"
    assert warnings_for([Member("a", url)]) == ([text] if warned else [])
