# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report reads from a list of gates: the outcome, and the state of each member over time."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import gates_from
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import (
    Roll,
    duration,
    listed,
    out_of_rotation,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.timeline import Doing, TimeLine, time_line
from ansible_collections.rocketops.rocketchat.tests.unit.rolls import PaperRoll, recorded
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene


def roll_of(results: list[dict[str, Any]]) -> Roll:
    return Roll(gates_from(results))


def three() -> PaperRoll:
    return PaperRoll(Scene.of("rc1", "rc2", "rc3"))


def rotating() -> PaperRoll:
    """A roll with drain and readmit hooks, after the first look and readmission."""
    roll = PaperRoll(Scene.of("rc1", "rc2", "rc3"), rotates=True)
    roll.gate()
    roll.scene.now += 5
    roll.out.clear()
    return roll


def line_of(roll: PaperRoll) -> TimeLine:
    line = time_line(roll_of(roll.results))
    assert line is not None
    return line


def test_the_sentence_of_a_good_roll() -> None:
    roll = roll_of(recorded("good"))
    assert roll.sentence == ("Passed after 38 s: all 3 members serve and run 7.11.0; 3 of 3 deployed and healthy.")
    assert [member.versions for member in roll.versions] == [("7.10.0", "7.11.0")] * 3
    assert all(first != last for first, last in (member.ids for member in roll.versions))
    assert roll.advice == ()


def test_the_sentence_of_a_stopped_roll() -> None:
    roll = roll_of(recorded("stopped"))
    assert roll.sentence == (
        "Stopped at rc2 after 38 s: not healthy after its deployment (server error); "
        "1 of 3 deployed and healthy, rc3 not touched; rc2 counted as out of rotation at the last gate."
    )
    assert [advice.code for advice in roll.advice] == ["server_error"]
    assert roll.versions[1].versions == ("7.11.0", "")


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        (0, "No gate ran."),
        (1, "Healthy after 0 s: all 3 members serve and run 7.10.0."),
        (
            2,
            "In progress: deploying rc1 since 12:09:34 UTC; 0 of 3 deployed and healthy, rc2 and rc3 not touched.",
        ),
        (
            3,
            "In progress: deploying rc1 since 12:09:35 UTC; 0 of 3 deployed and healthy, rc2 and rc3 not touched; "
            "rc1 counted as out of rotation at the last gate.",
        ),
        (
            4,
            "In progress: rc1 deployed; 1 of 3 deployed and healthy, rc2 and rc3 not touched; "
            "rc1 counted as out of rotation at the last gate.",
        ),
        (
            10,
            "In progress: rc3 deployed; 3 of 3 deployed and healthy; rc3 counted as out of rotation at the last gate.",
        ),
    ],
)
def test_the_sentence_of_a_running_roll(gates: int, sentence: str) -> None:
    assert roll_of(recorded("good")[:gates]).sentence == sentence


def test_a_play_with_the_role_needs_no_gate_at_the_end() -> None:
    assert roll_of(recorded("good")[1:10]).outcome.value == "passed"


def test_a_roll_of_one_node_is_complete() -> None:
    roll = three()
    roll.batch(("rc1",))
    skipped = {"skipped": True, "changed": False, "false_condition": "later"}
    assert roll_of([*roll.results, skipped]).sentence.endswith(
        "all 3 members serve, but more than one version runs (7.10.0 and 7.11.0); "
        "1 of 3 deployed and healthy, rc2 and rc3 not touched."
    )


def test_a_last_healthy_gate_does_not_hide_a_failed_deployment() -> None:
    roll = three()
    roll.gate()
    roll.gate("before", targets=["rc1"])
    roll.gate()
    assert roll_of(roll.results).outcome.value == "under way"
    roll.batch(("rc1",))
    roll.gate()
    assert roll_of(roll.results).outcome.value == "passed"


def test_a_gate_before_that_does_not_pass_stops_the_roll() -> None:
    roll = three()
    roll.scene.kill("rc3")
    roll.gate("before", targets=["rc1"])
    assert roll_of(roll.results).sentence == (
        "Stopped before rc1 after 2 min: the gate before its deployment did not pass (rc3 unreachable); "
        "0 of 3 deployed and healthy, rc1, rc2 and rc3 not touched."
    )


