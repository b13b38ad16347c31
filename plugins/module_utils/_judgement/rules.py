# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The rules: what must hold in each phase before the gate passes. ``RULES`` is their table.

A rule is a pure function of the situation and of the members that serve. It returns a finding for each condition that
is not met, and only a situation without findings, except waived ones, can pass. ``exemption`` says when a gate before a
deployment does not ask all of its rules. The serving members are an argument so that the stability can ask what would
be found if other members served too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import FULL_VERSION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.links import LISTED
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import pair
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.moves import Move, moves_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    Before,
    Known,
    Links,
    Phase,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.statistics import LOCK_MEMORY
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.unclaimed import strangers_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus

LEFTOVER_LOCK = 600.0  # seconds: a server takes over a lock after five minutes, and then needs time for its migrations
# The process of the only member answers with an error that a deployment may cure.
ANSWERS_ITSELF = frozenset(
    {
        Code.BROKER_DOWN,
        Code.STARTING,
        Code.SERVER_ERROR,
        Code.RATE_LIMITED,
        Code.NO_LOCAL_RECORD,
    }
)

Names = AbstractSet[str]
Rule = Callable[[Situation, Names], "list[Finding]"]


class Exempt(str, Enum):
    """Why a deployment may begin although too few other members serve."""

    TARGET_DOWN = "target_down"  # the targets are down already, and give no answer at all
    SINGLE_NODE = "single_node"
    NEEDS_RESTART = "needs_restart"  # only a restart cures the targets, and others with the same fault still serve


def found_in(situation: Situation, serving: Names) -> list[Finding]:
    """The findings that block the gate if exactly these members serve, each once."""
    down = exemption(situation) is Exempt.TARGET_DOWN
    rules = WHEN_TARGETS_ARE_DOWN if down else RULES[situation.policy.phase]
    found = [finding for rule in rules for finding in rule(situation, serving)]
    return list({(finding.code, finding.members): finding for finding in found}.values())


def exemption(situation: Situation) -> Exempt | None:
    """Before a deployment: why it does not matter how many other members serve; none if it does."""
    policy = situation.policy
    if policy.phase is not Phase.BEFORE:
        return None
    if not policy.others and policy.min_serving is None:
        return Exempt.SINGLE_NODE
    if all(_is_surely_down(situation, name) for name in policy.targets) and _another_answers(situation):
        return Exempt.TARGET_DOWN
    if situation.surely_ill.issuperset(policy.targets) and _serve_but_for_the_ill(situation):
        return Exempt.NEEDS_RESTART
    return None


def _serve_but_for_the_ill(situation: Situation) -> bool:
    serving, others = situation.serving, set(situation.policy.others_in_rotation)
    return len(others & serving) < situation.policy.needed <= len(others & (serving | situation.surely_ill))


def _is_surely_down(situation: Situation, name: str) -> bool:
    """Whether it was silent for a ping interval: a process that has only lost its record registers again by then."""
    since = situation.down.get(name)
    return since is not None and situation.observation.at - since >= situation.policy.ping_interval


def _another_answers(situation: Situation) -> bool:
    return any(situation.by_name[name].view.own is not None for name in situation.policy.others)


# Any phase: enough members serve, and see each other


def enough_serve(situation: Situation, serving: Names) -> list[Finding]:
    """As many members serve as the policy needs; if not, also why each of the others does not.

    If the deployment could begin only because ill members still serve, they count here too.
    """
    policy = situation.policy
    if policy.before is not None and policy.before.needs_restart:
        serving = serving | {name for name in situation.surely_ill if _is_listed_by_targets(situation, name)}
    return _too_few(situation, serving, [name for name in situation.by_name if name not in policy.keep_out])


def _is_listed_by_targets(situation: Situation, name: str) -> bool:
    """Whether each target lists a fresh record of this member's process; if not, they use different databases."""
    identity = situation.by_name[name].view.instance_id
    if situation.policy.links is Links.IGNORED or identity is None:
        return True
    return all(situation.states[target.name].get(identity) in LISTED for target in _targets(situation))


def enough_others_serve(situation: Situation, serving: Names) -> list[Finding]:
    """As many members that are in rotation and not targets serve as the policy needs.

    If not, also why those do not serve that are out of rotation and not kept out: they would be readmitted.
    """
    if exemption(situation) is Exempt.NEEDS_RESTART:
        serving = serving | situation.surely_ill
    policy = situation.policy
    found = _too_few(situation, serving, policy.others_in_rotation)
    away = [name for name in policy.others if name in policy.out_of_rotation - policy.keep_out - serving]
    return found and [*(reason for name in away if (reason := situation.by_name[name].why_not)), *found]


