# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The status of each member in one observation: whether it serves, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation, View
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.answerers import Answering
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Pulse

States = Mapping[str, State]  # by instance id, as one view shows them


@dataclass(frozen=True)
class MemberStatus:
    """The status of one member now. With a single view, each record that may belong to a living process is a member."""

    name: str
    view: View
    # The record of the member's own process; none if it has none, or if the process is not known.
    record: Record | None
    # The state of that record in the member's own view.
    state: State | None
    # The finding that keeps the member from serving; none if it serves.
    why_not: Finding | None
    # The id of its last known process. If the member is identified, that is its process now.
    last_id: str | None = None
    # Whether the member is identified: ``last_id`` is the process that answered.
    identified: bool = False

    @property
    def serving(self) -> bool:
        return self.why_not is None

    @property
    def settles(self) -> bool:
        """Whether it does not serve for a reason that time alone ends."""
        return self.why_not is not None and self.why_not.code.settles

    @property
    def answered_by(self) -> str | None:
        """The process that answered (errors included), if the header says so and it answers for no other member."""
        return self.view.answered_by if self.view.answered_by == self.last_id else None

    @property
    def leads_elsewhere(self) -> bool:
        """Whether its URL may lead to the process of another member."""
        return self.why_not is not None and self.why_not.code in (Code.SAME_PROCESS, Code.SEVERAL_PROCESSES)

    @property
    def version(self) -> str | None:
        """The version of the member's own process; none if another process answered in its place."""
        if self.leads_elsewhere:
            return None
        return self.view.version if self.record is None or self.record.id == self.view.instance_id else None


@dataclass(frozen=True)
class Process:
    """A process that is judged by its record, with everything that the rules for it need."""

    name: str
    view: View
    record: Record
    state: State
    observation: Observation
    policy: Policy
    # By member, or by instance id with a single view.
    pulses: Mapping[str, Pulse]
    # Seconds that a process must have run before it serves.
    stable_for: float

    @property
    def pulse(self) -> Pulse:
        return self.pulses[self.name]


def states_of(observation: Observation, policy: Policy) -> dict[str, States]:
    """The state of each record, by member and instance id."""
    reference, age = observation.reference, policy.max_record_age
    return {
        view.member.name: {identity: record.state(reference, age) for identity, record in view.by_id.items()}
        for view in observation.views
    }


def stable_for(observation: Observation, policy: Policy, states: Mapping[str, States]) -> float:
    """Seconds that a process must have run, and that a pass must hold. Longer if the instances use NATS."""
    if policy.stable_for is not None:
        return policy.stable_for
    # If no view lists a living instance, they have dropped themselves from their brokers, as seen only over TCP.
    over_tcp = [
        view.by_id[identity].tcp_port is not None
        for view in observation.views
        for identity, state in states[view.member.name].items()
        if state is State.ALIVE
    ]
    # Servers before 6 do not use NATS, and microservices are judged without links.
    otherwise = any(v.listing and (v.listing.old_shape or v.listing.microservices) for v in observation.views)
    return STABLE_FOR_NATS if over_tcp and not any(over_tcp) and not otherwise else STABLE_FOR


