# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the decisions row by row, and each of its rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

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
    returnable,
    well,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, Stage, State

NAMES = ("rc1", "rc2", "rc3")
ALL = frozenset(NAMES)
OLD, NEW = "7.10.0", "7.11.0"
ROTATES = frozenset({Hook.DRAIN, Hook.DEPLOY, Hook.READMIT})
DEPLOYS = frozenset({Hook.DEPLOY})
EVERY_HOOK = frozenset(Hook)


def glimpse(version: str | None, *codes: str, process: str | None = "a", serving: bool = False) -> Glimpse:
    cured_by_restart = bool(codes) and {"broker_down", "peer_answered"}.issuperset(codes)
    return Glimpse(serving, process, version, frozenset(codes), needs_restart=cured_by_restart)


WELL_OLD = glimpse(OLD, serving=True)
WELL_NEW = glimpse(NEW, process="b", serving=True)
NOT_RESTARTED = glimpse(OLD, "not_restarted", serving=True)
WRONG_VERSION = glimpse(OLD, "wrong_version", process="b", serving=True)
STALLED = glimpse(OLD, "stalled")
BROKEN = glimpse(None, "broker_down")
SILENT = glimpse(None, "unreachable", process=None)
REFUSED = glimpse(None, "unauthorized", process=None)
YOUNG_OLD = glimpse(OLD, "too_young", process="b")
YOUNG_NEW = glimpse(NEW, "too_young", process="b")
STALLED_NEW = glimpse(NEW, "stalled", process="b")

ALL_OLD = (WELL_OLD, WELL_OLD, WELL_OLD)
ALL_NEW = (WELL_NEW, WELL_NEW, WELL_NEW)
FIRST_NEW = (WELL_NEW, WELL_OLD, WELL_OLD)


def plan(**options: Any) -> Plan:
    return Plan(**{"members": NAMES, "hosts": NAMES, "hooks": ROTATES, "expected_version": NEW, **options})


def seen(*glimpses: Glimpse, verdict: str = "pass", **fields: Any) -> Seen:
    return Seen(verdict, f"{verdict}, says the gate", dict(zip(NAMES, glimpses)), **fields)


KILLED = Seen("refused", "the gate was killed")


def after(stage: Stage, *glimpses: Glimpse, **fields: Any) -> State:
    """The state after a step of that stage. By default all members are known to be in rotation."""
    return State(stage=stage, **{"seen": seen(*glimpses), "admitted": ALL, **fields})


def deploying(stage: Stage, *glimpses: Glimpse, **fields: Any) -> State:
    """The state with rc1 drained and deployed, as the only target."""
    batch = {"batch": ("rc1",), "was": (WELL_OLD,), "admitted": ALL - {"rc1"}, "begun": frozenset({"rc1"})}
    return after(stage, *glimpses, **{**batch, "deployed": frozenset({"rc1"}), **fields})


def final(least: int, version: str | None = None) -> Ask:
    return Ask(Stage.FINAL, expected_version=version, min_serving=least)


def before(*targets: str, out: tuple[str, ...] = (), stage: Stage = Stage.BEFORE, version: str | None = NEW) -> Ask:
    return Ask(stage, targets, out_of_rotation=frozenset(out), expected_version=version)


def after_deploying(*targets: str, ready: tuple[str, ...] = ()) -> Ask:
    return Ask(Stage.AFTER, targets, expected_version=NEW, ready=frozenset(ready))


BATCH = {"batch": ("rc2", "rc3"), "was": (WELL_OLD, WELL_OLD)}
DRAINED = {**BATCH, "admitted": frozenset({"rc1"})}
DEPLOYED = {**DRAINED, "begun": frozenset({"rc2", "rc3"}), "deployed": frozenset({"rc2", "rc3"})}
STOPS = {"reasons": ("why",)}
REPORTED = frozenset({"on_failure"})

