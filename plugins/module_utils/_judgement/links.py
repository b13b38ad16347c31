# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The links: which members see each other, now and recently."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import State
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Pair, pair
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Links, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import (
        MemberStatus,
        States,
    )

CONNECTED = frozenset({State.ALIVE})
LISTED = frozenset({State.ALIVE, State.ISOLATED})


@dataclass(frozen=True)
class LinkTable:
    """The links of one observation."""

    # The gate's own clock, in seconds.
    at: float
    # Seconds for which a link must be good after it was bad.
    link_memory: float
    # By member whose list shows its own process: the id of this process.
    ids: Mapping[str, str]
    # By member that answered: the ids that it shows as good, which means connected, or fresh with ``links: listed``.
    sees: Mapping[str, frozenset[str]]
    # By pair: since when its link is bad, and when it was last seen bad. Judged only if both members have answered.
    bad: Mapping[Pair, tuple[float, float]]
    # Whether the instances announce a port for each other, as they do over TCP and not over NATS.
    over_tcp: bool

    def unlinked(self, names: AbstractSet[str]) -> list[Finding]:
        """A finding for each pair of these members that is not linked, or not for long enough."""
        pairs = sorted(item for item in self.bad.items() if names >= set(item[0]))
        return [finding for (a, b), times in pairs if (finding := self._unlinked(a, b, *times))]

    def _unlinked(self, a: str, b: str, bad_since: float, last_bad: float) -> Finding | None:
        good_for = self.at - last_bad
        if good_for <= 0:
            text, lasts = self._who_misses(a, b), self.at - bad_since
            if lasts > 2 * self.link_memory:
                text += f" (for {int(lasts)} s): {self._likely_cause}"
            return Finding(Code.NOT_LINKED, text, (a, b))
        if good_for >= self.link_memory:
            return None
        text = f"{a} and {b} have been linked again for {int(good_for)} s, {self.link_memory:g} s needed (link_memory)"
        return Finding(Code.LINK_UNSETTLED, text, (a, b), expected=self.link_memory, actual=good_for)

    @property
    def _likely_cause(self) -> str:
        if self.over_tcp:
            return (
                "if both started at the same moment, restart one of them alone; "
                "otherwise check INSTANCE_IP and TCP_PORT"
            )
        return "check that NATS_URL leads both to the same NATS servers"

    def _who_misses(self, a: str, b: str) -> str:
        forth, back = self.ids.get(b) in self.sees[a], self.ids.get(a) in self.sees[b]
        if forth or back:
            return f"{a if back else b} does not see {b if back else a}"
        return f"{a} and {b} do not see each other"

    def by_name(self) -> dict[str, tuple[str, ...]]:
        """By member: the names of the members that it sees."""
        names = {identity: name for name, identity in self.ids.items()}
        return {
            name: tuple(sorted({names[identity] for identity in seen if identity in names} - {name}))
            for name, seen in self.sees.items()
        }


def links_of(
    members: Sequence[MemberStatus],
    observation: Observation,
    policy: Policy,
    states: Mapping[str, States],
    bad: Mapping[Pair, tuple[float, float]],
) -> LinkTable:
    """The links of one observation. ``bad``: the bad links before it.

    If a member passes the call on to a peer, the list shows the peer's connections, not the member's. If a URL leads to
    several processes, the links of the one that answered count for the member, unless it also answered for another.
    """
    at = observation.at
    over_tcp = any(
        (member.record is not None and member.record.tcp_port is not None)
        or (member.view.listing is not None and member.view.listing.old_shape)
        for member in members
    )
    if policy.single_view:
        return LinkTable(at, policy.link_memory, ids={}, sees={}, bad=bad, over_tcp=over_tcp)
    ids = {
        member.name: own.id
        for member in members
        if (own := member.view.own) and not member.view.is_a_peers
        if member.identified or len(observation.claimed[own.id]) == 1
    }
    others_views = {member.name for member in members if member.view.is_a_peers}
    good = CONNECTED if policy.links is Links.CONNECTED else LISTED
    sees = {
        name: frozenset(i for i, state in seen.items() if state in good and name not in others_views)
        for name, seen in states.items()
    }
    newly_bad: Iterable[Pair] = ()
    if policy.links is not Links.IGNORED:
        newly_bad = (pair(a, b) for a, b in combinations(ids, 2) if ids[b] not in sees[a] or ids[a] not in sees[b])
    now_bad = {names: (_bad_since(bad.get(names), at, policy.link_memory), at) for names in newly_bad}
    return LinkTable(at, policy.link_memory, ids, sees, {**bad, **now_bad}, over_tcp)


def _bad_since(known: tuple[float, float] | None, at: float, link_memory: float) -> float:
    """Since when the link is bad. A link that was good for less than ``link_memory`` counts as bad all the time."""
    return known[0] if known and at - known[1] < link_memory else at
