# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelt variables are noticed, and no other variable is taken for one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.refusals import OPTIONS
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.spelling import misspelt, options_of

ROOT = Path(__file__).parents[5]
KNOWN = {"rolling_update_": OPTIONS, "health_gate_": options_of("health_gate")}


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("rolling_update_drian", "rolling_update_drain"),
        ("rolling_update_readmitt", "rolling_update_readmit"),
        ("rolling_update_on_failures", "rolling_update_on_failure"),
        ("rolling_update_seriel", "rolling_update_serial"),
        ("health_gate_min_servings", "health_gate_min_serving"),
        ("health_gate_expect_version", "health_gate_expected_version"),
        ("health_gate_dedline", "health_gate_deadline"),
    ],
)
def test_a_name_that_is_almost_an_option_is_misspelt(name: str, option: str) -> None:
    prefix = next(prefix for prefix in KNOWN if name.startswith(prefix))
    assert list(misspelt([name, option], KNOWN[prefix], prefix)) == [(name, option)]


@pytest.mark.parametrize("prefix", KNOWN)
def test_no_variable_of_the_collection_is_misspelt(prefix: str) -> None:
    files = [path for folder in ("playbooks", "roles", "examples") for path in (ROOT / folder).rglob("*.yml")]
    names = {name for path in files for name in re.findall(rf"\b{prefix}[a-z_]+", path.read_text(encoding="utf-8"))}
    assert len(names - KNOWN[prefix]) > 3
    assert list(misspelt(sorted(names), KNOWN[prefix], prefix)) == []


def test_a_variable_of_the_user_is_not_misspelt() -> None:
    names = ["rolling_update_drain_seconds", "rolling_update_release", "rolling_update_deploy_user"]
    assert list(misspelt(names, OPTIONS, "rolling_update_")) == []
