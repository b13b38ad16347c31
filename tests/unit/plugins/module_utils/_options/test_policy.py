# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that are refused before the first request, with their messages."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Share
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

MEMBERS = [Member(name, f"http://{name}:3000") for name in ("rc1", "rc2", "rc3")]
BEFORE: dict[str, Any] = {
    "phase": "before",
    "verdict": "pass",
    "targets": ["rc1"],
    "ids": ["a", "b", "c"],
    "exempt": None,
    "ended": "2026-01-01T00:00:00.000Z",
    "members": [
        {
            "name": member.name,
            "url": member.url,
            "instance_id": identity,
            "answered_by": identity,
            "date": "2026-01-01T00:00:00.000Z",
            "version": "7.10.0",
            "place": [member.name, 3000],
            "state": "alive",
            "serving": True,
        }
        for member, identity in zip(MEMBERS, "abc")
    ],
}
MOVED = {**BEFORE["members"][1], "url": "http://x:3000"}
WAIVABLE = (
    "downgrade, identity_changed, link_unsettled, major_skipped, migration_running, not_linked, old_process_alive, "
    "unexpected_member, version_unknown, wrong_version"
)


@pytest.mark.parametrize(
    ("phase", "options", "message"),
    [
        (
            "steady",
            {"targets": ["rc1"]},
            "targets go with phase: before and phase: after, not with phase: steady",
        ),
        ("before", {}, "phase: before needs targets, the names of the members that are deployed"),
        (
            "before",
            {"targets": ["rc1"], "out_of_rotation": ["rc3", "rc8", "rc9"]},
            "out_of_rotation: rc8, rc9 are not members; the members are rc1, rc2, rc3",
        ),
        (
            "steady",
            {"out_of_rotation": ["rc3"]},
            "out_of_rotation goes with phase: before, not with phase: steady; "
            "members that are kept out on purpose belong in keep_out",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": BEFORE, "out_of_rotation": ["rc3"]},
            "out_of_rotation goes with phase: before, not with phase: after; "
            "members that are kept out on purpose belong in keep_out",
        ),
        ("steady", {"keep_out": ["rc9"]}, "keep_out: rc9 is not a member; the members are rc1, rc2, rc3"),
        (
            "steady",
            {"keep_out": ["rc1", "rc2", "rc3"]},
            "keep_out names all members: none is left to serve",
        ),
        (
            "steady",
            {"expected": 3, "members": None, "keep_out": ["rc1"]},
            "keep_out needs members: behind one url they cannot be distinguished",
        ),
        (
            "steady",
            {"keep_out": ["rc3"], "min_serving": "3"},
            "min_serving 3 needs 3 to serve, but only 2 members are given that are not in keep_out: lower it",
        ),
        (
            "before",
            {"targets": ["rc1"], "hold_for": 60.0},
            "hold_for goes with phase: steady, not with phase: before; use stable_for there",
        ),
        ("steady", {"hold_for": -1.0}, "hold_for is -1, it must be at least 0 s"),
        (
            "steady",
            {"hold_for": 60.0, "deadline": 0.0},
            "hold_for with deadline: 0 can never pass: it needs more than one observation; set a deadline",
        ),
        ("before", {"targets": ["rc9"]}, "targets: rc9 is not a member; the members are rc1, rc2, rc3"),
        (
            "before",
            {"targets": ["rc1", "rc2", "rc3"]},
            "targets are all 3 members: no member would carry the service; "
            "deploy fewer at a time, or set min_serving: 0",
        ),
        (
            "before",
            {"targets": ["rc1", "rc2"], "min_serving": "2"},
            "min_serving 2 needs 2 to serve, but only 1 member is left without the targets: lower it",
        ),
        (
            "before",
            {"targets": ["rc1"], "min_serving": "67%"},
            "min_serving 67% needs 3 to serve, but only 2 members are left without the targets: lower it",
        ),
        ("steady", {"min_serving": "4"}, "min_serving 4 needs 4 to serve, but only 3 members are given: lower it"),
        ("steady", {"min_serving": "-1"}, "min_serving must be a number of members or a percentage up to 100%, not -1"),
        (
            "steady",
            {"min_serving": "101%"},
            "min_serving must be a number of members or a percentage up to 100%, not 101%",
        ),
        (
            "steady",
            {"expected": 3, "members": MEMBERS},
            "expected is only for url: with members, all of them are expected",
        ),
        ("steady", {"members": None}, "url needs expected, the number of instances that must serve (at least 1)"),
        (
            "before",
            {"expected": 3, "targets": ["rc1"]},
            "phase: before needs members, each with its own url; url alone gives the view of one node",
        ),
        (
            "steady",
            {"expected": 2, "expected_version": "7.11.0"},
            "expected_version and readiness: required need members, each with its own url: "
            "a node reports only its own version and readiness",
        ),
        ("steady", {"expected_version": ""}, "expected_version must be a full version such as 7.11.0, not empty"),
        ("steady", {"expected_version": "7.11"}, "expected_version must be a full version such as 7.11.0, not 7.11"),
        (
            "after",
            {"targets": ["rc1"]},
            "phase: after needs before, the registered result of the gate with phase: before",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {}},
            "phase: after needs before, the registered result of the gate with phase: before",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {**BEFORE, "phase": "steady"}},
            "before is not the result of a cluster_gate with phase: before",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {**BEFORE, "verdict": "wait"}},
            "before did not pass (verdict: wait), so nothing may be deployed after it",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {"phase": "before", "verdict": "pass", "members": []}},
            "before is not a complete result of cluster_gate: register it and pass it on unchanged",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {**BEFORE, "members": []}},
            "before does not contain rc1: it is the result of a gate with other targets",
        ),
        (
            "after",
            {"targets": ["rc2"], "before": BEFORE},
            "before does not contain rc2: it is the result of a gate with other targets",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {**BEFORE, "members": [BEFORE["members"][0], MOVED]}},
            "before asked other urls for rc2: it belongs to another cluster; "
            "only a target may have a new url after its deployment",
        ),
        *(
            (
                "after",
                {"targets": ["rc1"], "before": {**BEFORE, "members": [BEFORE["members"][0], other]}},
                "before is not a complete result of cluster_gate: register it and pass it on unchanged",
            )
            for other in (
                BEFORE["members"][0],
                {**BEFORE["members"][1], "instance_id": "a"},
                {**BEFORE["members"][1], "instance_id": "never listed"},
            )
        ),
        (
            "after",
            {"targets": ["rc1"], "before": {**BEFORE, "ids": "abc"}},
            "before is not a complete result of cluster_gate: register it and pass it on unchanged",
        ),
        ("steady", {"before": BEFORE}, "before is only for phase: after"),
        (
            "after",
            {"targets": ["rc1"], "before": BEFORE, "restart_required": False},
            "restart_required: false needs phase: after and expected_version: then only the version is checked",
        ),
        (
            "steady",
            {"deadline": 30.0},
            "stable_for (30 s) + interval (5 s) is longer than deadline (30 s): "
            "the gate could never pass; raise deadline",
        ),
        (
            "steady",
            {"deadline": 10.0, "stable_for": 8.0, "interval": 3.0},
            "stable_for (8 s) + interval (3 s) is longer than deadline (10 s): "
            "the gate could never pass; raise deadline",
        ),
        (
            "after",
            {"targets": ["rc1"], "before": BEFORE, "deadline": 0.0},
            "phase: after with deadline: 0 can never pass: a new process must be observed for a while; set a deadline",
        ),
        (
            "steady",
            {"waive": [{"code": "too_few_serving", "reason": "it is night"}]},
            f"waive: too_few_serving cannot be waived; codes that can: {WAIVABLE}",
        ),
        (
            "steady",
            {"waive": [{"code": "not_restarted", "member": "rc1", "reason": "it is night"}]},
            f"waive: not_restarted cannot be waived; codes that can: {WAIVABLE}",
        ),
        (
            "steady",
            {"waive": [{"code": "not_linked", "member": "rc1", "reason": "x"}]},
            "waive: not_linked needs pair with two members, and not member",
        ),
        (
            "steady",
            {"waive": [{"code": "wrong_version", "member": "rc9", "reason": "x"}]},
            "waive: rc9 is not a member; the members are rc1, rc2, rc3",
        ),
        (
            "steady",
            {"waive": [{"code": "wrong_version", "member": "rc1", "reason": " "}]},
            "waive: wrong_version needs a reason",
        ),
    ],
)
def test_wrong_options_are_refused(phase: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        policy_from(params(phase, **options), MEMBERS)
    assert str(caught.value) == message


def test_a_target_may_have_a_new_url_after_its_deployment() -> None:
    result = {**BEFORE, "targets": ["rc2"], "members": [BEFORE["members"][0], MOVED]}
    policy = policy_from(params("after", targets=["rc2"], before=result), MEMBERS)
    assert policy.before
    assert policy.before.members["rc2"].url == "http://x:3000"


def test_check_mode_does_not_wait() -> None:
    waiting = policy_from(params(progress_deadline=20.0), MEMBERS)
    assert (waiting.deadline, waiting.progress_deadline) == (600.0, 20.0)
    # So a deadline that is too short for a pass is accepted.
    checking = params(deadline=10.0, progress_deadline=20.0, hold_for=60.0, check_mode=True)
    assert policy_from(checking, MEMBERS) == waiting.without_wait()


@pytest.mark.parametrize(
    ("phase", "options", "needed"),
    [
        ("steady", {}, 3),
        ("steady", {"min_serving": "2"}, 2),
        ("steady", {"min_serving": "34%"}, 2),
        ("steady", {"expected": 5}, 5),
        ("before", {"targets": ["rc1"]}, 2),
        ("before", {"targets": ["rc1"], "min_serving": "0"}, 0),
        ("before", {"targets": ["rc1"], "out_of_rotation": ["rc2", "rc3"]}, 2),
        ("before", {"targets": ["rc1"], "keep_out": ["rc1", "rc3"]}, 1),
        ("before", {"targets": ["rc1"], "keep_out": ["rc2", "rc3"]}, 1),
        ("before", {"targets": ["rc1"], "keep_out": ["rc3"], "min_serving": "2"}, 2),
        ("steady", {"keep_out": ["rc3"]}, 2),
        ("after", {"targets": ["rc1"], "before": BEFORE, "keep_out": ["rc3"]}, 2),
        ("before", {"targets": ["rc1", "rc2", "rc3"], "min_serving": "0%"}, 0),
        ("after", {"targets": ["rc1"], "before": BEFORE}, 3),
        (
            "after",
            {
                "targets": ["rc1"],
                "before": {**BEFORE, "members": [{**raw, "serving": False} for raw in BEFORE["members"]]},
            },
            1,
        ),
        ("after", {"targets": ["rc1"], "restart_required": False, "expected_version": "7.11.0"}, 3),
    ],
)
def test_the_number_of_members_that_must_serve(phase: str, options: dict[str, Any], needed: int) -> None:
    assert policy_from(params(phase, **options), MEMBERS).needed == needed


def test_a_single_node_needs_no_other_member() -> None:
    policy = policy_from(params("before", targets=["rc1"], keep_out=["rc1"]), MEMBERS[:1])
    assert policy.needed == 0


@pytest.mark.parametrize(("share", "of", "number"), [("50%", 3, 2), ("50%", 4, 2), ("1%", 200, 2), ("0%", 9, 0)])
def test_a_percentage_is_rounded_up(share: str, of: int, number: int) -> None:
    assert Share(int(share[:-1]), percent=True).of(of) == number
