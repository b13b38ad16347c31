# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path of a roll of a small cluster: ``python -m …tests.simulation.every_path``.

The decisions are pure and their state is small, so all of it is explored: each member serving, ill, silent or just
started, in rotation or not, kept out or not, of the old or the new version; each outcome of each hook on each host and
of each gate; an interruption before and after every step; and further runs of the same command. The gates are ideal
here: they say what is true of the cluster, or nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import (
    Ask,
    End,
    Run,
    Step,
    after_gate,
    after_hook,
    before_hook,
    next_step,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, Stage, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OLD, NEW = "7.10.0", "7.11.0"
WELL, YOUNG, ILL, SILENT = "well", "young", "ill", "silent"
CODES = {YOUNG: "too_young", ILL: "stalled", SILENT: "unreachable"}


@dataclass(frozen=True)
class Node:
    """The truth about a member. ``process`` is another number after each restart, modulo 3."""

    health: str = WELL
    version: str = OLD
    rotation: bool = True
    process: int = 0

    @property
    def carries(self) -> bool:
        """Users are served by it."""
        return self.rotation and self.health is WELL

    def restarted(self, *, health: str = YOUNG, version: str = NEW) -> Node:
        return replace(self, health=health, version=version, process=(self.process + 1) % 3)


World = tuple[Node, ...]


class _Members(dict[str, Glimpse]):
    """Never changed, so that what holds it can be a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


START = State(seen=Seen("refused", "", _Members()))


@dataclass(frozen=True)
class Scope:
    """What is explored. ``min_serving`` none is the default: all others."""

    plan: Plan
    min_serving: int | None = None
    runs: int = 2
    healths: tuple[str, ...] = (WELL, ILL, SILENT)
    # Whether the initial members differ in more than their health.
    versions: tuple[str, ...] = (OLD, NEW)
    rotations: tuple[bool, ...] = (True, False)

    def worlds(self) -> Iterator[World]:
        nodes = [Node(*each) for each in product(self.healths, self.versions, self.rotations)]
        for world in product(nodes, repeat=len(self.plan.members)):
            if all(node.rotation or name not in self.plan.in_rotation for name, node in zip(self.plan.members, world)):
                yield world

    def needed(self, others: list[str]) -> int:
        """How many of the other members have to carry the service."""
        if self.min_serving is not None:
            return self.min_serving
        return len([name for name in others if name not in self.plan.keep_out]) or 1


@dataclass(frozen=True)
class Path:
    """A place in the exploration: the truth, what the run knows, and what has excused it so far in this run."""

    world: World
    state: State
    runs: int
    # Members whose readmission was prevented: their hook failed, Ansible lost them, or no gate said anything since.
    excused: frozenset[str] = frozenset()


@dataclass
class Explored:
    states: int = 0
    ends: int = 0
    recoveries: int = 0
    violation: list[str] = field(default_factory=list)


class Violation(Exception):  # noqa: N818
    """An invariant does not hold."""


def explore(scope: Scope, *, limit: int | None = None) -> Explored:
    """Visit every reachable place once. Stops at the first violation, with the way to it step by step."""
    explored = Explored()
    came_from: dict[Path, tuple[Path, str] | None] = {}
    queue: deque[Path] = deque()
    for world in scope.worlds():
        first = Path(world, START, scope.runs)
        came_from[first] = None
        queue.append(first)
    recovered: set[World] = set()
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
        for number, node in enumerate(world, 1)
    )


# One step


def _onward(scope: Scope, path: Path, explored: Explored, recovered: set[World]) -> Iterator[tuple[str, Path]]:
    plan, state = scope.plan, path.state
    step = next_step(plan, state)
    yield from _interrupted(scope, path, explored, recovered)
    if isinstance(step, End):
        explored.ends += 1
        _check_end(scope, path, step)
        return
    if isinstance(step, Ask):
        for label, world, seen in _answers(scope, path.world, state, step):
            excused = path.excused
            if seen.verdict == "refused":
                excused = frozenset(plan.hosts)
            elif seen.members:
                excused &= state.lost
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
        if path.runs > 1:  # interrupted in the middle of it
            yield f"{label}, interrupted", Path(world, START, path.runs - 1)


def _interrupted(scope: Scope, path: Path, explored: Explored, recovered: set[World]) -> Iterator[tuple[str, Path]]:
    """The command is given again, at once or when those that were starting or ill have recovered."""
    if path.world not in recovered:
        recovered.add(path.world)
        explored.recoveries += 1
        _check_recovery(scope, path.world)
    if path.runs > 1 and path.state.stage is not Stage.START:
        yield "interrupted", Path(path.world, START, path.runs - 1)
        up = tuple(replace(node, health=WELL) for node in path.world)
        yield "interrupted, all recover", Path(up, START, path.runs - 1)


def _names(numbers: Iterable[str]) -> str:
    return ", ".join(numbers)


# What a gate says of the truth


def _answers(scope: Scope, world: World, state: State, ask: Ask) -> Iterator[tuple[str, World, Seen]]:
    yield "killed", world, Seen("refused", "killed", _Members())
    if ask.stage in (Stage.BEFORE, Stage.RECHECK):
        world = tuple(
            replace(node, health=WELL) if node.health is YOUNG and name not in ask.targets else node
            for name, node in zip(scope.plan.members, world)
        )
        passed = _may_go(scope, world, ask.targets, ask.out_of_rotation)
        verdict = "pass" if passed else "wait"
        yield verdict, world, _seen(scope, world, verdict)
        return
    if ask.stage in (Stage.LOOK, Stage.REVIEW):
        verdict = "pass" if all(node.health is WELL for node in world) else "wait"
        yield verdict, world, _seen(scope, world, verdict)
        return
    world = tuple(replace(node, health=WELL) if node.health is YOUNG else node for node in world)
    if ask.stage is Stage.SETTLE:
        ready = frozenset(name for name in ask.targets if world[_number(scope, name)].health is WELL)
        verdict = "pass" if len(ready) == len(ask.targets) else "wait"
        yield verdict, world, replace(_seen(scope, world, verdict), ready=ready)
    elif ask.stage is Stage.AFTER:
        yield from _after(scope, world, state, ask)
    else:
        passed = all(
            node.health is WELL and ask.expected_version in (None, node.version)
            for name, node in zip(scope.plan.members, world)
        )
        verdict = "pass" if passed else "wait"
        yield verdict, world, _seen(scope, world, verdict)


def _after(scope: Scope, world: World, state: State, ask: Ask) -> Iterator[tuple[str, World, Seen]]:
    nodes = dict(zip(scope.plan.members, world))
    codes: dict[str, set[str]] = {}
    for name in ask.targets:
        node, was = nodes[name], state.was[state.batch.index(name)]
        if node.health in (WELL, ILL) and str(node.process) == was.instance_id:
            codes.setdefault(name, set()).add("not_restarted")
        elif node.health in (WELL, ILL) and ask.expected_version not in (None, node.version):
            codes.setdefault(name, set()).add("wrong_version")
    ready = frozenset(name for name in ask.targets if nodes[name].health is WELL and name not in codes)
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
        known = node.health is not SILENT
        members[name] = Glimpse(
            serving=node.health is WELL,
            instance_id=str(node.process) if known else None,
            version=node.version if known else None,
            codes=frozenset(found),
        )
    return Seen(verdict, verdict, members)


def _number(scope: Scope, name: str) -> int:
    return scope.plan.members.index(name)


def _may_go(scope: Scope, world: World, targets: tuple[str, ...], out: frozenset[str]) -> bool:
    """What the gate before a deployment says, of the members that it is told are in rotation."""
    nodes = dict(zip(scope.plan.members, world))
    if all(nodes[name].health is SILENT for name in targets):
        return True
    others = [name for name in scope.plan.members if name not in targets]
    if not others:
        return nodes[targets[0]].health is not SILENT
    return sum(nodes[name].health is WELL and name not in out for name in others) >= scope.needed(others)


# What a hook does to the truth


def _outcomes(scope: Scope, world: World, run: Run) -> Iterator[tuple[str, World, frozenset[str], frozenset[str]]]:
    """Each outcome: what it is called, the truth then, the hosts that finished and those that Ansible has lost."""
    each = {Hook.DRAIN: _drain, Hook.DEPLOY: _deploy, Hook.READMIT: _readmit}.get(run.hook, _nothing)
    possible = [list(each(world[_number(scope, name)])) for name in run.hosts]
    for chosen in product(*possible):
        after, finished, lost, labels = list(world), set(), set(), []
        for name, (label, node, end) in zip(run.hosts, chosen):
            after[_number(scope, name)] = node
            labels.append(label)
            if end == "finished":
                finished.add(name)
            elif end == "lost":
                lost.add(name)
        yield " / ".join(labels), tuple(after), frozenset(finished), frozenset(lost)
    if run.hook is Hook.DEPLOY and len(world) > len(run.hosts):
        # A hook that deploys everywhere: all the others restart with the new version, too.
        everywhere = tuple(node.restarted() for node in world)
        yield "deploys to all members", everywhere, frozenset(run.hosts), frozenset()


Outcome = tuple[str, Node, str]


def _drain(node: Node) -> Iterator[Outcome]:
    out = replace(node, rotation=False)
    yield "done", out, "finished"
    yield "failed at once", node, "failed"
    yield "failed late", out, "failed"
    yield "lost", out, "lost"
    yield "done, and it died", replace(out, health=SILENT), "finished"


def _deploy(node: Node) -> Iterator[Outcome]:
    yield "done", node.restarted(), "finished"
    yield "did nothing", node, "finished"
    yield "another build", node.restarted(version=OLD), "finished"
    yield "does not start", node.restarted(health=SILENT), "finished"
    yield "ill", node.restarted(health=ILL), "finished"
    yield "failed at once", node, "failed"
    yield "failed late", node.restarted(health=SILENT), "failed"
    yield "lost", node.restarted(), "lost"


def _readmit(node: Node) -> Iterator[Outcome]:
    yield "done", replace(node, rotation=True), "finished"
    yield "failed", node, "failed"
    yield "lost", node, "lost"


def _nothing(node: Node) -> Iterator[Outcome]:
    yield "done", node, "finished"
    yield "failed", node, "failed"


# What must hold


def _check_start(scope: Scope, path: Path, run: Run) -> None:
    """Before a hook that takes nodes away: the others carry the service, whatever becomes of these."""
    if run.hook not in (Hook.DRAIN, Hook.DEPLOY):
        return
    nodes = dict(zip(scope.plan.members, path.world))
    if not any(nodes[name].carries for name in run.hosts):
        return
    others = [name for name in scope.plan.members if name not in path.state.batch]
    carry = sum(nodes[name].carries for name in others)
    needed = scope.needed(others)
    if others and carry < needed:
        raise Violation(
            f"{run.hook.value} {_names(run.hosts)}: {carry} of the others carry the service, {needed} needed"
        )


def _check_end(scope: Scope, path: Path, end: End) -> None:
    plan = scope.plan
    for name, node in zip(plan.members, path.world):
        if name in plan.keep_out:
            if node.rotation and name in path.state.admitted:
                raise Violation(f"{name} is kept out, and was readmitted")
            continue
        if name not in plan.hosts or not plan.rotates:
            continue
        if not node.rotation and name not in end.out:
            raise Violation(f"{name} is out of rotation, and the end does not name it")
        good = node.health is WELL and (name not in path.state.begun or node.version == NEW)
        if good and not node.rotation and name not in path.excused:
            raise Violation(f"{name} is well, and out of rotation at the end")
    if not end.failed and plan.expected_version:
        left = [name for name, node in zip(plan.members, path.world) if name in plan.hosts and node.version != NEW]
        if left and plan.batches is None:
            raise Violation(f"the end is a success, but {_names(left)} run the old version")


def _check_recovery(scope: Scope, world: World) -> None:
    """A run in which nothing goes wrong any more ends with all members in rotation, and the new version everywhere."""
    plan, state = scope.plan, START
    if sum(node.health is ILL for node in world) > 1 or len(plan.hosts) < len(plan.members):
        return
    if len(world) > 1 and len(world) - len(plan.keep_out) < 2:
        return  # the others are all kept out: none may go
    if len(world) == 1 and world[0].health is SILENT and scope.min_serving is None:
        return  # nothing is known of such a cluster: the gate says what to set
    for _turn in range(200):
        step: Step = next_step(plan, state)
        if isinstance(step, End):
            break
        if isinstance(step, Ask):
            _label, world, seen = list(_answers(scope, world, state, step))[1]
            state = after_gate(plan, state, step, seen)
        else:
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
SCOPES = {
    "one node": Scope(_plan(1), runs=3),
    "one node, every hook": Scope(_plan(1, hooks=EVERY_HOOK), runs=2),
    "two nodes": Scope(_plan(2), runs=3),
    "two nodes, one kept out": Scope(_plan(2, keep_out=frozenset({"rc2"}))),
    "two nodes, one outside the play": Scope(_plan(2, hosts=("rc1",))),
    "two nodes, one outside the play and in rotation": Scope(_plan(2, hosts=("rc1",), in_rotation=frozenset({"rc2"}))),
    "two nodes without a load balancer": Scope(_plan(2, hooks=frozenset({Hook.DEPLOY})), rotations=(True,)),
    "two nodes, no version expected": Scope(_plan(2, expected_version=None)),
    "two nodes, a batch at a time": Scope(_plan(2, batches=1, soak=60.0)),
    "three nodes, one kept out": Scope(_plan(3, keep_out=frozenset({"rc2"})), runs=1),
    "three nodes": Scope(_plan(3), runs=2),
    "three nodes, two at a time": Scope(_plan(3, serial=(2,)), min_serving=1, runs=1),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="every_path", description=__doc__)
    parser.add_argument("scopes", nargs="*", metavar="SCOPE", help="these only")
    parser.add_argument("--limit", type=int, help="states of each scope")
    arguments = parser.parse_args()
    failed = False
    for name in arguments.scopes or SCOPES:
        began = time.monotonic()
        explored = explore(SCOPES[name], limit=arguments.limit)
        took = time.monotonic() - began
        print(f"{name}: {explored.states} states, {explored.ends} ends, {explored.recoveries} recoveries, {took:.1f} s")
        for line in explored.violation:
            print(f"  {line}")
        failed |= bool(explored.violation)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