# The name of the row, the plan's options, the state, the step.
ROWS: list[tuple[str, dict[str, Any], State, Step]] = [
    ("START", {}, State(), Ask(Stage.LOOK)),
    (
        "BEFORE passed, a hook that runs once has not run",
        {"hooks": EVERY_HOOK},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH),
        Run(Stage.PREPARE, Hook.PREFLIGHT, ("rc2",)),
    ),
    (
        "BEFORE passed, the version changes, and there is a backup to make",
        {"hooks": EVERY_HOOK},
        after(Stage.BEFORE, *ALL_OLD, **BATCH, ran=frozenset({"preflight"})),
        Run(Stage.PREPARE, Hook.BACKUP, ("rc2",)),
    ),
    (
        "BEFORE passed, and a member has migrated the database already: no backup",
        {"hooks": EVERY_HOOK},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH, ran=frozenset({"preflight"})),
        Run(Stage.DRAIN, Hook.DRAIN, ("rc2", "rc3")),
    ),
    (
        "BEFORE passed, and no version is known: the backup is made",
        {"hooks": EVERY_HOOK - {Hook.PREFLIGHT}, "expected_version": None},
        after(Stage.BEFORE, *ALL_NEW, **BATCH),
        Run(Stage.PREPARE, Hook.BACKUP, ("rc2",)),
    ),
    (
        "BEFORE passed, no version changes: no backup",
        {"hooks": EVERY_HOOK - {Hook.PREFLIGHT}},
        after(Stage.BEFORE, *ALL_NEW, batch=("rc2",), was=(WELL_NEW,)),
        Run(Stage.DRAIN, Hook.DRAIN, ("rc2",)),
    ),
    (
        "BEFORE passed, and there is a drain hook",
        {},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH),
        Run(Stage.DRAIN, Hook.DRAIN, ("rc2", "rc3")),
    ),
    (
        "BEFORE passed, and the hooks that run once have run",
        {"hooks": EVERY_HOOK},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH, ran=frozenset({"preflight", "backup"})),
        Run(Stage.DRAIN, Hook.DRAIN, ("rc2", "rc3")),
    ),
    (
        "BEFORE passed, and one of the batch is kept out of rotation anyway",
        {"keep_out": frozenset({"rc2"})},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH),
        Run(Stage.DRAIN, Hook.DRAIN, ("rc3",)),
    ),
    (
        "BEFORE passed, and all of the batch are kept out of rotation anyway",
        {"keep_out": frozenset({"rc2", "rc3"})},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH),
        Run(Stage.DEPLOY, Hook.DEPLOY, ("rc2", "rc3")),
    ),
    (
        "BEFORE passed, without a load balancer",
        {"hooks": DEPLOYS},
        after(Stage.BEFORE, *FIRST_NEW, **BATCH),
        Run(Stage.DEPLOY, Hook.DEPLOY, ("rc2", "rc3")),
    ),
    (
        "BEFORE passed, but its only target is already done",
        {},
        after(Stage.BEFORE, WELL_NEW, WELL_NEW, WELL_OLD),
        before("rc3"),
    ),
    (
        "PREPARE finished, another hook that runs once has not run",
        {"hooks": EVERY_HOOK},
        after(Stage.PREPARE, *ALL_OLD, **BATCH, ran=frozenset({"preflight"})),
        Run(Stage.PREPARE, Hook.BACKUP, ("rc2",)),
    ),
    (
        "PREPARE finished: the gate before the drain is old",
        {"hooks": EVERY_HOOK},
        after(Stage.PREPARE, *FIRST_NEW, **BATCH, ran=frozenset({"preflight", "backup"})),
        before("rc2", "rc3"),
    ),
    (
        "PREPARE failed",
        {"hooks": EVERY_HOOK - {Hook.ON_FAILURE}},
        after(Stage.PREPARE, *FIRST_NEW, **BATCH, **STOPS, ran=frozenset({"preflight"})),
        End(failed=True, reasons=("why",), out=(), todo=("rc2", "rc3")),
    ),
    (
        "DRAIN finished on every host",
        {},
        after(Stage.DRAIN, *FIRST_NEW, **DRAINED),
        before("rc2", "rc3", stage=Stage.RECHECK),
    ),
    ("DRAIN did not finish on a host", {}, after(Stage.DRAIN, *FIRST_NEW, **DRAINED, **STOPS), Ask(Stage.REVIEW)),
    (
        "RECHECK passed",
        {},
        after(Stage.RECHECK, *FIRST_NEW, **DRAINED),
        Run(Stage.DEPLOY, Hook.DEPLOY, ("rc2", "rc3")),
    ),
    (
        "RECHECK did not pass: members that were healthy before the drain are readmitted",
        {},
        after(Stage.RECHECK, *FIRST_NEW, **DRAINED, **STOPS),
        Run(Stage.RETURN, Hook.READMIT, ("rc2", "rc3")),
    ),
    ("DEPLOY finished", {}, after(Stage.DEPLOY, *FIRST_NEW, **DEPLOYED), after_deploying("rc2", "rc3")),
    (
        "DEPLOY finished on one host, and not on the other",
        {},
        after(Stage.DEPLOY, *FIRST_NEW, **{**DEPLOYED, "deployed": frozenset({"rc3"})}, **STOPS),
        after_deploying("rc3"),
    ),
    (
        "DEPLOY finished on no host",
        {},
        after(Stage.DEPLOY, *FIRST_NEW, **{**DEPLOYED, "deployed": frozenset()}, **STOPS),
        Ask(Stage.REVIEW),
    ),
    (
        "AFTER returned early: another target is ready",
        {},
        after(
            Stage.AFTER, **{**DEPLOYED, "seen": seen(*ALL_NEW, verdict="wait", ready=frozenset({"rc3"}), early=True)}
        ),
        Run(Stage.READMIT, Hook.READMIT, ("rc3",)),
    ),
    (
        "AFTER returned early, and the ready target is kept out",
        {"keep_out": frozenset({"rc3"})},
        after(
            Stage.AFTER, **{**DEPLOYED, "seen": seen(*ALL_NEW, verdict="wait", ready=frozenset({"rc3"}), early=True)}
        ),
        after_deploying("rc2", "rc3", ready=("rc3",)),
    ),
    (
        "READMIT: the gate has time left for the others",
        {},
        after(
            Stage.READMIT,
            **{
                **DEPLOYED,
                "admitted": frozenset({"rc1", "rc3"}),
                "seen": seen(*ALL_NEW, verdict="wait", ready=frozenset({"rc3"}), early=True),
            },
        ),
        after_deploying("rc2", "rc3", ready=("rc3",)),
    ),
    (
        "AFTER passed: the batch is readmitted",
        {},
        after(Stage.AFTER, **{**DEPLOYED, "seen": seen(*ALL_NEW, ready=frozenset({"rc2", "rc3"}))}, batches=1),
        Run(Stage.RETURN, Hook.READMIT, ("rc2", "rc3")),
    ),
    (
        "any other step, and a healthy member is not known to be in rotation",
        {},
        after(Stage.LOOK, WELL_OLD, STALLED, WELL_NEW, admitted=frozenset()),
        Run(Stage.RETURN, Hook.READMIT, ("rc1", "rc3")),
    ),
    (
        "the roll stops, and members that are out only need time",
        {"hooks": EVERY_HOOK, "keep_out": frozenset({"rc3"})},
        after(Stage.BEFORE, YOUNG_OLD, STALLED, WELL_OLD, **STOPS, admitted=frozenset()),
        Ask(Stage.RECOVER, ("rc1",), expected_version=OLD),
    ),
    (
        "the roll stops, and the gate after the deployment has waited for the member that is out",
        {},
        deploying(Stage.AFTER, YOUNG_NEW, WELL_OLD, WELL_OLD, **STOPS),
        End(failed=True, reasons=("why",), out=("rc1",), todo=("rc1", "rc2", "rc3")),
    ),
    (
        "the roll stops, and the deploy hook failed on the member that is out",
        {},
        deploying(Stage.REVIEW, YOUNG_NEW, WELL_OLD, WELL_OLD, **STOPS, deployed=frozenset()),
        Ask(Stage.RECOVER, ("rc1",), expected_version=NEW),
    ),
    (
        "the roll stops, and members with several versions only need time: first those with the version of the first",
        {},
        after(Stage.BEFORE, YOUNG_OLD, YOUNG_NEW, YOUNG_OLD, **STOPS, admitted=frozenset()),
        Ask(Stage.RECOVER, ("rc1", "rc3"), expected_version=OLD),
    ),
    (
        "the roll stops, and the version of a member that only needs time is not known",
        {},
        after(Stage.BEFORE, glimpse("7.10", "too_young"), WELL_OLD, WELL_OLD, **STOPS, admitted=ALL - {"rc1"}),
        End(failed=True, reasons=("why",), out=("rc1",), todo=("rc1", "rc2", "rc3")),
    ),
    (
        "the roll stops, and has waited for the members that are out",
        {},
        after(
            Stage.RECOVER, YOUNG_OLD, WELL_OLD, WELL_OLD, **STOPS, admitted=ALL - {"rc1"}, recovered=frozenset({"rc1"})
        ),
        End(failed=True, reasons=("why",), out=("rc1",), todo=("rc1", "rc2", "rc3")),
    ),
    (
        "the roll stops: on_failure on the batch",
        {"hooks": EVERY_HOOK},
        after(Stage.RETURN, *FIRST_NEW, **BATCH, **STOPS, lost=frozenset({"rc2"})),
        Run(Stage.REPORT, Hook.ON_FAILURE, ("rc3",)),
    ),
    (
        "the roll stops before there is a batch: on_failure has no host",
        {"hooks": EVERY_HOOK},
        after(Stage.LOOK, *FIRST_NEW, **STOPS),
        End(failed=True, reasons=("why",), out=(), todo=("rc2", "rc3")),
    ),
    (
        "the roll stops, and on_failure has run",
        {"hooks": EVERY_HOOK},
        after(Stage.REPORT, *FIRST_NEW, **BATCH, **STOPS, ran=REPORTED),
        End(failed=True, reasons=("why",), out=(), todo=("rc2", "rc3")),
    ),
    (
        "the roll stops: the end names what is out, and the member that failed",
        {},
        after(
            Stage.AFTER,
            *(SILENT, WELL_OLD, WELL_OLD),
            **STOPS,
            batch=("rc1",),
            was=(WELL_OLD,),
            admitted=frozenset({"rc2"}),
            begun=frozenset({"rc1"}),
            lost=frozenset({"rc3"}),
        ),
        End(failed=True, reasons=("why",), out=("rc1", "rc3"), todo=("rc1", "rc2", "rc3")),
    ),
    (
        "the end does not name what is kept out",
        {"keep_out": frozenset({"rc3"})},
        after(Stage.FINAL, *ALL_NEW, admitted=frozenset({"rc1", "rc2"})),
        End(failed=False, reasons=(), out=(), todo=()),
    ),
    ("the last gate has passed", {}, after(Stage.FINAL, *ALL_NEW), End(failed=False, reasons=(), out=(), todo=())),
    (
        "a member that runs the version does not serve yet",
        {},
        after(Stage.RETURN, WELL_NEW, YOUNG_NEW, WELL_OLD, admitted=frozenset({"rc1", "rc3"})),
        Ask(Stage.SETTLE, ("rc2",), expected_version=NEW),
    ),
    (
        "such a member that is kept out is not waited for, and comes last",
        {"keep_out": frozenset({"rc2"})},
        after(Stage.RETURN, WELL_NEW, YOUNG_NEW, WELL_OLD, admitted=frozenset({"rc1", "rc3"})),
        before("rc3", out=("rc2",)),
    ),
    (
        "a member that is kept out and not well is not deployed in the batch of others",
        {"keep_out": frozenset({"rc2"}), "serial": (3,)},
        after(Stage.RETURN, WELL_NEW, STALLED, WELL_OLD, admitted=frozenset({"rc1", "rc3"})),
        before("rc3", out=("rc2",)),
    ),
    (
        "a member that is kept out is deployed in the batch of others if it is well",
        {"keep_out": frozenset({"rc2"}), "serial": (3,)},
        after(Stage.RETURN, WELL_NEW, WELL_OLD, WELL_OLD, admitted=frozenset({"rc1", "rc3"})),
        before("rc3", "rc2"),
    ),
    (
        "it was waited for once: now it is deployed, alone",
        {"serial": (3,)},
        after(Stage.SETTLE, WELL_NEW, YOUNG_NEW, WELL_OLD, admitted=frozenset({"rc1", "rc3"}), settled=True),
        before("rc2"),
    ),
    (
        "a batch is back, and soak is set",
        {"soak": 60.0},
        after(Stage.RETURN, *FIRST_NEW, batches=1),
        Ask(Stage.SOAK, hold_for=60.0, min_serving=3),
    ),
    ("no batch is back, and soak is set", {"soak": 60.0}, after(Stage.RETURN, *FIRST_NEW), before("rc2")),
    ("the soak is over", {"soak": 60.0}, after(Stage.SOAK, *FIRST_NEW, batches=1, soaked=True), before("rc2")),
    ("every member is done", {}, after(Stage.RETURN, *ALL_NEW), final(3, NEW)),
    (
        "every host of the play is done: others may run another version",
        {"hosts": ("rc1",), "in_rotation": frozenset({"rc2", "rc3"})},
        after(Stage.RETURN, *FIRST_NEW),
        final(1),
    ),
    (
        "without an expected version every deployed member is done",
        {"expected_version": None},
        after(Stage.RETURN, *ALL_OLD, begun=ALL),
        final(3),
    ),
    (
        "enough batches are back",
        {"batches": 1},
        after(Stage.RETURN, *FIRST_NEW, batches=1, begun=frozenset({"rc1"})),
        End(failed=False, reasons=(), out=(), todo=("rc2", "rc3")),
    ),
    (
        "enough batches are back, and a member that is out only needs time",
        {"batches": 1},
        after(Stage.RETURN, WELL_NEW, YOUNG_OLD, WELL_OLD, batches=1, admitted=ALL - {"rc2"}),
        Ask(Stage.RECOVER, ("rc2",), expected_version=OLD),
    ),
    (
        "enough batches are back, and the roll has waited for the member that is out",
        {"batches": 1},
        after(
            Stage.RECOVER,
            WELL_NEW,
            YOUNG_OLD,
            WELL_OLD,
            batches=1,
            admitted=ALL - {"rc2"},
            recovered=frozenset({"rc2"}),
        ),
        End(failed=False, reasons=(), out=("rc2",), todo=("rc2", "rc3")),
    ),
    ("not enough batches are back", {"batches": 2}, after(Stage.RETURN, *FIRST_NEW, batches=1), before("rc2")),
    (
        "enough batches are back, and nothing is left to do",
        {"batches": 1},
        after(Stage.RETURN, *ALL_NEW, batches=1),
        final(3, NEW),
    ),
    ("the gate for the first batch", {}, after(Stage.RETURN, *ALL_OLD), before("rc1")),
    (
        "the gate gets the members out of rotation",
        {"keep_out": frozenset({"rc3"})},
        after(Stage.RETURN, *FIRST_NEW, admitted=frozenset({"rc1", "rc2"})),
        before("rc2", out=("rc3",)),
    ),
    (
        "RECHECK gets the members out of rotation",
        {},
        after(Stage.DRAIN, STALLED, *FIRST_NEW[1:], **{**BATCH, "admitted": frozenset()}),
        before("rc2", "rc3", out=("rc1",), stage=Stage.RECHECK),
    ),
]


