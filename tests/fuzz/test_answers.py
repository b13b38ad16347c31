# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For any answers: only documented errors, no pass from nonsense, results in JSON, and the order does not matter."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    InvalidAnswerError,
    Record,
    parse,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import cluster_information
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.fuzz.answers import (
    DOCUMENTED,
    MEMBERS,
    NAMES,
    anything,
    deep,
    observed,
    odd,
    put_anywhere,
    spoiled,
    well,
)
from ansible_collections.rocketops.rocketchat.tests.fuzz.oracle import objections
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy
    from ansible_collections.rocketops.rocketchat.tests.fuzz.answers import Answers

    Spoil = Callable[[Answers], Answers]

settings.register_profile(
    "answers",
    max_examples=int(os.environ.get("EXAMPLES", "100")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("answers")

POLICY = {"ping_interval": 5.0, "stable_for": 10.0, "interval": 5.0, "link_memory": 5.0, "deadline": 60.0}
MAX_AGE, STABLE_FOR = 15.0, 10.0
NEW = {"rc1": 2}
VERSIONS = dict.fromkeys(NAMES, "7.11.0")
PHASES = ("steady", "before", "after")
versions = st.sampled_from(["7.11.0"] * 6 + ["7.11", "7.11.0\n", " 7.11.0", "7.11.0\u0660", "", None, "7.12.0"])


def policy_of(phase: str) -> Policy:
    options: dict[str, Any] = {} if phase == "steady" else {"targets": ["rc1"]}
    if phase == "after":
        # These answers have no header, which would prove the restart.
        options.update(before=taken_down(), expected_version="7.11.0", restart_confirmed=True)
    return policy_from(params(phase, **POLICY, **options), MEMBERS)


def taken_down() -> dict[str, Any]:
    """The result of the gate before rc1 was deployed, through JSON as Ansible passes it on."""
    policy = policy_of("before")
    verdict, _memory = judge(observed(well(), version=VERSIONS), policy, Memory())
    result: dict[str, Any] = json.loads(json.dumps(GateResult(verdict, policy, 0.0, 1).to_dict()))
    assert result["verdict"] == "pass"
    return result


def waited(answers: Callable[[float], Answers], policy: Policy, *, version: dict[str, Any]) -> tuple[GateResult, float]:
    """The result of a gate over answers that change with time, and the time when it ended."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    result = run(
        lambda _statistics_of: observed(answers(now[0]), now[0], version=version),
        policy,
        clock=lambda: now[0],
        sleep=sleep,
        on_progress=lambda _line: None,
    )
    return result, now[0]


def whole(record: Record) -> dict[str, Any]:
    return {**record.to_dict(), "os": record.os.to_dict()}


def as_json(result: dict[str, Any]) -> Any:
    return json.loads(json.dumps(result, allow_nan=False))


@given(payload=st.one_of(st.dictionaries(st.just("instances"), st.one_of(anything, deep, st.lists(odd))), spoiled()))
@example(payload=DOCUMENTED)
def test_an_answer_is_read_or_refused(payload: Any) -> None:
    for raw in payload(well()).values() if callable(payload) else [payload]:
        if not isinstance(raw, dict):
            continue
        with suppress(InvalidAnswerError):
            records = parse(raw).records
            read_back = [Record.from_dict(as_json(whole(record))) for record in records]
            assert read_back == list(records)
            assert list(map(whole, read_back)) == list(map(whole, records))


@given(spoil=spoiled(), version=versions)
def test_an_observation_goes_through_json(spoil: Spoil, version: str | None) -> None:
    observation = observed(spoil(well()), version=dict.fromkeys(NAMES, version))
    assert Observation.from_dict(as_json(observation.to_dict(details=True))) == observation
    reported = cluster_information(observation, max_age=MAX_AGE, details=True, readiness=True)
    assert as_json(reported) == reported


@given(data=st.data(), answering=st.integers(0, 3))
def test_a_recording_is_read_back_or_refused(data: st.DataObject, answering: int) -> None:
    answers = {**well(), **dict.fromkeys(NAMES[answering:], "an error page")}
    raw = as_json(observed(answers, version=VERSIONS).to_dict(details=True))
    put_anywhere(raw, data)
    with suppress(InvalidAnswerError):
        observation = Observation.from_dict(raw)
        assert Observation.from_dict(as_json(observation.to_dict(details=True))) == observation
        verdict, _memory = judge(observation, policy_of("steady"), Memory())
        as_json(GateResult(verdict, policy_of("steady"), 0.0, 1).to_dict())


@pytest.mark.parametrize("phase", PHASES)
@given(spoil=spoiled(), heals=st.booleans(), version=versions)
def test_no_pass_from_nonsense(phase: str, spoil: Spoil, heals: bool, version: str | None) -> None:
    """The answers are spoiled once, or as long as the gate waits."""
    told: list[Answers] = []

    def answers(at: float) -> Answers:
        right = well(at, NEW if phase == "after" else None)
        told.append(right if heals and told else spoil(right))
        return told[-1]

    result, at = waited(answers, policy_of(phase), version={**VERSIONS, "rc1": version})
    as_json(result.to_dict())
    assert at <= 65
    if result.verdict.exempt:
        assert phase == "before"
        assert any(view.listing for view in observed(told[-1]).views[1:])
        return
    if result.passed:
        names = list(NAMES[1:] if phase == "before" else NAMES)
        pairs = [pair for pair in combinations(names, 2) if phase != "after" or "rc1" in pair]
        assert objections(told[-1], names, pairs, max_age=MAX_AGE, stable_for=STABLE_FOR) == []
        assert phase != "after" or version == "7.11.0"
        assert phase != "after" or at >= STABLE_FOR
    if told[-1] == well(at, NEW if phase == "after" else None) and heals and (phase != "after" or version == "7.11.0"):
        assert result.passed  # so the gate does pass healthy answers


@pytest.mark.parametrize("phase", PHASES)
@given(spoil=spoiled(), shuffle=st.randoms(use_true_random=False))
def test_the_order_of_members_and_items_does_not_matter(phase: str, spoil: Spoil, shuffle: Any) -> None:
    answers = spoil(well(0, NEW if phase == "after" else None))
    policy = policy_of(phase)
    observation = observed(answers, version=VERSIONS)
    others = []
    for view in observation.views:
        if view.listing:
            records = list(view.listing.records)
            shuffle.shuffle(records)
            others.append(replace(view, listing=replace(view.listing, records=tuple(records))))
        else:
            others.append(view)
    shuffle.shuffle(others)
    names = [view.member.name for view in others]
    other = replace(observation, views=tuple(others))
    policy_of_other = replace(policy, members=tuple(sorted(MEMBERS, key=lambda member: names.index(member.name))))
    one, another = judge(observation, policy, Memory())[0], judge(other, policy_of_other, Memory())[0]
    for of in (_decided, lambda verdict: {(f.code, frozenset(f.members), f.message) for f in verdict.findings}):
        assert of(one) == of(another)


def _decided(verdict: Any) -> Any:
    return (
        verdict.outcome,
        verdict.exempt,
        verdict.ids,
        verdict.held,
        verdict.incurable,
        set(verdict.serving),
        set(verdict.next_safe),
        verdict.safe_batch,
        {name: set(seen) for name, seen in verdict.sees.items()},
    )


@given(data=st.data())
def test_a_spoiled_result_of_before_is_refused_or_has_the_same_meaning(data: st.DataObject) -> None:
    before = taken_down()
    put_anywhere(before, data)
    with suppress(OptionsError):
        policy = policy_from(params("after", **POLICY, targets=["rc1"], before=before), MEMBERS)
        result, _at = waited(well, policy, version=VERSIONS)
        as_json(result.to_dict())
        assert not result.passed or "rc1-1" not in before["ids"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_healthy_cluster_passes(phase: str) -> None:
    result, at = waited(lambda at: well(at, NEW if phase == "after" else None), policy_of(phase), version=VERSIONS)
    assert result.passed
    assert at == (10.0 if phase == "after" else 0.0)
