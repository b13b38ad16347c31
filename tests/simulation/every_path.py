# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path of a roll of a small cluster: ``python -m …tests.simulation.every_path``.

The decisions are pure and their state is small, so all states are explored: each member serving, ill, ill in a way that
only a restart cures, silent, just started or refusing the credentials; linked or not, in rotation or not, kept out or
not, with the old or the new version; each outcome of each hook on each host and of each gate; another member that dies
during a hook; an interruption before and after every step; and further runs of the same command, or with other options.
The gates are ideal: they report the truth about the cluster, or nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path as File
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import (
    Ask,
    End,
    Leave,
    Run,
    Step,
    after_gate,
    after_hook,
    before_hook,
    next_step,
    put_back,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, Stage, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OLD, NEW = "7.10.0", "7.11.0"
WELL, YOUNG, ILL, SILENT, UNHEARD = "well", "young", "ill", "silent", "unheard"
BROKEN = "broken"  # only a restart cures it, but it still serves its users
CODES = {YOUNG: "too_young", ILL: "stalled", SILENT: "unreachable", UNHEARD: "unauthorized", BROKEN: "broker_down"}


@dataclass(frozen=True)
class Node:
    """The truth about a member. ``process`` is another number after each restart, modulo 3."""

    health: str = WELL
    version: str = OLD
    rotation: bool = True
    process: int = 0
    # The member that it is not linked to, until one of the two is restarted.
    apart: str | None = None

    @property
    def carries(self) -> bool:
        """Whether it serves users."""
        return self.rotation and self.health in (WELL, BROKEN)

    def restarted(self, *, health: str = YOUNG, version: str = NEW, apart: str | None = None) -> Node:
        return replace(self, health=health, version=version, process=(self.process + 1) % 3, apart=apart)


World = tuple[Node, ...]


class _Members(dict[str, Glimpse]):
    """Never changed, so that it can be part of a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


START = State(seen=Seen("refused", "", _Members()))


@dataclass(frozen=True)
class Scope:
    """An exploration. ``min_serving`` None is the default: all others. ``later``: the plans of further runs."""

    plan: Plan
    later: tuple[Plan, ...] = ()
    min_serving: int | None = None
    runs: int = 2
    healths: tuple[str, ...] = (WELL, ILL, SILENT)
    # Whether the initial members differ in more than their health.
    versions: tuple[str, ...] = (OLD, NEW)
    rotations: tuple[bool, ...] = (True, False)
    # The largest number of hosts on which a hook ends in another way than on the rest.
    faults: int | None = None

    def in_run(self, left: int) -> Scope:
        """The scope with the plan of the run with ``left`` runs left, this one included."""
        number = self.runs - left
        return replace(self, plan=self.later[number - 1], later=()) if self.later and number else self

    def worlds(self) -> Iterator[World]:
        nodes = [Node(*each) for each in product(self.healths, self.versions, self.rotations)]
        for world in product(nodes, repeat=len(self.plan.members)):
            if all(node.rotation or name not in self.plan.in_rotation for name, node in zip(self.plan.members, world)):
                yield world

    def needed(self, others: list[str]) -> int:
        """The number of other members that must serve."""
        if self.min_serving is not None:
            return self.min_serving
        return len([name for name in others if name not in self.plan.keep_out]) or 1


@dataclass(frozen=True)
class Path:
    """A state of the exploration: the truth, what the run knows, and the excuses so far in this run."""

    world: World
    state: State
    runs: int
    # Members whose readmission was prevented: their hook failed, Ansible lost them, they are not linked, or the last
    # gate gave no result.
    excused: frozenset[str] = frozenset()


Recovered = set[tuple[Plan, World]]  # those from which a run without faults was tried


@dataclass
class Explored:
    states: int = 0
    ends: int = 0
    recoveries: int = 0
    violation: list[str] = field(default_factory=list)


class Violation(Exception):  # noqa: N818
    """An invariant does not hold."""


def explore(scope: Scope, *, limit: int | None = None) -> Explored:
    """Visit every reachable state once. Stops at the first violation, with the steps that lead to it."""
    explored = Explored()
    came_from: dict[Path, tuple[Path, str] | None] = {}
    queue: deque[Path] = deque()
    for world in scope.worlds():
        first = Path(world, START, scope.runs)
        came_from[first] = None
        queue.append(first)
    recovered: Recovered = set()
    while queue and (limit is None or explored.states < limit):
        path = queue.popleft()
        explored.states += 1
        try:
            for label, following in _onward(scope, path, explored, recovered):
                if following not in came_from:
                    came_from[following] = (path, label)
                    queue.append(following)
        except Violation as violation:
            explored.violation = [*_way(came_from, path), str(violation)]
            return explored
    return explored


def _way(came_from: dict[Path, tuple[Path, str] | None], path: Path) -> list[str]:
    lines = [f"    {_shown(path.world)}"]
    step = came_from[path]
    while step is not None:
        path, label = step
        lines += [f"{label}", f"    {_shown(path.world)}"]
        step = came_from[path]
    return lines[::-1]


def _shown(world: World) -> str:
    return ", ".join(
        f"rc{number} {node.health} {node.version}{'' if node.rotation else ' out'}"
        f"{f' (not linked with {node.apart})' if node.apart else ''}"
        for number, node in enumerate(world, 1)
    )


# One step


def _onward(scope: Scope, path: Path, explored: Explored, recovered: Recovered) -> Iterator[tuple[str, Path]]:
    scope = scope.in_run(path.runs)
    plan, state = scope.plan, path.state
    step = next_step(plan, state)
    yield from _interrupted(scope, path, explored, recovered)
    if isinstance(step, End):
        explored.ends += 1
        _check_end(scope, path, step)
        return
    if isinstance(step, Leave):
        # Each host gets one more try.
        again = replace(path, state=put_back(state, None, ended=False), excused=path.excused - state.lost)
        yield "the next play", again
        return
    if isinstance(step, Ask):
        for label, world, seen in _answers(scope, path.world, state, step):
            excused = path.excused
            if seen.verdict == "refused":
                excused = frozenset(plan.hosts)
            elif seen.members:
                excused = (excused & state.lost).union(*seen.unlinked)
            yield (
                f"{step.stage.value} {_names(step.targets)}: {label}",
                replace(path, world=world, state=after_gate(plan, state, step, seen), excused=excused),
            )
        return
    _check_start(scope, path, step)
    started = before_hook(plan, state, step)
    for outcome, world, finished, lost in _outcomes(scope, path.world, step):
        failed = frozenset(step.hosts) - finished
        excused = path.excused | lost | (failed if step.hook is Hook.READMIT else frozenset())
        label = f"{step.hook.value} {_names(step.hosts)}: {outcome}"
        after = after_hook(started, step, finished=finished, lost=lost)
        yield label, replace(path, world=world, state=after, excused=excused)
        if path.runs > 1:  # interrupted during the hook
            yield f"{label}, interrupted", Path(world, START, path.runs - 1)


def _interrupted(scope: Scope, path: Path, explored: Explored, recovered: Recovered) -> Iterator[tuple[str, Path]]:
    """Run the command again, at once or after starting and ill members have recovered."""
    if (scope.plan, path.world) not in recovered:
        recovered.add((scope.plan, path.world))
        explored.recoveries += 1
        _check_recovery(scope, path.world)
    if path.runs > 1 and path.state.stage is not Stage.START:
        yield "interrupted", Path(path.world, START, path.runs - 1)
        up = tuple(replace(node, health=WELL) for node in path.world)
        yield "interrupted, all recover", Path(up, START, path.runs - 1)


def _names(numbers: Iterable[str]) -> str:
    return ", ".join(numbers)


# Results of gates


def _answers(scope: Scope, world: World, state: State, ask: Ask) -> Iterator[tuple[str, World, Seen]]:
    yield "killed", world, Seen("refused", "killed", _Members())
    if ask.stage in (Stage.BEFORE, Stage.RECHECK):
        begun = world
        world = tuple(
            replace(node, health=WELL) if node.health is YOUNG and name not in ask.targets else node
            for name, node in zip(scope.plan.members, world)
        )
        at_once = _may_go(scope, begun, ask.targets, ask.out_of_rotation)
        world = begun if at_once else world
        verdict = "pass" if at_once or _may_go(scope, world, ask.targets, ask.out_of_rotation) else "wait"
        yield verdict, world, _seen(scope, world, verdict)
        yield "fail", begun, _seen(scope, begun, "fail")  # at once, such as for a downgrade
        return
    if ask.stage in (Stage.LOOK, Stage.REVIEW):
        verdict = "pass" if all(node.health is WELL for node in world) and not _unlinked(scope, world) else "wait"
        yield verdict, world, _seen(scope, world, verdict)
        if ask.stage is Stage.LOOK:
            yield "inconclusive", world, _seen(scope, world, "inconclusive")
        return
    begun, world = world, tuple(replace(node, health=WELL) if node.health is YOUNG else node for node in world)
    if ask.stage in (Stage.SETTLE, Stage.RECOVER):
        apart = _cut_off(scope, world)
        ready = frozenset(n for n in ask.targets if world[_number(scope, n)].health is WELL and n not in apart)
        verdict = "pass" if len(ready) == len(ask.targets) else "wait"
        yield verdict, world, replace(_seen(scope, world, verdict), ready=ready)
    elif ask.stage is Stage.AFTER:
        yield from _after(scope, world, state, ask)
        names = zip(scope.plan.members, begun, world)
        earlier = tuple(grown if name in ask.targets else node for name, node, grown in names)
        if earlier != world:  # the targets were ready before the others
            yield from _after(scope, earlier, state, ask)
    else:
        right = all(node.health is WELL and ask.expected_version in (None, node.version) for node in world)
        passed = right and not _cut_off(scope, world) - scope.plan.keep_out
        verdict = "pass" if passed else "wait"
        yield verdict, world, _seen(scope, world, verdict)


def _after(scope: Scope, world: World, state: State, ask: Ask) -> Iterator[tuple[str, World, Seen]]:
    nodes = dict(zip(scope.plan.members, world))
    codes: dict[str, set[str]] = {}
    for name in ask.targets:
        node, was = nodes[name], state.was[state.batch.index(name)]
        if node.health in (WELL, ILL, BROKEN) and str(node.process) == was.instance_id:
            codes.setdefault(name, set()).add("not_restarted")
        elif node.health in (WELL, ILL, BROKEN) and ask.expected_version not in (None, node.version):
            codes.setdefault(name, set()).add("wrong_version")
    apart = _cut_off(scope, world)
    ready = frozenset(
        name for name in ask.targets if nodes[name].health is WELL and name not in codes and name not in apart
    )
    verdict = "pass" if len(ready) == len(ask.targets) else "fail" if codes else "wait"
    seen = replace(_seen(scope, world, verdict, codes), ready=ready)
    yield verdict, world, seen
    if len(ask.targets) > 1:
        for name in sorted(ready - ask.ready):
            yield f"{name} ready", world, replace(seen, verdict="wait", ready=ask.ready | {name}, early=True)


def _seen(scope: Scope, world: World, verdict: str, codes: dict[str, set[str]] | None = None) -> Seen:
    members = _Members()
    for name, node in zip(scope.plan.members, world):
        found = set((codes or {}).get(name, ())) | ({CODES[node.health]} if node.health in CODES else set())
        known = node.health not in (SILENT, UNHEARD)
        members[name] = Glimpse(
            serving=node.health is WELL,
            instance_id=str(node.process) if known else None,
            version=node.version if known else None,
            codes=frozenset(found),
            needs_restart=node.health is BROKEN,
        )
    return Seen(verdict, verdict, members, unlinked=_unlinked(scope, world))


def _unlinked(scope: Scope, world: World) -> frozenset[tuple[str, str]]:
    well = {name: node for name, node in zip(scope.plan.members, world) if node.health is WELL}
    return frozenset((name, node.apart) for name, node in well.items() if node.apart in well and node.apart)


def _cut_off(scope: Scope, world: World) -> set[str]:
    """Members that are not linked to one that the user does not keep out."""
    pairs = (set(names) for names in _unlinked(scope, world))
    return {name for names in pairs for name in names if names - {name} - scope.plan.keep_out}


def _number(scope: Scope, name: str) -> int:
    return scope.plan.members.index(name)


def _may_go(scope: Scope, world: World, targets: tuple[str, ...], out: frozenset[str]) -> bool:
    """The result of the gate before a deployment, for the members that it is told are in rotation."""
    nodes = dict(zip(scope.plan.members, world))
    others = [name for name in scope.plan.members if name not in targets]
    if all(nodes[name].health is SILENT for name in targets) and BROKEN not in {nodes[name].health for name in others}:
        return True
    if not others:
        return nodes[targets[0]].health is not UNHEARD
    serving = {name for name in others if nodes[name].health is WELL and name not in out}
    linked = not any(serving.issuperset(names) for names in _unlinked(scope, world))
    counted = {name for name in others if nodes[name].health in _may_count(nodes, targets) and name not in out}
    return linked and len(counted) >= scope.needed(others)


def _may_count(nodes: Mapping[str, Node], targets: Iterable[str]) -> tuple[str, ...]:
    """The healths that count as serving when these targets are taken down: better ones, or the same illness."""
    return (WELL, BROKEN) if all(nodes[name].health is BROKEN for name in targets) else (WELL,)


# Effects of hooks


def _outcomes(scope: Scope, world: World, run: Run) -> Iterator[tuple[str, World, frozenset[str], frozenset[str]]]:
    """Each outcome: its name, the truth after it, the hosts that finished and those that Ansible has lost."""
    each = {Hook.DRAIN: _drain, Hook.DEPLOY: _deploy, Hook.READMIT: _readmit}.get(run.hook, _nothing)
    possible = [list(each(world[_number(scope, name)])) for name in run.hosts]
    if run.hook is Hook.DEPLOY:
        for name, ways in zip(run.hosts, possible):
            ways.extend(_apart(scope, world, name))
            if BROKEN in scope.healths:
                ways.append(("broken", world[_number(scope, name)].restarted(health=BROKEN), "finished"))
    for chosen in product(*possible):
        if scope.faults is not None and sum(one is not ways[0] for one, ways in zip(chosen, possible)) > scope.faults:
            continue
        after, finished, lost, labels = list(world), set(), set(), []
        for name, (label, node, end) in zip(run.hosts, chosen):
            after[_number(scope, name)] = _drained_by(run, scope.plan, world[_number(scope, name)], node)
            labels.append(label)
            if end == "finished":
                finished.add(name)
            elif end == "lost":
                lost.add(name)
        yield " / ".join(labels), _relinked(scope, world, after), frozenset(finished), frozenset(lost)
    done = [
        _drained_by(run, scope.plan, world[_number(scope, name)], ways[0][1]) for name, ways in zip(run.hosts, possible)
    ]
    yield from _deaths(scope, world, run, done)
    if run.hook is Hook.DEPLOY and len(world) > len(run.hosts):
        # A hook that deploys all members: the others restart with the new version too.
        everywhere = tuple(node.restarted() for node in world)
        yield "deploys to all members", everywhere, frozenset(run.hosts), frozenset()


def _drained_by(run: Run, plan: Plan, was: Node, now: Node) -> Node:
    """With a readmit hook but no drain hook, the deployment takes the node out of rotation."""
    drains = run.hook is Hook.DEPLOY and plan.rotates and Hook.DRAIN not in plan.hooks
    return replace(now, rotation=False) if drains and now.process != was.process else now


def _deaths(
    scope: Scope, world: World, run: Run, done: Iterable[Node]
) -> Iterator[tuple[str, World, frozenset[str], frozenset[str]]]:
    """The hook finishes on all hosts, while one of the other members dies."""
    after = {**dict(zip(scope.plan.members, world)), **dict(zip(run.hosts, done))}
    for name, node in after.items():
        if name not in run.hosts and node.health is WELL:
            truth = {**after, name: replace(node, health=SILENT)}
            yield f"done, and {name} died", _relinked(scope, world, truth.values()), frozenset(run.hosts), frozenset()


def _relinked(scope: Scope, world: World, after: Iterable[Node]) -> World:
    """Link a pair again when either of the two is restarted."""
    after = tuple(after)
    new = {name for name, was, now in zip(scope.plan.members, world, after) if was.process != now.process}
    return tuple(
        replace(now, apart=None) if was.apart == now.apart and now.apart in new else now
        for was, now in zip(world, after)
    )


Outcome = tuple[str, Node, str]


def _drain(node: Node) -> Iterator[Outcome]:
    out = replace(node, rotation=False)
    yield "done", out, "finished"
    yield "failed at once", node, "failed"
    yield "failed late", out, "failed"
    yield "lost", out, "lost"
    yield "done, and it died", replace(out, health=SILENT), "finished"
    if node.health is WELL:
        yield "done, and it refuses the credentials", replace(out, health=UNHEARD), "finished"


def _deploy(node: Node) -> Iterator[Outcome]:
    yield "done", node.restarted(), "finished"
    yield "did nothing", node, "finished"
    yield "another build", node.restarted(version=OLD), "finished"
    yield "does not start", node.restarted(health=SILENT), "finished"
    yield "ill", node.restarted(health=ILL), "finished"
    yield "refuses the credentials", node.restarted(health=UNHEARD), "finished"
    yield "failed at once", node, "failed"
    yield "failed late", node.restarted(health=SILENT), "failed"
    yield "lost", node.restarted(), "lost"


def _apart(scope: Scope, world: World, name: str) -> Iterator[Outcome]:
    """The node comes back without a link to the first of the others."""
    node = world[_number(scope, name)]
    others = [other for other in scope.plan.members if other != name]
    if others:
        yield f"not linked with {others[0]}", node.restarted(apart=others[0]), "finished"


def _readmit(node: Node) -> Iterator[Outcome]:
    yield "done", replace(node, rotation=True), "finished"
    yield "failed", node, "failed"
    yield "lost", node, "lost"


def _nothing(node: Node) -> Iterator[Outcome]:
    yield "done", node, "finished"
    yield "failed", node, "failed"


# Invariants


def _check_start(scope: Scope, path: Path, run: Run) -> None:
    """Before a hook that takes nodes down, enough other members serve."""
    nodes = dict(zip(scope.plan.members, path.world))
    if run.hook is Hook.READMIT:
        _check_readmission(scope, path, run)
    if run.hook not in (Hook.DRAIN, Hook.DEPLOY):
        return
    _check_gate(scope, path, run)
    if not any(nodes[name].carries for name in run.hosts):
        return
    others = [name for name in scope.plan.members if name not in path.state.batch]
    healths = _may_count(nodes, run.hosts)
    carry = sum(nodes[name].carries and nodes[name].health in healths for name in others)
    needed = scope.needed(others)
    if others and carry < needed:
        raise Violation(
            f"{run.hook.value} {_names(run.hosts)}: {carry} of the others carry the service, {needed} needed"
        )


def _check_gate(scope: Scope, path: Path, run: Run) -> None:
    """The previous step was a gate that passed without these members, and only one node migrates the database."""
    state, plan = path.state, scope.plan
    if state.stage not in (Stage.BEFORE, Stage.RECHECK) or state.seen.verdict != "pass" or state.reasons:
        raise Violation(f"{run.hook.value} {_names(run.hosts)}: not after a gate that has passed")
    proven = any(node.health is WELL and node.version == NEW for node in path.world)
    if run.hook is Hook.DEPLOY and len(run.hosts) > 1 and plan.expected_version and not proven:
        raise Violation(f"deploy {_names(run.hosts)}: together, and no member serves with the new version")


def _check_readmission(scope: Scope, path: Path, run: Run) -> None:
    """A process that this run has started was seen by a gate, and is linked to the members in rotation."""
    state, nodes = path.state, dict(zip(scope.plan.members, path.world))
    for name in set(run.hosts) & state.begun:
        if nodes[name].health is BROKEN:
            raise Violation(f"{name} is readmitted, and its deployment has left it ill")
        seen = state.seen.members.get(name)
        if seen is None or seen.instance_id != str(nodes[name].process):
            raise Violation(f"{name} is readmitted, and no gate has seen its process")
    was = {name: glimpse.instance_id for name, glimpse in zip(state.batch, state.was)}
    for name, other in _unlinked(scope, path.world):
        if name in run.hosts and other in state.admitted and was.get(name) not in (None, str(nodes[name].process)):
            raise Violation(f"{name} is readmitted, and not linked with {other}, which is in rotation")


def _check_end(scope: Scope, path: Path, end: End) -> None:
    plan = scope.plan
    for name, node in zip(plan.members, path.world):
        if name in plan.keep_out:
            if node.rotation and name in path.state.admitted:
                raise Violation(f"{name} is kept out, and was readmitted")
        elif name in plan.hosts and plan.rotates and not node.rotation:
            _check_out(scope, path, end, name)
    left = {name for name, node in zip(plan.members, path.world) if name in plan.hosts and node.version != NEW}
    if plan.expected_version is None:
        return
    if (end.failed or plan.batches is not None) and not left.issubset(end.todo):
        raise Violation(f"{_names(sorted(left))} run the old version, and the end names only {_names(end.todo)} to do")
    if left and not end.failed and plan.batches is None:
        raise Violation(f"the end is a success, but {_names(sorted(left))} run the old version")


def _check_out(scope: Scope, path: Path, end: End, name: str) -> None:
    """A member that is out of rotation at the end of the roll is named, and there is a reason."""
    state, node = path.state, path.world[_number(scope, name)]
    if name not in end.out:
        raise Violation(f"{name} is out of rotation, and the end does not name it")
    if name in path.excused or any(name in names for names in _unlinked(scope, path.world)):
        return
    if node.health is BROKEN and name not in state.begun:
        raise Violation(f"{name} still serves as before, and is out of rotation at the end")
    if node.health is WELL and (name not in state.begun or node.version == NEW):
        raise Violation(f"{name} is well, and out of rotation at the end")
    if node.health is YOUNG and name not in state.deployed:
        raise Violation(f"{name} only needs time, and is out of rotation at the end")
    was = dict(zip(state.batch, state.was)).get(name)
    if node.health is UNHEARD and was and was.healthy and name not in state.begun:
        raise Violation(f"{name} was only drained, and is out of rotation at the end")


def _is_curable(scope: Scope, world: World) -> bool:
    """Whether a run without faults can repair this cluster, because the gates allow it."""
    plan = scope.plan
    if len(plan.hosts) < len(plan.members) or any(node.health is UNHEARD for node in world):
        return False  # a restart does not change that a member refuses the credentials
    ill = sum(node.health is ILL or node.apart is not None for node in world)
    if ill > 1:
        return False
    if any(node.health is BROKEN for node in world) and (ill or any(node.health is SILENT for node in world)):
        return False  # no list shows that a silent member is down, and too few others serve
    if len(world) == 1:
        return True
    return len(world) - len(plan.keep_out) >= 2  # else all others are kept out, and no member may be taken down


def _check_recovery(scope: Scope, world: World) -> None:
    """A run without further faults ends with all members in rotation and with the new version."""
    if not _is_curable(scope, world):
        return
    plan, state = scope.plan, START
    for _turn in range(200):
        step: Step = next_step(plan, state)
        if isinstance(step, End):
            break
        if isinstance(step, Ask):
            _label, world, seen = list(_answers(scope, world, state, step))[1]
            state = after_gate(plan, state, step, seen)
        elif isinstance(step, Run):
            _label, world, finished, lost = next(_outcomes(scope, world, step))
            state = after_hook(before_hook(plan, state, step), step, finished=finished, lost=lost)
    else:
        raise Violation("a run in which nothing goes wrong does not end")
    assert isinstance(step, End)
    if plan.batches is None and step.failed:
        raise Violation(f"a run in which nothing goes wrong fails: {'; '.join(step.reasons)}")
    if plan.rotates:
        named = plan.keep_out | set(step.out if plan.batches else ())
        out = [name for name, node in zip(plan.members, world) if not node.rotation and name not in named]
        if out:
            raise Violation(f"after a run in which nothing went wrong {_names(out)} are out of rotation")


# The scopes


def _plan(size: int, **options: object) -> Plan:
    names = tuple(f"rc{number}" for number in range(1, size + 1))
    defaults: dict[str, object] = {"hosts": names, "hooks": frozenset({Hook.DRAIN, Hook.DEPLOY, Hook.READMIT})}
    return Plan(members=names, **{**defaults, "expected_version": NEW, **options})  # type: ignore[arg-type]


EVERY_HOOK = frozenset(Hook)
WITHOUT_DRAIN = frozenset({Hook.DEPLOY, Hook.READMIT})
SCOPES = {
    "one node": Scope(_plan(1), runs=3),
    "one node, every hook": Scope(_plan(1, hooks=EVERY_HOOK), runs=2),
    "two nodes": Scope(_plan(2), runs=3),
    "two nodes, every hook": Scope(_plan(2, hooks=EVERY_HOOK), runs=1),
    "two nodes, one kept out": Scope(_plan(2, keep_out=frozenset({"rc2"}))),
    "two nodes, one kept out in the first run": Scope(_plan(2, keep_out=frozenset({"rc2"})), later=(_plan(2),)),
    "two nodes, one kept out in the second run": Scope(_plan(2), later=(_plan(2, keep_out=frozenset({"rc2"})),)),
    "two nodes, one outside the play": Scope(_plan(2, hosts=("rc1",))),
    "two nodes, one outside the play and in rotation": Scope(_plan(2, hosts=("rc1",), in_rotation=frozenset({"rc2"}))),
    "two nodes, one outside the first play": Scope(_plan(2, hosts=("rc1",)), later=(_plan(2),)),
    "two nodes without a load balancer": Scope(_plan(2, hooks=frozenset({Hook.DEPLOY})), rotations=(True,)),
    "two nodes whose deployments drain": Scope(_plan(2, hooks=WITHOUT_DRAIN)),
    "two nodes, no version expected": Scope(_plan(2, expected_version=None)),
    "two nodes, a batch at a time": Scope(_plan(2, batches=1, soak=60.0)),
    "two nodes, none has to serve": Scope(_plan(2), min_serving=0, runs=1, healths=(WELL, YOUNG, SILENT)),
    "two nodes, none has to serve, a batch at a time": Scope(_plan(2, batches=1), min_serving=0, healths=(WELL, YOUNG)),
    "two nodes that only a restart cures": Scope(_plan(2), healths=(WELL, BROKEN)),
    "three nodes that only a restart cures": Scope(_plan(3), runs=1, healths=(BROKEN,), versions=(OLD,)),
    "three nodes, some that only a restart cures": Scope(_plan(3), healths=(WELL, BROKEN), runs=1),
    "two nodes, one refuses the credentials": Scope(_plan(2), healths=(WELL, UNHEARD)),
    "three nodes, one kept out": Scope(_plan(3, keep_out=frozenset({"rc2"})), runs=1),
    "three nodes": Scope(_plan(3), runs=2),
    "three nodes, two at a time": Scope(_plan(3, serial=(2,)), min_serving=1, runs=1),
    "three nodes that serve, two at a time": Scope(
        _plan(3, serial=(2,)), min_serving=1, runs=1, healths=(WELL,), rotations=(True,)
    ),
    "four nodes that serve, three at a time": Scope(
        _plan(4, serial=(3,)), min_serving=1, runs=1, healths=(WELL,), rotations=(True,), faults=1
    ),
}


PAGE = """\
# Every path of a roll

Written by `make every-path`, which follows the decisions of a roll on every path of small clusters with ideal gates. A
state is the truth about each member together with what the run knows. An end is a state in which the roll is over. A
recovery is a further run of the same command without new faults.

The following is true in each state; otherwise the exploration stops and shows the steps that lead to it:

- A drain or a deployment follows directly after a gate that has passed, and enough other members serve in rotation.
  Members are deployed together only after one serves with the new version.
- At the end, each healthy member is in rotation. So is each member that was only drained, and each that only a restart
  cures and whose deployment was not begun. No member that has just started is out of rotation, unless the gate after
  its deployment has waited for it. Exceptions: its readmit hook failed, Ansible lost its host, it is not linked, or the
  last gate was killed. The end names all other members.
- Members that only a restart cures count as serving if all members that are taken down have the same fault.
- A member in keep_out is never readmitted. A restarted member is readmitted only after a gate has seen it, and only if
  it is linked to the members in rotation.
- After a success every host of the play runs the expected version; otherwise the end names each host that does not.
- A recovery ends as a success, with every member in rotation.

| scope{pad} | runs | states | ends | recoveries | violations
| {line} | ---: | ---: | ---: | ---: | ---:
{rows}
"""


def page(all_explored: Mapping[str, Explored]) -> str:
    width = max(map(len, all_explored))
    rows = [
        f"| {name:{width}} | {SCOPES[name].runs} | {one.states:,} | {one.ends:,} | {one.recoveries:,} | "
        f"{int(bool(one.violation))}"
        for name, one in all_explored.items()
    ]
    return PAGE.format(pad=" " * (width - len("scope")), line="-" * width, rows="\n".join(rows))


def main() -> int:
    parser = argparse.ArgumentParser(prog="every_path", description=__doc__)
    parser.add_argument("scopes", nargs="*", metavar="SCOPE", help="these only")
    parser.add_argument("--limit", type=int, help="largest number of states of each scope")
    parser.add_argument("--write", type=File, metavar="FILE", help="write a page with all scopes")
    arguments = parser.parse_args()
    if arguments.write and (arguments.scopes or arguments.limit):
        parser.error("--write needs all scopes, and no --limit")
    all_explored = {}
    for name in arguments.scopes or SCOPES:
        began = time.monotonic()
        explored = all_explored[name] = explore(SCOPES[name], limit=arguments.limit)
        took = time.monotonic() - began
        print(f"{name}: {explored.states} states, {explored.ends} ends, {explored.recoveries} recoveries, {took:.1f} s")
        for line in explored.violation:
            print(f"  {line}")
    if arguments.write:
        arguments.write.write_text(page(all_explored), encoding="utf-8")
    return int(any(explored.violation for explored in all_explored.values()))


if __name__ == "__main__":
    sys.exit(main())
