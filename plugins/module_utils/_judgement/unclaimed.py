# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Records that no answering member calls its own: what a dead process has left, or a process that still lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import STREAMER

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

SURE_GHOST = 86400.0  # seconds ahead of the reference


def unclaimed_living(observation: Observation, policy: Policy) -> tuple[str, ...]:
    """The ids of those whose process may live, whether they are connected or not."""
    streamers = {r.id for view in observation.views for r in view.by_id.values() if r.name == STREAMER}
    others = set(observation.ids).difference(observation.claimed, streamers)
    return tuple(sorted(identity for identity in others if may_live(identity, observation, policy)))


def may_live(identity: str, observation: Observation, policy: Policy) -> bool:
    """Whether this process may live, for all that is known: by the reference, or by the clock of a view that lists it.

    The reference stands still when the node that gave it has lost its pings, and then the living seem to be ahead of
    it; and it belongs to one member, which may be on another database. So the own record of each view that lists the
    process is a clock too; that of a node that has lost its pings only where no other view lists the process, since a
    clock that stands still makes the dead look alive. Only a record that is a day ahead is surely a ghost.
    """
    views = [view for view in observation.views if identity in view.by_id]
    pinging = [view for view in views if view.own and view.own.is_fresh(observation.reference, policy.max_record_age)]
    ages = [view.by_id[identity].age(observation.reference) for view in views]
    ages += [view.by_id[identity].age(view.own.updated_at if view.own else None) for view in pinging or views]
    return any(age is not None and -SURE_GHOST <= age <= policy.max_record_age for age in ages)
