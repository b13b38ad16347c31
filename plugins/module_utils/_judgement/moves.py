# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The moves of targets: which target has another host and port than before its deployment, and whose they may be.

A container gets a new address with every deployment, so a new place alone does not mean another node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import printable

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Before
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation

Place = tuple[str, int]


@dataclass(frozen=True)
class Move:
    """The move of one target.

    ``then`` and ``now``: host and port as ``host:port``. ``whose``: another member that had the new place before.
    """

    name: str
    then: str
    now: str
    whose: str | None
    # Whether its process was listed before the deployment, so that it is not the target's new process.
    is_known: bool

    @property
    def may_be_another(self) -> bool:
        """Whether the target's URL may lead to another node."""
        return self.is_known or self.whose is not None


def moves_of(situation: Situation) -> list[Move]:
    """The moves of the targets that answer and must be new processes."""
    policy, before = situation.policy, situation.policy.before
    if before is None or not policy.restart_required:
        return []
    moves = []
    for name in policy.targets:
        record, then = situation.by_name[name].record, before.members[name].place
        if record and record.place and then and record.place != then:
            whose = _whose(situation, before, name, record.place)
            moves.append(Move(name, _told(then), _told(record.place), whose, is_known=record.id in before.ids))
    return moves


def _whose(situation: Situation, before: Before, name: str, place: Place) -> str | None:
    """Another member that had this place before the deployment, unless it is now seen elsewhere."""
    for other, known in sorted(before.members.items()):
        if other != name and known.place == place:
            member = situation.by_name.get(other)
            now = member.record.place if member and member.record else None
            if now is None or now == place:
                return other
    return None


def _told(place: Place) -> str:
    host, port = place
    return f"{printable(host)[:100]}:{port}"
