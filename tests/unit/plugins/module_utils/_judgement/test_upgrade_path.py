# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which versions may be deployed over which, and the verdict of the gate before the first node."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.upgrade_path import Version, upgrade_path
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

WAIVED = [{"code": "downgrade", "reason": "both use the same database"}]


@pytest.mark.parametrize(
    ("now", "wanted", "code"),
    [
        ("7.10.0", "7.10.0", None),
        ("7.10.0", "7.10.1", None),
        ("7.9.3", "7.10.0", None),
        ("7.10.0", "8.0.0", None),
        ("7.10.0", "8.6.1-rc.2", None),
        ("7.11.0-rc.1", "7.11.0-rc.2", None),
        ("7.11.0-rc.9", "7.11.0-rc.10", None),
        ("7.11.0-rc.2", "7.11.0", None),
        ("7.11.0+build.2", "7.11.0+build.1", None),
        ("7.10.0", "9.0.0", Code.MAJOR_SKIPPED),
        ("7.10.0", "9.0.0-rc.0", Code.MAJOR_SKIPPED),
        ("7.10.2", "7.10.1", Code.OLDER_PATCH),
        ("7.10.0", "7.9.9", Code.DOWNGRADE),
        ("8.0.0", "7.13.2", Code.DOWNGRADE),
        ("7.11.0", "7.11.0-rc.2", Code.DOWNGRADE),
        ("7.11.0-rc.2", "7.11.0-rc.1", Code.DOWNGRADE),
        ("7.11.0-rc.10", "7.11.0-rc.9", Code.DOWNGRADE),
        ("7.11.2-rc.0", "7.11.1", Code.DOWNGRADE),
        ("7.11.0-rc.1", "7.11.0-develop", Code.DOWNGRADE),
    ],
)
def test_the_finding_of_an_upgrade_path(now: str, wanted: str, code: Code | None) -> None:
    assert [finding.code for finding in upgrade_path([now], wanted)] == ([code] if code else [])


def test_versions_are_ordered_by_semantic_versioning() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.2.0"]
    assert all(Version.of(first) < Version.of(second) for first, second in pairwise(ordered))


@pytest.mark.parametrize(
    "running", [["7.9.0", "8.0.1", "7.10.0"], ["8.0.1", None, "9.1"], ["8.0.1"]], ids=["mixed", "unknown", "one"]
)
def test_the_path_begins_at_the_newest_known_version(running: list[str | None]) -> None:
    (finding,) = upgrade_path(running, "7.13.0")
    assert (
        finding.message
        == "7.13.0 is older than 8.0.1, which runs and has migrated the database: deploy 8.0.1 or a later version"
    )


@pytest.mark.parametrize(("running", "wanted"), [(["7.10", None], "9.0.0"), ([], "9.0.0"), (["7.10.0"], None)])
def test_unknown_versions_are_not_refused(running: list[str | None], wanted: str | None) -> None:
    assert upgrade_path(running, wanted) == []


def scene_of(*versions: str) -> Scene:
    scene = Scene.of("rc1", "rc2", "rc3")
    for node, version in zip(scene.nodes.values(), versions):
        node.version = version
    return scene


@pytest.mark.parametrize(("wanted", "code"), [("7.9.0", "downgrade"), ("9.0.0", "major_skipped")])
def test_the_gate_before_fails_at_once(wanted: str, code: str) -> None:
    """Even if it would have to wait for other reasons; a second observation confirms it."""
    scene = scene_of("7.10.0", "7.10.0", "7.10.0")
    scene["rc3"].error = "unreachable"
    policy = scene.policy("before", targets=["rc1"], expected_version=wanted)
    assert scene.judge(policy).outcome.value == "wait"
    scene.now = 5.0
    verdict = scene.judge(policy)
    assert verdict.outcome.value == "fail"
    assert code in {finding.code.value for finding in verdict.findings if finding.blocking}


def test_a_target_that_already_runs_the_newer_version_counts() -> None:
    scene = scene_of("8.0.0", "7.10.0", "7.10.0")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], expected_version="7.10.0"))
    assert "downgrade" in {finding.code.value for finding in verdict.findings if finding.blocking}


def test_a_downgrade_fails_even_if_the_target_is_down() -> None:
    scene = scene_of("7.10.0", "7.10.0", "7.10.0")
    scene.kill("rc1")
    scene["rc3"].error = "broker_down"
    policy = scene.policy("before", targets=["rc1"], expected_version="7.9.0")
    for scene.now in range(0, 60, 5):
        verdict = scene.judge(policy)
    assert verdict.outcome.value == "fail"


@pytest.mark.parametrize("options", [{"waive": WAIVED}, {"upgrade_path": "ignored"}, {"expected_version": None}])
def test_a_finding_of_the_path_can_be_waived_or_ignored(options: dict[str, object]) -> None:
    scene = scene_of("7.10.0", "7.10.0", "7.10.0")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], **{"expected_version": "7.9.0", **options}))
    assert verdict.outcome.value == "pass"
    assert [finding.code.value for _waiver, finding in verdict.waived] == (["downgrade"] if "waive" in options else [])


def test_an_older_patch_release_is_only_reported() -> None:
    scene = scene_of("7.10.1", "7.10.1", "7.10.1")
    verdict = scene.judge(scene.policy("before", targets=["rc1"], expected_version="7.10.0"))
    assert verdict.outcome.value == "pass"
    (finding,) = verdict.findings
    assert (finding.code.value, finding.blocking) == ("older_patch", False)


@pytest.mark.parametrize("wanted", ["7.9.0", "7.10.0"])
@pytest.mark.parametrize("phase", ["steady", "after"])
def test_other_phases_have_no_path(phase: str, wanted: str) -> None:
    scene = scene_of("7.10.1", "7.10.1", "7.10.1")
    more = {"targets": ["rc1"], "restart_required": False} if phase == "after" else {}
    verdict = scene.judge(scene.policy(phase, expected_version=wanted, **more))
    assert not {"downgrade", "older_patch"} & {finding.code.value for finding in verdict.findings}
