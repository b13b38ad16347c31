# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory as JSON: it is read back exactly, and a wrong one is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import (
    Answerer,
    Memory,
    Pulse,
    Streak,
    pair,
)
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

names = st.text(min_size=1, max_size=5)
times = st.floats(allow_nan=False, allow_infinity=False)
moments = st.none() | st.datetimes(timezones=st.just(timezone.utc))
pulses = st.builds(Pulse, names, moments, times, times, st.booleans())
answerers = st.builds(Answerer, names, times, times, moments)
pairs = st.tuples(names, names).filter(lambda two: two[0] != two[1]).map(lambda two: pair(*two))
reasons = st.tuples(st.sampled_from(list(Code)), st.lists(names, max_size=2).map(tuple))


@st.composite
def streaks(draw: st.DrawFn) -> Streak:
    targets = draw(st.lists(names, unique=True, max_size=3))
    processes = {name: (draw(names), draw(moments)) for name in targets}
    pings = {name: draw(moments) for name in targets}
    return Streak(draw(times), draw(times), draw(times), draw(times), processes, pings)


memories = st.builds(
    Memory,
    pulses=st.dictionaries(names, pulses, max_size=3),
    answerers=st.dictionaries(names, st.lists(answerers, max_size=2).map(tuple), max_size=3),
    bad_links=st.dictionaries(pairs, st.tuples(times, times), max_size=3),
    unjudgeable=st.dictionaries(reasons, times, max_size=3),
    incurable=st.frozensets(reasons, max_size=3),
    served=st.frozensets(names, max_size=3),
    missed=st.frozensets(names, max_size=3),
    silent=st.frozensets(names, max_size=3),
    ill=st.frozensets(names, max_size=3),
    restarted=st.dictionaries(names, st.none() | st.booleans(), max_size=3),
    lock=st.none() | st.tuples(times, st.none() | times),
    down=st.dictionaries(names, times, max_size=3),
    ids=st.frozensets(names, max_size=3),
    streak=st.one_of(st.none(), streaks()),
    target_streaks=st.dictionaries(names, streaks(), max_size=3),
    ready=st.frozensets(names, max_size=3),
    disturbed=st.booleans(),
    lost=st.booleans(),
)


# An example may take long on a busy machine.
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def through_json(memory: Memory) -> Any:
    return json.loads(json.dumps(memory.to_dict(), allow_nan=False))


@settings(BUSY)
@given(memory=memories)
def test_a_memory_is_read_back_exactly(memory: Memory) -> None:
    assert Memory.from_dict(through_json(memory)) == memory


@settings(BUSY, max_examples=25)
@given(memory=memories, junk=st.none() | st.booleans() | st.integers() | names | st.lists(names) | st.just({}))
def test_a_wrong_memory_is_refused(memory: Memory, junk: Any) -> None:
    """Each entry is replaced by a wrong one, in turn."""
    written = through_json(memory)
    for entry in written:
        spoiled = {**written, entry: junk}
        try:
            read = Memory.from_dict(spoiled)
        except ValueError:
            continue
        assert through_json(read)[entry] == junk or sorted(set(junk)) == through_json(read)[entry]


def judged() -> dict[str, Any]:
    """The memory of a gate after a deployment, with all entries that it can have then."""
    scene = Scene.of("rc1", "rc2", "rc3")
    policy = scene.policy("after", targets=["rc1"], expected_version="7.10.0", restart_required=False)
    scene["rc3"].record = False
    scene.cut.add(frozenset({"rc1-1", "rc2-1"}))
    for scene.now in (0, 5, 10):
        scene.judge(policy)
    scene.cut.clear()
    for scene.now in (15, 20):
        scene.judge(policy)
    written: dict[str, Any] = through_json(scene.memory)
    assert all(written[name] for name in ("pulses", "bad_links", "unjudgeable", "served", "ids", "target_streaks"))
    return written


Entries = Callable[[], dict[str, Any]]  # made in the test, so that a broken judgement fails there


def of_pulse(**entries: Any) -> Entries:
    return lambda: {"pulses": {"rc1": {**judged()["pulses"]["rc1"], **entries}}}


