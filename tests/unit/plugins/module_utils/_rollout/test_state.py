# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a roll: what is known of a member, and the conversion to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Glimpse, Seen, Stage, State

NAMES = st.sampled_from(["rc1", "rc2", "rc3", "ü", ""])
SETS = st.frozensets(NAMES)
TUPLES = st.lists(NAMES, max_size=3).map(tuple)
TEXTS = st.text(max_size=8)
GLIMPSES = st.builds(
    Glimpse,
    serving=st.booleans(),
    instance_id=st.none() | TEXTS,
    version=st.none() | TEXTS,
    codes=st.frozensets(st.sampled_from(sorted(CODES)), max_size=3),
)
SEEN = st.builds(
    Seen,
    verdict=TEXTS,
    message=TEXTS,
    members=st.dictionaries(NAMES, GLIMPSES, max_size=3),
    unlinked=st.frozensets(st.tuples(NAMES, NAMES), max_size=3),
    ready=SETS,
    early=st.booleans(),
)
STATES = st.builds(
    State,
    stage=st.sampled_from(Stage),
    seen=SEEN,
    batch=TUPLES,
    was=st.lists(GLIMPSES, max_size=3).map(tuple),
    deployed=SETS,
    admitted=SETS,
    begun=SETS,
    lost=SETS,
    settled=st.booleans(),
    recovered=SETS,
    ran=SETS,
    batches=st.integers(0, 300),
    soaked=st.booleans(),
    leaves=st.booleans(),
    putting_back=st.booleans(),
    stopped_at=st.none() | st.sampled_from(Stage),
    reasons=st.lists(TEXTS, max_size=2).map(tuple),
)


# An example may take long on a busy machine.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STATES)
def test_a_state_survives_json(state: State) -> None:
    assert State.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_the_state_as_data() -> None:
    state = State(
        stage=Stage.AFTER,
        seen=Seen(
            "wait",
            "rc2 is silent",
            {"rc1": Glimpse(serving=True, instance_id="a", version="7.11.0", codes=frozenset({"wrong_version"}))},
            unlinked=frozenset({("rc1", "rc2")}),
            ready=frozenset({"rc1"}),
            early=True,
        ),
        batch=("rc2", "rc1"),
        was=(Glimpse(serving=False, instance_id=None, version=None),),
        admitted=frozenset({"rc3", "rc1"}),
        batches=2,
        stopped_at=Stage.AFTER,
        reasons=("why",),
    )
    assert state.to_dict() == {
        "stage": "after",
        "seen": {
            "verdict": "wait",
            "message": "rc2 is silent",
            "members": {
                "rc1": {
                    "serving": True,
                    "instance_id": "a",
                    "version": "7.11.0",
                    "codes": ["wrong_version"],
                    "needs_restart": False,
                }
            },
            "unlinked": [["rc1", "rc2"]],
            "ready": ["rc1"],
            "early": True,
        },
        "batch": ["rc2", "rc1"],
        "was": [{"serving": False, "instance_id": None, "version": None, "codes": [], "needs_restart": False}],
        "deployed": [],
        "admitted": ["rc1", "rc3"],
        "begun": [],
        "lost": [],
        "settled": False,
        "recovered": [],
        "ran": [],
        "batches": 2,
        "soaked": False,
        "leaves": False,
        "putting_back": False,
        "stopped_at": "after",
        "reasons": ["why"],
    }


START: dict[str, Any] = State().to_dict()
NOTHING = {"serving": False, "instance_id": None, "version": None}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({}, id="without fields"),
        pytest.param({name: value for name, value in START.items() if name != "lost"}, id="without a field"),
        pytest.param({**START, "more": 1}, id="with another field"),
        pytest.param({**START, "stage": "lunch"}, id="of an unknown stage"),
        pytest.param({**START, "batch": None}, id="null for a list"),
        pytest.param({**START, "batch": "rc1"}, id="a text for a list"),
        pytest.param({**START, "admitted": [["rc1"]]}, id="a list for a name"),
        pytest.param({**START, "admitted": ["rc1", "rc1"]}, id="a name twice"),
        pytest.param({**START, "seen": None}, id="null for what was seen"),
        pytest.param({**START, "seen": {**START["seen"], "members": []}}, id="a list for members"),
        pytest.param({**START, "seen": {**START["seen"], "members": {"rc1": {}}}}, id="a member without fields"),
        pytest.param({**START, "seen": {**START["seen"], "unlinked": [["rc1"]]}}, id="a pair of one"),
        pytest.param({**START, "was": [NOTHING]}, id="a member without codes"),
    ],
)
def test_a_wrong_state_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        State.from_dict(raw)


def test_the_refusal_names_the_error() -> None:
    with pytest.raises(ValueError, match="this is not the state of a roll: KeyError\\('lost'\\)"):
        State.from_dict({name: value for name, value in START.items() if name != "lost"})


# serving, codes, and then: well, unheard, settling
ABOUT: list[tuple[bool, tuple[str, ...], tuple[bool, bool, bool]]] = [
    (True, (), (True, False, False)),
    (True, ("wrong_version",), (False, False, False)),
    (True, ("too_young",), (False, False, False)),
    (True, ("unauthorized",), (False, False, False)),
    (False, (), (False, False, False)),
    (False, ("too_young",), (False, False, True)),
    (False, ("too_young", "ping_unconfirmed"), (False, False, True)),
    (False, ("too_young", "stalled"), (False, False, False)),
    (False, ("unreachable",), (False, False, False)),
    (False, ("timeout",), (False, False, False)),
    (False, ("unauthorized",), (False, True, False)),
    (False, ("rate_limited",), (False, True, False)),
    (False, ("unauthorized", "unreachable"), (False, False, False)),
    (False, ("unauthorized", "stalled"), (False, False, False)),
]


@pytest.mark.parametrize(("serving", "codes", "expected"), ABOUT, ids=[f"{row[0]} {' '.join(row[1])}" for row in ABOUT])
def test_what_the_codes_of_a_member_mean(
    serving: bool, codes: tuple[str, ...], expected: tuple[bool, bool, bool]
) -> None:
    glimpse = Glimpse(serving=serving, instance_id="a", version="7.11.0", codes=frozenset(codes))
    assert (glimpse.healthy, glimpse.unheard, glimpse.settling) == expected
