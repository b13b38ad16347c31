# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Break the decisions of a roll on purpose: ``python -m …tests.simulation.rollout_mutants``.

Each mutant is one change of ``decisions.py`` in the memory of a separate process. The unit tests or the exploration of
every path must notice it.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Union

import pytest

from ansible_collections.rocketops.rocketchat.tests.simulation.mutants import (
    COLLECTION,
    UNIT_TESTS,
    Line,
    first_failure,
)

EXPLORED = (
    "one node, every hook",
    "two nodes, every hook",
    "two nodes without a load balancer",
    "two nodes, one outside the play",
    "two nodes whose deployments drain",
    "two nodes, one kept out",
    "three nodes that only a restart cures",
    "three nodes that serve, two at a time",
)
# Limit of states. Each of these scopes has fewer, unless a roll never ends.
LIMIT = 50_000


def decides(old: str, new: str) -> Line:
    return Line("_rollout.decisions", old, new)


MUTANTS: Mapping[str, Line] = {
    "readmits nothing at the start": decides(
        "if back := returnable(plan, state):", "if state.stage is not Stage.LOOK and (back := returnable(plan, state)):"
    ),
    "takes every member for in rotation at the start": decides("known - inside -", "(known | inside) -"),
    "does not tell the gate what is out of rotation": decides("out_of_rotation=out, ", ""),
    "forgets batch-mates when one fails": decides(
        "    good = well(plan, replace(",
        "    if state.reasons:\n        return ()\n    good = well(plan, replace(",
    ),
    "forgets the ready ones when one fails": decides("| state.seen.ready | untouched | ill", "| untouched | ill"),
    "keeps out what only a restart cures": decides("| untouched | ill", "| untouched"),
    "readmits what is ill after its deployment": decides(
        "if name not in state.begun and _glimpse(state, name).needs_restart", "if _glimpse(state, name).needs_restart"
    ),
    "decides before the gate what is done": decides(
        "tuple(name for name in asked.targets if not _is_done(plan, state, name, good))", "asked.targets"
    ),
    "skips the second gate": decides(
        "_ask_before(plan, state, Stage.RECHECK, state.batch)", "Run(Stage.DEPLOY, Hook.DEPLOY, state.batch)"
    ),
    "deploys after a second gate that did not pass": decides(
        "if stage is Stage.RECHECK and not state.reasons:", "if stage is Stage.RECHECK:"
    ),
    "drains right after a backup": decides("if state.stage is Stage.PREPARE:", "if state.stage is Stage.START:"),
    "deploys after a failed drain": decides(
        "if not failed or run.hook is Hook.ON_FAILURE:", "if not failed or run.hook in (Hook.ON_FAILURE, Hook.DRAIN):"
    ),
    "takes a failed hook for a finished one": decides(
        "done = frozenset(finished) & frozenset(run.hosts)", "done = frozenset(run.hosts)"
    ),
    "takes a member for in rotation when its readmission begins": decides(
        "    return replace(state, stage=run.stage)\n",
        "    inside = hosts if run.hook is Hook.READMIT else frozenset()\n"
        "    return replace(state, stage=run.stage, admitted=state.admitted | inside)\n",
    ),
    "takes a drained member for in rotation": decides(
        "if run.hook is Hook.DRAIN or (run.hook is Hook.DEPLOY and plan.rotates):",
        "if run.hook is Hook.DEPLOY and plan.rotates:",
    ),
    "readmits nothing where there is no drain hook": decides(
        "if run.hook is Hook.DRAIN or (run.hook is Hook.DEPLOY and plan.rotates):", "if run.hook is Hook.DRAIN:"
    ),
    "deploys in batches before the version is proven": decides("if not proven or todo[0]", "if todo[0]"),
    "deploys to what is not well in batches": decides("if not proven or todo[0] not in good:", "if not proven:"),
    "does not look after a failed deployment": decides(
        "if state.deployed else Ask(Stage.REVIEW)", "if state.deployed else _between_batches(plan, state)"
    ),
    "readmits what is kept out": decides("state.admitted | plan.keep_out | state.lost", "state.admitted | state.lost"),
    "readmits what is lost": decides("state.admitted | plan.keep_out | state.lost", "state.admitted | plan.keep_out"),
    "does not notice that Ansible has lost a host": decides(
        "state = replace(state, stage=run.stage, lost=state.lost | frozenset(lost))",
        "state = replace(state, stage=run.stage)",
    ),
    "goes on after a failure": decides(
        "if state.reasons or state.stage is Stage.FINAL:", "if state.stage is Stage.FINAL:"
    ),
    "ends without the last gate": decides(
        "if state.reasons or state.stage is Stage.FINAL:", "if state.reasons or state.stage is Stage.FINAL or not todo:"
    ),
    "takes a gate that returned early for the last one": decides(
        "if stage is Stage.AFTER and state.seen.early:", "if stage is Stage.AFTER and state.seen.early and not plan:"
    ),
    "takes a reason to wait for a pass": decides(
        'passed = seen.verdict == "pass" or', 'passed = seen.verdict in ("pass", "wait") or'
    ),
    "readmits what is not linked": decides("if not apart:", "if chosen is not None:"),
    "readmits the first of unlinked members": decides("sum(name in pair and pair <= healthy for pair in pairs)", "0"),
    "wants links to what is kept out": decides("if not plan.keep_out.intersection(names)]", "]"),
    "deploys first to what is kept out": decides(
        "return name in plan.keep_out, name in good", "return False, name in good"
    ),
    "deploys to what is kept out and not well in the batch of others": decides(
        "takewhile(good.__contains__, todo[:size])", "todo[:size]"
    ),
    "waits for what is kept out to settle": decides("set(young) - plan.keep_out", "young"),
    "takes what has no finding of its own for untouched": decides(
        "nothing_done = bool(now.codes) and now.codes", "nothing_done = now.codes"
    ),
    "keeps out what its deployment did nothing to": decides(
        "return (nothing_done and (same or linked)) or (same and now.codes == OLD_VERSION)", "return False"
    ),
    "keeps out what was only drained": decides(
        "return (same and (now.serving or now.settling)) or (was.healthy and now.serving and linked)", "return False"
    ),
    "readmits what was deployed to, and nothing is seen of": decides(
        "return was.healthy and name not in state.begun", "return was.healthy"
    ),
    "readmits another process without links after a deployment that did nothing": decides(
        "(nothing_done and (same or linked))", "nothing_done"
    ),
    "readmits another process without links after a drain": decides(
        "(was.healthy and now.serving and linked)", "(was.healthy and now.serving)"
    ),
    "takes the refusal of another process for that of the drained one": decides(
        "return was.healthy and now.instance_id in (None, was.instance_id)", "return was.healthy"
    ),
    "deploys to what fell ill together with others": decides(
        "len(batch) > len(_next_batch(plan, state, to_deploy(plan, state)))", "not batch"
    ),
    "waits during the soak for what is kept out": decides(
        "len(well(plan, state) - plan.keep_out)", "len(well(plan, state))"
    ),
    "goes on over what it has broken": decides("names = () if plan.check else plan.hosts", "names = ()"),
    "waits again and again for what it has broken": decides(
        "waited = state.settled or plan.expected_version is None", "waited = False"
    ),
    "stays in the play of a hook that failed": decides("leaves=not state.putting_back", "leaves=False"),
    "gives up a host that Ansible has lost": decides(
        "stage=stage, lost=frozenset(), recovered", "stage=stage, recovered"
    ),
    "tries a readmission again without a look": decides(
        "stage = state.stage if state.stage in ASK_THEMSELVES else Stage.PUT_BACK", "stage = state.stage"
    ),
    "takes a step that was not seen to finish for finished": decides(
        "after_hook(state, taken, finished=(), ", "after_hook(state, taken, finished=taken.hosts, "
    ),
    "ends with two versions": decides("if plan.check or len(versions) < 2 or", "if plan.check or len(versions) < 9 or"),
    "makes a backup of a migrated database": decides(
        "or not any(_runs_version(plan, state, name)", "or not all(_runs_version(plan, state, name)"
    ),
    "stops strictly after a deployment in check mode": decides(
        "strict = plan.check_strict and asked.stage in (Stage.BEFORE, Stage.RECHECK)", "strict = plan.check_strict"
    ),
    "deploys twice": decides("if name not in state.begun and not _is_done", "if not _is_done"),
    "does not name what failed in what is left": decides(
        "replace(state, begun=frozenset()) if state.reasons else state", "state"
    ),
    "does not name what is out": decides(
        "name for name in plan.hosts if name not in state.admitted and", "name for name in () if"
    ),
    "stops although a member is well again": decides(
        "    if set(returnable(plan, blocked))", "    if passed and set(returnable(plan, blocked))"
    ),
    "does not wait before it stops": decides(
        "if state.reasons and (recovery := _recovery(plan, state)):",
        "if state.soaked and (recovery := _recovery(plan, state)):",
    ),
    "does not wait before it stops as planned": decides("return _recovery(plan, state) or end_of", "return end_of"),
    "waits again for what it has deployed": decides(
        "judged = state.deployed | state.recovered", "judged = state.recovered"
    ),
    "does not wait again in the second play": decides("recovered=frozenset(), leaves", "leaves"),
    "takes a node down although another can be readmitted": decides(
        "difference(asked.targets if passed else ())", "difference(plan.hosts if passed else ())"
    ),
    "ends as planned although a deployed node has died": decides(
        "_stopped_by_relapsed(plan, state) if _relapsed(plan, state) and not state.reasons else state", "state"
    ),
    "waits for ever for a member to recover": decides(
        "recovered=state.recovered.union(asked.targets)", "recovered=state.recovered"
    ),
    "waits for ever for a member to settle": decides("state = replace(state, settled=True)", "state = replace(state)"),
}