def of_streak(**entries: Any) -> Entries:
    return lambda: {"streak": {**judged()["target_streaks"]["rc1"], **entries}}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"pulses": []}, "'[]' is not a dictionary"),
        ({"more": 1}, "Memory must have exactly these entries: answerers, "),
        (of_pulse(moved=1), "'1' is not true or false"),
        (of_pulse(instance_id=None), "'None' is not a text"),
        (of_pulse(at_latest=float("nan")), "'nan' is not a number"),
        (of_pulse(updated_at="yesterday"), "Invalid isoformat string: 'yesterday'"),
        (of_pulse(updated_at="2026-01-01T00:00:00"), "'2026-01-01T00:00:00' is not a time in UTC"),
        (of_pulse(updated_at="2026-01-01T00:00:00+01:00"), "'2026-01-01T00:00:00+01:00' is not a time in UTC"),
        (of_pulse(more=1), "Pulse must have exactly these entries: at_latest, instance_id, moved, seen_at, updated_at"),
        (of_streak(processes={}), "a streak has pings of targets whose processes it does not have"),
        (of_streak(processes={"rc1": ["a"]}), "\"['a']\" is not a list of 2"),
        (of_streak(seconds=True), "'True' is not a number"),
        ({"bad_links": [["rc2", "rc1", 0.0, 0.0]]}, "\"['rc2', 'rc1']\" is not a pair in its order"),
        ({"bad_links": [["rc1", "rc2"]]}, "\"['rc1', 'rc2']\" is not a list of 4"),
        ({"answerers": {"rc1": [{"instance_id": "a"}]}}, "Answerer must have exactly these entries: first_at, "),
        ({"restarted": {"a": 1}}, "'1' is not true or false"),
        ({"lock": [0.0]}, "'[0.0]' is not a list of 2"),
        ({"lock": [0.0, "old"]}, "'old' is not a number"),
        ({"unjudgeable": [[]]}, "'[]' is not a reason and its time"),
        ({"unjudgeable": [["rc1", 5.0]]}, "'rc1' is not the code of a finding"),
        ({"incurable": [["wrong_version", 7]]}, "'7' is not a text"),
        ({"incurable": [[]]}, "'None' is not the code of a finding"),
        ({"ready": "rc1"}, "'rc1' is not a list"),
        ({"down": {"rc1": "now"}}, "'now' is not a number"),
        ({"lost": None}, "'None' is not true or false"),
    ],
)
def test_the_refusal_names_the_wrong_entry(entries: dict[str, Any] | Entries, message: str) -> None:
    raw = {**judged(), **(entries() if callable(entries) else entries)}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Memory.from_dict(raw)


def test_times_are_not_rounded() -> None:
    moment = datetime(2026, 1, 1, 0, 0, 0, 1, timezone.utc)
    memory = Memory(pulses={"rc1": Pulse("a", moment, 0.1 + 0.2, 0.1)})
    assert Memory.from_dict(through_json(memory)) == memory


def test_a_judgement_continues_with_a_memory_from_json() -> None:
    """The verdicts are the same as without JSON."""
    said = []
    for kept in (False, True):
        scene = Scene.of("rc1", "rc2", "rc3")
        policy = scene.policy("after", targets=["rc1", "rc2"], expected_version="7.10.0", restart_required=False)
        scene["rc2"].record = False
        verdicts = []
        for scene.now in range(0, 100, 5):
            scene.cut = {frozenset({"rc1-1", "rc3-1"})} if scene.now < 20 else set()
            scene.lost = "ssh" if scene.now in (50, 85, 90) else None
            verdicts.append(scene.judge(policy))
            if kept:
                scene.memory = Memory.from_dict(through_json(scene.memory))
        said.append(verdicts)
    assert said[0] == said[1]
    assert {verdict.ready for verdict in said[0]} == {(), ("rc1",)}


def test_another_gate_gets_only_the_pings() -> None:
    pulses = {"rc1": Pulse("a", datetime(2026, 1, 1, tzinfo=timezone.utc), 5.0, 5.0, moved=True)}
    assert Memory(pulses=pulses, lost=True, ready=frozenset({"rc1"})).of_pings() == Memory(pulses=pulses)
