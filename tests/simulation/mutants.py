# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Break the judgement on purpose and show which test fails: ``python -m …tests.simulation.mutants``.

A mutant is a judgement without one of its rules, with a weaker one, with one cell of a finding's row changed, or, if
there is no rule, with one line of a file replaced. It exists only in the memory of a separate process. The unit tests
run first, then simulated clusters.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

COLLECTION = "ansible_collections.rocketops.rocketchat"
MODULE_UTILS = f"{COLLECTION}.plugins.module_utils"
UNIT_TESTS = Path(__file__).parents[1] / "unit" / "plugins" / "module_utils"
SOURCES = Path(__file__).parents[2] / "plugins" / "module_utils"
# Fast unit tests, which use no server; those of the judgement come first.
JUDGING = ("_judgement", "_gate", "_options/test_policy.py", "_cluster/test_records.py")
SCHEDULES = 250
WRITTEN = Path(__file__).parents[2] / "docs" / "mutants.md"

# Advisories, which no rule finds, so how they end has no effect.
ONLY_TOLD = frozenset({"deploy_not_proven", "links_unknown", "older_patch", "readiness_unknown", "single_view"})

for used in ("requests", "ansible.module_utils.common.parameters"):
    importlib.import_module(used)  # once for all mutants

Break = Callable[[], None]


def module(name: str) -> Any:
    return importlib.import_module(f"{MODULE_UTILS}.{name}")


# Without one of the rules


def without_rule(phase: str, rule: str) -> None:
    rules = module("_judgement.rules")
    kept = tuple(one for one in rules.RULES[phase] if one.__name__ != rule)
    assert len(kept) == len(rules.RULES[phase]) - 1
    rules.RULES[phase] = kept


def without_member_rule(rule: str) -> None:
    rules = module("_judgement.member_status").MEMBER_RULES
    rules[:] = [one for one in rules if one.__name__ != rule]


def without_advisory(advisory: str) -> None:
    advisories = module("_judgement.advisories").ADVISORIES
    advisories[:] = [one for one in advisories if one.__name__ != advisory]


def without_rules() -> dict[str, Break]:
    """Mutants without one rule, for each of its phases."""
    rules, members = module("_judgement.rules").RULES, module("_judgement.member_status").MEMBER_RULES
    advisories = module("_judgement.advisories").ADVISORIES
    return {
        **{
            f"{phase.value}: without {rule.__name__}": partial(without_rule, phase, rule.__name__)
            for phase, in_phase in rules.items()
            for rule in in_phase
        },
        **{f"member: without {rule.__name__}": partial(without_member_rule, rule.__name__) for rule in members},
        **{f"advisory: without {one.__name__}": partial(without_advisory, one.__name__) for one in advisories},
    }


# With one cell of a row changed


def with_row(code: str, **cells: Any) -> None:
    findings = module("_findings")
    findings.CODES[code].row = replace(findings.CODES[code].row, **cells)


def with_other_rows() -> dict[str, Break]:
    """Mutants with another value in a cell of a row from which a set of codes is made."""
    findings, stability = module("_findings"), module("_judgement.stability")
    mutants: dict[str, Break] = {}
    decided_by_end = stability.TOO_LATE | stability.SAYS_NOTHING | stability.MAY_BECOME_JUDGEABLE
    for code in findings.Code:
        name, row = code.value, code.row
        if row.waivable or name == "not_restarted":
            other = not row.waivable
            mutants[f"row {name}: waivable = {other}"] = partial(with_row, name, waivable=other)
        if (code.settles or code in decided_by_end) and name not in ONLY_TOLD:
            mutants[f"row {name}: ends = restart"] = partial(with_row, name, ends=findings.Ends.RESTART)
        if code in stability.MAY_BECOME_JUDGEABLE:
            mutants[f"row {name}: judgeable = True"] = partial(with_row, name, judgeable=True)
    return mutants


# With a weaker rule or function. Each gets the function that it replaces.