def noticed_by_unit_tests(name: str) -> str | None:
    _break(name)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    failed, status = first_failure("--noconftest", str(UNIT_TESTS / "_rollout" / "test_decisions.py"))
    return None if status == pytest.ExitCode.OK else failed  # none if the tests cannot be read


def noticed_by_exploration(name: str) -> str | None:
    _break(name)
    every_path: Any = importlib.import_module(f"{COLLECTION}.tests.simulation.every_path")
    for scope in EXPLORED:
        explored = every_path.explore(every_path.SCOPES[scope], limit=LIMIT)
        if explored.violation:
            return f"{scope}: {explored.violation[-1]}"
        if explored.states == LIMIT:
            return f"{scope}: more than {LIMIT:,} states"
    return None


def _break(name: str) -> None:
    """Must run in a separate process, without modules that have imported the unchanged decisions."""
    for loaded in [name for name in sys.modules if "._rollout" in name or name.endswith(".every_path")]:
        del sys.modules[loaded]
    if name in MUTANTS:
        MUTANTS[name]()


Notice = Callable[[str], Union[str, None]]


def notice(names: Iterable[str], how: Notice) -> Iterator[tuple[str, str | None]]:
    names = list(names)
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        yield from zip(names, pool.imap(how, names, chunksize=1))


def main() -> int:
    parser = argparse.ArgumentParser(prog="rollout_mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    names = parser.parse_args().names or list(MUTANTS)
    by_tests = dict(notice(names, noticed_by_unit_tests))
    unnoticed = False
    for name, by_paths in notice(names, noticed_by_exploration):
        print(f"{name}\n  unit tests:  {by_tests[name] or '-'}\n  exploration: {by_paths or '-'}", flush=True)
        unnoticed |= not (by_tests[name] or by_paths)
    return int(unnoticed)


if __name__ == "__main__":
    sys.exit(main())