def test_a_refused_downgrade_is_not_blamed_on_the_others() -> None:
    roll = three()
    roll.gate("before", targets=["rc1", "rc2"], expected_version="7.1.0", min_serving=1)
    assert roll_of(roll.results).sentence.startswith(
        "Stopped before rc1 and rc2 after 10 s: the gate before their deployment did not pass (downgrade); "
    )


def test_a_repeated_gate_counts_by_its_last_result() -> None:
    roll = three()
    roll.scene.kill("rc3")
    roll.gate("before", targets=["rc1"])
    roll.scene.restart("rc3")
    roll.scene.now += 100
    roll.gate("before", targets=["rc1"])
    assert roll_of(roll.results).sentence.startswith("In progress: deploying rc1 since ")


def test_a_preflight_that_does_not_pass_does_not_stop_a_roll() -> None:
    roll = three()
    roll.scene.kill("rc3")
    roll.gate()
    assert roll_of(roll.results).sentence.startswith("Not healthy after 2 min: 2 of 3 members serve, 3 needed: rc3")
    roll.gate("before", targets=["rc3"])
    assert roll_of(roll.results).outcome.value == "under way"


def test_more_than_one_version_is_reported() -> None:
    roll = three()
    roll.batch(("rc1",))
    roll.gate()
    assert "all 3 members serve, but more than one version runs (7.10.0 and 7.11.0)" in roll_of(roll.results).sentence


def test_a_refused_task_stops_the_roll() -> None:
    refused = {
        "verdict": "refused",
        "phase": "before",
        "targets": ["rc1"],
        "failed": True,
        "msg": "rc9 is not a member",
    }
    roll = roll_of([refused])
    assert roll.sentence == (
        "Stopped before rc1: the gate before its deployment gave no verdict; 0 of 1 deployed and healthy, "
        "rc1 not touched."
    )
    assert [(advice.code, advice.messages) for advice in roll.advice] == [("refused", ("rc9 is not a member",))]
    after = roll_of([{**refused, "phase": "after"}]).sentence
    assert after.startswith("Stopped at rc1: the gate after its deployment gave no verdict; ")
    assert time_line(roll) is None


def test_the_timeline_of_a_whole_deployment() -> None:
    roll = three()
    roll.batch(("rc1",))
    line = time_line(roll_of(roll.results))
    assert line is not None
    rc1, rc2, _rc3 = line.rows
    assert [(span.begin, span.end, span.doing, span.new, span.code) for span in rc1.spans] == [
        (0, 15, Doing.SERVING, False, ""),
        (15, 40, Doing.DEPLOYING, False, ""),
        (40, 60, Doing.DOWN, False, "unreachable"),
        (60, 90, Doing.STARTING, True, "too_young"),
        (90, 90, Doing.SERVING, True, ""),
    ]
    assert [(mark.at, mark.kind) for mark in rc1.marks] == [
        (0, "passed"),
        (15, "passed"),
        (40, "missed"),
        (90, "passed"),
    ]
    assert [(span.doing, span.end) for span in rc2.spans] == [(Doing.SERVING, 90)]
    assert [(step.begin, step.end, step.serving, step.floor) for step in line.steps] == [
        (0, 15, 3, 2),
        (15, 90, 2, 2),
        (90, 90, 3, 2),
    ]


def test_rotation_is_not_shown_without_data() -> None:
    roll = three()
    roll.batch(("rc1",))
    line = line_of(roll)
    assert {(piece.out, piece.words) for row in line.rows for piece in row.traffic} == {(None, "")}
    assert {(step.in_rotation, step.idle) for step in line.steps} == {(None, 0)}
    assert (line.fewest, line.fewest_in_rotation, line.summary) == (2, None, "")
    assert roll_of(roll.results).out == ()


