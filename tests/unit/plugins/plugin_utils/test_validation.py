# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options outside of modules are of Python's own types."""

from __future__ import annotations

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import plain


class Tagged(str):
    """Stands for the strings of ansible-core: their tags take long to copy."""

    __slots__ = ("origin",)


def test_strings_have_no_tags() -> None:
    found = plain({Tagged("members"): [{"name": Tagged("rc1"), "url": Tagged("http://rc1:3000")}]})
    assert found == {"members": [{"name": "rc1", "url": "http://rc1:3000"}]}
    (name,), (member,) = found, found["members"]
    assert {type(text) for text in (name, *member.values())} == {str}


def test_other_scalars_are_unchanged() -> None:
    values = [True, 3, 0.5, None]
    assert [(value, type(value)) for value in plain(values)] == [(value, type(value)) for value in values]