@pytest.mark.parametrize(("options", "state", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_next_step(options: dict[str, Any], state: State, expected: Step) -> None:
    assert next_step(plan(**options), state) == expected


# Members that are well, that are readmitted, and that are to do


@pytest.mark.parametrize(
    ("admitted", "unlinked", "expected"),
    [
        pytest.param(ALL, (), {"rc1", "rc3"}, id="it serves without findings"),
        pytest.param(ALL, (("rc1", "rc3"),), {"rc1"}, id="an unlinked pair in rotation: the first"),
        pytest.param({"rc3"}, (("rc1", "rc3"),), {"rc3"}, id="an unlinked pair: the one in rotation"),
        pytest.param((), (("rc3", "rc1"),), {"rc1"}, id="an unlinked pair out of rotation: the first"),
        pytest.param(
            ALL, (("rc1", "rc2"),), {"rc1", "rc3"}, id="an unlinked pair with an unhealthy member does not count"
        ),
    ],
)
def test_which_members_are_well(admitted: Any, unlinked: Any, expected: set[str]) -> None:
    state = State(
        seen=seen(WELL_OLD, NOT_RESTARTED, WELL_OLD, unlinked=frozenset(unlinked)), admitted=frozenset(admitted)
    )
    assert well(plan(), state) == expected


def test_a_member_that_a_gate_did_not_see_is_not_well() -> None:
    assert well(plan(), State(seen=KILLED, admitted=ALL)) == frozenset()


TOUCHED = {"begun": frozenset({"rc1"})}


@pytest.mark.parametrize(
    ("now", "fields", "expected"),
    [
        pytest.param(seen(WELL_NEW), TOUCHED, True, id="well after its deployment"),
        pytest.param(seen(NOT_RESTARTED), TOUCHED, True, id="its deployment did nothing"),
        pytest.param(
            seen(glimpse(NEW, "restart_not_provable", process="b", serving=True)),
            TOUCHED,
            True,
            id="it serves, restarted or not",
        ),
        pytest.param(seen(WRONG_VERSION), TOUCHED, False, id="another build"),
        pytest.param(
            seen(glimpse(OLD, "not_restarted", "wrong_version", serving=True)),
            TOUCHED,
            False,
            id="its deployment did nothing, and it has another finding",
        ),
        pytest.param(
            seen(glimpse(OLD, "wrong_version", serving=True)),
            {**TOUCHED, "batch": ("rc1",), "was": (WELL_OLD,)},
            True,
            id="the same process as before, and no restart is required",
        ),
        pytest.param(
            seen(glimpse(OLD, "wrong_version", process="b", serving=True)),
            {**TOUCHED, "batch": ("rc1",), "was": (WELL_OLD,)},
            False,
            id="another process of the same version",
        ),
        pytest.param(seen(YOUNG_NEW), TOUCHED, False, id="just started"),
        pytest.param(
            seen(glimpse(OLD, "not_restarted", "stalled")),
            TOUCHED,
            False,
            id="its deployment did nothing; it is ill",
        ),
        pytest.param(seen(WRONG_VERSION, ready=frozenset({"rc1"})), TOUCHED, True, id="the gate calls it ready"),
        pytest.param(seen(SILENT), TOUCHED, False, id="silent after its deployment"),
        pytest.param(KILLED, TOUCHED, False, id="its deployment was begun, and no gate has seen it"),
        pytest.param(seen(REFUSED), TOUCHED, False, id="its deployment was begun, and it refuses the credentials"),
        pytest.param(KILLED, {}, True, id="drained, and no gate has seen it"),
        pytest.param(seen(REFUSED), {}, True, id="drained, and it refuses the credentials"),
        pytest.param(seen(glimpse(OLD, "unauthorized", "stalled")), {}, False, id="drained, and it is ill as well"),
        pytest.param(seen(SILENT), {}, False, id="drained, and silent"),
        pytest.param(seen(STALLED), {}, False, id="drained, and stalled"),
        pytest.param(seen(glimpse(OLD, "peer_answered")), {}, True, id="drained, and only a restart cures it"),
        pytest.param(seen(glimpse(OLD, "broker_down")), {"was": (STALLED,)}, True, id="only a restart cures it"),
        pytest.param(
            seen(glimpse(OLD, "broker_down", "stalled")), {}, False, id="a restart does not cure all of its findings"
        ),
        pytest.param(seen(glimpse(NEW, "broker_down", process="b")), TOUCHED, False, id="its deployment left it ill"),
        pytest.param(seen(glimpse(OLD)), {}, False, id="drained, does not serve, and the gate gives no reason"),
        pytest.param(KILLED, {"was": (STALLED,)}, False, id="drained, was not well, and no gate has seen it"),
        pytest.param(seen(NOT_RESTARTED), {"was": (STALLED,)}, False, id="drained, was not well"),
        pytest.param(
            seen(WELL_OLD, WELL_OLD, unlinked=frozenset({("rc1", "rc2")})),
            {},
            True,
            id="drained; unlinked as before",
        ),
        pytest.param(
            seen(WELL_NEW, WELL_OLD, unlinked=frozenset({("rc1", "rc2")})),
            TOUCHED,
            False,
            id="after its deployment it is not linked to one in rotation",
        ),
        pytest.param(
            seen(WELL_OLD, WELL_OLD, unlinked=frozenset({("rc1", "rc2")})),
            {"batch": (), "was": ()},
            False,
            id="not drained by this run, and not linked to one in rotation",
        ),
        pytest.param(
            seen(BROKEN), {"was": (BROKEN,)}, True, id="drained, only a restart cures it, and it still serves"
        ),
        pytest.param(seen(BROKEN), {"batch": (), "was": ()}, True, id="only a restart cures it, at the start of a run"),
        pytest.param(seen(BROKEN), TOUCHED, False, id="only a restart cures it, after its deployment"),
        pytest.param(seen(WELL_NEW), {"admitted": ALL}, False, id="in rotation already"),
        pytest.param(seen(WELL_NEW), {"lost": frozenset({"rc1"})}, False, id="lost"),
    ],
)
def test_whether_a_member_is_readmitted(now: Seen, fields: dict[str, Any], expected: bool) -> None:
    default: dict[str, Any] = {"batch": ("rc1",), "was": (WELL_OLD,), "admitted": frozenset({"rc2", "rc3"})}
    assert returnable(plan(), State(seen=now, **{**default, **fields})) == (("rc1",) if expected else ())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"keep_out": ALL}, id="kept out"),
        pytest.param({"hosts": ()}, id="outside the play"),
        pytest.param({"hooks": DEPLOYS}, id="without a load balancer"),
    ],
)
def test_which_members_are_never_readmitted(options: dict[str, Any]) -> None:
    assert returnable(plan(**options), after(Stage.LOOK, *ALL_OLD, admitted=frozenset())) == ()


