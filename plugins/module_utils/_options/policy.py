# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The policy from a task's options. Options that contradict each other are refused before the first request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import FULL_VERSION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import parse_time
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, Code, Scope
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    INTERVAL,
    STABLE_FOR,
    Before,
    Known,
    Links,
    Phase,
    Policy,
    Share,
    Waiver,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.rules import Exempt
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.timing import (
    max_record_age,
    optional_seconds,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member


def policy_from(params: Mapping[str, Any], members: Sequence[Member]) -> Policy:
    """The policy from a task's validated options. Raises :class:`OptionsError`, which names the contradiction."""
    phase = Phase(params["phase"])
    names = [member.name for member in members]
    policy = Policy(
        phase=phase,
        members=tuple(members),
        targets=_targets(params, phase, names),
        out_of_rotation=_out_of_rotation(params, phase, names),
        keep_out=_keep_out(params, phase, names),
        expected=_expected(params, phase),
        min_serving=_share(params["min_serving"]),
        expected_version=_version(params["expected_version"]),
        ping_interval=seconds(params, "ping_interval"),
        max_record_age=max_record_age(params),
        links=Links(params["links"]),
        link_memory=seconds(params, "link_memory", least=0.0),
        readiness_required=params["readiness"] == "required",
        upgrade_path_ignored=params["upgrade_path"] == "ignored",
        restart_required=params["restart_required"],
        restart_confirmed=params["restart_confirmed"],
        waivers=tuple(_waiver(raw, names) for raw in params["waive"] or ()),
        before=_before(params, phase),
        interval=optional_seconds(params, "interval", least=0.01),
        stable_for=optional_seconds(params, "stable_for", least=0.0),
        hold_for=_hold_for(params, phase),
        deadline=seconds(params, "deadline", least=0.0),
        progress_deadline=optional_seconds(params, "progress_deadline", least=0.0),
    )
    _refuse_contradictions(policy)
    if params.get("check_mode"):
        return policy.without_wait()
    _refuse_wait_without_pass(policy)
    return policy


def _refuse_contradictions(policy: Policy) -> None:
    if not policy.restart_required and (policy.phase is not Phase.AFTER or not policy.expected_version):
        raise OptionsError(
            "restart_required: false needs phase: after and expected_version: then only the version is checked"
        )
    before = policy.before
    if before is not None:
        missing = [name for name in policy.targets if name not in before.targets or name not in before.members]
        if missing:
            raise OptionsError(
                f"before does not contain {', '.join(missing)}: it is the result of a gate with other targets"
            )
        urls = {name: known.url for name, known in before.members.items() if name not in policy.targets}
        elsewhere = [member.name for member in policy.members if urls.get(member.name, member.url) != member.url]
        if elsewhere:
            raise OptionsError(
                f"before asked other urls for {', '.join(elsewhere)}: it belongs to another cluster; "
                "only a target may have a new url after its deployment"
            )
    if policy.expected is not None and policy.expected > 1 and (policy.expected_version or policy.readiness_required):
        raise OptionsError(
            "expected_version and readiness: required need members, each with its own url: "
            "a node reports only its own version and readiness"
        )
    _refuse_min_serving(policy)


def _refuse_min_serving(policy: Policy) -> None:
    if policy.phase is Phase.BEFORE:
        limit, noun, which = len(policy.others), "member", "left without the targets"
        if not policy.others and len(policy.members) > 1 and policy.min_serving is None:
            raise OptionsError(
                f"targets are all {len(policy.members)} members: no member would carry the service; "
                "deploy fewer at a time, or set min_serving: 0"
            )
    elif policy.expected is not None:
        limit, noun, which = policy.expected, "instance", "expected"
    else:
        limit, noun = len(policy.members) - len(policy.keep_out), "member"
        which = "given that is not in keep_out" if limit == 1 else "given that are not in keep_out"
        which = which if policy.keep_out else "given"
    if policy.needed > limit:
        given = f"1 {noun} is" if limit == 1 else f"{limit} {noun}s are"
        raise OptionsError(
            f"min_serving {policy.min_serving} needs {policy.needed} to serve, but only {given} {which}: lower it"
        )


def _refuse_wait_without_pass(policy: Policy) -> None:
    """Raises :class:`OptionsError` for a wait in which the gate could never pass."""
    if policy.phase is Phase.AFTER and policy.deadline == 0:
        raise OptionsError(
            "phase: after with deadline: 0 can never pass: a new process must be observed for a while; set a deadline"
        )
    if policy.hold_for and policy.deadline == 0:
        raise OptionsError(
            "hold_for with deadline: 0 can never pass: it needs more than one observation; set a deadline"
        )
    pause = INTERVAL if policy.interval is None else policy.interval
    stable = STABLE_FOR if policy.stable_for is None else policy.stable_for
    if policy.deadline and stable + pause > policy.deadline:
        raise OptionsError(
            f"stable_for ({stable:g} s) + interval ({pause:g} s) is longer than deadline ({policy.deadline:g} s): "
            "the gate could never pass; raise deadline"
        )


def _targets(params: Mapping[str, Any], phase: Phase, names: Sequence[str]) -> tuple[str, ...]:
    targets = tuple(dict.fromkeys(params["targets"] or ()))
    if phase is Phase.STEADY:
        if targets:
            raise OptionsError("targets go with phase: before and phase: after, not with phase: steady")
        return ()
    if not targets:
        raise OptionsError(f"phase: {phase.value} needs targets, the names of the members that are deployed")
    _refuse_strangers("targets", frozenset(targets), names)
    return targets


def _out_of_rotation(params: Mapping[str, Any], phase: Phase, names: Sequence[str]) -> frozenset[str]:
    given = frozenset(params["out_of_rotation"] or ())
    if given and phase is not Phase.BEFORE:
        raise OptionsError(
            f"out_of_rotation goes with phase: before, not with phase: {phase.value}; "
            "members that are kept out on purpose belong in keep_out"
        )
    _refuse_strangers("out_of_rotation", given, names)
    return given


def _keep_out(params: Mapping[str, Any], phase: Phase, names: Sequence[str]) -> frozenset[str]:
    given = frozenset(params["keep_out"] or ())
    if given and not params["members"]:
        raise OptionsError("keep_out needs members: behind one url they cannot be distinguished")
    _refuse_strangers("keep_out", given, names)
    if phase is Phase.STEADY and given == frozenset(names):
        raise OptionsError("keep_out names all members: none is left to serve")
    return given


def _refuse_strangers(option: str, given: frozenset[str], names: Sequence[str]) -> None:
    strangers = sorted(given - set(names))
    if strangers:
        wrong = "is not a member" if len(strangers) == 1 else "are not members"
        raise OptionsError(f"{option}: {', '.join(strangers)} {wrong}; the members are {', '.join(names)}")


def _hold_for(params: Mapping[str, Any], phase: Phase) -> float:
    hold_for = seconds(params, "hold_for", least=0.0)
    if hold_for and phase is not Phase.STEADY:
        raise OptionsError(f"hold_for goes with phase: steady, not with phase: {phase.value}; use stable_for there")
    return hold_for


def _expected(params: Mapping[str, Any], phase: Phase) -> int | None:
    expected = params["expected"]
    if params["members"]:
        if expected is not None:
            raise OptionsError("expected is only for url: with members, all of them are expected")
        return None
    if phase is not Phase.STEADY:
        raise OptionsError(
            f"phase: {phase.value} needs members, each with its own url; url alone gives the view of one node"
        )
    if expected is None or expected < 1:
        raise OptionsError("url needs expected, the number of instances that must serve (at least 1)")
    return int(expected)


def _share(raw: object) -> Share | None:
    if raw is None:
        return None
    match = re.fullmatch(r"(\d{1,6})(%?)", str(raw).strip(), re.ASCII)
    share = Share(int(match[1]), bool(match[2])) if match else None
    if share is None or (share.percent and share.amount > 100):
        raise OptionsError(f"min_serving must be a number of members or a percentage up to 100%, not {raw}")
    return share


def _version(raw: str | None) -> str | None:
    """The expected version; none if not given. An empty one is refused: its variable may be empty by mistake."""
    if raw is None:
        return None
    if not FULL_VERSION.fullmatch(raw):
        raise OptionsError(f"expected_version must be a full version such as 7.11.0, not {raw or 'empty'}")
    return raw


_WAIVED_BY_SCOPE = {
    Scope.MEMBER: (1, "needs member, and not pair"),
    Scope.PAIR: (2, "needs pair with two members, and not member"),
    Scope.CLUSTER: (0, "takes neither member nor pair"),
}


def _waiver(raw: Mapping[str, Any], names: Sequence[str]) -> Waiver:
    waivable = sorted(code.value for code in Code if code.row.waivable)
    if raw.get("code") not in waivable:
        raise OptionsError(f"waive: {raw.get('code')} cannot be waived; codes that can: {', '.join(waivable)}")
    code = CODES[raw["code"]]
    concerned = frozenset(raw.get("pair") or ([raw["member"]] if raw.get("member") else ()))
    wanted, takes = _WAIVED_BY_SCOPE[code.row.scope]
    if len(concerned) != wanted or (raw.get("pair") and raw.get("member")):
        raise OptionsError(f"waive: {code.value} {takes}")
    _refuse_strangers("waive", concerned, names)
    if not str(raw.get("reason") or "").strip():
        raise OptionsError(f"waive: {code.value} needs a reason")
    return Waiver(code=code, members=concerned, reason=str(raw["reason"]).strip())


def _before(params: Mapping[str, Any], phase: Phase) -> Before | None:
    result = params["before"]
    if phase is not Phase.AFTER:
        if result:
            raise OptionsError("before is only for phase: after")
        return None
    if not result:
        if not params["restart_required"]:
            return None
        raise OptionsError("phase: after needs before, the registered result of the gate with phase: before")
    if result.get("phase") != Phase.BEFORE.value:
        raise OptionsError("before is not the result of a cluster_gate with phase: before")
    if result.get("verdict") != "pass" and not params.get("check_mode"):
        raise OptionsError(
            f"before did not pass (verdict: {result.get('verdict')}), so nothing may be deployed after it"
        )
    try:
        ids = frozenset(_texts(result["ids"]))
        members = {_a(raw["name"], str): _known(raw) for raw in _a(result["members"], list)}
        own = [known.instance_id for known in members.values() if known.instance_id is not None]
        if len(members) < len(result["members"]) or len(set(own)) < len(own) or not ids.issuperset(own):
            raise ValueError(own)
        return Before(
            ids=ids,
            targets=frozenset(_texts(result["targets"])),
            ended=_moment(result["ended"]),
            needs_restart=result["exempt"] == Exempt.NEEDS_RESTART.value,
            members=members,
        )
    except (KeyError, TypeError, ValueError):
        raise OptionsError(
            "before is not a complete result of cluster_gate: register it and pass it on unchanged"
        ) from None


def _known(raw: Mapping[str, Any]) -> Known:
    host, port = raw["place"] or ("", 0)
    return Known(
        url=_a(raw["url"], str),
        instance_id=_a(raw["instance_id"], str, type(None)),
        answered_by=_a(raw["answered_by"], str, type(None)),
        date=_moment(raw["date"]),
        version=_a(raw["version"], str, type(None)),
        place=(_a(host, str), _a(port, int)) if host else None,
        serving=_a(raw["serving"], bool),
    )


def _moment(value: object) -> datetime | None:
    moment = parse_time(value)
    if value is not None and moment is None:
        raise ValueError(value)
    return moment


def _texts(values: object) -> list[str]:
    return [_a(value, str) for value in _a(values, list)]


def _a(value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise TypeError(value)
    return value
