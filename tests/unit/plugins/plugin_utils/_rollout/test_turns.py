# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The turns that each host enters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, State
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.turns import MOST, turns_for

NAMES = ("a", "b", "c", "d")
PLAN = Plan(NAMES, NAMES, frozenset({Hook.DEPLOY}), expected_version="2")
SEEN = Seen("pass", "", members={name: Glimpse(serving=True, instance_id=name, version="1") for name in NAMES})
STATE = State(seen=SEEN, batch=("a",), admitted=frozenset(NAMES))


@pytest.mark.parametrize(
    ("hooks", "serial", "batches", "batch", "here", "turns"),
    [
        ("deploy", (1,), 0, "a", "abcd", {"a": "a b c d", "b": "b", "c": "c", "d": "d"}),
        ("deploy", (1, 2), 0, "a", "abcd", {"a": "a bc d", "b": "bc", "c": "bc", "d": "d"}),
        ("deploy", (1, 2, 9), 1, "bc", "abcd", {"a": "bc ad", "b": "bc", "c": "bc", "d": "ad"}),
        ("deploy", (1,), 0, "d", "abcd", {"a": "d a b c", "b": "b", "c": "c", "d": "d"}),
        ("deploy", (1,), 0, "a", "bcd", {"b": "a b c d", "c": "c", "d": "d"}),
        ("deploy", (2,), 0, "ab", "dabc", {"d": "ab cd", "a": "ab", "b": "ab", "c": "cd"}),
        ("deploy", (4,), 0, "abcd", "bd", {"b": "abcd", "d": "abcd"}),
        ("deploy", (4,), 0, "abcd", "", {}),
        ("deploy readmit", (3,), 0, "a", "ab", {"a": "a a bcd bcd bcd bcd", "b": "bcd bcd bcd bcd"}),
        ("drain deploy readmit", (4,), 0, "abcd", "a", {"a": "abcd abcd abcd abcd abcd"}),
    ],
)
def test_the_turns_of_each_host(
    hooks: str, serial: tuple[int, ...], batches: int, batch: str, here: str, turns: dict[str, str]
) -> None:
    """The first host that is in any batch enters all turns. Hosts that are ready first are readmitted first."""
    plan = replace(PLAN, serial=serial, hooks=frozenset(map(Hook, hooks.split())))
    found = turns_for(plan, replace(STATE, batch=tuple(batch), batches=batches), here=tuple(here))
    assert found == {host: [tuple(names) for names in given.split()] for host, given in turns.items()}
    assert list(found) == list(turns)


def test_the_number_of_turns_is_limited() -> None:
    names = tuple(str(number) for number in range(2 * MOST))
    seen = replace(SEEN, members=dict.fromkeys(names, SEEN.members["a"]))
    plan, state = replace(PLAN, members=names, hosts=names), replace(STATE, batch=names[:1], seen=seen)
    assert turns_for(plan, state, here=names)["0"] == [(name,) for name in names[:MOST]]
    plan = replace(plan, hooks=frozenset({Hook.DRAIN, Hook.DEPLOY, Hook.READMIT}))
    assert turns_for(plan, state, here=names)["0"] == [(name,) for name in names[: MOST // 3] for _step in range(3)]


def test_unhealthy_members_are_batches_of_one() -> None:
    """Each of them is a separate batch."""
    seen = replace(SEEN, members=dict.fromkeys("cd", SEEN.members["d"]))
    plan, state = replace(PLAN, serial=(2,)), replace(STATE, batch=("a",), seen=seen)
    assert turns_for(plan, state, here=("a",)) == {"a": [("a",), ("b",), ("c", "d")]}
