# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The results of the modules instances_info and instances_facts, from one observation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Observation,
    Statistics,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import READINESS, Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    WORST,
    InvalidAnswerError,
    Record,
    State,
    list_of,
    mapping_of,
    seconds_between,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import access_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from, warnings_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.timing import max_record_age

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

DETAILS = frozenset({"last_heartbeat", "pid", "tcp_port", "node_version", "connections", "broadcast_auth"})


def instances_info(params: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The result of instances_info, from one observation. If no node answered, the same structure with ``failed``.

    ``secrets`` gets everything that must not be shown. Raises :class:`OptionsError`.
    """
    max_age = max_record_age(params)
    access, members = access_from(params), members_from(params)
    secrets |= access.secrets
    with Observer(members, access, gather=frozenset(params["gather"])) as observer:
        try:
            observation = observer.observe()
        finally:
            secrets |= observer.secrets
    result = cluster_information(
        observation, max_age=max_age, details=params["details"], readiness=READINESS in params["gather"]
    )
    if params.get("members") is None:
        del result["views"][0]["instances"]  # the result itself has them
    warnings = warnings_for(members)
    return {**result, "changed": False, **({"warnings": warnings} if warnings else {})}


def instances_facts(params: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The result of instances_facts. If one node was asked, with the id, record and version of its process."""
    result = instances_info(params, secrets)
    instances, cluster = result.pop("instances"), result.pop("cluster")
    answered_by = cluster["answered_by"][0] if len(cluster["answered_by"]) == 1 else None
    for name in ("rate_limit", "views"):
        del result[name]
    single = params.get("members") is None and not result.get("failed")
    facts = {
        "instances": instances,
        "cluster": cluster,
        "answered_by": answered_by if single else None,
        "local": next((entry for entry in instances if entry["id"] == answered_by), None) if single else None,
        "version": next(iter(cluster["versions"]), None) if single else None,
    }
    return {**result, "ansible_facts": {"rocketchat": facts}}


def cluster_information(observation: Observation, *, max_age: float, details: bool, readiness: bool) -> dict[str, Any]:
    """What one observation shows of the cluster. ``max_age`` in seconds; ``readiness``: whether it was gathered."""
    instances = instances_of(observation, max_age=max_age, details=details)
    result: dict[str, Any] = {
        "instances": instances,
        "cluster": _cluster(observation, instances, readiness),
        "rate_limit": _tightest(observation),
        "views": [view.to_dict(details=False) for view in observation.views],
    }
    if not readiness:
        for view in result["views"]:
            del view["ready"]
    failures = [view for view in observation.views if view.failure]
    if len(failures) == len(observation.views):
        result.update(failed=True, msg=_message(failures))
    return result


def instances_of(observation: Observation, *, max_age: float, details: bool) -> list[dict[str, Any]]:
    """All instances, ordered by id: each as its own node sees it, or in the worst state that another view shows."""
    versions = {view.instance_id: view.version for view in observation.views if view.instance_id}
    return [_entry(seen, observation, versions, details) for seen in _merged(observation, max_age)]


def recorded(result: Mapping[str, Any], policy: Policy) -> Observation:
    """The observation in a result of :func:`instances_info`, for a policy. Raises :class:`InvalidAnswerError`."""
    raws = [mapping_of(raw, "a view") for raw in list_of(mapping_of(result, "the result of instances_info"), "views")]
    if len(raws) == 1 and "instances" not in raws[0]:
        raws = [{**raws[0], "instances": result.get("instances")}]
    views = {view.member.name: view for view in map(View.from_dict, raws)}
    if len(views) < len(raws):
        raise InvalidAnswerError("the recording has two views of one member")
    if policy.readiness_required and not all("ready" in raw for raw in raws):
        raise InvalidAnswerError(
            "the recording has no readiness: record with gather: [version, readiness], or set readiness: ignored"
        )
    missing = [member.name for member in policy.members if member.name not in views]
    if missing:
        seen = ", ".join(views) or "no member"
        raise InvalidAnswerError(
            f"the recording has no view of {', '.join(missing)}, only of {seen}: judge the members that were recorded"
        )
    # A recording has no statistics, and more cannot be asked.
    statistics = Statistics(uptime=None, uptime_at_most=None, lock_age=None)
    return Observation(
        views=tuple(replace(views[member.name], member=member, statistics=statistics) for member in policy.members),
        at=0.0,
    )


@dataclass(frozen=True)
class _Seen:
    """A record in one view. ``own``: whether it is the view of the instance itself."""

    record: Record
    state: State
    own: bool

    @property
    def weight(self) -> tuple[bool, int]:
        return self.own, WORST[self.state]


def _merged(observation: Observation, max_age: float) -> list[_Seen]:
    best: dict[str, _Seen] = {}
    for view in observation.views:
        for record in view.by_id.values():
            seen = _Seen(record, record.state(observation.clock, max_age), own=record is view.own)
            known = best.get(record.id)
            if known is None or seen.weight > known.weight:
                best[record.id] = seen
    living = {seen.record.place for seen in best.values() if seen.state is State.ALIVE and seen.record.place}
    return [_expired_if_replaced(best[identity], living) for identity in sorted(best)]


def _expired_if_replaced(seen: _Seen, living: AbstractSet[tuple[str, int]]) -> _Seen:
    """The record, as expired if it is isolated and another process is alive at its host and port."""
    return replace(seen, state=State.EXPIRED) if seen.state is State.ISOLATED and seen.record.place in living else seen


def _entry(seen: _Seen, observation: Observation, versions: Mapping[str, str | None], details: bool) -> dict[str, Any]:
    age = seconds_between(seen.record.updated_at, observation.clock)
    entry = {
        **seen.record.to_dict(),
        "version": versions.get(seen.record.id),
        "age": None if age is None else round(age, 3),
        "state": seen.state.value,
    }
    if details:
        return {**entry, "os": seen.record.os.to_dict()}
    return {name: value for name, value in entry.items() if name not in DETAILS}


def _cluster(observation: Observation, instances: list[dict[str, Any]], readiness: bool) -> dict[str, Any]:
    states = [entry["state"] for entry in instances]
    return {
        "total": len(instances),
        **{state.value: states.count(state.value) for state in State},
        "ghosts": [entry["id"] for entry in instances if entry["state"] == State.GHOST.value],
        "microservices": any(view.listing.microservices for view in observation.views if view.listing),
        "answered_by": sorted(observation.claimed),
        "versions": sorted({view.version for view in observation.views if view.version is not None}),
        "ready": _ready(observation) if readiness else None,
    }


def _ready(observation: Observation) -> bool | None:
    """Whether all nodes that answered are ready; none if a node does not say it."""
    answers = [view.ready for view in observation.views if view.listing]
    if False in answers:
        return False
    return None if None in answers or not answers else True


def _tightest(observation: Observation) -> dict[str, Any] | None:
    limits = [dict(view.rate_limit) for view in observation.views if view.rate_limit]
    return min(limits, key=_remaining, default=None)


def _remaining(limit: Mapping[str, Any]) -> float:
    value = limit.get("remaining")
    return float("inf") if value is None else float(value)


def _message(failures: list[View]) -> str:
    messages = [(view.member.name, view.failure.message) for view in failures if view.failure]
    if len(messages) == 1:
        return messages[0][1]
    return "no member answered: " + " | ".join(f"{name}: {message}" for name, message in messages)
