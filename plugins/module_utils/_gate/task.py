# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The gate as a task: from validated options to the dictionary of its result."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import READINESS, VERSION, Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import judge_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import access_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from, warnings_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import Observe
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy


def refuse_from_afar(params: Mapping[str, Any]) -> None:
    """Raises :class:`OptionsError` for options that cannot work if each observation is a separate run of the module."""
    if params.get("totp_code"):
        raise OptionsError(
            "totp_code works only where the gate runs on the controller itself: "
            "each observation from another host would log in again, with a code that has expired; use an auth_token"
        )


@contextmanager
def observing(
    policy: Policy, params: Mapping[str, Any], secrets: set[str], versions: Mapping[str, str] | None = None
) -> Iterator[Observe]:
    """A function that makes observations from this process. Sessions are logged out at the end.

    ``secrets`` gets new secrets, such as session tokens. ``versions``: known versions by instance id.
    """
    access = access_from(params)
    secrets |= access.secrets
    gather = {VERSION, READINESS} if policy.readiness_required else {VERSION}
    with Observer(policy.members, access, gather=frozenset(gather), versions=versions) as observer:

        def observe(statistics_of: AbstractSet[str]) -> Observation:
            try:
                return observer.observe(statistics_of)
            finally:
                secrets.update(observer.secrets)

        yield observe


def result_of(gate: GateResult, *, check_mode: bool) -> dict[str, Any]:
    """The task's result. In check mode nothing was deployed, so a verdict of ``wait`` is not a failure."""
    harmless = check_mode and gate.verdict.outcome is Outcome.WAIT
    return {**gate.to_dict(), "changed": False, "failed": not gate.passed and not harmless}


def observe_once(params: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The result of one observation, with the observation itself, which the controller judges together with others.

    ``secrets`` gets everything that must not be shown. Raises :class:`OptionsError`.
    """
    policy = policy_from(params, members_from(params))
    began = datetime.now(timezone.utc)
    with observing(policy, params, secrets, params.get("known_versions")) as observe:
        observation = observe(frozenset(params.get("statistics_of") or ()))
    gate = judge_once(observation, policy, began=began)
    result = result_of(gate, check_mode=bool(params.get("check_mode")))
    warnings = warnings_for(policy.members)
    return {**result, "observation": observation.to_dict(details=False), **({"warnings": warnings} if warnings else {})}
