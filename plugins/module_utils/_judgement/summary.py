# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The summary: a verdict in one line, ``2 of 3 members serve, 3 needed: rc2 unreachable (connection refused)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Finding
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Waiver
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.rules import Exempt

REASONS = 3  # the line has room for


def summary(
    policy: Policy,
    serving: AbstractSet[str],
    shown: Iterable[Finding],
    waived: Mapping[Waiver, Finding],
    exempt: Exempt | None,
) -> str:
    line = _count(policy, serving)
    # too_few_serving is left out: the other findings say why too few serve.
    blocking = [finding for finding in shown if finding.blocking and finding.code is not Code.TOO_FEW_SERVING]
    reasons = list(dict.fromkeys(finding.brief or finding.message for finding in blocking))
    if exempt and not reasons:
        line += f" (exempt: {exempt.value})"
    if reasons:
        line += ": " + "; ".join(reasons[:REASONS])
    if len(reasons) > REASONS:
        line += f"; and {len(reasons) - REASONS} more"
    return line + "".join(f"; waived: {finding.message} ({waiver.reason})" for waiver, finding in waived.items())


def _count(policy: Policy, serving: AbstractSet[str]) -> str:
    if policy.phase is Phase.BEFORE and not policy.others:
        return "no other members"
    if policy.phase is Phase.BEFORE:
        among = sum(name in serving for name in policy.others_in_rotation)
        rotation = " in rotation" if len(policy.others_in_rotation) < len(policy.others) else ""
        return f"{among} of {len(policy.others)} other members serve{rotation}, {policy.needed} needed"
    if policy.expected is not None:
        return f"{len(serving)} of {policy.expected} instances serve, {policy.needed} needed"
    rotation = " in rotation" if policy.keep_out else ""
    return f"{len(serving - policy.keep_out)} of {len(policy.members)} members serve{rotation}, {policy.needed} needed"
