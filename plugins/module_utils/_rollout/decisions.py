# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The decisions of a roll: from what has happened so far to the next step. Pure and total.

``next_step`` returns the next step; ``before_hook``, ``after_hook`` and ``after_gate`` return the next state. The
playbook does each step. The first row of this table that matches decides:

=============  ======================================================  ==========================================
last step      what is known                                           next step
=============  ======================================================  ==========================================
any hook       a host did not finish it, in the first play             LEAVE: continue in the play that puts back
START                                                                  LOOK at all members, once
BEFORE         it passed, and a hook that runs once has not run        PREPARE: run it on the first target
BEFORE         it passed, and there is a drain hook                    DRAIN the batch
BEFORE         it passed                                               DEPLOY to the batch
PREPARE        it finished                                             the next such hook, or BEFORE again
DRAIN          it finished on every host                               RECHECK: the gate before the batch, again
DRAIN          a host did not finish: the roll stops                   REVIEW: look at all members
PUT_BACK       the last gate was before the hook that failed           REVIEW
RECHECK        it passed                                               DEPLOY to the batch
DEPLOY         it finished on at least one host                        AFTER: the gate for the hosts that finished
DEPLOY         it finished on no host: the roll stops                  REVIEW
AFTER          it returned early: another target is ready              READMIT it
READMIT                                                                AFTER, for the rest of its time
any other      a member is well, and not known to be in rotation       RETURN: readmit it
any other      a member that needs a restart was not deployed to       RETURN: readmit it
any other      the roll ends, and one that is out only needs time      RECOVER: wait for it
any other      the roll stops, and ``on_failure`` has not run          REPORT: run it on the batch
any other      the roll stops, or the last gate has passed             end
any other      members that run the version do not serve yet           SETTLE: wait for them, once
any other      a batch is back, and soak is set                        SOAK: the cluster must stay healthy
any other      all members are done                                    FINAL: the last gate
any other      enough batches are back                                 end
any other                                                              BEFORE: the gate for the next batch
=============  ======================================================  ==========================================

A gate that does not pass, and a hook that does not finish on a host, stop the roll. These invariants always hold:

- A member is drained, and deployed to, only in the step after a gate that has passed without it.
- A member counts as out of rotation from the start of its drain hook (of its deploy hook if there is no drain hook) to
  the end of its readmit hook.
- However a roll ends, each member of the play that is well, or unchanged since its drain, is readmitted first. So is a
  member that only a restart cures, if this run has not deployed to it. The end names all others.
