# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""How each member stands in one observation: whether it serves, and if not, why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    STREAMER,
    Record,
    State,
    seconds_between,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    STABLE_FOR,
    STABLE_FOR_NATS,
    Links,
    Policy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation, View


SURE_GHOST = 86400.0  # seconds ahead of the reference


@dataclass(frozen=True)
class Pulse:
    """A process's last known ping, and when the gate's own monotonic clock saw it move (s).

    ``moved``: it was truly seen to move, and not only for the first time.
    """

    instance_id: str
    updated_at: datetime | None
    moved_at: float
    moved: bool = False


@dataclass(frozen=True)
class Standing:
    """One member now. ``why_not``: the finding that keeps it from serving.

    ``record``: its process's, none where it is not known which one that is. ``last_id``: that of its process when it
    was last known.
    """

    name: str
    view: View
    record: Record | None
    state: State | None
    why_not: Finding | None
    last_id: str | None = None

    @property
    def serving(self) -> bool:
        return self.why_not is None

    @property
    def young(self) -> bool:
        """Nothing is wrong with it that time alone does not cure."""
        return self.why_not is not None and self.why_not.code.settles

    @property
    def version(self) -> str | None:
        """Of its own process; whoever answers in its place, or lists it, tells another's."""
        if self.why_not is not None and self.why_not.code is Code.SAME_PROCESS:
            return None
        return self.view.version if self.record is None or self.record.local else None


def stable_for(observation: Observation, policy: Policy) -> float:
    """Seconds a process must have lived, and a pass must hold. Longer where instances talk over NATS."""
    if policy.stable_for is not None:
        return policy.stable_for
    over_tcp = any(
        record.tcp_port is not None and record.state(observation.reference, policy.max_record_age) is State.ALIVE
        for view in observation.views
        for record in view.by_id.values()
    )
    return STABLE_FOR if over_tcp else STABLE_FOR_NATS


def fresh_ids(view: View, observation: Observation, policy: Policy, *, connected: bool) -> frozenset[str]:
    """Ids of the records that one view shows fresh, and connected if that is asked for."""
    good = (State.ALIVE,) if connected else (State.ALIVE, State.ISOLATED)
    return frozenset(
        record.id
        for record in view.by_id.values()
        if record.state(observation.reference, policy.max_record_age) in good
    )


def may_live(identity: str, observation: Observation, policy: Policy) -> bool:
    """Whether this process may live, for all that is known: by the reference, or by the clock of a view that lists it.

    The reference stands still when the node that gave it has lost its pings, and then the living seem to be ahead of
    it; and it belongs to one member, which may be on another database. So the own record of each view that lists the
    process is a clock too; that of a node that has lost its pings only where no other view lists it, since a clock that
    stands still makes the dead look alive. Only a record that is a day ahead is surely a ghost.
    """
    views = [view for view in observation.views if identity in view.by_id]
    pinging = [view for view in views if view.local and _is_fresh(view.local, observation, policy)]
    ages = [view.by_id[identity].age(observation.reference) for view in views]
    ages += [view.by_id[identity].age(view.local.updated_at if view.local else None) for view in pinging or views]
    return any(age is not None and -SURE_GHOST <= age <= policy.max_record_age for age in ages)


def _is_fresh(record: Record, observation: Observation, policy: Policy) -> bool:
    age = record.age(observation.reference)
    return age is not None and abs(age) <= policy.max_record_age


def take_pulses(observation: Observation, policy: Policy, last: Mapping[str, Pulse]) -> dict[str, Pulse]:
    """Every process's pulse by its member's name (with a single view, by its id); those not seen now are kept."""
    pulses = {} if policy.single_view else dict(last)
    for key, record in _processes(observation, policy).items():
        known = last.get(key)
        if known is None or known.instance_id != record.id:
            pulses[key] = Pulse(record.id, record.updated_at, observation.at)
        else:
            pulses[key] = _next_pulse(known, record, observation.at, policy)
    return pulses


def _next_pulse(known: Pulse, record: Record, now: float, policy: Policy) -> Pulse:
    by = seconds_between(known.updated_at, record.updated_at)
    if by is not None and by > 0:
        return Pulse(record.id, record.updated_at, now, moved=True)
    if record.updated_at is not None and (by is None or by < -policy.max_record_age):
        # The database's clock was set back, as by a failover: that is no ping, but the next one counts from there.
        return replace(known, updated_at=record.updated_at)
    return known


def _processes(observation: Observation, policy: Policy) -> dict[str, Record]:
    if policy.single_view:
        return {record.id: record for view in observation.views for record in view.by_id.values()}
    return {
        view.member.name: view.local
        for view in observation.views
        if view.local and len(observation.claimed[view.local.id]) == 1
    }


def standings(observation: Observation, policy: Policy, pulses: Mapping[str, Pulse]) -> tuple[Standing, ...]:
    """How each member stands; with a single view, how each record does that is no remnant of a dead process."""
    if policy.single_view:
        view = observation.views[0]
        if view.local is None:
            return (_standing_of_member(view, observation, policy, pulses),)
        return tuple(
            _standing(record.id, view, record, observation, policy, pulses)
            for record in sorted(view.by_id.values(), key=lambda record: record.id)
            if record.name != STREAMER and _is_candidate(record, observation, policy)
        )
    members = (_standing_of_member(view, observation, policy, pulses) for view in observation.views)
    return tuple(
        replace(standing, last_id=pulses[standing.name].instance_id) if standing.name in pulses else standing
        for standing in members
    )


