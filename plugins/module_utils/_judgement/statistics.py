# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""What the statistics of a process show: whether the process is new, and whether the database is being migrated."""

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
AGREEMENT = 60.0  # seconds by which the time passed on a member's clock may differ from that on the controller's
LOCK_MEMORY = 30.0  # seconds for which the migration lock is not asked for again

Span = tuple[float, float]  # a time in seconds: at least, and at most


def restarted_after(
    observation: Observation, policy: Policy, last: Mapping[str, bool | None]
) -> dict[str, bool | None]:
    """By instance id: whether the process started after the last observation of the gate before the deployment.

    A process whose uptime is shorter than the time since then is new, whatever its record says. One whose uptime is
    longer is not. Where the clocks do not allow a decision, it is not known.
    """
    restarted = dict(last)
    for view in observation.views:
        if view.statistics is not None and view.instance_id is not None and policy.before is not None:
            restarted[view.instance_id] = _is_new(view.statistics, _seconds_since(policy.before, observation))
    return restarted


def _is_new(statistics: Statistics, since: list[Span]) -> bool | None:
    if statistics.uptime is None or statistics.uptime_at_most is None or not since:
        return None
    if statistics.uptime_at_most < min(at_least for at_least, _at_most in since):
        return True
    return False if statistics.uptime > max(at_most for _at_least, at_most in since) else None


def _seconds_since(before: Before, observation: Observation) -> list[Span]:
    """Seconds since the last observation of the gate before, by each clock that can be trusted.

    A clock may have been set since then. Members' clocks that disagree with the controller's are left out. If all of
    them disagree, the controller's is left out instead.
    """
    by_the_controller = seconds_between(before.ended, observation.made)
    passed = []
    for view in observation.views:
        known = before.members.get(view.member.name)
        by_its_clock = seconds_between(known.date if known else None, view.date)
        if by_its_clock is not None:
            passed.append(by_its_clock)
    if by_the_controller is None:
        return _by_dates(passed)
    agreeing = [seconds for seconds in passed if abs(seconds - by_the_controller) <= AGREEMENT]
    if passed and not agreeing:
        return _by_dates(passed)
    return [(by_the_controller, by_the_controller), *_by_dates(agreeing)]


def _by_dates(passed: list[float]) -> list[Span]:
    return [(seconds - DATE_PRECISION, seconds + DATE_PRECISION) for seconds in passed]


def lock_after(
    observation: Observation, policy: Policy, last: tuple[float, float | None] | None
) -> tuple[float, float | None] | None:
    """When a member was last asked for the migration lock, and how old the lock was then; none if it was free.

    The age of a lock that stays taken also grows by the gate's own clock: a node that starts repeatedly renews it.
    """
    told = [view.statistics for view in observation.views if view.statistics is not None]
    if not told or policy.phase is not Phase.BEFORE:
        return last
    age = told[0].lock_age
    if age is not None and last is not None and last[1] is not None:
        age = max(age, last[1] + observation.at - last[0])
    return observation.at, age
