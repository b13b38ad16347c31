# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The words of a roll: its plan, a line for each step, and the last line, which says what the next run does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import End, Run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Step
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import State

_GATES = {
    Stage.LOOK: "ask all members",
    Stage.SETTLE: "wait for members that run the version already: {}",
    Stage.BEFORE: "gate before {}",
    Stage.RECHECK: "gate before {}, again",
    Stage.AFTER: "gate after {}",
    Stage.REVIEW: "ask all members, since a hook failed",
    Stage.SOAK: "the cluster must hold",
    Stage.FINAL: "gate for the whole cluster",
}


def plan_lines(plan: Plan, state: State, todo: Iterable[str]) -> list[str]:
    """What the run is going to do, after the first look."""
    todo = tuple(todo)
    running = Counter(
        state.seen.members[name].version or "unknown" for name in plan.members if name in state.seen.members
    )
    versions = ", ".join(f"{version} on {number}" for version, number in sorted(running.items())) or "none is known"
    lines = [
        f"version: {plan.expected_version or 'not checked'} wanted; now {versions}",
        f"order: {', '.join(todo) or 'nothing to deploy'}",
    ]
    done = [name for name in plan.hosts if name not in todo]
    if done:
        lines.append(f"passed over: {', '.join(done)}: {plan.expected_version} runs there already")
    outside = [name for name in plan.members if name not in plan.hosts]
    if outside:
        known = plan.rotates and not set(outside) <= plan.in_rotation
        lines.append(f"not in this play: {', '.join(outside)}{'; counted as out of rotation' if known else ''}")
    if plan.keep_out:
        lines.append(f"kept out of rotation: {', '.join(sorted(plan.keep_out))}")
    if len(plan.members) == 1:
        lines.append("single node: users are disconnected meanwhile")
    return lines


def step_line(step: Step) -> str:
    """``drain rc1, rc2``."""
    if isinstance(step, End):
        return "the roll stops" if step.failed else "the roll is over"
    if isinstance(step, Run):
        return f"{step.hook.value} {', '.join(step.hosts)}"
    return _GATES[step.stage].format(", ".join(step.targets))


def last_line(plan: Plan, state: State, end: End) -> str:
    """How the roll ended, where and why, which members are out of rotation, and what the same command does next."""
    parts = [_how(plan, state, end), *end.reasons]
    if end.out:
        parts.append(f"out of rotation: {', '.join(end.out)}")
    return f"{'; '.join(parts)}. {_next(plan, end)}"


def _how(plan: Plan, state: State, end: End) -> str:
    if end.failed:
        where = f" at {', '.join(state.batch)}" if state.batch else " before the first deployment"
        return f"the roll stopped{where}"
    if plan.check:
        return "check mode: nothing was deployed"
    if end.todo:
        return f"the roll stopped as planned after {state.batches} batch{'es' if state.batches > 1 else ''}"
    what = f"{plan.expected_version} runs on" if plan.expected_version else "deployed to"
    return f"the roll is done: {what} {', '.join(plan.hosts)}"


def _next(plan: Plan, end: End) -> str:
    if end.failed:
        back = f"readmits what is well of {', '.join(end.out)}, then " if end.out and plan.rotates else ""
        onward = f"goes on with {', '.join(end.todo)}" if end.todo else "checks the whole cluster again"
        return f"Mend that, and run the same command again: it {back}{onward}."
    if plan.check:
        return "Run the same command without check mode to deploy."
    if end.todo:
        return f"Run the same command again to go on with {', '.join(end.todo)}."
    return f"The same command again {'changes nothing' if plan.expected_version else 'deploys to all of them again'}."
