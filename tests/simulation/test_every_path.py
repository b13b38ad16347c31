# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path of the smallest clusters; ``make every-path`` also explores the larger ones."""

from __future__ import annotations

import pytest

from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT
from ansible_collections.rocketops.rocketchat.tests.simulation.every_path import SCOPES, Explored, explore, page

# Scopes that take longer than a few seconds, and how many of their states are explored here.
BEGINNING = 5_000
LARGE = {
    "two nodes",
    "two nodes, no version expected",
    "two nodes, a batch at a time",
    "two nodes, none has to serve, a batch at a time",
    "two nodes, one kept out in the first run",
    "two nodes, one kept out in the second run",
    "two nodes, one refuses the credentials",
    "two nodes that only a restart cures",
    "three nodes, some that only a restart cures",
    "three nodes, one kept out",
    "three nodes",
    "three nodes, two at a time",
    "four nodes that serve, three at a time",
}


@pytest.mark.parametrize("name", [name for name in SCOPES if name not in LARGE])
def test_no_path_leads_to_a_violation(name: str) -> None:
    explored = explore(SCOPES[name])
    assert explored.violation == [], "\n".join(explored.violation)
    assert explored.ends > 500
    assert explored.recoveries > 25


@pytest.mark.parametrize("name", sorted(LARGE))
def test_the_beginning_of_a_large_scope_has_no_violation(name: str) -> None:
    explored = explore(SCOPES[name], limit=BEGINNING)
    assert explored.violation == [], "\n".join(explored.violation)
    assert explored.states >= BEGINNING


def test_the_page_has_every_scope() -> None:
    """make every-path writes the page."""
    text = (ROOT / "docs" / "rollout_paths.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:]] for line in text.splitlines() if line.startswith("| ")][2:]
    assert [(row[0], row[1]) for row in rows] == [(name, str(scope.runs)) for name, scope in SCOPES.items()]
    assert {row[-1] for row in rows} == {"0"}


def test_a_row_of_the_page_has_the_figures() -> None:
    explored = Explored(states=1234, ends=5, recoveries=6, violation=["why"])
    assert page({"one node": explored}).splitlines()[-1] == "| one node | 3 | 1,234 | 5 | 6 | 1"
