# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The inventory names of instances: the first candidate that is usable and unique, or the id."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from ansible.errors import AnsibleError
from ansible.parsing.utils.addresses import parse_address

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_-]", re.ASCII)


@dataclass(frozen=True)
class Names:
    """The names. ``by_id``: instance id to name. ``rejected``: messages about candidates that were not used."""

    by_id: Mapping[str, str]
    rejected: tuple[str, ...]


def is_usable(name: str) -> bool:
    """Whether the name is one of a single host, and not a host pattern or a template."""
    return len(name) <= 253 and bool(_NAME.fullmatch(name)) and not is_loopback(name)


def host_in(value: str) -> str:
    """The host in a value of INSTANCE_IP, which may be a name, an address or a URL, with a port; empty if none.

    The names of hosts and ``ansible_host`` have no port, and IPv6 addresses have no brackets there.
    """
    if _PLAIN.fullmatch(value):  # the usual case: Ansible's own function is slow
        return value
    place = value.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    if place.startswith("[") and place.endswith("]"):
        place = place[1:-1]
    try:
        host, _port = parse_address(place.rstrip("."))
    except AnsibleError:
        return ""
    return str(host) if host.isascii() and "%" not in host else ""  # an IPv6 zone is valid only on the server itself


def choose_names(candidates: Mapping[str, Sequence[str]], groups: AbstractSet[str] = frozenset()) -> Names:
    """The names of all instances. A host never gets the name of one of ``groups``.

    ``candidates``: by instance id, its possible names in order of preference; empty strings are skipped.
    """
    settled: dict[str, str] = {}
    rejected: list[str] = []
    reserved = {*groups, "all", "ungrouped"}
    last = {identity: _from_id(identity, reserved) for identity in candidates}
    taken = reserved.union(last.values())
    for rank in range(max(map(len, candidates.values()), default=0)):
        left = {identity: names for identity, names in candidates.items() if identity not in settled}
        wanted = {identity: names[rank] if rank < len(names) else "" for identity, names in left.items()}
        own = {identity: name for identity, name in wanted.items() if name == last[identity] and is_usable(name)}
        settled.update(own)
        wanted = {identity: name for identity, name in wanted.items() if identity not in own}
        counts = Counter(wanted.values())
        reasons = {name: _why_not(name, count, taken) for name, count in counts.items()}
        settled.update({identity: name for identity, name in wanted.items() if name and not reasons[name]})
        rejected += [reason for name, reason in sorted(reasons.items()) if name and reason]
        taken.update(settled.values())
    return Names({**last, **settled}, tuple(rejected))


def _why_not(name: str, count: int, taken: set[str]) -> str:
    if not is_usable(name):
        return f"{name!r} of {_instances(count)} is not a usable host name"
    if name in taken:
        return f"{name} of {_instances(count)} is also the name or id of another instance, or of a group"
    return f"{name} is the name of {_instances(count)}" if count > 1 else ""


def _from_id(identity: str, reserved: AbstractSet[str]) -> str:
    name = quote(identity, safe="", errors="surrogatepass")
    return f"%{ord(name[0]):02X}{name[1:]}" if name in reserved or is_loopback(name) else name


def _instances(count: int) -> str:
    return "1 instance" if count == 1 else f"{count} instances"
