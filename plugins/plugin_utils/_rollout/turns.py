# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The turns that batches take one after another. Each host enters the turns of its batch, and runs no task in others.

In a turn, a batch takes one step. The next batch is only expected here, not decided: a step for other hosts is put off
until the turns are made again for all hosts of the play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import to_deploy, well
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import State

# Turns that turn out not to be needed do nothing, but take time.
MOST = 30
# Targets of a batch may be readmitted one after another, but usually they are ready together.
READMISSIONS = 3

Batch = tuple[str, ...]


def turns_for(plan: Plan, state: State, *, here: Sequence[str]) -> dict[str, list[Batch]]:
    """By host: the turns that it enters, each as its batch.

    ``here``: hosts in the order of the play. The first of them that has a turn enters all turns, since Ansible runs
    included files in the order in which hosts first include them.
    """
    turns = [batch for batch in _expected(plan, state) for _step in range(_steps(plan, batch))][:MOST]
    entered = {host: [batch for batch in turns if host in batch] for host in here}
    found = {host: own for host, own in entered.items() if own}
    return {**found, next(iter(found)): turns} if found else {}


def _steps(plan: Plan, batch: Batch) -> int:
    readmissions = min(len(batch), READMISSIONS) if plan.rotates else 0
    return len({Hook.DRAIN, Hook.DEPLOY} & plan.hooks) + readmissions


def _expected(plan: Plan, state: State) -> Iterator[Batch]:
    """The current batch and the batches after it if all goes well."""
    yield state.batch
    names, good = [name for name in to_deploy(plan, state) if name not in state.batch], well(plan, state)
    for number in range(1, MOST):
        size = plan.serial[min(state.batches + number, len(plan.serial) - 1)] if {*names[:1]} <= good else 1
        batch, names = tuple(names[:size]), names[size:]
        if not batch:
            return
        yield batch
