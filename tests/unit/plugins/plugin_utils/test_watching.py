# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A watch has the options of a gate, except those of a deployment and of a wait."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE_ONLY
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._watching import watch_params
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

MEMBERS = [{"name": name, "url": f"http://{name}:3000"} for name in ("rc1", "rc2")]


@pytest.mark.parametrize("beside", [{}, {"policy": {"deadline": 5, "phase": "before", "targets": ["rc1"]}}])
def test_a_watch_has_the_policy_of_a_gate_without_a_deployment(beside: dict[str, Any]) -> None:
    """Its policy equals that of a gate with the same options, and long times are accepted."""
    given = watch_params({"members": MEMBERS, "stable_for": 1000, **beside}, set())
    policy = policy_from(given, members_from(given))
    gate = Scene.of("rc1", "rc2").policy(stable_for=1000.0, deadline=2000.0)
    assert policy == gate.without_wait()


@pytest.mark.parametrize("name", GATE_ONLY)
def test_a_watch_does_not_have_the_options_of_a_deployment(name: str) -> None:
    with pytest.raises(OptionsError, match=f"unsupported options: {name}"):
        watch_params({name: None}, set())
