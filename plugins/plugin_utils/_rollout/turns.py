# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The turns that hosts take one after another: each host enters those of its own batch, and waits without a task.

In a turn a batch takes one step. Which batch comes next is not decided here, only expected: a step for other hosts is
put off, until the hosts of the play are told of it and the turns are made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import to_deploy, well
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import State

# Those that are not needed, because another batch came, do nothing, but cost time.
MOST = 30
# Targets of a batch may be readmitted one after another, but most are ready together.
READMISSIONS = 3

Batch = tuple[str, ...]


def turns_for(plan: Plan, state: State, *, here: Sequence[str]) -> dict[str, list[Batch]]:
    """The turns that each host enters, as the batch of each.

    ``here``: hosts in the order of the play. The first one of them in a batch enters all turns: Ansible runs included
    files in the order in which it meets them first.
    """
    turns = [batch for batch in _expected(plan, state) for _step in range(_steps(plan, batch))][:MOST]
    entered = {host: [batch for batch in turns if host in batch] for host in here}
    found = {host: own for host, own in entered.items() if own}
    return {**found, next(iter(found)): turns} if found else {}


def _steps(plan: Plan, batch: Batch) -> int:
    readmissions = min(len(batch), READMISSIONS) if plan.rotates else 0
    return len({Hook.DRAIN, Hook.DEPLOY} & plan.hooks) + readmissions


def _expected(plan: Plan, state: State) -> Iterator[Batch]:
    """``state.batch`` and those after it, if all goes well."""
    yield state.batch
    names, good = [name for name in to_deploy(plan, state) if name not in state.batch], well(plan, state)
    for number in range(1, MOST):
        size = plan.serial[min(state.batches + number, len(plan.serial) - 1)] if {*names[:1]} <= good else 1
        batch, names = tuple(names[:size]), names[size:]
        if not batch:
            return
        yield batch
