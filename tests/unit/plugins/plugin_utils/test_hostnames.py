# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventory names: no two instances are merged, and no name has a special meaning for Ansible."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._hostnames import choose_names, host_in, is_usable


@pytest.mark.parametrize(
    ("candidates", "names", "rejected"),
    [
        ({"a": ["rc1"], "b": ["rc2"]}, {"a": "rc1", "b": "rc2"}, []),
        ({"a": ["rc1", "x"], "b": ["rc1", "y"]}, {"a": "x", "b": "y"}, ["rc1 is the name of 2 instances"]),
        ({"a": ["rc1"], "b": ["rc1"], "c": ["rc3"]}, {"a": "a", "b": "b", "c": "rc3"}, ["rc1 is the name of 2"]),
        ({"a": ["localhost"], "b": ["", "rc2"]}, {"a": "a", "b": "rc2"}, ["'localhost' of 1 instance is not a usable"]),
        (
            {"a": ["rc1"], "b": ["", "rc1"]},
            {"a": "rc1", "b": "b"},
            ["rc1 of 1 instance is also the name or id of another instance"],
        ),
        (
            {"a": ["b"], "b": ["b"]},
            {"a": "a", "b": "b"},
            ["b of 1 instance is also the name or id of another instance"],
        ),
        ({"a": ["a", "rc1"], "b": ["rc2"]}, {"a": "a", "b": "rc2"}, []),
        ({"a": []}, {"a": "a"}, []),
        ({"{{ 1 }}": ["{{ 2 }}"]}, {"{{ 1 }}": "%7B%7B%201%20%7D%7D"}, ["'{{ 2 }}' of 1 instance is not a usable"]),
        ({}, {}, []),
    ],
)
def test_names_are_unique_and_usable(
    candidates: dict[str, list[str]], names: dict[str, str], rejected: list[str]
) -> None:
    found = choose_names(candidates)
    assert found.by_id == names
    assert len(found.rejected) == len(rejected)
    assert all(said.startswith(start) for said, start in zip(found.rejected, rejected))


def test_no_name_is_that_of_a_group() -> None:
    names = choose_names({"all": ["chat"], "chat": ["rc1"], "localhost": ["ungrouped"]}, {"chat"})
    assert names.by_id == {"all": "%61ll", "chat": "rc1", "localhost": "%6Cocalhost"}


# An example may take long on a busy machine.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "{{ x }}", "localhost", "ü", "\ud800"]),
        st.lists(st.sampled_from(["a", "b", "rc1", "rc2", "localhost", "", "{{ x }}", "-x", "x,y"]), max_size=3),
    )
)
def test_every_instance_has_its_own_name(candidates: dict[str, list[str]]) -> None:
    names = choose_names(candidates).by_id
    assert names.keys() == candidates.keys()
    assert len(set(names.values())) == len(candidates)
    assert all(name.isascii() and "{" not in name and "," not in name for name in names.values())


@pytest.mark.parametrize(
    "name", ["rc1", "10.0.0.1", "rc-1.example.com", "127.0.0.1-3000", "fe80::1", "_x", "localhost2"]
)
def test_a_name_is_usable(name: str) -> None:
    assert is_usable(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "localhost", "LOCALHOST", "undefined", "127.0.0.1", "127.1", "::1", "0.0.0.0", "a" * 300, "é", "a\n"),
        *("a b", "a,b", "!a", "&a", "~a", "@a", "-a", "a[1]", "{{ a }}"),
    ],
)
def test_a_name_is_not_usable(name: str) -> None:
    assert not is_usable(name)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        *((name, name) for name in ("rc1", "RC1.example.com", "rc_1", "10.0.0.1", "fe80::1", "2001:db8::7", "rc1-")),
        ("10.0.0.1:3000", "10.0.0.1"),
        ("RC1.example.com:3000", "RC1.example.com"),
        ("localhost:3000", "localhost"),
        ("[fe80::1]", "fe80::1"),
        ("[fe80::1]:3000", "fe80::1"),
        ("[::1]:3000", "::1"),
        ("[10.0.0.1]:3000", "10.0.0.1"),
        ("http://10.0.0.1:3000/", "10.0.0.1"),
        ("https://[fe80::1]/chat", "fe80::1"),
        ("tcp://user:word@rc1:3000", "rc1"),
        (" 10.0.0.1\n", "10.0.0.1"),
        ("rc1.example.com.", "rc1.example.com"),
        *(
            (none, "")
            for none in ("", "http://", "a b", "a,b", "a:b", "é:1", "rc[1:3]", "{{ a }}", "http://{{ a }}:3000", "!a")
        ),
    ],
)
def test_the_host_in_the_address_of_a_server(value: str, host: str) -> None:
    assert host_in(value) == host


@pytest.mark.parametrize("value", ["fe80::1%eth0", "[fe80::1%eth0]:3000", "http://[fe80::1%25eth0]"])
def test_an_ipv6_address_with_a_zone_is_not_a_host(value: str) -> None:
    assert host_in(value) == ""
