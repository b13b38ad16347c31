# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Unclaimed records, which are not the own record of any member that answers: left by a dead process, or alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import STREAMER

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

SURE_GHOST = 86400.0  # seconds ahead of the reference


def unclaimed_living(observation: Observation, policy: Policy) -> tuple[str, ...]:
    """The ids of the unclaimed records whose process may be alive, connected or not."""
    streamers = {r.id for view in observation.views for r in view.by_id.values() if r.name == STREAMER}
    others = set(observation.ids).difference(observation.claimed, streamers)
    return tuple(sorted(identity for identity in others if may_live(identity, observation, policy)))


def may_live(identity: str, observation: Observation, policy: Policy) -> bool:
    """Whether this process may be alive: by the reference, or by the clock of a view that lists it.

    The reference alone is not enough. It stops when the node that it comes from no longer pings, and then living
    processes seem to be ahead of it. It also comes from one member, which may use another database. Therefore the own
    record of each view that lists the process is used as a clock too. That of a node that no longer pings is used only
    if no other view lists the process, since a stopped clock makes dead processes look alive. Only a record that is a
    day ahead is certainly a ghost.
    """
    views = [view for view in observation.views if identity in view.by_id]
    pinging = [view for view in views if view.own and view.own.is_fresh(observation.reference, policy.max_record_age)]
    ages = [view.by_id[identity].age(observation.reference) for view in views]
    ages += [view.by_id[identity].age(view.own.updated_at if view.own else None) for view in pinging or views]
    return any(age is not None and -SURE_GHOST <= age <= policy.max_record_age for age in ages)


def strangers_in_words(strangers: Collection[str]) -> str:
    if len(strangers) == 1:
        return "1 living instance that is not a member"
    return f"{len(strangers)} living instances that are not members"