@pytest.mark.parametrize(
    ("glimpses", "options", "expected"),
    [
        pytest.param((WELL_OLD, STALLED, SILENT), {}, ("rc3", "rc2", "rc1"), id="silent, then ill, then well"),
        pytest.param(
            (WELL_OLD, YOUNG_OLD, STALLED), {}, ("rc3", "rc2", "rc1"), id="a settling member after an ill one"
        ),
        pytest.param((STALLED_NEW, WELL_NEW, WELL_OLD), {}, ("rc1", "rc3"), id="the version alone is not enough"),
        pytest.param(ALL_OLD, {"hosts": ("rc2",)}, ("rc2",), id="only hosts of the play"),
        pytest.param(ALL_NEW, {"expected_version": None}, NAMES, id="without an expected version all"),
        pytest.param((), {}, NAMES, id="nothing is known"),
    ],
)
def test_which_members_are_to_do(
    glimpses: tuple[Glimpse, ...], options: dict[str, Any], expected: tuple[str, ...]
) -> None:
    end = next_step(plan(**options), after(Stage.REPORT, *glimpses, **STOPS))
    assert isinstance(end, End)
    assert end.todo == expected


def test_of_two_done_unlinked_members_one_is_deployed() -> None:
    state = after(Stage.LOOK, seen=seen(*ALL_NEW, unlinked=frozenset({("rc1", "rc2")})))
    assert next_step(plan(serial=(3,)), state) == before("rc2")


@pytest.mark.parametrize(
    ("glimpses", "options", "batches", "expected"),
    [
        pytest.param(ALL_OLD, {"serial": (3,)}, 0, ("rc1",), id="one, until one serves with the version"),
        pytest.param(ALL_OLD, {"serial": (3,)}, 1, ("rc1",), id="one, although a batch has come back"),
        pytest.param((STALLED_NEW, WELL_OLD, WELL_OLD), {"serial": (3,)}, 0, ("rc1",), id="one that does not serve"),
        pytest.param(FIRST_NEW, {"serial": (3,)}, 0, ("rc2", "rc3"), id="as many as are left"),
        pytest.param(FIRST_NEW, {"serial": (1, 2)}, 0, ("rc2",), id="the first size"),
        pytest.param(FIRST_NEW, {"serial": (1, 2)}, 1, ("rc2", "rc3"), id="the second size"),
        pytest.param(FIRST_NEW, {"serial": (1, 2)}, 5, ("rc2", "rc3"), id="the last size repeats"),
        pytest.param((WELL_NEW, SILENT, WELL_OLD), {"serial": (3,)}, 1, ("rc2",), id="one that is not well, alone"),
        pytest.param(ALL_OLD, {"serial": (3,), "expected_version": None}, 0, ("rc1",), id="no version: one at first"),
        pytest.param(ALL_OLD, {"serial": (3,), "expected_version": None}, 1, NAMES, id="no version: one has come back"),
    ],
)
def test_the_size_of_a_batch(
    glimpses: tuple[Glimpse, ...], options: dict[str, Any], batches: int, expected: tuple[str, ...]
) -> None:
    step = next_step(plan(**options), after(Stage.RETURN, *glimpses, batches=batches))
    assert isinstance(step, Ask)
    assert (step.stage, step.targets) == (Stage.BEFORE, expected)


