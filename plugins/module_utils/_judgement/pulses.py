# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The pulse of each process: its last ping, and whether the gate has seen it change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import Record, seconds_between
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Pulse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


def pulses_after(
    observation: Observation, policy: Policy, last: Mapping[str, Pulse], claims: Mapping[str, tuple[str, ...]]
) -> dict[str, Pulse]:
    """The pulses after this observation, by member, or by instance id with a single view.

    A member that is not seen now keeps its pulse. ``claims``: by instance id, the members that it answered for.
    """
    pulses = {} if policy.single_view else dict(last)
    for key, record in _processes(observation, policy, claims).items():
        known = last.get(key)
        if known is None or known.instance_id != record.id:
            pulses[key] = Pulse(record.id, record.updated_at, observation.at, observation.at)
        else:
            pulses[key] = _next_pulse(known, record, observation.at, policy)
    return pulses


def _processes(observation: Observation, policy: Policy, claims: Mapping[str, tuple[str, ...]]) -> dict[str, Record]:
    if policy.single_view:
        return {record.id: record for view in observation.views for record in view.by_id.values()}
    return {
        view.member.name: view.own
        for view in observation.views
        if view.own and claims.get(view.own.id) == (view.member.name,)
    }


def _next_pulse(known: Pulse, record: Record, now: float, policy: Policy) -> Pulse:
    by = seconds_between(known.updated_at, record.updated_at)
    if by is not None and by > 0:
        # The ping before was sent before it was seen, and this one was sent ``by`` seconds after it.
        return Pulse(record.id, record.updated_at, now, min(now, known.seen_at + by), moved=True)
    if record.updated_at is not None and (by is None or by < -policy.max_record_age):
        # The database's clock was set back, as by a failover. That is not a ping, but the next one counts from here.
        return replace(known, updated_at=record.updated_at, seen_at=now)
    return known
