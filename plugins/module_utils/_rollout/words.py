# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The texts of a roll: its plan, a line for each step, and the last line, which says what the next run does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.upgrade_path import upgrade_path
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import to_deploy
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Stage

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Ask, End, Run
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import State

NAMED = 6  # members of one version that are named; of more, only the number

_GATES = {
    Stage.LOOK: "all members",
    Stage.SETTLE: "already deployed: {}",
    Stage.BEFORE: "before {}",
    Stage.RECHECK: "before {}, again",
    Stage.AFTER: "after {}",
    Stage.REVIEW: "all members",
    Stage.RECOVER: "recovery of {}",
    Stage.SOAK: "soak",
    Stage.FINAL: "whole cluster",
}


def plan_lines(plan: Plan, state: State) -> list[str]:
    """The lines that say what the run will do, after the first look at all members."""
    todo = to_deploy(plan, state)
    running: dict[str, list[str]] = {}
    for name in plan.members:
        if name in state.seen.members:
            running.setdefault(state.seen.members[name].version or "unknown", []).append(name)
    versions = "; ".join(f"{version} on {_named(names)}" for version, names in sorted(running.items())) or "unknown"
    lines = [
        f"version: {f'{plan.expected_version} expected' if plan.expected_version else 'not checked'}; now {versions}",
        *(f"upgrade path: {finding.message}" for finding in upgrade_path(running, plan.expected_version)),
        f"order: {', '.join(todo) or 'no node needs a deployment'}",
    ]
    done = [name for name in plan.hosts if name not in todo]
    if done:
        lines.append(f"skipped: {', '.join(done)}: {plan.expected_version} runs there already")
    outside = [name for name in plan.members if name not in plan.hosts]
    if outside:
        known = plan.rotates and not set(outside) <= plan.in_rotation
        lines.append(f"not in this play: {', '.join(outside)}{'; counted as out of rotation' if known else ''}")
    if plan.keep_out:
        lines.append(f"kept out of rotation: {', '.join(sorted(plan.keep_out))}")
    if len(plan.members) == 1:
        lines.append("single node: its users are disconnected during the deployment")
    return lines


def _named(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)} members"


def step_line(step: Run) -> str:
    """The line of a step, such as ``drain rc1, rc2``."""
    return f"{step.hook.value} {', '.join(step.hosts)}"


def gate_name(asked: Ask) -> str:
    """The name of a gate, such as ``before rc1, again``."""
    return _GATES[asked.stage].format(", ".join(asked.targets))


def gate_line(gate: GateResult) -> str:
    """The line of a gate's result, such as ``passed at once: 3 of 3 members serve``."""
    if gate.policy.deadline == 0:  # one look, without a wait
        return gate.verdict.summary
    if gate.passed and gate.observations == 1:
        return f"passed at once: {gate.verdict.summary}"
    waited = "stopped waiting" if gate.verdict.ready else "gave up"  # the roll continues with a target that is ready
    how = {"pass": "passed", "wait": waited, "fail": "failed", "inconclusive": "inconclusive"}
    return f"{how[gate.verdict.outcome.value]}: {gate.message}"


def last_line(plan: Plan, state: State, end: End) -> str:
    """The last line: how the roll ended and why, the members out of rotation, and what the same command does next."""
    parts = [_how(plan, state, end), *filter(None, [" | ".join(end.reasons)])]
    if end.out:
        parts.append(f"out of rotation: {', '.join(end.out)}")
    return f"{'; '.join(parts)}. {_next(plan, end)}"


def _how(plan: Plan, state: State, end: End) -> str:
    if end.failed:
        return f"the roll stopped {_where(state)}"
    if plan.check:
        return "check mode: nothing was deployed"
    if end.todo:
        return f"the roll stopped as planned after {_batches(state)}"
    what = f"{plan.expected_version} runs on" if plan.expected_version else "deployed to"
    return f"the roll is done: {what} {', '.join(plan.hosts)}"


def _where(state: State) -> str:
    if state.stopped_at is Stage.FINAL:
        return "after the last deployment"
    if state.stopped_at is Stage.SOAK:
        return f"in the soak after {_batches(state)}"
    if state.batch:
        return f"at {', '.join(state.batch)}"
    return f"after {_batches(state)}" if state.batches else "before the first deployment"


def _batches(state: State) -> str:
    return f"{state.batches} batch{'' if state.batches == 1 else 'es'}"


def _next(plan: Plan, end: End) -> str:
    if end.failed:
        back = f"readmits the healthy nodes of {', '.join(end.out)}, then " if end.out and plan.rotates else ""
        onward = f"continues with {', '.join(end.todo)}" if end.todo else "checks the whole cluster again"
        return f"Fix the cause and run the same command again: it {back}{onward}."
    if plan.check:
        return "Run the same command without check mode to deploy."
    if end.todo:
        return f"Run the same command again to continue with {', '.join(end.todo)}."
    does = "changes nothing" if plan.expected_version else "deploys to all of them again"
    return f"Running the same command again {does}."