# The state after a gate


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, (), id="unknown for the hosts of the play"),
        pytest.param({"hosts": ("rc1",)}, (), id="unknown for members outside the play"),
        pytest.param(
            {"hosts": ("rc1",), "in_rotation": frozenset({"rc2"})}, ("rc2",), id="members in rolling_update_in_rotation"
        ),
        pytest.param({"in_rotation": frozenset({"rc2"})}, (), id="but not if they are hosts of the play"),
        pytest.param({"hosts": ("rc1",), "in_rotation": ALL, "keep_out": frozenset({"rc2"})}, ("rc3",), id="kept out"),
        pytest.param({"hooks": DEPLOYS}, NAMES, id="without a load balancer every member"),
        pytest.param(
            {"hooks": DEPLOYS, "keep_out": frozenset({"rc2"})},
            ("rc1", "rc3"),
            id="without a load balancer, but not those kept out",
        ),
    ],
)
def test_which_members_are_in_rotation_at_first(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    for now in (seen(*ALL_OLD), seen(*ALL_OLD, verdict="wait")):
        state = after_gate(plan(**options), State(), Ask(Stage.LOOK), now)
        assert state == State(stage=Stage.LOOK, seen=now, admitted=frozenset(expected))


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "refused"])
def test_a_first_look_that_fails_stops_the_roll(verdict: str) -> None:
    now = seen(*ALL_OLD, verdict=verdict)
    state = after_gate(plan(), State(), Ask(Stage.LOOK), now)
    assert state == State(stage=Stage.LOOK, seen=now, reasons=(f"{verdict}, says the gate",))


def test_a_batch_is_the_targets_still_to_do_when_the_gate_passes() -> None:
    now = seen(WELL_NEW, WELL_NEW, SILENT)
    state = after_gate(plan(), deploying(Stage.RETURN, *ALL_OLD, admitted=ALL), before("rc2", "rc3"), now)
    taken = {"batch": ("rc3",), "was": (SILENT,), "deployed": frozenset()}
    assert state == deploying(Stage.BEFORE, seen=now, admitted=ALL, **taken)


def test_a_member_that_is_well_is_readmitted_before_another_is_taken_down() -> None:
    """The gate before the deployment may be the first that sees it serve."""
    state = after(Stage.RETURN, *ALL_OLD, admitted=frozenset({"rc2"}))
    passed = after_gate(plan(), state, before("rc1", out=("rc3",)), seen(SILENT, WELL_OLD, WELL_OLD))
    assert next_step(plan(), passed) == Run(Stage.RETURN, Hook.READMIT, ("rc3",))
    alone = after_gate(plan(), state, before("rc1", out=("rc3",)), seen(WELL_OLD, WELL_OLD, SILENT))
    assert next_step(plan(), alone) == Run(Stage.DRAIN, Hook.DRAIN, ("rc1",))


def test_a_deployed_member_that_dies_before_a_planned_end_is_a_failure() -> None:
    asked = Ask(Stage.RECOVER, ("rc2",), expected_version=OLD)
    state = after(Stage.RETURN, WELL_NEW, YOUNG_OLD, WELL_OLD, batches=1, begun=frozenset({"rc1"}), settled=True)
    dead = after_gate(plan(batches=1), state, asked, seen(SILENT, WELL_OLD, WELL_OLD))
    assert dead.reasons == ("rc1 served after the deployment and no longer does",)
    stopped = after_gate(plan(), replace(state, reasons=("why",)), asked, seen(SILENT, WELL_OLD, WELL_OLD))
    assert (stopped.reasons, stopped.recovered) == (("why",), frozenset({"rc2"}))


def test_a_gate_before_that_does_not_pass_stops_the_roll() -> None:
    now = seen(*FIRST_NEW, verdict="wait")
    state = after_gate(plan(), after(Stage.RETURN, *ALL_OLD, batch=("rc1",)), before("rc2"), now)
    assert state == replace(after(Stage.BEFORE), seen=now, reasons=("wait, says the gate",))


def test_a_gate_before_that_does_not_pass_is_asked_again_when_a_member_is_well_again() -> None:
    now = seen(*FIRST_NEW, verdict="wait")
    asked = before("rc2", out=("rc1",))
    state = after_gate(plan(), after(Stage.RETURN, *ALL_OLD, admitted=frozenset({"rc2", "rc3"})), asked, now)
    assert state == replace(after(Stage.BEFORE, admitted=frozenset({"rc2", "rc3"})), seen=now)
    assert next_step(plan(), state) == Run(Stage.RETURN, Hook.READMIT, ("rc1",))


@pytest.mark.parametrize("stage", [Stage.RECHECK, Stage.FINAL, Stage.SOAK])
@pytest.mark.parametrize("verdict", ["wait", "fail", "inconclusive", "refused"])
def test_a_gate_that_does_not_pass_stops_the_roll(stage: Stage, verdict: str) -> None:
    now = seen(*FIRST_NEW, verdict=verdict)
    state = after_gate(plan(), State(**DRAINED), Ask(stage), now)  # type: ignore[arg-type]
    expected = State(stage=stage, seen=now, reasons=(f"{verdict}, says the gate",), **DRAINED)  # type: ignore[arg-type]
    assert state == replace(expected, soaked=stage is Stage.SOAK)


@pytest.mark.parametrize("stage", [Stage.RECHECK, Stage.FINAL, Stage.SOAK, Stage.SETTLE, Stage.REVIEW, Stage.RECOVER])
@pytest.mark.parametrize("soaked", [True, False])
def test_a_gate_that_passes_continues_the_roll(stage: Stage, soaked: bool) -> None:
    state = after_gate(plan(), State(soaked=soaked), Ask(stage), seen(*ALL_NEW))
    expected = State(stage=stage, seen=seen(*ALL_NEW), soaked=soaked or stage is Stage.SOAK)
    assert state == replace(expected, settled=stage is Stage.SETTLE)


@pytest.mark.parametrize("stage", [Stage.SETTLE, Stage.REVIEW, Stage.RECOVER])
def test_a_wait_for_others_and_a_review_stop_nothing(stage: Stage) -> None:
    state = after_gate(plan(), State(), Ask(stage), KILLED)
    waited = State(settled=stage is Stage.SETTLE)
    assert state == replace(waited, stage=stage, seen=KILLED)


def test_a_batch_that_comes_back_counts() -> None:
    now = seen(*FIRST_NEW, ready=frozenset({"rc1"}))
    state = after_gate(plan(), deploying(Stage.DEPLOY, *ALL_OLD), after_deploying("rc1"), now)
    assert state == deploying(Stage.AFTER, seen=now, batches=1)


def test_a_batch_that_comes_back_after_a_failure_does_not_count() -> None:
    now = seen(*FIRST_NEW, ready=frozenset({"rc1"}))
    state = after_gate(plan(), deploying(Stage.DEPLOY, *ALL_OLD, **STOPS), after_deploying("rc1"), now)
    assert state == deploying(Stage.AFTER, seen=now, **STOPS)


@pytest.mark.parametrize("verdict", ["wait", "fail", "inconclusive", "refused"])
def test_a_batch_that_does_not_come_back_stops_the_roll(verdict: str) -> None:
    now = seen(*FIRST_NEW, verdict=verdict)
    state = after_gate(plan(), deploying(Stage.DEPLOY, *ALL_OLD), after_deploying("rc1"), now)
    assert state == deploying(Stage.AFTER, seen=now, reasons=(f"{verdict}, says the gate",))


