# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The processes that have recently answered at each member's URL, and the URLs that lead to several processes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import newest
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Answerer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation, View
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

Answerers = tuple[Answerer, ...]


@dataclass(frozen=True)
class Answering:
    """Which process answered for which member. Only the header X-Instance-ID proves it."""

    # By member: the processes that have answered within ``link_memory`` or ``max_record_age``, the latest last.
    lately: Mapping[str, Answerers]
    # The members whose URL leads to more than one process, as with a load balancer, and what shows this.
    several: Mapping[str, str]
    # By instance id: the members whose process it may be: those that it answered for now, without those whose URL leads
    # to several processes. A target is not left out: of all processes that answer at its URL, any may be taken down.
    claims: Mapping[str, tuple[str, ...]]


def answering(observation: Observation, policy: Policy, last: Mapping[str, Answerers]) -> Answering:
    """The answering processes after this observation. ``last``: those before it."""
    lately = {
        view.member.name: _after(last.get(view.member.name, ()), view.answered_by, observation, policy)
        for view in observation.views
    }
    found = {view.member.name: _how_several(view, lately, observation) for view in observation.views}
    several = {name: how for name, how in found.items() if how is not None}
    taken_down = policy.targets if policy.phase is Phase.BEFORE else ()
    unclear = {
        view.member.name: {view.also_answered, *(one.instance_id for one in lately[view.member.name])}
        for view in observation.views
        if view.member.name in several and view.member.name in taken_down
    }
    claims = {
        identity: (
            *(name for name in names if name not in several),
            *(name for name, answered in unclear.items() if identity in answered),
        )
        for identity, names in observation.claimed.items()
    }
    return Answering(lately, several, claims)


def _after(last: Answerers, answered_by: str | None, observation: Observation, policy: Policy) -> Answerers:
    now, memory = observation.at, max(policy.link_memory, policy.max_record_age)
    kept = [one for one in last if now - one.last_at <= memory or one is last[-1]]
    if answered_by is None:
        return tuple(kept)
    former = [
        replace(one, replaced_ping=one.replaced_ping or _ping(one.instance_id, observation))
        for one in kept
        if one.instance_id != answered_by
    ]
    known = next((one for one in kept if one.instance_id == answered_by), None)
    current = replace(known, last_at=now) if known else Answerer(answered_by, first_at=now, last_at=now)
    return (*former, current)


def _how_several(view: View, lately: Mapping[str, Answerers], observation: Observation) -> str | None:
    """What shows that the URL leads to several processes; none if nothing does.

    That a process was listed before it answered shows nothing: a starting process writes its record first.
    """
    if view.answered_by is None:
        return None
    if view.also_answered is not None:
        return "two requests were answered by different processes"
    name = view.member.name
    current, former = lately[name][-1], lately[name][:-1]
    if any(current.first_at < one.last_at for one in former):
        return "two processes answer alternately"
    if former and any(_answered_before(known, current) for other, known in lately.items() if other != name):
        return "the process that answers has also answered for another member"
    if any(_has_pinged(one, observation) for one in former):
        return "the previous process still runs beside the new one"
    return None


def _answered_before(known: Sequence[Answerer], current: Answerer) -> bool:
    return any(one.instance_id == current.instance_id and one.first_at < current.first_at for one in known)


def _has_pinged(former: Answerer, observation: Observation) -> bool:
    """Whether this process has pinged since another one has answered in its place."""
    ping = _ping(former.instance_id, observation)
    return ping is not None and former.replaced_ping is not None and ping > former.replaced_ping


def _ping(instance_id: str, observation: Observation) -> datetime | None:
    records = (view.by_id[instance_id] for view in observation.views if instance_id in view.by_id)
    return newest(record.updated_at for record in records)
