# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Links: which members see each other, now and lately."""

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
    # Seconds for which a link that was bad has to be good.
    link_memory: float
    # Each identified member's process.
    ids: Mapping[str, str]
    # What each member that answered shows as good: connected, or where links are only listed, fresh.
    sees: Mapping[str, frozenset[str]]
    # When each pair was last seen bad. Evidence only where both have answered.
    bad: Mapping[Pair, float]

    def unlinked(self, names: AbstractSet[str]) -> list[Finding]:
        """The pairs among these that are not linked, or not for long enough."""
        pairs = sorted(item for item in self.bad.items() if names >= set(item[0]))
        return [finding for (a, b), last_bad in pairs if (finding := self._unlinked(a, b, self.at - last_bad))]

    def _unlinked(self, a: str, b: str, good_for: float) -> Finding | None:
        if good_for <= 0:
            return Finding(Code.NOT_LINKED, self._who_misses(a, b), (a, b))
        if good_for >= self.link_memory:
            return None
        text = f"{a} and {b} linked again for {good_for:.0f} s, {self.link_memory:g} s needed"
        return Finding(Code.LINK_UNSETTLED, text, (a, b), expected=self.link_memory, actual=good_for)

    def _who_misses(self, a: str, b: str) -> str:
        forth, back = self.ids.get(b) in self.sees[a], self.ids.get(a) in self.sees[b]
        if forth or back:
            return f"{a if back else b} does not see {b if back else a}"
        return f"{a} and {b} do not see each other"

    def by_name(self) -> dict[str, tuple[str, ...]]:
        """Which members each one sees."""
        names = {identity: name for name, identity in self.ids.items()}
        return {
            name: tuple(sorted({names[identity] for identity in seen if identity in names} - {name}))
            for name, seen in self.sees.items()
        }


def links_of(
    members: Sequence[MemberStatus],
    policy: Policy,
    states: Mapping[str, States],
    *,
    at: float,
    bad: Mapping[Pair, float],
) -> LinkTable:
    """``at``: the gate's own clock. ``bad``: when each pair was last seen bad before this observation."""
    if policy.single_view:
        return LinkTable(at, policy.link_memory, ids={}, sees={}, bad=bad)
    ids = {member.name: member.record.id for member in members if member.record}
    good = CONNECTED if policy.links is Links.CONNECTED else LISTED
    sees = {name: frozenset(i for i, state in seen.items() if state in good) for name, seen in states.items()}
    newly_bad: Iterable[Pair] = ()
    if policy.links is not Links.IGNORED:
        newly_bad = (pair(a, b) for a, b in combinations(ids, 2) if ids[b] not in sees[a] or ids[a] not in sees[b])
    return LinkTable(at, policy.link_memory, ids, sees, {**bad, **dict.fromkeys(newly_bad, at)})