def test_a_gate_after_returns_early_as_often_as_another_target_is_ready() -> None:
    asked = after_deploying("rc2", "rc3", ready=("rc3",))
    early = seen(*ALL_NEW, verdict="wait", ready=frozenset({"rc2", "rc3"}), early=True)
    state = after_gate(plan(), State(stage=Stage.READMIT, **DEPLOYED), asked, early)  # type: ignore[arg-type]
    assert state == State(stage=Stage.AFTER, seen=early, **DEPLOYED)  # type: ignore[arg-type]


@pytest.mark.parametrize("ready", [("rc3",), ()])
def test_a_gate_after_that_returns_early_without_a_new_target_stops_the_roll(ready: tuple[str, ...]) -> None:
    asked = after_deploying("rc2", "rc3", ready=("rc3",))
    early = seen(*ALL_NEW, verdict="wait", ready=frozenset(ready), early=True)
    state = after_gate(plan(), State(stage=Stage.READMIT, **DEPLOYED), asked, early)  # type: ignore[arg-type]
    assert state == State(
        stage=Stage.AFTER,
        seen=replace(early, early=False),
        reasons=("wait, says the gate",),
        **DEPLOYED,  # type: ignore[arg-type]
    )


def test_a_gate_after_that_passes_is_not_early() -> None:
    passed = seen(*ALL_NEW, ready=frozenset({"rc2", "rc3"}), early=True)
    state = after_gate(plan(), State(**DEPLOYED), after_deploying("rc2", "rc3"), passed)  # type: ignore[arg-type]
    assert state == State(
        stage=Stage.AFTER,
        seen=replace(passed, early=False),
        batches=1,
        **DEPLOYED,  # type: ignore[arg-type]
    )


FALLEN = (STALLED_NEW, WELL_OLD, WELL_OLD)
DONE_FIRST = {"begun": frozenset({"rc1"}), "batches": 1}
FELL = ("rc1 served after the deployment and no longer does",)


def test_a_deployed_member_that_no_longer_serves_stops_the_roll() -> None:
    """If the gate needs fewer members, it is waited for once, then the roll stops before the next drain."""
    passed = seen(*FALLEN)
    state = after_gate(plan(), after(Stage.RETURN, *FIRST_NEW, **DONE_FIRST), before("rc2"), passed)
    asked = next_step(plan(), state)
    assert asked == Ask(Stage.SETTLE, ("rc1",), expected_version=NEW)
    assert after_gate(plan(), state, asked, seen(*FALLEN, verdict="wait")).reasons == FELL
    back = after_gate(plan(), state, asked, seen(*FIRST_NEW))
    assert next_step(plan(), back) == before("rc2")
    assert after_gate(plan(), back, before("rc2"), passed).reasons == FELL
    taken = after_gate(plan(), back, before("rc2"), seen(*FIRST_NEW))
    assert (taken.batch, taken.settled) == (("rc2",), False)


def test_without_a_version_a_relapsed_member_is_not_waited_for() -> None:
    state = after(Stage.RETURN, *FIRST_NEW, **DONE_FIRST)
    assert after_gate(plan(expected_version=None), state, before("rc2"), seen(*FALLEN)).reasons == FELL


def test_the_last_gate_is_about_every_node() -> None:
    state = after(Stage.RETURN, *ALL_NEW, begun=ALL)
    assert after_gate(plan(), state, final(3, NEW), seen(*ALL_NEW)).reasons == ()
    both = (STALLED_NEW, WELL_NEW, STALLED_NEW)
    assert after_gate(plan(), state, final(3, NEW), seen(*both)).reasons == (
        "rc1, rc3 served after the deployment and no longer do",
    )


@pytest.mark.parametrize(
    ("options", "glimpses", "reasons"),
    [
        ({}, FIRST_NEW, ("more than one version runs: 7.10.0, 7.11.0",)),
        ({}, (WELL_NEW, glimpse(None, process="b", serving=True), WELL_NEW), ()),
        ({"check": True}, FIRST_NEW, ()),
        ({"hosts": ("rc1",)}, FIRST_NEW, ()),
    ],
    ids=["two", "one is not known", "in check mode", "others are not of this play"],
)
def test_more_than_one_version_at_the_end_is_a_failure(
    options: dict[str, Any], glimpses: tuple[Glimpse, ...], reasons: tuple[str, ...]
) -> None:
    """Without an expected version no gate checks this."""
    wanted = plan(expected_version=None, **options)
    state = after_gate(wanted, after(Stage.RETURN, *ALL_OLD, begun=ALL), final(3), seen(*glimpses))
    assert state.reasons == reasons


def test_in_check_mode_a_reason_to_wait_passes() -> None:
    checked, waits = plan(check=True), seen(*ALL_OLD, verdict="wait")
    state = after_gate(checked, after(Stage.RETURN, *ALL_OLD), before("rc1"), waits)
    assert state == replace(after(Stage.BEFORE), seen=waits, batch=("rc1",), was=(WELL_OLD,))
    state = after_gate(checked, deploying(Stage.DEPLOY, *ALL_OLD), after_deploying("rc1"), waits)
    assert state == deploying(Stage.AFTER, seen=replace(waits, ready=frozenset({"rc1"})), batches=1)
    assert next_step(checked, state) == Run(Stage.RETURN, Hook.READMIT, ("rc1",))


def test_in_check_mode_a_failure_stops_the_roll() -> None:
    fails = seen(*ALL_OLD, verdict="fail")
    state = after_gate(plan(check=True), deploying(Stage.DEPLOY, *ALL_OLD), after_deploying("rc1"), fails)
    assert state == deploying(Stage.AFTER, seen=fails, reasons=("fail, says the gate",))


# The state at the start and the end of a hook


@pytest.mark.parametrize(
    ("run", "options", "expected"),
    [
        pytest.param(
            Run(Stage.DRAIN, Hook.DRAIN, ("rc1", "rc2")),
            {},
            {"admitted": frozenset({"rc3"}), "deployed": frozenset({"rc3"})},
            id="a drain ends the rotation",
        ),
        pytest.param(
            Run(Stage.DEPLOY, Hook.DEPLOY, ("rc1", "rc2")),
            {"hooks": ROTATES - {Hook.DRAIN}},
            {"admitted": frozenset({"rc3"}), "begun": frozenset({"rc1", "rc2"})},
            id="a deployment without a drain hook does too",
        ),
        pytest.param(
            Run(Stage.DEPLOY, Hook.DEPLOY, ("rc1", "rc2")),
            {"hooks": DEPLOYS},
            {"admitted": ALL, "begun": frozenset({"rc1", "rc2"})},
            id="a deployment without a load balancer does not",
        ),
    ],
)
def test_the_state_at_the_start_of_a_hook(run: Run, options: dict[str, Any], expected: dict[str, Any]) -> None:
    state = before_hook(plan(**options), State(admitted=ALL, deployed=frozenset({"rc3"})), run)
    assert state == State(stage=run.stage, **expected)


def test_a_member_is_in_rotation_at_the_end_of_its_readmission_and_not_at_the_start() -> None:
    state, run = State(admitted=frozenset({"rc2"})), Run(Stage.RETURN, Hook.READMIT, ("rc1",))
    begun = before_hook(plan(), state, run)
    assert begun == State(stage=Stage.RETURN, admitted=frozenset({"rc2"}))
    assert after_hook(begun, run, finished=("rc1",)) == State(stage=Stage.RETURN, admitted=frozenset({"rc1", "rc2"}))


TWO = ("rc1", "rc2")