def test_the_timeline_shows_rotation_separately() -> None:
    """A member is out from the last gate that had it in rotation until the next one that has."""
    roll = rotating()
    roll.batch(("rc1",))
    roll.scene.now += 10
    roll.gate()
    line = line_of(roll)
    rc1, rc2, rc3 = line.rows
    assert [(span.begin, span.end, span.doing) for span in rc1.spans] == [
        (0, 5, Doing.SERVING),
        (5, 20, Doing.DRAINING),
        (20, 20, Doing.SERVING),  # as seen by the gate before the deployment
        (20, 45, Doing.DEPLOYING),
        (45, 65, Doing.DOWN),
        (65, 95, Doing.STARTING),
        (95, 105, Doing.SERVING),
    ]
    assert [(piece.begin, piece.end, piece.out) for piece in rc1.traffic] == [
        (0, 5, None),
        (5, 5, False),
        (5, 105, True),
        (105, 105, False),
    ]
    assert [(piece.begin, piece.end, piece.words) for piece in rc1.out] == [(5, 105, "counted as out of rotation")]
    assert [(span.doing, span.end) for span in rc2.spans] == [(Doing.SERVING, 105)]
    assert (rc2.out, rc3.out) == ((), ())
    assert [(s.begin, s.end, s.serving, s.in_rotation, s.carrying, s.idle) for s in line.steps] == [
        (0, 5, 3, None, 3, 0),
        (5, 5, 3, 3, 3, 0),
        (5, 20, 3, 2, 2, 1),
        (20, 95, 2, 2, 2, 0),
        (95, 105, 3, 2, 2, 1),
        (105, 105, 3, 3, 3, 0),
    ]
    assert line.summary == "Fewest members serving in rotation: 2 of 3."


def test_a_member_in_rotation_that_does_not_serve_is_not_counted() -> None:
    roll = rotating()
    roll.scene.kill("rc3")
    roll.gate("before", targets=["rc1"])
    roll.out.add("rc2")
    roll.gate("before", targets=["rc1"])
    line = line_of(roll)
    assert (line.fewest, line.fewest_in_rotation) == (2, 1)
    assert line.summary == "Fewest members serving in rotation: 1 of 3."


def test_rotation_is_unknown_next_to_a_gate_without_data() -> None:
    roll = rotating()
    for tells in (True, False, True):
        roll.rotates = tells
        roll.gate()
        roll.scene.now += 10
        roll.out.add("rc1")
    line = line_of(roll)
    assert [(piece.begin, piece.end, piece.out) for piece in line.rows[0].traffic] == [
        (0, 5, None),
        (5, 5, False),
        (5, 25, None),
        (25, 25, True),
    ]


@pytest.mark.parametrize(
    ("targets", "out", "later", "doing"),
    [
        (["rc1"], set(), {"rc1"}, Doing.DRAINING),
        (["rc1"], set(), set(), Doing.SERVING),  # a hook that runs once ran in between
        (["rc1"], {"rc1"}, {"rc1"}, Doing.SERVING),  # kept out
        (["rc1"], set(), {"rc2"}, Doing.SERVING),
        (["rc1", "rc2"], set(), {"rc1"}, Doing.SERVING),  # of another batch
    ],
)
def test_only_members_that_leave_rotation_between_gates_of_one_batch_are_drained(
    targets: list[str], out: set[str], later: set[str], doing: Doing
) -> None:
    """``out``: the members out of rotation at the first gate, ``later``: at the second one."""
    roll = rotating()
    roll.out = out
    roll.gate("before", targets=["rc1"], min_serving=1)
    roll.scene.now += 15
    roll.out = later
    roll.gate("before", targets=targets, min_serving=1)
    rc1, rc2, _rc3 = line_of(roll).rows
    assert [span.doing for span in rc1.spans if span.begin <= 10 < span.end] == [doing]
    assert {span.doing for span in rc2.spans} == {Doing.SERVING}


def test_a_member_that_does_not_serve_is_not_called_drained() -> None:
    roll = rotating()
    roll.scene.kill("rc1")
    roll.batch(("rc1",))
    rc1 = line_of(roll).rows[0]
    assert next((span.begin, span.end) for span in rc1.spans if span.doing is Doing.DOWN) == (5, 40)
    assert Doing.DRAINING not in {span.doing for span in rc1.spans}


def test_being_out_of_rotation_is_not_a_fault() -> None:
    roll = rotating()
    roll.out.add("rc2")
    roll.gate("before", targets=["rc1"], out_of_rotation=["rc2"])
    assert roll.results[-1]["verdict"] == "fail"
    assert [(span.doing, span.words) for span in line_of(roll).rows[1].spans] == [
        (Doing.SERVING, "serves"),
        (Doing.SERVING, "serves (out of rotation)"),
    ]