def _too_few(situation: Situation, serving: Names, candidates: Iterable[str]) -> list[Finding]:
    candidates, needed = list(candidates), situation.policy.needed
    enough = [name for name in candidates if name in serving]
    if len(enough) >= needed:
        return []
    reasons = [situation.by_name[name].why_not for name in candidates if name not in serving]
    who = "other members" if situation.policy.phase is Phase.BEFORE else "members"
    count = f"only {len(enough)}" if enough else "none"
    text = f"{count} of the {who} serve{'s' if len(enough) == 1 else ''}, {needed} needed"
    return [
        *(reason for reason in reasons if reason),
        Finding(Code.TOO_FEW_SERVING, text, expected=needed, actual=len(enough)),
    ]


def serving_are_linked(situation: Situation, serving: Names) -> list[Finding]:
    """The serving members that are not kept out see each other, for at least ``link_memory`` if they once did not."""
    return situation.links.unlinked(serving - situation.policy.keep_out)


def others_are_linked(situation: Situation, serving: Names) -> list[Finding]:
    """The serving members that are in rotation and not targets see each other."""
    return situation.links.unlinked(serving & set(situation.policy.others_in_rotation))


# Steady


def members_run_expected_version(situation: Situation, serving: Names) -> list[Finding]:
    """All members that serve, are identified or report a version run ``expected_version``."""
    return _wrong_versions(
        situation,
        (
            member
            for member in situation.members
            if member.identified or member.version is not None or member.name in serving
        ),
    )


def _wrong_versions(situation: Situation, members: Iterable[MemberStatus]) -> list[Finding]:
    wanted = situation.policy.expected_version
    if not wanted:
        return []
    return [finding for member in members if (finding := _wrong_version(member, wanted))]


def _wrong_version(member: MemberStatus, wanted: str) -> Finding | None:
    name, version = member.name, member.version
    if version == wanted:
        return None
    if version is None or not FULL_VERSION.fullmatch(version):
        text = f"{name}'s version is unknown ({version or 'not reported'}), {wanted} expected"
        return Finding(Code.VERSION_UNKNOWN, text, (name,), expected=wanted, actual=version)
    text = f"{name} runs {version}, {wanted} expected"
    return Finding(Code.WRONG_VERSION, text, (name,), expected=wanted, actual=version)


# Before a deployment


def single_node_is_known(situation: Situation, _serving: Names) -> list[Finding]:
    """The only member answers, or was silent twice, and lists no other living instance.

    A member that refuses the credentials, or is not Rocket.Chat, could not be judged after its deployment either.
    """
    if exemption(situation) is not Exempt.SINGLE_NODE:
        return []
    member = situation.members[0]
    if not _may_be_deployed_alone(situation, member):
        text = f"{member.name}, the only member, gives no usable answer; set min_serving: 0 to deploy anyway"
        return [finding for finding in (member.why_not, Finding(Code.NO_MEMBER_ANSWERS, text)) if finding]
    if not situation.strangers:
        return []
    text = f"{member.name}, the only member, lists {strangers_in_words(situation.strangers)}"
    return [Finding(Code.UNEXPECTED_MEMBER, text, expected=[], actual=list(situation.strangers))]


def _may_be_deployed_alone(situation: Situation, member: MemberStatus) -> bool:
    if member.identified or member.name in situation.silent & situation.last.silent:
        return True
    return member.view.instance_id is not None and member.why_not is not None and member.why_not.code in ANSWERS_ITSELF


def no_other_waits_for_readmission(situation: Situation, serving: Names) -> list[Finding]:
    """If too few others serve in rotation, no other member serves out of rotation."""
    if not enough_others_serve(situation, serving):
        return []
    policy = situation.policy
    idle = [name for name in policy.others if name in serving and name in policy.without_traffic]
    return [_out_of_rotation(name, on_purpose=name in policy.keep_out) for name in idle]


def _out_of_rotation(name: str, *, on_purpose: bool) -> Finding:
    text = f"{name} serves, but is out of rotation: readmit it to the load balancer"
    if on_purpose:
        text = f"{name} serves, but keep_out keeps it out of rotation"
    return Finding(Code.OUT_OF_ROTATION, text, (name,))


def silent_targets_are_down(situation: Situation, serving: Names) -> list[Finding]:
    """If too few others serve or are linked, no unclaimed living process could be that of a silent target."""
    if not situation.unclaimed:
        return []
    if not enough_others_serve(situation, serving) and not others_are_linked(situation, serving):
        return []
    silent = [name for name in situation.policy.targets if situation.is_silent(name)]
    return [_may_live(name, situation.unclaimed) for name in silent]


