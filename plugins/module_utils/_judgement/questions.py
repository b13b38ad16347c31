# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The members that the next observation asks for their statistics: a heavy call for a server, so it is made rarely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.rules import (
    no_migration_runs,
    restart_is_proven,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.statistics import LOCK_MEMORY

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation


def statistics_of(situation: Situation) -> frozenset[str]:
    """The members to ask for their statistics.

    After a deployment, once, each target whose restart the ids do not prove. Before one, a member that can say whether
    the migration lock is taken.
    """
    if situation.policy.phase is Phase.AFTER:
        return frozenset(name for name in situation.policy.targets if may_tell_its_uptime(situation, name))
    if situation.policy.phase is Phase.BEFORE and _is_lock_due(situation):
        return frozenset(situation.tell_the_lock[:1] if no_migration_runs(situation, situation.serving) else ())
    return frozenset()


def may_tell_its_uptime(situation: Situation, name: str) -> bool:
    """Whether a target's restart is not proven yet, and its uptime may prove it."""
    target, before = situation.by_name[name], situation.policy.before
    if before is None or not situation.policy.restart_required or target.record is None:
        return False
    if target.last_id in before.ids or target.last_id in situation.restarted:
        return False
    return _is_well(target) and not restart_is_proven(target, before.members[name], situation)


def _is_well(target: MemberStatus) -> bool:
    return target.serving or target.settles


def _is_lock_due(situation: Situation) -> bool:
    return situation.lock is None or situation.observation.at - situation.lock[0] >= LOCK_MEMORY
