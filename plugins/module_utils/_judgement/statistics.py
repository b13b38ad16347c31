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

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
        Observation,
        Statistics,
    )
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Before, Policy

DATE_PRECISION = 1.0  # seconds: the header Date has no fractions
AGREEMENT = 60.0  # seconds by which a member's clock may differ from the controller's over the same time
LOCK_MEMORY = 30.0  # seconds for which it is not asked for again


def restarted_after(
    observation: Observation, policy: Policy, last: Mapping[str, bool | None]
) -> dict[str, bool | None]:
    """By instance id, whether a process has started after the last look of the gate before the deployment.

    A process that has run for less time than has passed since then is a new one, whatever its record says, and one that
    has run for longer is not. Between the two it is not known.
    """
    restarted = dict(last)
    for view in observation.views:
        if view.statistics is not None and view.instance_id is not None and policy.before is not None:
            restarted[view.instance_id] = _is_new(view.statistics, _seconds_since(policy.before, observation))
    return restarted


def _is_new(statistics: Statistics, since: list[float]) -> bool | None:
    if statistics.uptime is None or statistics.uptime_at_most is None or not since:
        return None
    if statistics.uptime_at_most < min(since) - DATE_PRECISION:
        return True
    return False if statistics.uptime > max(since) + DATE_PRECISION else None


def _seconds_since(before: Before, observation: Observation) -> list[float]:
    """Since the last look of the gate before, by each clock that may be believed: one may have been set meanwhile.

    A member's that differs from the controller's is left out, unless all members' do.
    """
    by_the_controller = seconds_between(before.ended, observation.made)
    passed = []
    for view in observation.views:
        known = before.members.get(view.member.name)
        by_its_clock = seconds_between(known.date if known else None, view.date)
        if by_its_clock is not None:
            passed.append(by_its_clock)
    if by_the_controller is None:
        return passed
    agreeing = [seconds for seconds in passed if abs(seconds - by_the_controller) <= AGREEMENT]
    return [by_the_controller, *agreeing] if agreeing or not passed else passed


def lock_after(
    observation: Observation, policy: Policy, last: tuple[float, float | None] | None
) -> tuple[float, float | None] | None:
    """When a member was last asked for the lock of the migrations, and how old it was then; none where it was free.

    A lock that stays taken grows older by the gate's own clock too: a node that starts again and again renews it.
    """
    told = [view.statistics for view in observation.views if view.statistics is not None]
    if not told or policy.phase is not Phase.BEFORE:
        return last
    age = told[0].lock_age
    if age is not None and last is not None and last[1] is not None:
        age = max(age, last[1] + observation.at - last[0])
    return observation.at, age
