# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""What the judgement remembers from one observation to the next. Times are the gate's own monotonic clock, in s."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code

Pair = tuple[str, str]
Reason = tuple[Code, tuple[str, ...]]  # what was found, of which members


def pair(a: str, b: str) -> Pair:
    """Two members, always in the same order."""
    return (a, b) if a <= b else (b, a)


@dataclass(frozen=True)
class Pulse:
    """The last known ping of a process."""

    instance_id: str
    # By the database's clock; none if the record has no time of a ping.
    updated_at: datetime | None
    # When the gate saw it move, or saw it for the first time.
    moved_at: float
    # Whether it was seen to move, and not only for the first time.
    moved: bool = False


@dataclass(frozen=True)
class Streak:
    """A time in which nothing was wrong, without a gap that was not watched."""

    # For how long: never more than was watched.
    seconds: float
    # When it was last found to hold.
    last_at: float
    # The id and registration time of each target's process: the streak ends when one changes.
    processes: Mapping[str, tuple[str, datetime | None]]
    # Each target's last ping when the streak began: a later one must be seen before the gate passes.
    pings: Mapping[str, datetime | None]


@dataclass(frozen=True)
class Memory:
    """Empty before the first observation; each judgement returns the next one."""

    # By member, or by instance id where one URL stands for all. A member that is not seen keeps its last pulse.
    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    # When each pair of members was last seen without a link; a pair that was never bad is not in it.
    bad_links: Mapping[Pair, float] = field(default_factory=dict)
    # Since when a member cannot be judged, by the reason; forgotten as soon as the reason is gone.
    unjudgeable: Mapping[Reason, float] = field(default_factory=dict)
    # What the last observation found that waiting cannot change: the gate fails when the next one finds it too.
    incurable: frozenset[Reason] = frozenset()
    # Members that served in the last observation, or whose missing view was forgiven in it.
    served: frozenset[str] = frozenset()
    # Members whose view was missing in the last observation.
    missed: frozenset[str] = frozenset()
    # Targets that no living process can belong to, and since when.
    down: Mapping[str, float] = field(default_factory=dict)
    # Before a deployment: all ids that any view has listed so far. Else those of the last observation only.
    ids: frozenset[str] = frozenset()
    # None where something is wrong that time alone does not end, or two observations in a row could not be made.
    streak: Streak | None = None
    # Whether any observation so far did not pass.
    disturbed: bool = False
    # Whether the last observation could not be made.
    lost: bool = False
