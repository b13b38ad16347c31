# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The corpus of the coverage-guided fuzzing: no entry shows a defect."""

from __future__ import annotations

import pytest

from ansible_collections.rocketops.rocketchat.tests.fuzz.corpus import BY_HAND, found
from ansible_collections.rocketops.rocketchat.tests.fuzz.one_answer import check

VERDICTS = {
    "documented": "pass",
    "well": "pass",
    "numbers": "pass",
    "year_10000": "pass",
    "young": "wait",
    "offset": "wait",
    "empty": "wait",
    "before_6": "inconclusive",
    "microservices": "inconclusive",
    "two_local": None,
    "listed_twice": None,
}


def test_each_handwritten_answer_has_an_expected_verdict() -> None:
    assert {path.stem for path in BY_HAND.iterdir()} == set(VERDICTS)


@pytest.mark.parametrize("name", VERDICTS)
def test_a_handwritten_answer_gets_its_verdict(name: str) -> None:
    verdict = check((BY_HAND / f"{name}.json").read_bytes())
    assert (verdict.value if verdict else None) == VERDICTS[name]


@pytest.mark.parametrize("content", found())
def test_a_found_answer_shows_no_defect(content: bytes) -> None:
    check(content)