@dataclass(frozen=True)
class Weaker:
    """``function`` of a module becomes ``weaker(function)``, in the table of rules too."""

    module: str
    function: str
    weaker: Callable[[Any], Any]

    def __call__(self) -> None:
        module("_judgement.judge")  # with all that it imports
        place = module(self.module)
        former = getattr(place, self.function)
        new = self.weaker(former)
        for name in list(sys.modules):
            if name.startswith(MODULE_UTILS) and getattr(sys.modules[name], self.function, None) is former:
                setattr(sys.modules[name], self.function, new)
        rules = module("_judgement.rules").RULES
        for phase in rules:
            rules[phase] = tuple(new if rule is former else rule for rule in rules[phase])
        members = module("_judgement.member_status").MEMBER_RULES
        members[:] = [new if rule is former else rule for rule in members]


def copied(situation: Any, **changes: Any) -> Any:
    """The same situation with a changed policy."""
    other = copy(situation)
    other.policy = replace(situation.policy, **changes)
    return other


def under(**changes: Any) -> Callable[[Any], Any]:
    """The same rule with a changed policy."""

    def weaker(rule: Any) -> Any:
        def judged(situation: Any, serving: Any) -> Any:
            return rule(copied(situation, **changes), serving)

        return judged

    return weaker


def under_ids(ids: Callable[[Any], frozenset[str]]) -> Callable[[Any], Any]:
    """The same rule with these ids in place of all ids that any view listed before."""

    def weaker(rule: Any) -> Any:
        def judged(situation: Any, serving: Any) -> Any:
            before = situation.policy.before
            return under(before=before and replace(before, ids=ids(before)))(rule)(situation, serving)

        return judged

    return weaker


def ids_of_members(before: Any) -> frozenset[str]:
    return frozenset(known.instance_id for known in before.members.values() if known.instance_id)


def ids_of_targets(before: Any) -> frozenset[str]:
    return frozenset(before.members[name].instance_id for name in before.targets)