@pytest.mark.parametrize(
    ("run", "finished", "lost", "expected"),
    [
        pytest.param(Run(Stage.DRAIN, Hook.DRAIN, TWO), TWO, (), {}, id="drained"),
        pytest.param(
            Run(Stage.DRAIN, Hook.DRAIN, TWO),
            ("rc2",),
            (),
            {"reasons": ("the drain hook failed on rc1: see its error above",)},
            id="not drained",
        ),
        pytest.param(
            Run(Stage.DRAIN, Hook.DRAIN, TWO),
            (),
            ("rc2",),
            {
                "reasons": (
                    "the drain hook failed on rc1: see its error above",
                    "Ansible lost rc2 during the drain hook",
                ),
                "lost": frozenset({"rc2"}),
            },
            id="lost",
        ),
        pytest.param(Run(Stage.DEPLOY, Hook.DEPLOY, TWO), TWO, (), {"deployed": frozenset(TWO)}, id="deployed to both"),
        pytest.param(
            Run(Stage.DEPLOY, Hook.DEPLOY, TWO),
            ("rc2", "rc3"),
            (),
            {"deployed": frozenset({"rc2"}), "reasons": ("the deploy hook failed on rc1: see its error above",)},
            id="deployed to one; a host of another batch does not count",
        ),
        pytest.param(
            Run(Stage.RETURN, Hook.READMIT, TWO), TWO, (), {"admitted": frozenset(NAMES)}, id="readmitted, both"
        ),
        pytest.param(
            Run(Stage.READMIT, Hook.READMIT, TWO),
            ("rc2",),
            (),
            {
                "admitted": frozenset({"rc2", "rc3"}),
                "lost": frozenset({"rc1"}),
                "reasons": ("the readmit hook failed on rc1: see its error above",),
            },
            id="not readmitted",
        ),
        pytest.param(
            Run(Stage.PREPARE, Hook.PREFLIGHT, ("rc1",)),
            ("rc1",),
            (),
            {"ran": frozenset({"preflight"})},
            id="preflight",
        ),
        pytest.param(
            Run(Stage.PREPARE, Hook.BACKUP, ("rc1",)),
            (),
            (),
            {"ran": frozenset({"backup"}), "reasons": ("the backup hook failed on rc1: see its error above",)},
            id="no backup",
        ),
        pytest.param(
            Run(Stage.REPORT, Hook.ON_FAILURE, TWO),
            (),
            ("rc1",),
            {"ran": REPORTED, "lost": frozenset({"rc1"})},
            id="a failed on_failure hook is not a further reason",
        ),
    ],
)
def test_the_state_at_the_end_of_a_hook(
    run: Run, finished: tuple[str, ...], lost: tuple[str, ...], expected: dict[str, Any]
) -> None:
    state = after_hook(State(admitted=frozenset({"rc3"})), run, finished=finished, lost=lost)
    leaves = "reasons" in expected
    assert state == State(stage=run.stage, **{"admitted": frozenset({"rc3"}), "leaves": leaves, **expected})
    if leaves:
        assert next_step(plan(), state) == Leave()


def test_the_play_that_puts_back_tries_each_host_again() -> None:
    """The hook that was running counts as failed; each host gets one more try, and no other play follows."""
    drain = Run(Stage.DRAIN, Hook.DRAIN, ("rc1",))
    state = put_back(deploying(Stage.DRAIN, leaves=True, lost=frozenset({"rc2"})), drain, ended=False)
    failed = {"reasons": ("the drain hook failed on rc1",), "lost": frozenset[str](), "putting_back": True}
    assert state == deploying(Stage.DRAIN, **failed)
    again = after_hook(state, Run(Stage.RETURN, Hook.READMIT, ("rc1",)), finished=())
    assert not again.leaves
    assert again.lost == {"rc1"}


@pytest.mark.parametrize(
    ("ended", "reasons"),
    [(True, ()), (False, ("the play ended before the roll was finished (interrupted, or ended by a hook)",))],
)
def test_a_play_that_ended_early_is_a_failure(ended: bool, reasons: tuple[str, ...]) -> None:
    assert put_back(State(), None, ended=ended) == State(reasons=reasons, putting_back=True)


@pytest.mark.parametrize("stage", [Stage.RETURN, Stage.PREPARE, Stage.BEFORE, Stage.REPORT])
def test_a_second_readmission_comes_after_a_look(stage: Stage) -> None:
    """A hook that fails also takes time, during which a node may have died."""
    state = put_back(after(stage, *ALL_OLD, reasons=("why",), leaves=True, admitted=frozenset()), None, ended=False)
    assert next_step(plan(), state) == Ask(Stage.REVIEW)
    dead = after_gate(plan(), state, Ask(Stage.REVIEW), seen(WELL_OLD, SILENT, WELL_OLD, verdict="wait"))
    assert next_step(plan(), dead) == Run(Stage.RETURN, Hook.READMIT, ("rc1", "rc3"))


def test_the_second_play_waits_again_for_members_that_only_need_time() -> None:
    assert not put_back(State(recovered=ALL), None, ended=True).recovered


def test_a_strict_check_fails_where_a_gate_before_would_wait() -> None:
    """A gate before that would have to wait stops the roll; a gate after a skipped deployment does not."""
    strict, waits = plan(check=True, check_strict=True), seen(*ALL_OLD, verdict="wait")
    assert after_gate(strict, after(Stage.RETURN, *ALL_OLD), before("rc1"), waits).reasons == (waits.message,)
    assert after_gate(strict, deploying(Stage.DEPLOY, *ALL_OLD), after_deploying("rc1"), waits).reasons == ()


def test_a_second_reason_is_added() -> None:
    run = Run(Stage.RETURN, Hook.READMIT, ("rc1",))
    state = after_hook(State(reasons=("why",)), run, finished=())
    assert state.reasons == ("why", "the readmit hook failed on rc1: see its error above")


# Whole rolls without failures


def rolled(options: dict[str, Any], glimpses: tuple[Glimpse, ...]) -> list[str]:
    """The steps of a roll in which each gate passes and each hook finishes."""
    wanted, state, cluster = plan(**options), State(), dict(zip(NAMES, glimpses))
    steps: list[str] = []
    while not isinstance(step := next_step(wanted, state), End):
        assert len(steps) < 30, steps  # a roll that does not end
        if isinstance(step, Ask):
            steps.append(" ".join([step.stage.value, *step.targets]))
            now = Seen("pass", "passed", dict(cluster), ready=frozenset(step.targets))
            state = after_gate(wanted, state, step, now)
        else:
            assert isinstance(step, Run)
            steps.append(" ".join([step.hook.value, *step.hosts]))
            if step.hook is Hook.DEPLOY:
                cluster.update(dict.fromkeys(step.hosts, WELL_NEW))
            state = after_hook(before_hook(wanted, state, step), step, finished=step.hosts)
    assert step == End(failed=False, reasons=(), out=(), todo=())
    return steps


def test_the_steps_of_a_roll() -> None:
    assert rolled({"serial": (2,), "soak": 60.0, "hooks": EVERY_HOOK}, ALL_OLD) == [
        "look",
        "readmit rc1 rc2 rc3",
        "before rc1",
        "preflight rc1",
        "backup rc1",
        "before rc1",
        "drain rc1",
        "recheck rc1",
        "deploy rc1",
        "after rc1",
        "readmit rc1",
        "soak",
        "before rc2 rc3",
        "drain rc2 rc3",
        "recheck rc2 rc3",
        "deploy rc2 rc3",
        "after rc2 rc3",
        "readmit rc2 rc3",
        "final",
    ]


