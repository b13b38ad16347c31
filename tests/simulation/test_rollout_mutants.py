# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests of a roll's decisions notice each wrong decision."""

from __future__ import annotations

import pytest

from ansible_collections.rocketops.rocketchat.tests.simulation.rollout_mutants import (
    MUTANTS,
    notice,
    noticed_by_exploration,
    noticed_by_unit_tests,
)

NONE = "no mutant"
# Faults that the decisions had in the past.
ONCE = (
    "drains right after a backup",
    "does not name what failed in what is left",
    "readmits nothing where there is no drain hook",
)


@pytest.fixture(scope="module")
def noticed() -> dict[str, str | None]:
    return dict(notice([NONE, *MUTANTS], noticed_by_unit_tests))


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_noticed(name: str, noticed: dict[str, str | None]) -> None:
    assert noticed[name] is not None


def test_the_unchanged_decisions_pass(noticed: dict[str, str | None]) -> None:
    assert noticed[NONE] is None


def test_the_exploration_notices_previous_faults() -> None:
    noticed = dict(notice(ONCE, noticed_by_exploration))
    assert all(noticed.values()), noticed