- Whether a member is done depends on what it runs when its turn comes. A run deploys to it at most once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Union

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import FULL_VERSION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import (
    NOTHING_DONE,
    OLD_VERSION,
    Glimpse,
    Seen,
    Stage,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan

ONCE = (Hook.PREFLIGHT, Hook.BACKUP)
# Stages after which the next step is a gate in any case.
ASK_THEMSELVES = (Stage.START, Stage.DRAIN, Stage.DEPLOY, Stage.AFTER, Stage.READMIT)
UNKNOWN = Glimpse(serving=False, instance_id=None, version=None)


@dataclass(frozen=True)
class Ask:
    """The step that asks the gate of a stage. The other fields are options of that gate."""

    stage: Stage
    targets: tuple[str, ...] = ()
    out_of_rotation: frozenset[str] = frozenset()
    expected_version: str | None = None
    # Targets that are ready already: the gate returns as soon as another one is ready.
    ready: frozenset[str] = frozenset()
    hold_for: float = 0.0
    # At least this many members must serve, whatever the user's option says.
    min_serving: int | None = None


@dataclass(frozen=True)
class Run:
    """The step that runs a hook on hosts."""

    stage: Stage
    hook: Hook
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Leave:
    """The step that continues in the next play, so that handlers notified by a failed hook do not run."""


@dataclass(frozen=True)
class End:
    """The end of the roll.

    ``out``: members of the play that are not known to be in rotation, except those that the user keeps out.
    ``todo``: members that the same command would deploy to.
    """

    failed: bool
    reasons: tuple[str, ...]
    out: tuple[str, ...]
    todo: tuple[str, ...]


Step = Union[Ask, Run, Leave, End]


# The next step


def next_step(plan: Plan, state: State) -> Step:
    stage = state.stage
    if state.leaves:
        return Leave()
    if stage is Stage.START:
        return Ask(Stage.LOOK)
    if stage in (Stage.BEFORE, Stage.PREPARE) and state.batch and not state.reasons:
        return _take_down(plan, state)
    if stage is Stage.PUT_BACK:
        return Ask(Stage.REVIEW)
    if stage is Stage.DRAIN:
        return Ask(Stage.REVIEW) if state.reasons else _ask_before(plan, state, Stage.RECHECK, state.batch)
    if stage is Stage.RECHECK and not state.reasons:
        return Run(Stage.DEPLOY, Hook.DEPLOY, state.batch)
    if stage is Stage.DEPLOY:
        return _ask_after(plan, state) if state.deployed else Ask(Stage.REVIEW)
    if stage is Stage.AFTER and state.seen.early:
        ready = tuple(name for name in state.batch if name in state.seen.ready and _may_readmit(plan, state, name))
        return Run(Stage.READMIT, Hook.READMIT, ready) if ready else _ask_after(plan, state)
    if stage is Stage.READMIT:
        return _ask_after(plan, state)
    return _between_batches(plan, state)


def _take_down(plan: Plan, state: State) -> Step:
    for hook in ONCE:
        if hook in plan.hooks and hook.value not in state.ran and (hook is Hook.PREFLIGHT or _migrates(plan, state)):
            return Run(Stage.PREPARE, hook, state.batch[:1])
    if state.stage is Stage.PREPARE:
        # A backup can take an hour, and the other members may have failed in that time.
        return _ask_before(plan, state, Stage.BEFORE, state.batch)
    drained = tuple(name for name in state.batch if name not in plan.keep_out)
    if Hook.DRAIN in plan.hooks and drained:
        return Run(Stage.DRAIN, Hook.DRAIN, drained)
    return Run(Stage.DEPLOY, Hook.DEPLOY, state.batch)


def _between_batches(plan: Plan, state: State) -> Step:
    if back := returnable(plan, state):
        return Run(Stage.RETURN, Hook.READMIT, back)
    if state.reasons and (recovery := _recovery(plan, state)):
        return recovery
    todo = to_deploy(plan, state)
    reached = tuple(name for name in state.batch if name not in state.lost)
    if state.reasons and Hook.ON_FAILURE in plan.hooks and Hook.ON_FAILURE.value not in state.ran and reached:
        return Run(Stage.REPORT, Hook.ON_FAILURE, reached)
    if state.reasons or state.stage is Stage.FINAL:
        return end_of(plan, state)
    if not state.settled and (settling := _settling(plan, state)):
        return Ask(Stage.SETTLE, settling, expected_version=plan.expected_version)
    if plan.soak and state.batches and not state.soaked:
        # A member that has not been repaired yet does not stop the roll.
        return Ask(Stage.SOAK, hold_for=plan.soak, min_serving=len(well(plan, state) - plan.keep_out))
    if not todo:
        whole = len(plan.hosts) == len(plan.members)
        least = len(set(plan.hosts) - plan.keep_out)
        return Ask(Stage.FINAL, expected_version=plan.expected_version if whole else None, min_serving=least)
    if plan.batches is not None and state.batches >= plan.batches:
        return _recovery(plan, state) or end_of(plan, state)
    return _ask_before(plan, state, Stage.BEFORE, _next_batch(plan, state, todo))


def _ask_before(plan: Plan, state: State, stage: Stage, batch: tuple[str, ...]) -> Ask:
    out = frozenset(plan.members) - state.admitted - frozenset(batch)
    return Ask(stage, batch, out_of_rotation=out, expected_version=plan.expected_version)


def _ask_after(plan: Plan, state: State) -> Ask:
    targets = tuple(name for name in state.batch if name in state.deployed)
    ready = frozenset() if state.stage is Stage.DEPLOY else state.seen.ready
    return Ask(Stage.AFTER, targets, expected_version=plan.expected_version, ready=ready)


def end_of(plan: Plan, state: State) -> End:
    """The end of a roll that stops in this state, even if steps are left."""
    # After a failure, the same command also deploys to the members on which the roll failed.
    todo = to_deploy(plan, replace(state, begun=frozenset()) if state.reasons else state)
    out = tuple(name for name in plan.hosts if name not in state.admitted and name not in plan.keep_out)
    return End(failed=bool(state.reasons), reasons=state.reasons, out=out, todo=todo)


# What the state means


def well(plan: Plan, state: State) -> frozenset[str]:
    """Members that serve and have no finding.

    Of two members that are not linked, only the one that is in rotation, or else the one that is linked to more
    members. Links to a member that the user keeps out do not count.
    """
    chosen: set[str] = set()
    in_rotation = {name for name in state.admitted if _glimpse(state, name).serving}
    healthy = {name for name in plan.members if _glimpse(state, name).healthy}
    pairs = [set(names) for names in state.seen.unlinked if not plan.keep_out.intersection(names)]

    def order(name: str) -> tuple[bool, int]:
        return name not in state.admitted, sum(name in pair and pair <= healthy for pair in pairs)

    for name in sorted((name for name in plan.members if name in healthy), key=order):
        others = chosen if name in state.admitted else chosen | in_rotation
        apart = any(name in pair and others & pair for pair in pairs)
        if not apart:
            chosen.add(name)
    return frozenset(chosen)


def returnable(plan: Plan, state: State) -> tuple[str, ...]:
    """Members to readmit: they are well or ready, or neither their drain nor their deployment has changed them.

    A member that only a restart cures is readmitted too, since it still serves. If all members are so ill, no member
    could be taken down otherwise.
    """
    possible = [name for name in plan.hosts if _may_readmit(plan, state, name)]
    untouched = {name for name in possible if _is_untouched(state, name)}
    ill = {name for name in possible if name not in state.begun and _glimpse(state, name).needs_restart}
    good = well(plan, replace(state, admitted=state.admitted | untouched)) | state.seen.ready | untouched | ill
    return tuple(name for name in possible if name in good)


def _may_readmit(plan: Plan, state: State, name: str) -> bool:
    return plan.rotates and name not in (state.admitted | plan.keep_out | state.lost)


def _is_untouched(state: State, name: str) -> bool:
    """Whether it was only drained and looks as well as before, or its deployment did not change its process."""
    was, now = dict(zip(state.batch, state.was)).get(name, UNKNOWN), state.seen.members.get(name)
    if now is None:
        return was.healthy and name not in state.begun
    same = was.healthy and now.instance_id == was.instance_id
    linked = not any(name in pair and state.admitted & set(pair) for pair in state.seen.unlinked)
    if name not in state.begun:
        if now.unheard:
            return was.healthy and now.instance_id in (None, was.instance_id)
        # The same process that only time keeps from serving is unchanged: its ping may not be seen yet.
        return (same and (now.serving or now.settling)) or (was.healthy and now.serving and linked)
    if not now.serving:
        return False
    nothing_done = bool(now.codes) and now.codes <= NOTHING_DONE
    return (nothing_done and (same or linked)) or (same and now.codes == OLD_VERSION)


def to_deploy(plan: Plan, state: State) -> tuple[str, ...]:
    """Members to deploy to: first those that give no answer, then those that are not well, then the rest.

    Those that the user keeps out come last: no user is on them.
    """
    good = well(plan, state)

    def order(name: str) -> tuple[bool, bool, bool, bool]:
        glimpse = _glimpse(state, name)
        return name in plan.keep_out, name in good, glimpse.settling, glimpse.instance_id is not None

    names = (name for name in plan.hosts if name not in state.begun and not _is_done(plan, state, name, good))
    return tuple(sorted(names, key=order))


def _is_done(plan: Plan, state: State, name: str, good: AbstractSet[str]) -> bool:
    return plan.expected_version is not None and name in good and _runs_version(plan, state, name)


def _runs_version(plan: Plan, state: State, name: str) -> bool:
    return plan.expected_version is not None and _glimpse(state, name).version == plan.expected_version


def _settling(plan: Plan, state: State) -> tuple[str, ...]:
    """Members to wait for before the next batch: they run the version, but do not serve yet or no longer serve."""
    relapsed = _relapsed(plan, state) if plan.expected_version else ()
    young = [name for name in plan.hosts if _runs_version(plan, state, name) and _glimpse(state, name).settling]
    return tuple(name for name in plan.hosts if name in relapsed or name in set(young) - plan.keep_out)


def _recovery(plan: Plan, state: State) -> Ask | None:
    """The wait, before the end, for members that are out of rotation and only need time. All run the same version.

    A target of the last batch is not among them: the gate after its deployment has judged it.
    """
    judged = state.deployed | state.recovered
    versions = {
        name: glimpse.version
        for name in plan.hosts
        if name not in judged and _may_readmit(plan, state, name) and (glimpse := _glimpse(state, name)).settling
        if glimpse.version and FULL_VERSION.fullmatch(glimpse.version)  # the gate requires it
    }
    version = next(iter(versions.values()), None)
    names = tuple(name for name, its in versions.items() if its == version)
    return Ask(Stage.RECOVER, names, expected_version=version) if names else None


def _relapsed(plan: Plan, state: State) -> tuple[str, ...]:
    """Members that this run has deployed to and that are not healthy now."""
    names = () if plan.check else plan.hosts
    return tuple(name for name in names if name in state.begun and not _glimpse(state, name).healthy)


def _next_batch(plan: Plan, state: State, todo: tuple[str, ...]) -> tuple[str, ...]:
    """The first of these members. One until a node serves with the new version; a member that is not well is alone."""
    good = well(plan, state)
    proven = state.batches > 0 if plan.expected_version is None else any(_runs_version(plan, state, n) for n in good)
    if not proven or todo[0] not in good:
        return todo[:1]
    size = plan.serial[min(state.batches, len(plan.serial) - 1)]
    return tuple(takewhile(good.__contains__, todo[:size]))


def _migrates(plan: Plan, state: State) -> bool:
    """Whether the database may not be migrated yet. A backup after the migration would be useless."""
    return plan.expected_version is None or not any(_runs_version(plan, state, name) for name in plan.members)


def _glimpse(state: State, name: str) -> Glimpse:
    return state.seen.members.get(name, UNKNOWN)


# The next state


def after_gate(plan: Plan, state: State, asked: Ask, seen: Seen) -> State:
    state = replace(state, stage=asked.stage, seen=seen)
    strict = plan.check_strict and asked.stage in (Stage.BEFORE, Stage.RECHECK)
    passed = seen.verdict == "pass" or (plan.check and not strict and seen.verdict == "wait")
    if asked.stage is Stage.LOOK:
        return _looked(plan, state)
    if asked.stage is Stage.BEFORE:
        return _before_asked(plan, state, asked, passed=passed)
    if asked.stage is Stage.AFTER:
        return _after_asked(plan, state, asked, passed=passed)
    if asked.stage is Stage.SETTLE:
        state = replace(state, settled=True)
        return _stopped_by_relapsed(plan, state) if _relapsed(plan, state) and not passed else state
    if asked.stage is Stage.REVIEW:
        return state
    if asked.stage is Stage.RECOVER:
        state = replace(state, recovered=state.recovered.union(asked.targets))
        return _stopped_by_relapsed(plan, state) if _relapsed(plan, state) and not state.reasons else state
    state = replace(state, soaked=state.soaked or asked.stage is Stage.SOAK)
    if not passed:
        return stopped(state, seen.message)
    return _at_the_end(plan, state) if asked.stage is Stage.FINAL else state


def _at_the_end(plan: Plan, state: State) -> State:
    """The state after the last gate passed. It also checks that deployed members still serve and one version runs."""
    if _relapsed(plan, state):
        return _stopped_by_relapsed(plan, state)
    versions = {glimpse.version for glimpse in state.seen.members.values() if glimpse.version}
    if plan.check or len(versions) < 2 or len(plan.hosts) < len(plan.members):
        return state
    return stopped(state, f"more than one version runs: {', '.join(sorted(versions))}")


def _stopped_by_relapsed(plan: Plan, state: State) -> State:
    names = _relapsed(plan, state)
    return stopped(
        state, f"{', '.join(names)} served after the deployment and no longer {'does' if len(names) == 1 else 'do'}"
    )


def _looked(plan: Plan, state: State) -> State:
    inside = frozenset(plan.hosts) if plan.rotates else frozenset()
    known = plan.in_rotation if plan.rotates else frozenset(plan.members)
    state = replace(state, admitted=known - inside - plan.keep_out)
    return state if state.seen.verdict in ("pass", "wait") else stopped(state, state.seen.message)


def _before_asked(plan: Plan, state: State, asked: Ask, *, passed: bool) -> State:
    blocked = replace(state, batch=())
    if set(returnable(plan, blocked)).difference(asked.targets if passed else ()):
        # They are readmitted first. If the gate did not pass, it may pass afterwards.
        return blocked
    if not passed:
        return stopped(blocked, state.seen.message)
    if _relapsed(plan, state):
        # The gate passes without deployed members that are not well: wait for them, once.
        waited = state.settled or plan.expected_version is None
        return _stopped_by_relapsed(plan, blocked) if waited else blocked
    good = well(plan, state)
    batch = tuple(name for name in asked.targets if not _is_done(plan, state, name, good))
    if len(batch) > 1 and len(batch) > len(_next_batch(plan, state, to_deploy(plan, state))):
        # A member fell ill during the gate: it comes first, alone.
        return replace(state, batch=())
    was = tuple(_before_its_drain(state, name, good) for name in batch)
    return replace(state, batch=batch, was=was, deployed=frozenset(), settled=False)


def _before_its_drain(state: State, name: str, good: AbstractSet[str]) -> Glimpse:
    """The glimpse of a member before its drain. One that is not healthy only because of a link gets its code."""
    glimpse = _glimpse(state, name)
    if glimpse.healthy and name not in good:
        return replace(glimpse, codes=frozenset({Code.NOT_LINKED.value}))
    return glimpse


def _after_asked(plan: Plan, state: State, asked: Ask, *, passed: bool) -> State:
    seen = state.seen
    if plan.check and passed:
        seen = replace(seen, ready=frozenset(asked.targets))
    # A gate that returned early without another ready target would be asked forever.
    seen = replace(seen, early=seen.early and not passed and bool(seen.ready - asked.ready))
    state = replace(state, seen=seen)
    if seen.early:
        return state
    if not passed:
        return stopped(state, seen.message)
    return state if state.reasons else replace(state, batches=state.batches + 1)


def before_hook(plan: Plan, state: State, run: Run) -> State:
    """The state from the start of the hook, whatever its outcome."""
    hosts = frozenset(run.hosts)
    if run.hook is Hook.DRAIN or (run.hook is Hook.DEPLOY and plan.rotates):
        state = replace(state, admitted=state.admitted - hosts)
    if run.hook is Hook.DEPLOY:
        state = replace(state, begun=state.begun | hosts, deployed=frozenset())
    return replace(state, stage=run.stage)


def after_hook(
    state: State, run: Run, *, finished: Iterable[str], lost: Iterable[str] = (), shown: bool = True
) -> State:
    """The state after the hook. ``finished``: hosts that finished it; ``lost``: hosts that Ansible has lost.

    ``shown``: whether Ansible has shown an error of each host that failed.
    """
    done = frozenset(finished) & frozenset(run.hosts)
    failed = tuple(name for name in run.hosts if name not in done)
    gone = frozenset(lost) - done
    state = replace(state, stage=run.stage, lost=state.lost | frozenset(lost))
    if run.hook in (*ONCE, Hook.ON_FAILURE):
        state = replace(state, ran=state.ran | {run.hook.value})
    if run.hook is Hook.DEPLOY:
        state = replace(state, deployed=done)
    if run.hook is Hook.READMIT:
        state = replace(state, admitted=state.admitted | done, lost=state.lost | frozenset(failed))
    if not failed or run.hook is Hook.ON_FAILURE:
        return state
    state = replace(state, leaves=not state.putting_back)
    failing = [name for name in failed if name not in gone]
    if failing:
        hint = "" if not shown else ": see its error above" if len(failing) == 1 else ": see their errors above"
        state = stopped(state, f"the {run.hook.value} hook failed on {', '.join(failing)}{hint}")
    if gone:
        names = ", ".join(name for name in failed if name in gone)
        state = stopped(state, f"Ansible lost {names} during the {run.hook.value} hook")
    return state


def put_back(state: State, taken: Run | None, *, ended: bool) -> State:
    """The state at the start of the play that puts back. Ansible has its hosts again there, so each gets another try.

    ``taken``: the step whose outcome the first play did not see; it counts as failed. ``ended``: whether the roll was
    over.
    """
    if taken is not None:
        state = after_hook(state, taken, finished=(), shown=False)
    if not ended and not state.reasons:
        state = stopped(state, "the play ended before the roll was finished (interrupted, or ended by a hook)")
    stage = state.stage if state.stage in ASK_THEMSELVES else Stage.PUT_BACK
    return replace(state, stage=stage, lost=frozenset(), recovered=frozenset(), leaves=False, putting_back=True)


def stopped(state: State, reason: str) -> State:
    stage = state.stopped_at or state.stage
    return replace(state, stopped_at=stage, reasons=tuple(dict.fromkeys((*state.reasons, reason))))
