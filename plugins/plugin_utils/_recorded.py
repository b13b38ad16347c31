# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The judgement of a recorded result, by a policy in the form of the gate's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import InvalidAnswerError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import recorded
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import plain, validated

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult


def judge_recorded(result: object, policy: object) -> GateResult:
    """The result that a gate would have returned at that time.

    Raises :class:`OptionsError` or :class:`InvalidAnswerError`, both of which are a :class:`ValueError`.
    """
    if not isinstance(policy, Mapping):
        raise OptionsError("the policy is not a dictionary of options of cluster_gate")
    if not isinstance(result, Mapping):
        raise InvalidAnswerError(
            "the recording is not a result of instances_info: register it and pass it on unchanged"
        )
    params = validated(GATE, {**policy, "deadline": 0}, set())
    judged_by = policy_from(params, members_from(params))
    return judge_once(recorded(plain(result), judged_by), judged_by)
