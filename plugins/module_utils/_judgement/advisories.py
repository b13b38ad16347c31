# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The advisory findings, which do not block the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import as_process
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.moves import moves_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Phase
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.stability import not_waived
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.unclaimed import strangers_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.situation import Situation


def advisories_for(situation: Situation, blocking: Iterable[Finding]) -> list[Finding]:
    """The advisory findings, and what is wrong with members that the gate does not need.

    ``blocking``: the findings that are shown as blocking already.
    """
    notes = [replace(finding, blocking=False) for advisory in ADVISORIES for finding in advisory(situation)]
    named = {(finding.code, finding.members) for finding in blocking}
    not_needed = [member.why_not for member in situation.members if member.why_not]
    links = not_waived(situation.policy, situation.links.unlinked(situation.serving))
    not_needed += [finding for finding in links if situation.policy.keep_out.intersection(finding.members)]
    return notes + [
        replace(finding, blocking=False) for finding in not_needed if (finding.code, finding.members) not in named
    ]


def only_one_was_asked(situation: Situation) -> list[Finding]:
    if not situation.policy.single_view:
        return []
    text = "only one node was asked, and a load balancer may pass each request to another node"
    return [Finding(Code.SINGLE_VIEW, text)]


def readiness_is_unknown(situation: Situation) -> list[Finding]:
    if not situation.policy.readiness_required:
        return []
    return [
        Finding(
            Code.READINESS_UNKNOWN,
            f"{member.name} has no /readyz (it exists since 7.11): its readiness is unknown",
            (member.name,),
        )
        for member in situation.members
        if member.view.listing and member.view.ready is None
    ]


def links_are_unknown(situation: Situation) -> list[Finding]:
    """That links are not judged, since the members of a microservices deployment are judged one by one."""
    if not any(as_process(member.view, situation.policy) for member in situation.members):
        return []
    text = "microservices: whether the servers reach each other is unknown"
    return [Finding(Code.LINKS_UNKNOWN, text, blocking=False)]


def older_patch_is_deployed(situation: Situation) -> list[Finding]:
    if situation.policy.phase is not Phase.BEFORE:
        return []
    return [finding for finding in situation.upgrade_path if finding.code is Code.OLDER_PATCH]


def version_is_not_proven(situation: Situation) -> list[Finding]:
    if situation.policy.phase is not Phase.AFTER or situation.policy.expected_version:
        return []
    text = "without expected_version the gate does not prove which version runs"
    return [Finding(Code.DEPLOY_NOT_PROVEN, text)]


def targets_have_moved(situation: Situation) -> list[Finding]:
    """The targets whose new process has a new address that is not another member's, as with containers."""
    return [
        Finding(
            Code.IDENTITY_CHANGED,
            f"{move.name} reports {move.now}; before the deployment it reported {move.then}",
            (move.name,),
            expected=move.then,
            actual=move.now,
        )
        for move in moves_of(situation)
        if not move.may_be_another
    ]


def strangers_live(situation: Situation) -> list[Finding]:
    """The living instances that are not members. Reported only if all members answer: one may be a silent member's."""
    if situation.policy.phase is not Phase.STEADY or any(member.view.failure for member in situation.members):
        return []
    if not situation.strangers:
        return []
    text = f"the list of members is incomplete: found {strangers_in_words(situation.strangers)}"
    return [Finding(Code.UNEXPECTED_MEMBER, text, actual=list(situation.strangers))]


ADVISORIES: list[Callable[[Situation], list[Finding]]] = [
    only_one_was_asked,
    readiness_is_unknown,
    links_are_unknown,
    older_patch_is_deployed,
    version_is_not_proven,
    targets_have_moved,
    strangers_live,
]