def test_members_out_at_the_end_are_named_only_if_the_roll_passed() -> None:
    roll = rotating()
    roll.batch(("rc1",))
    # Only the next gate would show its readmission, and a play with the role ends with this gate.
    assert roll_of(roll.results).sentence.endswith("; rc1 counted as out of rotation at the last gate.")
    assert roll_of(roll.results[1:]).outcome.value == "passed"
    assert roll_of(roll.results[1:]).out_words == "counted as out of rotation at the last gate"
    roll.out.add("rc3")
    roll.gate()
    assert roll_of(roll.results).sentence.endswith(
        "deployed and healthy, rc2 and rc3 not touched; rc3 counted as out of rotation at the end."
    )
    roll.scene.kill("rc3")
    roll.gate()
    assert roll_of(roll.results).sentence.endswith("; rc3 counted as out of rotation at the last gate.")


@pytest.mark.parametrize(
    ("lists", "known"),
    [
        ([], []),
        ([None, None], [None, None]),
        ([["a", "b"], ["b"], ["a", "b"], None, []], [None, {"b"}, {"a", "b"}, None, set()]),
        ([None, ["a", "b"], None, []], [None, None, None, set()]),
        ([["a", "b"], ["b", "a"]], [None, None]),
    ],
)
def test_rotation_begins_with_the_first_gate_that_has_a_member_in_it(
    lists: list[list[str] | None], known: list[set[str] | None]
) -> None:
    gates = gates_from([{"verdict": "pass", "out_of_rotation": names} for names in lists])
    assert out_of_rotation(gates, ["a", "b"]) == known


def test_rotation_is_not_shown_if_no_member_is_in_it() -> None:
    roll = PaperRoll(Scene.of("rc1", "rc2", "rc3"), rotates=True)
    roll.gate()
    assert roll_of(roll.results).out == ()
    assert line_of(roll).summary == ""


def test_results_may_have_out_of_rotation() -> None:
    results = [{"verdict": "pass"}, *({"verdict": "pass", "out_of_rotation": out} for out in (None, [], ["a\n"]))]
    assert [gate.out_of_rotation for gate in gates_from(results)] == [None, None, (), ("a\\x0a",)]


def test_a_member_that_was_not_observed_is_unknown() -> None:
    roll = three()
    roll.scene.lost = "lb1 out of reach"
    roll.gate()
    line = time_line(roll_of([{**roll.results[0], "targets": ["rc1"]}]))
    assert line is not None
    assert {span.doing for row in line.rows for span in row.spans} == {Doing.UNKNOWN}
    assert line.fewest is None


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ("text", "the input is not a list of results of cluster_gate"),
        ({}, "the input is not a list of results of cluster_gate"),
        (["{"], "result 1 is not a result of cluster_gate: it is a string, but not JSON"),
        ([{}], "result 1 is not a result of cluster_gate: it has no verdict"),
        ([{"verdict": "pass"}, 5], "result 2 is not a result of cluster_gate: it is not a dictionary"),
        (
            [{"verdict": "pass", "targets": "rc1"}],
            "result 1 is not a result of cluster_gate: targets is not a list of strings",
        ),
        (
            [{"verdict": "pass", "out_of_rotation": "rc1"}],
            "result 1 is not a result of cluster_gate: out_of_rotation is not a list of strings",
        ),
        ([{"verdict": "pass", "members": {}}], "result 1 is not a result of cluster_gate: members is not a list"),
        ([{"verdict": "pass", "began": "yesterday"}], "result 1 is not a result of cluster_gate: began is not a time"),
    ],
)
def test_a_wrong_result_is_refused(results: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        gates_from(results)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0 s"),
        (0.4, "0.4 s"),
        (9.97, "10 s"),
        (41.2, "41 s"),
        (60, "1 min"),
        (72, "1 min 12 s"),
        (7530, "2 h 5 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_lists_are_short() -> None:
    assert listed([]) == ""
    assert listed(["rc1"]) == "rc1"
    assert listed(["rc1", "rc2", "rc3"]) == "rc1, rc2 and rc3"
    assert listed([f"rc{number}" for number in range(1, 51)]) == "rc1, rc2, rc3 and 47 more"