def _is_candidate(record: Record, observation: Observation, policy: Policy) -> bool:
    state = record.state(observation.reference, policy.max_record_age)
    return state in (State.ALIVE, State.STALLED) or (policy.links is not Links.CONNECTED and state is State.ISOLATED)


def _standing_of_member(view: View, observation: Observation, policy: Policy, pulses: Mapping[str, Pulse]) -> Standing:
    name, record = view.member.name, view.local
    if view.failure is not None:
        code = view.failure.code
        brief = f"{name} {code.row.words} ({view.failure.reason})"
        finding = Finding(code, f"{name}: {view.failure.message}", (name,), brief=brief)
        return Standing(name, view, None, None, finding)
    if record is None:
        finding = Finding(Code.NO_LOCAL_RECORD, f"{name} answers, but does not list itself", (name,))
        return Standing(name, view, None, None, finding)
    doubles = [other for other in observation.claimed[record.id] if other != name]
    if doubles:
        text = f"{' and '.join(sorted((name, *doubles)))} answer as one process: their urls lead to the same node"
        return Standing(name, view, None, None, Finding(Code.SAME_PROCESS, text, (name,), actual=record.id))
    return _standing(name, view, record, observation, policy, pulses)


def _standing(
    name: str, view: View, record: Record, observation: Observation, policy: Policy, pulses: Mapping[str, Pulse]
) -> Standing:
    state = record.state(observation.reference, policy.max_record_age)
    why_not = (
        _stalled(name, record, observation, policy, pulses)
        or _unknown_age(name, observation, policy, pulses)
        or _not_ready(name, view, policy)
        or _too_young(name, record, observation, policy)
    )
    return Standing(name, view, record, state, why_not)


def _stalled(
    name: str, record: Record, observation: Observation, policy: Policy, pulses: Mapping[str, Pulse]
) -> Finding | None:
    unmoved = observation.at - pulses[name].moved_at
    age = record.age(observation.reference)
    if age is not None and abs(age) <= policy.max_record_age and unmoved <= policy.max_record_age:
        return None
    text = f"{name} stalled (no ping for {max(age or 0, unmoved):.0f} s)"
    if age is None:
        text = f"{name} stalled (its record has no time of a ping)"
    return Finding(Code.STALLED, text, (name,), expected=policy.max_record_age, actual=age)


def _unknown_age(name: str, observation: Observation, policy: Policy, pulses: Mapping[str, Pulse]) -> Finding | None:
    """Of many members one answers and pings: it is never old by its own clock, so its ping has to be seen to move."""
    if len(observation.views) == 1:
        return _doubtful_age(name, observation.views[0], policy, pulses)
    if pulses[name].moved or _another_pings(name, observation, policy):
        return None
    text = f"{name}'s next ping is not seen yet, and no other node pings to tell how old its last one is"
    brief = f"{name}'s next ping is not seen yet"
    return Finding(Code.PING_UNCONFIRMED, text, (name,), brief=brief)


def _another_pings(name: str, observation: Observation, policy: Policy) -> bool:
    others = (view.local for view in observation.views if view.local and view.member.name != name)
    return any(_is_fresh(record, observation, policy) for record in others)


def _doubtful_age(name: str, view: View, policy: Policy, pulses: Mapping[str, Pulse]) -> Finding | None:
    """With one view all ages are counted from that node's own ping: if it has lost its pings, the dead seem fresh.

    Its clock may be wrong, so that nothing is judged by it; but where the two do not agree, a ping has to be seen.
    """
    local = view.local
    age = seconds_between(local.updated_at, view.date) if local else None
    if local is None or age is None or abs(age) <= policy.max_record_age:
        return None
    if pulses[local.id if policy.single_view else name].moved:
        return None
    text = (
        f"{name}: the next ping of the node asked is not seen yet, and its clock is {abs(age):.0f} s off its last one"
    )
    brief = "the next ping of the node asked is not seen yet"
    return Finding(Code.PING_UNCONFIRMED, text, (name,), brief=brief)


def _too_young(name: str, record: Record, observation: Observation, policy: Policy) -> Finding | None:
    needed = stable_for(observation, policy)
    if policy.single_view and policy.links is not Links.CONNECTED:
        # A dead process's record is told from a living one's by its age alone: wait until it must look dead.
        needed = max(needed, policy.max_record_age + policy.ping_interval)
    lived = seconds_between(record.created_at, observation.reference)
    if lived is not None and lived >= needed:
        return None
    since = "at an unknown time" if lived is None else f"{max(lived, 0):.0f} s ago"
    text = f"{name} started {since}, {needed:g} s needed"
    return Finding(Code.TOO_YOUNG, text, (name,), expected=needed, actual=lived)


def _not_ready(name: str, view: View, policy: Policy) -> Finding | None:
    if not policy.readiness_required or view.ready is not False:
        return None
    return Finding(Code.NOT_READY, f"{name} not ready (/readyz)", (name,), expected=True, actual=False)