def no_migration_runs(situation: Situation, serving: Names) -> list[Finding]:
    """Every member has answered itself, or the database is not locked for migrations.

    Checked only if nothing else blocks the gate, since statistics are heavy for a server.
    """
    others_carry = not (enough_others_serve(situation, serving) or others_are_linked(situation, serving))
    if not situation.unheard or not (others_carry or exemption(situation) is Exempt.TARGET_DOWN):
        return []
    names = " and ".join(sorted(situation.unheard))
    asked_at, told = situation.lock or (-math.inf, None)
    passed = situation.observation.at - asked_at
    if told is None and passed > LOCK_MEMORY:
        text = f"{names} {_no_answer(situation)}; the next observation asks whether the database is being migrated"
        return [Finding(Code.MIGRATION_RUNNING, text)] if situation.tell_the_lock else []
    age = None if told is None else told + passed
    if age is None or age >= LEFTOVER_LOCK:
        return []
    text = f"{names} may be migrating the database: it has been locked for migrations for {int(age)} s"
    return [Finding(Code.MIGRATION_RUNNING, text, expected=LEFTOVER_LOCK, actual=age)]


def _no_answer(situation: Situation) -> str:
    one = len(situation.unheard) == 1
    if situation.unheard == situation.silent:
        return "has not answered" if one else "have not answered"
    return f"may not have answered {'itself' if one else 'themselves'}"


def upgrade_path_is_supported(situation: Situation, _serving: Names) -> list[Finding]:
    """``expected_version`` can run on the database of the newest version that any member runs."""
    return [finding for finding in situation.upgrade_path if finding.code is not Code.OLDER_PATCH]


def _may_live(name: str, unclaimed: Iterable[str]) -> Finding:
    text = f"{name} may still serve: an instance that belongs to no member pings the database"
    return Finding(Code.TARGET_MAY_LIVE, text, (name,), actual=list(unclaimed))


# After a deployment


def targets_serve(situation: Situation, serving: Names) -> list[Finding]:
    """Each target serves; if not, why it does not."""
    reasons = [target.why_not for target in _targets(situation) if target.name not in serving]
    return [reason for reason in reasons if reason]


def targets_were_restarted(situation: Situation, _serving: Names) -> list[Finding]:
    """Each target has an id that was neither listed nor answering before, and is proven to be a new process."""
    return [
        finding
        for target, before, known in _deployed(situation)
        if (finding := _not_restarted(target, before, situation) or _not_provable(target, known, situation))
    ]


def _not_restarted(target: MemberStatus, before: Before, situation: Situation) -> Finding | None:
    identity = target.last_id
    if identity in before.ids:
        text = f"{target.name} was not restarted: same instance id as before the deployment"
    elif identity is not None and situation.restarted.get(identity) is False:
        text = f"{target.name} was not restarted: its process has run since before the deployment"
    else:
        return None
    return Finding(Code.NOT_RESTARTED, text, (target.name,), expected="a new process", actual=identity)


def _not_provable(target: MemberStatus, known: Known, situation: Situation) -> Finding | None:
    if restart_is_proven(target, known, situation):
        return None
    identity = target.last_id or ""
    if known.answered_by is None:
        why = "was not identified when the gate before the deployment passed"
    elif target.view.answered_by is None:
        why = "sends no header X-Instance-ID"
    else:
        why = "runs as microservices"
    told = "" if identity in situation.restarted or target.record is None else "; its uptime is asked for next"
    text = (
        f"{target.name} {why}, so its process may be an earlier one: "
        f"set restart_confirmed: true if the deployment has restarted it{told}"
    )
    return Finding(Code.RESTART_NOT_PROVABLE, text, (target.name,), actual=target.last_id)


def restart_is_proven(target: MemberStatus, known: Known, situation: Situation) -> bool:
    """Whether a process with a new id is proven to have started after the deployment began.

    The ids prove it only if both processes answered with the header X-Instance-ID. If the previous one was silent, a
    supervisor may just have been starting another. For microservices they prove nothing: the URL may lead to another
    old pod.
    """
    if situation.policy.restart_confirmed or _version_changed(known.version, target.version):
        return True
    if target.record is None:
        return False
    ids_tell = known.answered_by is not None and target.view.answered_by is not None
    return ids_tell or situation.restarted.get(target.last_id or "") is True


def _version_changed(*versions: str | None) -> bool:
    return all(v and FULL_VERSION.fullmatch(v) for v in versions) and len(set(versions)) > 1


def old_processes_ended(situation: Situation, _serving: Names) -> list[Finding]:
    """The previous process of a target does not live beside the new one."""
    return [
        finding
        for target, before, known in _restarted(situation)
        if (finding := _old_process(target.name, before, known, situation))
    ]