def members_of(
    observation: Observation,
    policy: Policy,
    states: Mapping[str, States],
    pulses: Mapping[str, Pulse],
    answering: Answering,
) -> tuple[MemberStatus, ...]:
    needed = stable_for(observation, policy, states)

    def judged(name: str, view: View, record: Record) -> MemberStatus:
        state = states[view.member.name][record.id]
        process = Process(name, view, record, state, observation, policy, pulses, needed)
        return MemberStatus(name, view, record, state, _why_not(process), last_id=record.id, identified=True)

    def member(view: View) -> MemberStatus:
        name, record = view.member.name, view.own
        why_not = _unidentified(view, answering)
        if why_not is not None:
            return MemberStatus(name, view, None, None, why_not, last_id=_last_id(view, answering, pulses))
        if view.is_a_peers:
            state = states[name][record.id] if record else None
            return MemberStatus(name, view, record, state, _peer_answered(view), view.instance_id, identified=True)
        if record is None and as_process(view, policy):
            answers_for = observation.at - answering.lately[name][-1].first_at
            why_not = _why_not_as_process(view, answers_for, needed)
            return MemberStatus(name, view, None, None, why_not, view.instance_id, identified=True)
        if record is None:
            why_not = Finding(Code.NO_LOCAL_RECORD, f"{name} answers, but does not list itself", (name,))
            return MemberStatus(name, view, None, None, why_not, last_id=_last_id(view, answering, pulses))
        return judged(name, view, record)

    if not policy.single_view or not any(view.own for view in observation.views):
        return tuple(member(view) for view in observation.views)
    return tuple(
        judged(identity, view, view.by_id[identity])
        for view in observation.views
        for identity, state in sorted(states[view.member.name].items())
        if _is_candidate(view.by_id[identity], state, policy)
    )


def _is_candidate(record: Record, state: State, policy: Policy) -> bool:
    if record.name == STREAMER:
        return False
    return state in (State.ALIVE, State.STALLED) or (policy.links is not Links.CONNECTED and state is State.ISOLATED)


def _unidentified(view: View, answering: Answering) -> Finding | None:
    """Why the member's process is not known: no usable answer, or its URL leads to several or another's processes."""
    name, failure = view.member.name, view.failure
    if failure is not None:
        brief = f"{name} {failure.code.row.words} ({failure.reason})"
        return Finding(failure.code, f"{name}: {failure.message}", (name,), brief=brief)
    if name in answering.several:
        text = f"{name}'s URL leads to several processes: {answering.several[name]}"
        return Finding(Code.SEVERAL_PROCESSES, text, (name,), actual=view.instance_id)
    if view.instance_id is None or answering.claims[view.instance_id] == (name,):
        return None
    names = sorted({*answering.claims[view.instance_id], name})
    text = f"{' and '.join(names)} answer as one process: their URLs lead to the same node"
    if several := [other for other in names if other in answering.several]:
        text = f"{' and '.join(several)}'s URL leads to several processes, and that of {name} is one of them"
    elif view.answered_by is None:
        text += ", or the answer is a peer's (a proxy removes the header X-Instance-ID)"
    return Finding(Code.SAME_PROCESS, text, (name,), actual=view.instance_id)


def _last_id(view: View, answering: Answering, pulses: Mapping[str, Pulse]) -> str | None:
    """The id of the process that answered, if it answered only here; otherwise of the last known one."""
    if view.instance_id and answering.claims[view.instance_id] == (view.member.name,):
        return view.instance_id
    known = pulses.get(view.member.name)
    return known.instance_id if known and known.instance_id not in answering.claims else None


def _peer_answered(view: View) -> Finding:
    name = view.member.name
    text = f"{name} answers with the list of another process: it has lost its own record, and only a restart cures it"
    brief = f"{name} answers with a peer's list (only a restart cures it)"
    return Finding(Code.PEER_ANSWERED, text, (name,), actual=view.instance_id, brief=brief)


# Microservices: members without a record


def as_process(view: View, policy: Policy) -> bool:
    """Whether the member runs in a microservices deployment and is judged by the answers of its own process."""
    listing = view.listing
    if not policy.as_processes or listing is None or view.answered_by is None:
        return False
    return listing.microservices or not listing.records


def _why_not_as_process(view: View, answers_for: float, needed: float) -> Finding | None:
    """Why a member without a record does not serve.

    ``answers_for``: seconds for which the same process has answered, by the gate's clock.
    """
    name = view.member.name
    if view.ready is not True:
        code = Code.NOT_READY if view.ready is False else Code.READINESS_UNKNOWN
        return Finding(code, f"{name} {code.row.words} (/readyz)", (name,), expected=True, actual=view.ready)
    if answers_for >= needed:
        return None
    text = f"{name} has answered as the same process for {int(answers_for)} s, {needed:g} s needed"
    return Finding(Code.TOO_YOUNG, text, (name,), expected=needed, actual=answers_for)


