# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The result of a gate, and its dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import WORST, to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Outcome
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import Record, State
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import Verdict
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import MemberStatus
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

UNCLAIMED_LIMIT = 50


@dataclass(frozen=True)
class GateResult:
    """The result of a gate, with the same structure on success and on failure.

    ``elapsed``: seconds, including those of an earlier wait that this one continued. ``began``: by the wall clock, if
    known; ``ended``: when the last observation was made, by the same clock. ``memory``: what another wait needs to
    continue this one; not part of the dictionary.
    """

    verdict: Verdict
    policy: Policy
    elapsed: float
    observations: int
    gave_up: str = ""
    history: tuple[Mapping[str, Any], ...] = field(default=())
    unclaimed: tuple[Mapping[str, Any], ...] = field(default=())
    began: datetime | None = None
    ended: datetime | None = None
    memory: Memory = field(default_factory=Memory)

    @property
    def passed(self) -> bool:
        return self.verdict.outcome is Outcome.PASS

    @property
    def message(self) -> str:
        """One line: ``2 of 3 members serve, 3 needed: rc2 unreachable (connection refused); waited 600 s``."""
        line = f"{self.verdict.summary}; waited {int(self.elapsed)} s"
        if self.gave_up:
            line += f", {self.gave_up}"
        if self.verdict.outcome is Outcome.FAIL:
            # The wait is over, so the first finding is shown in full, with what to do.
            line += next((f"; {f.message}" for f in self.verdict.findings if f.blocking and f.brief), "")
        return line

    def to_dict(self) -> dict[str, Any]:
        verdict, policy = self.verdict, self.policy
        return {
            "verdict": verdict.outcome.value,
            "msg": self.message,
            "phase": policy.phase.value,
            "targets": list(policy.targets),
            "members": [_member(member) for member in verdict.members],
            "ready": list(verdict.ready),
            "failed_targets": list(verdict.failed),
            "pending": list(verdict.pending),
            "serving": list(verdict.serving),
            "needed": verdict.needed,
            "ids": list(verdict.ids),
            "unclaimed": [dict(record) for record in self.unclaimed],
            "links": [{"member": name, "sees": list(seen)} for name, seen in verdict.sees.items()],
            "findings": [finding.to_dict() for finding in verdict.findings],
            "waived": [{**waiver.to_dict(), "message": finding.message} for waiver, finding in verdict.waived],
            "exempt": verdict.exempt.value if verdict.exempt else None,
            "next_safe": list(verdict.next_safe),
            "safe_batch": verdict.safe_batch,
            "observations": self.observations,
            "began": to_iso(self.began),
            "ended": to_iso(self.ended),
            "elapsed": round(self.elapsed, 1),
            "stable": round(verdict.held, 1),
            "history": [dict(change) for change in self.history],
        }


def briefly(verdict: Verdict, policy: Policy) -> list[dict[str, Any]] | None:
    """The targets, and each member that does not serve or that a blocking finding names. None: no member was seen."""
    if not verdict.members:
        return None
    blamed = {name: f.code.value for f in reversed(verdict.findings) if f.blocking for name in f.members}
    return [
        {
            "name": member.name,
            "instance_id": member.last_id if member.identified else None,
            "serving": member.serving,
            "code": member.why_not.code.value if member.why_not else blamed.get(member.name),
        }
        for member in verdict.members
        if not member.serving or member.name in blamed or member.name in policy.targets
    ]


def unclaimed_records(observation: Observation, verdict: Verdict, policy: Policy) -> tuple[dict[str, Any], ...]:
    """Records that belong to no member's process, each in the worst state that any view shows, the worst first."""
    known = {member.last_id for member in verdict.members if member.identified}
    worst: dict[str, tuple[State, Record]] = {}
    listed = {identity for view in observation.views for identity in view.by_id}
    for identity in sorted(listed - known):
        records = [view.by_id[identity] for view in observation.views if identity in view.by_id]
        states = [(record.state(observation.reference, policy.max_record_age), record) for record in records]
        worst[identity] = max(states, key=lambda seen: WORST[seen[0]])
    ranked = sorted(worst.items(), key=lambda item: (-WORST[item[1][0]], item[0]))
    return tuple(
        {"instance_id": identity, "state": state.value, "place": list(record.place) if record.place else None}
        for identity, (state, record) in ranked[:UNCLAIMED_LIMIT]
    )


def _member(member: MemberStatus) -> dict[str, Any]:
    record = member.record
    return {
        "name": member.name,
        "url": member.view.member.url,
        "instance_id": record.id if record else member.last_id,
        "answered_by": member.answered_by,
        "date": to_iso(member.view.date),
        "place": list(record.place) if record and record.place else None,
        "version": member.version,
        "state": member.state.value if member.state else None,
        "serving": member.serving,
        "reason": member.why_not.message if member.why_not else None,
    }
