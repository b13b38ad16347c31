# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The nodes to ask: the options ``members`` and ``url``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.environment import is_set_by_task
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.url import (
    PORTS,
    checked_url,
    is_readable_by_others,
    node_of,
    without_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def members_from(params: Mapping[str, Any]) -> tuple[Member, ...]:
    """The nodes to ask: those of ``members``, or the single one of ``url``, named by its host and port.

    Raises :class:`OptionsError`.
    """
    url, declared = params.get("url"), params.get("members")
    if declared is None:
        if not url:
            raise OptionsError("neither url nor members is given: set one of them, or ROCKETCHAT_URL")
        return (_single(url),)
    if is_set_by_task(params, "url"):
        raise OptionsError(
            f"url ({without_secrets(url)}) and members are both given: url is for one node, members for many"
        )
    if not declared:
        raise OptionsError("members is empty: name at least one node")
    members = tuple(map(_declared, declared))
    _check_distinct(members)
    return members


def warnings_for(members: Sequence[Member]) -> list[str]:
    """Warnings about members whose credentials others on the network can read."""
    open_urls = [member.url for member in members if is_readable_by_others(member.url)]
    if not open_urls:
        return []
    return [f"credentials are sent unencrypted to {', '.join(open_urls)}: use https, or a private network"]


def _single(url: str) -> Member:
    checked = checked_url(url)
    parts = urlsplit(checked)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return Member(name=f"{host}:{parts.port or PORTS[parts.scheme]}", url=checked)


def _declared(raw: Mapping[str, Any]) -> Member:
    name = _name(raw)
    try:
        return Member(name=name, url=checked_url(raw["url"]))
    except OptionsError as error:
        raise OptionsError(f"{name}: {error}") from None


def _name(raw: Mapping[str, Any]) -> str:
    name = str(raw["name"])
    if not name.strip() or not name.isprintable():
        raise OptionsError(f"members: the name {name!r} must be printable, and not empty")
    return name


def _check_distinct(members: Sequence[Member]) -> None:
    names: set[str] = set()
    nodes: dict[tuple[str, int, str], Member] = {}
    for member in members:
        if member.name in names:
            raise OptionsError(f"members: the name {member.name} is used twice")
        other = nodes.setdefault(node_of(member.url), member)
        if other is not member:
            alike = "the same url:" if other.url == member.url else f"urls of the same node: {other.url} and"
            raise OptionsError(f"members {other.name} and {member.name} have {alike} {member.url}")
        names.add(member.name)