def _old_process(name: str, before: Before, known: Known, situation: Situation) -> Finding | None:
    """A finding if the previous process of the target is still alive.

    If the id of that process is not known, it may be any process that was listed before, belonged to no member and is
    still alive. A process that no member reaches is alive too if it has pinged since the new one registered.
    """
    shown: frozenset[str] = frozenset().union(*situation.links.sees.values())
    if known.instance_id is not None:
        alive = (shown | _pinging_beside(situation.by_name[name], situation)) & {known.instance_id}
        text = f"the previous process of {name} still runs beside the new one"
    else:
        owned = {member.instance_id for member in before.members.values()}
        alive = (shown & before.ids) - owned - set(situation.observation.claimed)
        text = f"a process that may be the previous one of {name} still runs beside the new one"
    return Finding(Code.OLD_PROCESS_ALIVE, text, (name,), actual=min(alive)) if alive else None


def _pinging_beside(target: MemberStatus, situation: Situation) -> frozenset[str]:
    """Ids of fresh records whose last ping is later than the registration of the target's own process."""
    if target.record is None or target.record.created_at is None:
        return frozenset()
    observation, since = situation.observation, target.record.created_at
    return frozenset(
        identity
        for view in observation.views
        for identity, record in view.by_id.items()
        if record.updated_at is not None and record.updated_at > since
        if record.is_fresh(observation.reference, situation.policy.max_record_age)
    )


def targets_kept_their_place(situation: Situation, _serving: Names) -> list[Finding]:
    """No target has a new host and port that may belong to another node."""
    return [_moved(move) for move in moves_of(situation) if move.may_be_another]


def _moved(move: Move) -> Finding:
    whose = f", which was {move.whose}'s" if move.whose else ""
    text = (
        f"{move.name} reports {move.now}{whose}; before the deployment it reported {move.then}: "
        "check whether its URL leads to another node"
    )
    return Finding(Code.IDENTITY_CHANGED, text, (move.name,), expected=move.then, actual=move.now)


def targets_run_expected_version(situation: Situation, _serving: Names) -> list[Finding]:
    """Each target that was restarted runs ``expected_version``. For the others, not_restarted says enough."""
    same = {target.name for target, before, _known in _deployed(situation) if _not_restarted(target, before, situation)}
    return _wrong_versions(situation, (t for t in _targets(situation) if t.identified and t.name not in same))


def targets_are_linked(situation: Situation, serving: Names) -> list[Finding]:
    """Each target and each serving member that is not kept out see each other.

    If only targets serve, also members that will serve after some time: a member that has lost its record and has
    registered again looks as young as one that has just started.
    """
    others = serving - situation.policy.keep_out
    if not others - set(situation.policy.targets):
        others |= {m.name for m in situation.members if m.settles} & set(situation.policy.others_in_rotation)
    return [
        finding
        for target in _targets(situation)
        if target.record
        for finding in situation.links.unlinked(others | {target.name})
        if target.name in finding.members
    ]


def targets_are_listed(situation: Situation, serving: Names) -> list[Finding]:
    """Each member that answers and to which no link is required lists each target.

    If it does not, the target uses another database. No link is required to members that do not serve or are kept out.
    """
    if situation.policy.links is Links.IGNORED:
        return []
    return [
        Finding(
            Code.NOT_LINKED,
            f"{other.name} does not list {target.name}: they may use different databases",
            pair(target.name, other.name),
        )
        for target in _targets(situation)
        for other in situation.members
        if target.record and other.view.own and other.name != target.name
        if other.name not in serving - situation.policy.keep_out
        if situation.states[other.name].get(target.record.id) not in LISTED
    ]


def _targets(situation: Situation) -> list[MemberStatus]:
    return [situation.by_name[name] for name in situation.policy.targets]


def _deployed(situation: Situation) -> list[tuple[MemberStatus, Before, Known]]:
    """The targets that answer and must be new processes, each with what was known about it before."""
    before = situation.policy.before
    if before is None or not situation.policy.restart_required:
        return []
    return [(target, before, before.members[target.name]) for target in _targets(situation) if target.identified]


def _restarted(situation: Situation) -> list[tuple[MemberStatus, Before, Known]]:
    return [deployed for deployed in _deployed(situation) if not _not_restarted(*deployed[:2], situation)]


RULES: Mapping[Phase, tuple[Rule, ...]] = {
    Phase.STEADY: (
        enough_serve,
        serving_are_linked,
        members_run_expected_version,
    ),
    Phase.BEFORE: (
        single_node_is_known,
        enough_others_serve,
        no_other_waits_for_readmission,
        others_are_linked,
        silent_targets_are_down,
        no_migration_runs,
        upgrade_path_is_supported,
    ),
    Phase.AFTER: (
        targets_serve,
        targets_were_restarted,
        old_processes_ended,
        targets_kept_their_place,
        targets_run_expected_version,
        targets_are_linked,
        targets_are_listed,
        enough_serve,
    ),
}

# Before a deployment to targets that are down: faults of other members are not a reason to leave the targets down.
WHEN_TARGETS_ARE_DOWN: tuple[Rule, ...] = (no_migration_runs, upgrade_path_is_supported)