def keeping(wanted: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """The same function, which keeps only these of its findings."""

    def weaker(function: Any) -> Any:
        def judged(*arguments: Any) -> Any:
            return [found for found in function(*arguments) if wanted(found)]

        return judged

    return weaker


def no_code(code: str) -> Callable[[Any], Any]:
    return keeping(lambda finding: finding.code != code)


def one_less(rule: Any) -> Any:
    def judged(*arguments: Any) -> Any:
        found = rule(*arguments)
        short = [finding for finding in found if finding.code == "too_few_serving"]
        return [] if short and short[0].actual + 1 >= short[0].expected else found

    return judged


def at_the_reference(rule: Any) -> Any:
    """Ignores the age of a ping."""

    def judged(process: Any) -> Any:
        seen = process.record.updated_at and replace(process.record, updated_at=process.observation.reference)
        return rule(replace(process, record=seen or process.record))

    return judged


def as_if_moved(rule: Any) -> Any:
    """Ignores whether a ping moves by the gate's clock."""

    def judged(process: Any) -> Any:
        pulse = replace(process.pulse, at_latest=process.observation.at)
        return rule(replace(process, pulses={**process.pulses, process.name: pulse}))

    return judged


def any_other_counts(rule: Any) -> Any:
    def judged(process: Any) -> Any:
        others = [view for view in process.observation.views if view.local and view.member.name != process.name]
        return None if others else rule(process)

    return judged


def unnamed_only(rule: Any) -> Any:
    def judged(situation: Any, serving: Any) -> Any:
        known = situation.policy.before and situation.policy.before.members
        return [found for found in rule(situation, serving) if known[found.members[0]].instance_id is None]

    return judged


def named_only(rule: Any) -> Any:
    def judged(situation: Any, serving: Any) -> Any:
        known = situation.policy.before and situation.policy.before.members
        return [found for found in rule(situation, serving) if known[found.members[0]].instance_id is not None]

    return judged


def without_memory(**forgotten: Any) -> Callable[[Any], Any]:
    """The same function, with these fields of its memory reset."""

    def weaker(function: Any) -> Any:
        def judged(situation: Any, memory: Any, *more: Any) -> Any:
            return function(situation, replace(memory, **forgotten), *more)

        return judged

    return weaker


def same_processes(longer: Any) -> Any:
    def streak(situation: Any, last: Any, targets: Any) -> Any:
        now = longer(situation, None, targets)
        return longer(situation, last and replace(last, processes=now.processes), targets)

    return streak


def another(rule: str) -> Callable[[Any], Any]:
    """Another rule in its place."""
    return lambda _rule: getattr(module("_judgement.rules"), rule)


WEAKER: Mapping[str, Weaker] = {
    "drops the age test": Weaker("_judgement.member_status", "stalled", at_the_reference),
    "drops the test that pings move": Weaker("_judgement.member_status", "stalled", as_if_moved),
    "asks the silent how old a ping is": Weaker("_judgement.member_status", "alone_with_pings", any_other_counts),
    "forgets the old ids of other members": Weaker(
        "_judgement.rules", "targets_were_restarted", under_ids(ids_of_targets)
    ),
    "forgets the old ids that no member answered with": Weaker(
        "_judgement.rules", "targets_were_restarted", under_ids(ids_of_members)
    ),
    "accepts a resumed process": Weaker("_judgement.rules", "targets_were_restarted", under(restart_confirmed=True)),
    "lets the old process live on": Weaker("_judgement.rules", "old_processes_ended", unnamed_only),
    "lets an old process live on that has no name": Weaker("_judgement.rules", "old_processes_ended", named_only),
    "judges one target of a batch only": Weaker(
        "_judgement.rules", "_targets", lambda targets: lambda situation: targets(situation)[:1]
    ),
    "needs one member less": Weaker("_judgement.rules", "enough_serve", one_less),
    "needs one other member less": Weaker("_judgement.rules", "enough_others_serve", one_less),
    "counts a member that gets no traffic": Weaker(
        "_judgement.rules", "enough_others_serve", under(out_of_rotation=frozenset(), keep_out=frozenset())
    ),
    "counts a member that is kept out on purpose": Weaker(
        "_judgement.rules", "enough_serve", under(keep_out=frozenset())
    ),
    "wants a kept out member to be linked": Weaker(
        "_judgement.rules", "serving_are_linked", under(keep_out=frozenset())
    ),
    "wants a target to be linked to a kept out member": Weaker(
        "_judgement.rules", "targets_are_linked", under(keep_out=frozenset())
    ),
    "does not ask whether a kept out member lists a target": Weaker(
        "_judgement.rules", "targets_are_listed", under(keep_out=frozenset())
    ),
    "waits for a readmission": Weaker(
        "_judgement.stability", "_only_readmission_helps", lambda _helps: lambda _situation: False
    ),
    "counts the targets among those who carry the service": Weaker(
        "_judgement.rules", "enough_others_serve", another("enough_serve")
    ),
    "wants the targets to be linked before they go": Weaker(
        "_judgement.rules", "others_are_linked", another("serving_are_linked")
    ),
    "takes any version for the wanted one": Weaker("_judgement.rules", "_wrong_versions", no_code("wrong_version")),
    "takes a cut version for the whole": Weaker("_judgement.rules", "_wrong_versions", no_code("version_unknown")),
    "takes a silent target for a dead one": Weaker(
        "_judgement.unclaimed", "unclaimed_living", lambda _living: lambda *_arguments: ()
    ),
    "takes a target that answers an error for a dead one": Weaker(
        "_judgement.situation",
        "Situation",
        lambda situation: type(
            "Situation",
            (situation,),
            {"is_silent": lambda self, name: self.by_name[name].view.failure is not None},
        ),
    ),
    "takes one missing answer for death": Weaker(
        "_judgement.rules", "_is_surely_down", lambda _down: lambda situation, name: name in situation.down
    ),
    "forgets a bad link at once": Weaker(
        "_judgement.links",
        "links_of",
        lambda links: lambda *arguments, **how: replace(links(*arguments, **how), link_memory=0.0),
    ),
    "lets a streak survive a restart": Weaker("_judgement.stability", "longer", same_processes),
    "counts time that was not watched": Weaker(
        "_judgement.stability", "interval", lambda _interval: lambda _policy, _observation: 1e9
    ),
    "passes what has just come back": Weaker("_judgement.stability", "not_stable", no_code("not_stable")),
    "forgets that a URL leads to several processes": Weaker(
        "_judgement.answerers", "_how_several", lambda _several: lambda *_arguments: None
    ),
    "waits for no ping": Weaker("_judgement.stability", "not_stable", no_code("ping_unconfirmed")),
    "forgives a missing view for ever": Weaker("_judgement.stability", "_forgiven", without_memory(missed=frozenset())),
    "judges microservices": Weaker("_judgement.stability", "unjudgeable_kinds", no_code("microservices")),
    "judges servers before 6": Weaker("_judgement.stability", "unjudgeable_kinds", no_code("unsupported_version")),
    "fails on a single look": Weaker(
        "_judgement.stability", "incurable", lambda _function: lambda _situation, _findings: frozenset()
    ),
    "takes a lost observation for a good one": Weaker(
        "_judgement.judge",
        "_judge_lost",
        lambda lost: lambda reason, policy, memory: lost(reason, policy, replace(memory, lost=False)),
    ),
}


# With one line of a file replaced


@dataclass(frozen=True)
class Line:
    """``old``, which is exactly once in the file, becomes ``new``."""

    file: str
    old: str
    new: str

    def __call__(self) -> None:
        """Raises :class:`ValueError` if the line has changed. A pool would wait for ever after a SystemExit."""
        path = SOURCES.joinpath(*self.file.split(".")).with_suffix(".py")
        times = path.read_text(encoding="utf-8").count(self.old)
        if times != 1:
            raise ValueError(f"{path} has these lines {times} times:\n{self.old}")
        sys.meta_path.insert(0, _Breaker(self))


LINES: Mapping[str, Line] = {
    "passes before it has held": Line("_judgement.stability", "if streak.held >= policy.hold_for:", "if streak:"),
    "does not count a pause that a rate limit enforces": Line(
        "_judgement.stability", "min(gap, max(2 * one, last.pause + one))", "min(gap, 2 * one)"
    ),
    "counts a pause that a rate limit enforces as stable": Line(
        "_judgement.stability",
        "last.seconds + min(gap, 2 * one)",
        "last.seconds + min(gap, last.pause + one)",
    ),
    "holds for time that was not watched": Line(
        "_judgement.stability", "last.held + min(gap, max(2 * one, last.pause + one))", "last.held + gap"
    ),
    "takes the time that a pass must hold for a disturbance": Line(
        "_judgement.judge", "not (outcome is Outcome.PASS or unsettled or", "not (outcome is Outcome.PASS or"
    ),
    "fails although a member may come back in rotation": Line(
        "_judgement.stability", "or len(policy.others_in_rotation) >= policy.needed", ""
    ),
    "fails although a silent target may turn out to be down": Line(
        "_judgement.stability", "return not _targets_may_be_down(situation)", "return True"
    ),
    "trusts lastHeartbeatTime": Line(
        "_cluster.records",
        "return seconds_between(self.updated_at, reference)",
        "return seconds_between(self.updated_at, reference) if self.last_heartbeat is None else 0.0",
    ),
    "counts an expired record": Line(
        "_judgement.member_status", "return state in (State.ALIVE, State.STALLED) or", "return state is not None or"
    ),
    "takes the nodes' clocks for the database's": Line(
        "_cluster.observation",
        "newest(view.own.updated_at for view in self.views if view.own)",
        "newest(view.date for view in self.views if view.own)",
    ),
    "counts two URLs of one process twice": Line(
        "_judgement.member_status",
        "if view.instance_id is None or answering.claims[view.instance_id] == (name,):",
        "if view.instance_id is None or name in answering.claims[view.instance_id]:",
    ),
    "lends its id to a member that it answers for": Line(
        "_judgement.pulses", "if view.own and claims.get(view.own.id) == (view.member.name,)", "if view.own"
    ),
    "takes an earlier id for that of a silent target": Line(
        "_judgement.rules", "ids_tell = known.answered_by is not None", "ids_tell = known.instance_id is not None"
    ),
    "takes an empty before for no old ids": Line(
        "_options.policy", 'if not params["restart_required"]:\n            return None', "return None"
    ),
    "takes a refused before for a passed one": Line(
        "_options.policy", 'if result.get("verdict") != "pass" and not', 'if result.get("verdict") == "fail" and not'
    ),
    "takes any other address for another node's": Line(
        "_judgement.moves", "return self.is_known or self.whose is not None", "return True"
    ),
    "takes the place of another member for a new address": Line(
        "_judgement.moves", "return self.is_known or self.whose is not None", "return self.is_known"
    ),
    "takes a known process at another place for a new one": Line(
        "_judgement.moves", "return self.is_known or self.whose is not None", "return self.whose is not None"
    ),
    "takes the place of a member that has moved itself for its own": Line(
        "_judgement.moves", "if now is None or now == place:", "if place:"
    ),
    "takes a new url of a member that was not deployed": Line(
        "_options.policy",
        "for name, known in before.members.items() if name not in policy.targets}",
        "for name, known in before.members.items() if name in policy.targets}",
    ),
    "takes the before of another cluster": Line("_options.policy", "if elsewhere:", "if not policy.members:"),
    "lets one clock bury the living": Line("_judgement.unclaimed", "for view in pinging or views]", "for view in ()]"),
    "lets a clock that stands still bury the living": Line(
        "_judgement.unclaimed", "for view in pinging or views]", "for view in pinging]"
    ),
    "calls a target ready that has just come back": Line(
        "_judgement.target_status", "if not faults[name] and not lacking(situation, streak)", "if not faults[name]"
    ),
    "calls a target ready that was so once": Line(
        "_judgement.target_status", "    ready = {name for", "    ready = set(memory.ready) | {name for"
    ),
    "calls a target ready of which nothing can be said": Line(
        "_judgement.target_status",
        "return found + unjudgeable_kinds([situation.by_name[name].view], situation.policy)",
        "return found",
    ),
    "calls a target failed on a single look": Line(
        "_judgement.target_status", "confirmed = incurable & memory.incurable", "confirmed = incurable"
    ),
    "lets one failed target end the wait of the others": Line(
        "_judgement.judge", "memory.incurable and not targets.pending:", "memory.incurable:"
    ),
    "passes while a target is pending": Line("_judgement.judge", "if unsettled or targets.pending", "if unsettled"),
    "holds both targets back that are not linked": Line(
        "_judgement.target_status", "    if others & targets:\n        return False\n", ""
    ),
    "holds none of two targets back that are not linked": Line(
        "_judgement.target_status", "free.add(name)", "free.discard(name)"
    ),
    "lets a target that is not ready hold back another": Line(
        "_judgement.target_status",
        "if not faults[name] and name in situation.serving:",
        "if name in situation.serving:",
    ),
    "lets the order of targets displace one that is ready": Line(
        "_judgement.target_status", "first=memory.ready", "first=frozenset()"
    ),
    "gives up on a member while the targets may turn out to be down": Line(
        "_judgement.stability", "+ until_down + (policy.link_memory", "+ (policy.link_memory"
    ),
    "prefers an unlinked target that is kept out": Line(
        "_judgement.target_status", "(target in keep_out, target not in first)", "target not in first"
    ),
    "does not say why members out of rotation do not serve": Line(
        "_judgement.rules",
        "return found and [*(reason for name in away if (reason := situation.by_name[name].why_not)), *found]",
        "return found",
    ),
    "holds a target back for a member that does not serve": Line(
        "_judgement.target_status",
        "return others <= situation.serving or not situation.serving - targets - situation.policy.keep_out",
        "return True",
    ),
    "takes a member that has registered again for one that has no users": Line(
        "_judgement.rules", "if not others - set(situation.policy.targets):", "if not situation.members:"
    ),
    "wants a young member to be linked to a target wherever others are": Line(
        "_judgement.rules", "if not others - set(situation.policy.targets):", "if situation.members:"
    ),
    "takes a kept out member for one that others could go to": Line(
        "_judgement.target_status",
        "situation.serving - targets - situation.policy.keep_out",
        "situation.serving - targets",
    ),
    "hears no member that does not serve": Line(
        "_judgement.target_status",
        "return others <= situation.serving or not situation.serving - targets - situation.policy.keep_out",
        "return others <= situation.serving",
    ),
    "keeps the streak of a target that is not watched": Line(
        "_judgement.judge", "streak=None, target_streaks={}, ready=frozenset()", "streak=None"
    ),
    "gives up on a target because another member cannot be judged": Line(
        "_judgement.judge", "if findings.unjudgeable and not _is_worth_a_wait(findings):", "if findings.unjudgeable:"
    ),
    "waits for targets of a cluster of which nothing can be said": Line(
        "_judgement.judge", "if any(finding.code not in MAY_BECOME_JUDGEABLE for", "if any(False for"
    ),
    "takes a missing view for one that shows all is well": Line(
        "_judgement.stability",
        "return memory.streak, [_view_missing",
        "return longer(situation, memory.streak, ()), [_view_missing",
    ),
    "forgives a member that did not serve just before": Line(
        "_judgement.judge",
        "served=situation.serving.union(*(finding.members for finding in findings.missing_views))",
        "served=situation.serving | (memory.served if findings.missing_views else frozenset())",
    ),
    "ignores a one-way link": Line(
        "_judgement.links", "if ids[b] not in sees[a] or ids[a] not in sees[b]", "if ids[b] not in sees[a] | sees[b]"
    ),
    "knows a process by what its list calls local": Line(
        "_cluster.observation",
        "if self.answered_by is None and self.listing and self.listing.local:",
        "if self.listing and self.listing.local:",
    ),
    "takes a peer's list for that of the member": Line(
        "_judgement.member_status", "if view.is_a_peers:", "if view.is_a_peers and record is None:"
    ),
    "lets a deployment begin on what is ill in one look": Line(
        "_judgement.situation", "return self.ill & self.last.ill", "return self.ill"
    ),
    "takes what is silent for what only a restart cures": Line(
        "_judgement.situation",
        "member.why_not is not None and member.why_not.code.row.ends is Ends.RESTART",
        "member.why_not is not None and member.view.failure is not None",
    ),
    "counts one process that is ill at two URLs twice": Line(
        "_judgement.situation",
        "return identity is not None and self.answering.claims[identity] == (member.name,)",
        "return identity is not None",
    ),
    "counts what is ill and does not say which process it is": Line(
        "_judgement.situation",
        "return identity is not None and self.answering.claims[identity] == (member.name,)",
        "return identity is None or self.answering.claims[identity] == (member.name,)",
    ),
    "takes what is ill and pings no more for what still serves": Line(
        "_judgement.situation",
        "return not records or any(record.is_fresh(self.observation.reference, age) for record in records)",
        "return True",
    ),
    "restarts what is well because others are ill": Line(
        "_judgement.rules",
        "if situation.surely_ill.issuperset(policy.targets) and _serve_but_for_the_ill(situation):",
        "if _serve_but_for_the_ill(situation):",
    ),
    "does not count the ill after a deployment that could begin with them": Line(
        "_judgement.rules", "if policy.before is not None and policy.before.needs_restart:", "if policy.single_view:"
    ),
    "compares the uptime the wrong way": Line(
        "_judgement.statistics", "statistics.uptime_at_most < min(", "statistics.uptime_at_most > min("
    ),
    "takes any uptime for that of a new process": Line(
        "_judgement.statistics",
        "if statistics.uptime_at_most < min(at_least for at_least, _at_most in since):",
        "if True:",
    ),
    "takes an uptime that may be either for that of an old process": Line(
        "_judgement.statistics",
        "return False if statistics.uptime > max(at_most for _at_least, at_most in since) else None",
        "return False",
    ),
    "takes a former process that no member reaches for a dead one": Line(
        "_judgement.rules", "(shown | _pinging_beside(situation.by_name[name], situation))", "shown"
    ),
    "counts the ill on another database": Line(
        "_judgement.rules",
        "for name in situation.surely_ill if _is_listed_by_targets(situation, name)",
        "for name in situation.surely_ill",
    ),
    "trusts the wall clock alone": Line(
        "_judgement.statistics", "known = before.members.get(view.member.name)", "known = None"
    ),
    "never asks for the uptime": Line(
        "_judgement.questions", "return _is_well(target) and not restart_is_proven(", "return False and ("
    ),
    "takes another id for a restart where the header is missing now": Line(
        "_judgement.rules",
        "ids_tell = known.answered_by is not None and target.view.answered_by is not None",
        "ids_tell = known.answered_by is not None",
    ),
    "takes another pod for a new one": Line(
        "_judgement.rules", "    if target.record is None:\n        return False\n    ids_tell", "    ids_tell"
    ),
    "counts a process that answers for a target for another member": Line(
        "_judgement.answerers", "taken_down = policy.targets if policy.phase is Phase.BEFORE else ()", "taken_down = ()"
    ),
    "takes another member's process for the target's own": Line(
        "_judgement.situation",
        "return self.silent | {member.name for member in self.members if member.leads_elsewhere}",
        "return self.silent",
    ),
    "takes a lock of the migrations for a leftover at once": Line(
        "_judgement.rules", "if age is None or age >= LEFTOVER_LOCK:", "if age is None or age >= 0:"
    ),
    "takes a lock of the migrations for a leftover never": Line(
        "_judgement.rules", "if age is None or age >= LEFTOVER_LOCK:", "if age is None:"
    ),
    "asks for the lock of the migrations once": Line(
        "_judgement.questions",
        "return situation.lock is None or situation.observation.at - situation.lock[0] >= LOCK_MEMORY",
        "return situation.lock is None",
    ),
    "takes a single answer for that of a pod that stays": Line(
        "_judgement.member_status", "if answers_for >= needed:", "if answers_for >= 0:"
    ),
    "takes a pod that does not tell for a ready one": Line(
        "_judgement.member_status", "if view.ready is not True:", "if view.ready is False:"
    ),
    "refuses a streak of processes without records": Line(
        "_judgement.memory", "if not pings.keys() <= processes.keys():", "if pings.keys() != processes.keys():"
    ),
    "looks for the records of all that answered": Line(
        "_gate.result",
        "listed = {identity for view in observation.views for identity in view.by_id}",
        "listed = set(observation.ids)",
    ),
    "takes a broker that is down for one over NATS": Line(
        "_judgement.member_status",
        "return STABLE_FOR_NATS if over_tcp and not any(over_tcp) and not otherwise else STABLE_FOR",
        "return STABLE_FOR if any(over_tcp) or otherwise else STABLE_FOR_NATS",
    ),
    "takes a dead process before 6 for a living one": Line(
        "_cluster.records",
        "not_reached = {record.id: replace(record, connected=False, local=False) for record in lacking}",
        "not_reached = {record.id: replace(record, connected=True, local=False) for record in lacking}",
    ),
    "lists an instance twice": Line("_cluster.records", "if record.id in records:", "if not record.id:"),
    "takes a ping for as new as its first sight": Line("_judgement.pulses", "min(now, known.seen_at + by)", "now"),
    "judges no link of a URL with several processes": Line(
        "_judgement.links", "member.identified or len(observation.claimed[own.id]) == 1", "member.identified"
    ),
    "does not tell which members are not linked": Line(
        "_judgement.judge", "found = situation.links.unlinked(situation.serving)", "found = []"
    ),
    "gives up a member whose process answers elsewhere too": Line(
        "_judgement.stability", "isdisjoint({member.name, *names})", "isdisjoint({member.name})"
    ),
}


class _Breaker(MetaPathFinder):
    """Loads the one file with its line replaced."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.name = f"{MODULE_UTILS}.{line.file}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec
        assert spec.origin
        spec.loader = _Broken(self.line, fullname, spec.origin)
        return spec


class _Broken(SourceFileLoader):
    def __init__(self, line: Line, name: str, path: str) -> None:
        super().__init__(name, path)
        self.line = line

    def get_code(self, fullname: str) -> Any:
        """Compile without reading or writing a cache."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def source_to_code(self, data: Any, path: Any, **_how: Any) -> Any:  # type: ignore[override]
        text = bytes(data).decode() if not isinstance(data, str) else data
        return compile(text.replace(self.line.old, self.line.new), path, "exec", dont_inherit=True)


def all_mutants() -> dict[str, Break]:
    return {**without_rules(), **with_other_rows(), **WEAKER, **LINES}


# Detection


def caught_by_unit_tests(name: str) -> str | None:
    """The first failing unit test. The one that failed last time runs first, which saves time."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for test in noticed_last_time(name):
        if failed := first_failure(str(UNIT_TESTS / test))[0]:
            return failed
    for tests in JUDGING:
        failed, status = first_failure(str(UNIT_TESTS / tests))
        if status != pytest.ExitCode.OK:
            return failed  # none if the tests cannot be read, which shows nothing
    return None


def first_failure(*arguments: str) -> tuple[str | None, int]:
    """Run pytest in this process until a test fails; that test, and pytest's exit status."""

    class First:
        failed: str | None = None

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and self.failed is None:
                self.failed = report.nodeid.rpartition("/")[2]

    first = First()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        status = pytest.main(["-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", *arguments], [first])
    return first.failed, status


def noticed_last_time(name: str) -> list[str]:
    """The test in docs/mutants.md, as arguments for pytest; empty for a new mutant."""
    rows = (line.split("|") for line in WRITTEN.read_text(encoding="utf-8").splitlines() if line.startswith("| "))
    named = (row[2].strip().partition("::") for row in rows if row[1].strip() == name)
    return [
        f"{path.relative_to(UNIT_TESTS)}::{test}" for file, _colons, test in named for path in UNIT_TESTS.rglob(file)
    ]


def caught_by_simulation(schedules: int = SCHEDULES) -> str | None:
    """The first fault that a simulated cluster shows."""
    campaign: Any = importlib.import_module(f"{COLLECTION}.tests.simulation.campaign")
    for seed in range(schedules):
        _schedule, tally = campaign.play(seed)
        if tally.faults:
            return f"seed {seed}: {tally.faults[0].strip()}"
    return None


def catch(name: str) -> tuple[str, str | None]:
    """The mutant's name and the test that notices it. Must run in a separate process."""
    forget_collection()
    breaks = all_mutants().get(name)
    forget_collection()  # so that nothing is left that was made from an unchanged row
    if breaks:
        breaks()
    return name, caught_by_unit_tests(name) or caught_by_simulation()


def forget_collection() -> None:
    """Unload the judgement, and the unit tests' modules, which keep the classes that they have imported."""
    for loaded in [loaded for loaded in sys.modules if loaded.startswith((MODULE_UTILS, f"{COLLECTION}.tests.unit"))]:
        del sys.modules[loaded]


def catch_all(names: Iterable[str]) -> dict[str, str | None]:
    context = multiprocessing.get_context("fork")
    with context.Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        return dict(pool.imap(catch, list(names), chunksize=1))


PAGE = """\
# Tests that notice a broken judgement

Written by `make mutants`, which breaks the judgement in {number} ways, one at a time. The second column is the first
unit test that fails, or else the first of {schedules} simulated clusters that shows a fault.

| a judgement that …{pad} | is noticed by
| {line} | ---
{rows}
"""


def page(caught: Mapping[str, str | None]) -> str:
    width = max(map(len, caught))
    rows = "\n".join(f"| {name:{width}} | {how or 'NOTHING'}" for name, how in caught.items())
    pad = " " * (width - len("a judgement that …"))
    return PAGE.format(number=len(caught), schedules=SCHEDULES, pad=pad, line="-" * width, rows=rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    caught = catch_all(parser.parse_args().names or all_mutants())
    print(page(caught), end="")
    return 0 if all(caught.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
