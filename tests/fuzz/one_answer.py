# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One answer from bytes to a verdict, and what must be true for any bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member, Observation, View
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import InvalidAnswerError, parse
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.client import INSTANCES, Client
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import ClientError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import Response
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.fuzz.oracle import objections
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome

NODE = Member("rc1", "http://rc1:3000")
CLIENT = Client(NODE.url, access_with(user_id="u", auth_token="t"))
POLICY = policy_from(params(ping_interval=5.0, stable_for=10.0), [NODE])


def check(content: bytes) -> Outcome | None:
    """The verdict on a single node with this answer; None if the answer is refused. Raises if there is a defect."""
    try:
        payload = CLIENT._parse(Response(200, {}, content), "GET", INSTANCES)
        listing = parse(payload)
    except (ClientError, InvalidAnswerError):
        return None
    observation = Observation(views=(View(member=NODE, listing=listing),), at=0.0)
    through_json = json.loads(json.dumps(observation.to_dict(details=True), allow_nan=False))
    assert Observation.from_dict(through_json) == observation
    assert Observation.from_dict(through_json).to_dict(details=True) == through_json
    verdict, _memory = judge(observation, POLICY, Memory())
    result = GateResult(verdict, POLICY, 0.0, 1)
    json.dumps(result.to_dict(), allow_nan=False)
    if result.passed:
        assert objections({"rc1": payload}, ["rc1"], [], max_age=15.0, stable_for=10.0) == []
    return verdict.outcome