def test_the_steps_without_a_load_balancer() -> None:
    assert rolled({"serial": (2,), "hooks": DEPLOYS}, FIRST_NEW) == [
        "look",
        "before rc2 rc3",
        "deploy rc2 rc3",
        "after rc2 rc3",
        "final",
    ]


def test_the_steps_if_deployments_drain_by_themselves() -> None:
    assert rolled({"hooks": ROTATES - {Hook.DRAIN}, "hosts": ("rc3",)}, ALL_OLD) == [
        "look",
        "readmit rc3",
        "before rc3",
        "deploy rc3",
        "after rc3",
        "readmit rc3",
        "final",
    ]


def test_the_steps_if_all_members_are_done() -> None:
    assert rolled({}, ALL_NEW) == ["look", "readmit rc1 rc2 rc3", "final"]


def test_an_unlinked_member_that_runs_the_version_is_still_to_do() -> None:
    found = seen(*ALL_NEW, unlinked=frozenset({("rc1", "rc2")}))
    looked = after(Stage.LOOK, seen=replace(found, verdict="wait"), admitted=ALL - {"rc2"})
    step = next_step(plan(), looked)
    assert step == before("rc2")
    passed = after_gate(plan(), looked, step, found)
    assert passed.batch == ("rc2",)
    assert next_step(plan(), passed) == Run(Stage.DRAIN, Hook.DRAIN, ("rc2",))


def test_a_target_unlinked_before_its_drain_is_not_readmitted() -> None:
    found = seen(*ALL_NEW, unlinked=frozenset({("rc1", "rc2")}))
    looked = after(Stage.LOOK, seen=replace(found, verdict="wait"), admitted=ALL - {"rc2"})
    passed = after_gate(plan(), looked, before("rc2"), found)
    again = before("rc2", stage=Stage.RECHECK)
    shut = after_gate(plan(), replace(passed, stage=Stage.DRAIN), again, replace(found, verdict="wait"))
    assert next_step(plan(), shut) == End(True, ("pass, says the gate",), ("rc2",), ("rc2",))


ISOLATED = frozenset({("rc1", "rc2"), ("rc1", "rc3")})


def test_of_unlinked_members_those_with_more_links_are_readmitted() -> None:
    """A roll that stopped at rc1, which came back without links, must not take it in place of all others."""
    looked = after(Stage.LOOK, seen=seen(WELL_NEW, WELL_OLD, WELL_OLD, unlinked=ISOLATED), admitted=frozenset())
    assert next_step(plan(), looked) == Run(Stage.RETURN, Hook.READMIT, ("rc2", "rc3"))
    readmitted = replace(looked, stage=Stage.RETURN, admitted=frozenset({"rc2", "rc3"}))
    assert next_step(plan(), readmitted) == before("rc1")


def test_links_to_a_member_that_is_kept_out_do_not_count() -> None:
    looked = after(Stage.LOOK, seen=seen(*ALL_OLD, unlinked=ISOLATED), admitted=frozenset())
    assert next_step(plan(keep_out=frozenset({"rc1"})), looked) == Run(Stage.RETURN, Hook.READMIT, ("rc2", "rc3"))
    kept_out = plan(keep_out=frozenset({"rc1"}))
    unlinked = frozenset({("rc1", "rc2")})
    of_two = after(Stage.LOOK, seen=seen(*ALL_OLD, unlinked=unlinked), admitted=frozenset())
    assert well(kept_out, of_two) == ALL
    done = after(Stage.RETURN, seen=seen(*ALL_NEW, unlinked=ISOLATED), admitted=frozenset({"rc2", "rc3"}))
    assert next_step(kept_out, done) == final(2, NEW)


def test_members_that_are_kept_out_need_not_serve_during_the_soak() -> None:
    back = after(Stage.RETURN, *FIRST_NEW, batches=1, admitted=ALL - {"rc3"})
    step = next_step(plan(soak=60.0, keep_out=frozenset({"rc3"})), back)
    assert step == Ask(Stage.SOAK, hold_for=60.0, min_serving=2)


@pytest.mark.parametrize("code", ["server_error", "starting", "not_rocketchat", "redirected", "tls"])
def test_a_drained_member_that_answers_with_another_error_is_not_readmitted(code: str) -> None:
    """Only a refusal of the credentials or of the number of calls says nothing about the process."""
    drained = {"batch": ("rc1",), "was": (WELL_OLD,), "admitted": ALL - {"rc1"}, **STOPS}
    ill = after(Stage.REVIEW, glimpse(None, code), WELL_OLD, WELL_OLD, **drained)
    assert returnable(plan(), ill) == ()
    refused = after(Stage.REVIEW, glimpse(None, "rate_limited"), WELL_OLD, WELL_OLD, **drained)
    assert returnable(plan(), refused) == ("rc1",)
    another = after(Stage.REVIEW, glimpse(None, "rate_limited", process="b"), WELL_OLD, WELL_OLD, **drained)
    assert returnable(plan(), another) == ()


@pytest.mark.parametrize(("process", "back"), [("a", ("rc1",)), ("b", ())], ids=["the same", "another"])
@pytest.mark.parametrize("codes", [(), ("restart_not_provable",)], ids=["drained", "deployed"])
def test_another_process_without_links_is_not_readmitted(
    codes: tuple[str, ...], process: str, back: tuple[str, ...]
) -> None:
    now = glimpse(OLD, *codes, process=process, serving=True)
    found = seen(now, WELL_OLD, WELL_OLD, unlinked=ISOLATED)
    begun = frozenset({"rc1"} if codes else ())
    fields = {"batch": ("rc1",), "was": (WELL_OLD,), "admitted": ALL - {"rc1"}, "begun": begun, **STOPS}
    assert returnable(plan(), after(Stage.REVIEW, seen=found, **fields)) == back


def test_a_deployed_member_without_findings_and_without_links_is_not_readmitted() -> None:
    found = seen(WELL_OLD, WELL_OLD, WELL_OLD, unlinked=ISOLATED)
    assert returnable(plan(), deploying(Stage.REVIEW, seen=found, **STOPS)) == ()


def test_a_member_that_falls_ill_during_the_gate_comes_first_and_alone() -> None:
    settings = plan(serial=(2,))
    returned = after(Stage.RETURN, *FIRST_NEW, batches=1)
    step = next_step(settings, returned)
    assert step == before("rc2", "rc3")
    passed = after_gate(settings, returned, step, seen(WELL_NEW, WELL_OLD, SILENT))
    assert next_step(settings, passed) == before("rc3")


@pytest.mark.parametrize(("process", "back"), [("a", True), ("b", False)], ids=["the same", "another"])
def test_only_the_same_process_is_readmitted_before_its_ping_is_seen(process: str, back: bool) -> None:
    """The others refuse the credentials, so the age of its ping is not known."""
    now = glimpse(OLD, "ping_unconfirmed", process=process)
    drained = after(Stage.RECHECK, now, REFUSED, REFUSED, batch=("rc1",), was=(WELL_OLD,), admitted=ALL - {"rc1"})
    step = next_step(plan(), replace(drained, reasons=("shut",)))
    assert step == (
        Run(Stage.RETURN, Hook.READMIT, ("rc1",)) if back else Ask(Stage.RECOVER, ("rc1",), expected_version=OLD)
    )
