# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault matrix, with real runs of Ansible and processes of the emulator."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.rocketops.rocketchat.tests.surfaces.__main__ import PAGE
from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import FAULTS, LATE, Shown, row, show
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import (
    ASKING,
    FACTS,
    INFO,
    SURFACES,
    TASKS,
    Surface,
)
from rocketchat_emulator.faults import KINDS

SLACK = 5.0  # seconds for the start of a task, on a busy machine
STARTING = 20.0  # seconds for the start of a process that imports Ansible, or of a shipped module


@pytest.fixture(scope="module", params=FAULTS, ids=lambda fault: fault.name)
def shown(request: pytest.FixtureRequest) -> Shown:
    """The results of one row."""
    return show(request.param)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.title)
def test_a_cell_has_the_expected_verdict_and_message(shown: Shown, surface: Surface) -> None:
    fault = shown.fault
    if surface in TASKS:
        cells = {surface.cell(shipped=shipped) for shipped in fault.ways(surface)}
        assert cells <= set(shown.run.outcomes), shown.run.output
    for outcome, slack in zip(shown.outcomes(surface), (SLACK if surface in TASKS else STARTING, STARTING)):
        said = str(outcome.result.get("msg", ""))
        assert outcome.verdict == fault.verdict(surface), said
        assert outcome.failed == (outcome.verdict not in {"pass", "ok"})
        assert not outcome.failed or re.search(fault.says, said), said
        assert "\n" not in said
        assert outcome.took <= fault.deadline(surface) + ASKING["timeout"] + slack
        if outcome.verdict in {"fail", "inconclusive"} and surface in TASKS:
            assert outcome.result["elapsed"] < LATE / 2  # no wait for a fault that waiting cannot cure


def test_results_name_the_error_of_a_member(shown: Shown) -> None:
    fault = shown.fault
    for outcome in shown.outcomes(INFO):
        errors = {view["member"]: (view["error"] or {}).get("code") for view in outcome.result["views"]}
        if fault.restless and errors["rc2"] is None:
            continue
        assert errors["rc2"] == fault.error
        assert sum(error is None for error in errors.values()) == fault.answering
    for outcome in shown.outcomes(FACTS):
        assert outcome.result["ansible_facts"]["rocketchat"]["cluster"]["total"] >= fault.answering


def test_no_secret_is_shown(shown: Shown) -> None:
    everything = shown.output + json.dumps([dict(one.result) for one in shown.run.outcomes.values()])
    assert len(everything) > 10_000
    assert len(shown.secrets) > 2
    assert [secret for secret in shown.secrets if secret in everything] == []


def test_ansible_fails_if_a_surface_fails(shown: Shown) -> None:
    run = shown.run
    roles = [outcome for cell, outcome in run.outcomes.items() if cell.startswith("health_gate")]
    failed = any(outcome.failed for outcome in run.outcomes.values() if outcome not in roles)
    assert run.code == (2 if failed else 0)


def test_every_kind_of_fault_has_a_row() -> None:
    tried = {word.partition(":")[0] for fault in FAULTS for command in fault.deploy for word in command.split()}
    forgotten = sorted(KINDS.keys() - {"none"} - tried)
    assert [f"fault {name} has no row in FAULTS of tests/surfaces/matrix.py" for name in forgotten] == []


def test_the_documented_row_is_the_result(shown: Shown) -> None:
    assert row(shown) in documented()


def test_the_documented_matrix_has_a_row_for_each_fault() -> None:
    assert len(documented()) == len(FAULTS)


def documented() -> list[str]:
    """The rows of the documented table, without its head."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ")][2:]