# Why an identified process does not serve


def stalled(process: Process) -> Finding | None:
    """A finding if its last ping is old by the database's clock, or has not changed for too long by the gate's."""
    limit, record = process.policy.max_record_age, process.record
    unmoved = process.observation.at - process.pulse.at_latest
    if record.is_fresh(process.observation.reference, limit) and unmoved <= limit:
        return None
    age = record.age(process.observation.reference)
    text = f"{process.name} stalled (no ping for {int(max(age or 0, unmoved))} s)"
    if age is None:
        text = f"{process.name} stalled (its record has no ping time)"
    return Finding(Code.STALLED, text, (process.name,), expected=limit, actual=age)


def alone_with_pings(process: Process) -> Finding | None:
    """A finding if this is the only member with a fresh ping, and no new ping of it was seen.

    Ages are measured from the newest ping, so its own ping never looks old.
    """
    name, observation = process.name, process.observation
    if len(observation.views) == 1 or process.pulse.moved:
        return None
    others = (view.own for view in observation.views if view.own and view.member.name != name)
    if any(record.is_fresh(observation.reference, process.policy.max_record_age) for record in others):
        return None
    text = f"{name}'s next ping has not been seen yet, and no other node pings, so the age of its last ping is unknown"
    brief = f"{name}'s next ping has not been seen yet"
    return Finding(Code.PING_UNCONFIRMED, text, (name,), brief=brief)


def doubtful_clock(process: Process) -> Finding | None:
    """A finding if there is only one view, the clock and the last ping of its node disagree, and no new ping was seen.

    With one view, all ages are measured from that node's own ping: if it no longer pings, dead processes look fresh.
    The node's clock may be wrong, so the disagreement proves nothing, but then a new ping must be seen.
    """
    own = process.view.own
    age = seconds_between(own.updated_at, process.view.date) if own else None
    if len(process.observation.views) > 1 or own is None or age is None:
        return None
    if abs(age) <= process.policy.max_record_age:
        return None
    if process.pulses[own.id if process.policy.single_view else process.name].moved:
        return None
    brief = f"{process.name}: the next ping of the node asked has not been seen yet"
    text = f"{brief}, and its clock differs from its last ping by {int(abs(age))} s"
    return Finding(Code.PING_UNCONFIRMED, text, (process.name,), brief=brief)


def not_ready(process: Process) -> Finding | None:
    if not process.policy.readiness_required or process.view.ready is not False:
        return None
    text = f"{process.name} not ready (/readyz)"
    return Finding(Code.NOT_READY, text, (process.name,), expected=True, actual=False)


def too_young(process: Process) -> Finding | None:
    policy, needed = process.policy, process.stable_for
    if policy.single_view and policy.links is not Links.CONNECTED:
        # Only the age of its record shows that a process is dead: wait until a dead one must look dead.
        needed = max(needed, policy.max_record_age + policy.ping_interval)
    lived = seconds_between(process.record.created_at, process.observation.reference)
    if lived is not None and lived >= needed:
        return None
    since = "at an unknown time" if lived is None else f"{int(max(lived, 0))} s ago"
    text = f"{process.name} started {since}, must run for {needed:g} s"
    return Finding(Code.TOO_YOUNG, text, (process.name,), expected=needed, actual=lived)


# In this order: the first finding is why the member does not serve.
MEMBER_RULES: list[Callable[[Process], Finding | None]] = [
    stalled,
    alone_with_pings,
    doubtful_clock,
    not_ready,
    too_young,
]


def _why_not(process: Process) -> Finding | None:
    return next((finding for rule in MEMBER_RULES if (finding := rule(process))), None)
