# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""What the statistics of a process tell: whether it is a new one, and whether the database is being migrated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import seconds_between
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Before, Policy

DATE_PRECISION = 1.0  # seconds: the header Date has no fractions
LOCK_MEMORY = 30.0  # seconds for which it is not asked for again


def restarted_after(
    observation: Observation, policy: Policy, last: Mapping[str, bool | None]
) -> dict[str, bool | None]:
    """By instance id, whether a process has started after the last look of the gate before the deployment.

    A process that has run for less time than has passed since then is a new one, whatever its record says.
    """
    restarted = dict(last)
    since = _seconds_since(policy.before, observation) if policy.before else None
    for view in observation.views:
        if view.statistics is not None and view.instance_id is not None:
            uptime = view.statistics.uptime
            restarted[view.instance_id] = None if uptime is None or since is None else uptime < since
    return restarted


def _seconds_since(before: Before, observation: Observation) -> float | None:
    """Since the last look of the gate before: the least that any clock says, since one may have been set meanwhile."""
    passed = [seconds_between(before.ended, observation.made)]
    for view in observation.views:
        known = before.members.get(view.member.name)
        by_its_clock = seconds_between(known.date if known else None, view.date)
        passed.append(None if by_its_clock is None else by_its_clock - DATE_PRECISION)
    least = min((seconds for seconds in passed if seconds is not None), default=None)
    return None if least is None or least < 0 else least


def lock_after(
    observation: Observation, policy: Policy, last: tuple[float, float | None] | None
) -> tuple[float, float | None] | None:
    """When a member was last asked for the lock of the migrations, and how old it was then; none where it was free."""
    told = [view.statistics for view in observation.views if view.statistics is not None]
    return (observation.at, told[0].lock_age) if told and policy.phase is Phase.BEFORE else last
