# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A part of the campaign, and the mutants of the judgement, each of which must be noticed."""

from __future__ import annotations

import secrets

import pytest

from ansible_collections.rocketops.rocketchat.tests.simulation.campaign import campaign, play
from ansible_collections.rocketops.rocketchat.tests.simulation.mutants import WRITTEN, all_mutants, catch_all

FIXED, COMPARED, FRESH = 1700, 200, 100
NONE = "no mutant"
MUTANTS = list(all_mutants())


def test_fixed_schedules_have_no_faults() -> None:
    totals = campaign(COMPARED, FIXED, with_uri=False)
    assert totals.faults() == []
    assert totals.schedules == FIXED
    assert totals.ours.passes > FIXED


def test_the_same_checks_find_faults_of_another_gate() -> None:
    totals = campaign(0, COMPARED)
    assert totals.faults() == []
    assert totals.uri.false_passes > COMPARED / 2


def test_random_schedules_have_no_faults() -> None:
    """Replay a failing seed with ``python -m …tests.simulation --replay SEED``, and add it to the test below."""
    first = secrets.randbelow(2**32)
    assert campaign(first, FRESH, with_uri=False).faults() == []


@pytest.mark.parametrize(
    "seed",
    [
        *(769, 1176, 1690, 3161, 16666, 51341, 78886, 115659, 125979, 307147, 5009630, 5013581, 5054334, 5058935),
        *(840518150099, 1004882142152),
        *(936330688, 3176379122, 3176439551),
        *(7, 261, 339, 111525, 110759),
        *(356553164996, 356553165079, 381000952000, 981972671823),
        *(456176625017, 456176609285),
        *(617240013354, 617240014803, 617240017130, 617240024932),
        *(114014886816, 114014886925, 114014888953, 114014896755, 114014905409),
        *(434847751450, 434847776543, 333467354559, 333467363406),
        *(731454790327, 731454798925, 731454800324, 731454807522, 731454811199, 731454815334, 731454818947),
        *(731454825145, 731454830258, 731454848458, 731454858293, 731454880328),
        *(650777268940, 1098940428802, 1098940429777, 222045870415, 222045878216),
        *(935612266672, 935612266856, 935612273999, 148004171800, 935612267465),
        *(975431687311, 290223808848, 290223825144, 290223944878, 692541122755, 692541148257, 8656075187, 837606307269),
        *(466615708364, 466615711108, 533148241056, 220764139369, 220764145761, 220764154734),
    ],
)
def test_schedules_that_once_had_a_fault_have_none(seed: int) -> None:
    _schedule, tally = play(seed)
    assert tally.faults == []


def test_a_seed_always_gives_the_same_schedule() -> None:
    first, second = (play(seed)[0].cluster.log for seed in (17, 17))
    assert first == second


@pytest.fixture(scope="module")
def caught() -> dict[str, str | None]:
    return catch_all([NONE, *MUTANTS])


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_noticed(name: str, caught: dict[str, str | None]) -> None:
    assert caught[name] is not None


def test_the_unchanged_judgement_passes(caught: dict[str, str | None]) -> None:
    assert caught[NONE] is None


def test_the_page_has_every_mutant() -> None:
    """make mutants writes the page."""
    page = WRITTEN.read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows[2:] == MUTANTS
