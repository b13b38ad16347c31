# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The state of a roll: what has happened in this run so far. It is plain data, kept between the steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, Code, Ends, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult

# The deployment did not restart the target, or that is not known. Such a target still serves.
NOTHING_DONE = frozenset({Code.NOT_RESTARTED.value, Code.RESTART_NOT_PROVABLE.value})
# The same if no restart is required.
OLD_VERSION = frozenset({Code.WRONG_VERSION.value})
# A process in any state may answer so.
REFUSALS = frozenset({Code.UNAUTHORIZED.value, Code.FORBIDDEN.value, Code.RATE_LIMITED.value})


@dataclass(frozen=True)
class Glimpse:
    """One member, as a gate saw it."""

    serving: bool
    # The process that answered, if it is known.
    instance_id: str | None
    version: str | None
    # The code of why it does not serve, and of each blocking finding about it alone.
    codes: frozenset[str] = frozenset()
    # Whether only a restart cures it, and nothing else is found about it. It still pings, and serves the users it has.
    needs_restart: bool = False

    @property
    def healthy(self) -> bool:
        return self.serving and not self.codes

    @property
    def unheard(self) -> bool:
        """Whether its answer says nothing about its process: it refuses the credentials, or too many calls."""
        return not self.serving and bool(self.codes) and self.codes <= REFUSALS

    @property
    def settling(self) -> bool:
        """Whether it does not serve yet, and only time must pass."""
        return not self.serving and bool(self.codes) and all(CODES[code].settles for code in self.codes)


@dataclass(frozen=True)
class Seen:
    """The result of a gate, as a roll uses it. ``verdict``: ``refused`` if the gate gave no result."""

    verdict: str
    message: str
    members: Mapping[str, Glimpse] = field(default_factory=dict)
    # Pairs of members that are not linked, or not for long enough.
    unlinked: frozenset[tuple[str, str]] = frozenset()
    # After a deployment: the targets that are ready.
    ready: frozenset[str] = frozenset()
    # The gate returned before its time was over, because another target is ready.
    early: bool = False

    @classmethod
    def of(cls, gate: GateResult, *, known_ready: AbstractSet[str] = frozenset()) -> Seen:
        """What a roll uses of a gate's result. ``known_ready``: targets that were ready before this gate."""
        verdict = gate.verdict
        blocking = [finding for finding in verdict.findings if finding.blocking]
        found: dict[str, set[str]] = {member.name: set() for member in verdict.members}
        for member in verdict.members:
            if member.why_not:
                found[member.name].add(member.why_not.code.value)
        for finding in blocking:
            # out_of_rotation is left out: it is an option that the roll passed to the gate.
            if finding.code.row.scope is Scope.MEMBER and finding.code is not Code.OUT_OF_ROTATION:
                for name in finding.members:
                    found.setdefault(name, set()).add(finding.code.value)
        members = {
            member.name: Glimpse(
                serving=member.serving,
                instance_id=member.last_id if member.identified else member.answered_by,
                version=member.version,
                codes=frozenset(found[member.name]),
                needs_restart=member.name in gate.memory.ill and _are_cured_by_restart(found[member.name]),
            )
            for member in verdict.members
        }
        pairs = [tuple(sorted(f.members)) for f in blocking if f.code.row.scope is Scope.PAIR and len(f.members) == 2]
        return cls(
            verdict=verdict.outcome.value,
            message=gate.message,
            members=members,
            unlinked=verdict.unlinked.union((first, second) for first, second in pairs),
            ready=frozenset(verdict.ready),
            early=verdict.outcome.value == "wait" and bool(set(verdict.ready) - known_ready),
        )


def _are_cured_by_restart(codes: AbstractSet[str]) -> bool:
    return all(CODES[code].row.ends is Ends.RESTART for code in codes)


class Stage(str, Enum):
    """A step of the roll."""

    START = "start"
    LOOK = "look"  # one look at all members, before the first batch
    RETURN = "return"  # readmit members that are well and not known to be in rotation
    SETTLE = "settle"  # wait for members that run the version already and do not serve yet
    BEFORE = "before"  # the gate before the drain
    PREPARE = "prepare"  # the hooks that run once
    DRAIN = "drain"
    RECHECK = "recheck"  # the gate between the drain and the deployment
    DEPLOY = "deploy"
    AFTER = "after"  # the gate after the deployment
    READMIT = "readmit"  # a target that is ready, while others are not
    PUT_BACK = "put_back"  # the play that only readmits members has begun
    REVIEW = "review"  # a look at all members after a hook failed
    RECOVER = "recover"  # before the end, wait for members that are out of rotation and only need time
    SOAK = "soak"  # the cluster must stay healthy after the first batch
    FINAL = "final"  # the last gate
    REPORT = "report"  # the hook on_failure


@dataclass(frozen=True)
class State:
    """The state after the step ``stage``."""

    stage: Stage = Stage.START
    seen: Seen = field(default_factory=lambda: Seen("refused", "nothing was asked yet"))
    # The targets of the current batch, or of the last one.
    batch: tuple[str, ...] = ()
    # What was seen of each of them before its drain, in the same order.
    was: tuple[Glimpse, ...] = ()
    # Targets of the batch whose deploy hook finished.
    deployed: frozenset[str] = frozenset()
    # Members that this run knows to be in rotation. A member is removed when its drain begins.
    admitted: frozenset[str] = frozenset()
    # Members on which a deployment was begun in this run.
    begun: frozenset[str] = frozenset()
    # Members on which no more hooks can run: Ansible has lost them, or their readmit hook failed.
    lost: frozenset[str] = frozenset()
    # Whether the roll has waited for members that run the version and did not serve.
    settled: bool = False
    # Members for which the roll has waited before its end, because they are out of rotation and only needed time.
    recovered: frozenset[str] = frozenset()
    # The hooks that run once and have run.
    ran: frozenset[str] = frozenset()
    # How many batches are back.
    batches: int = 0
    soaked: bool = False
    # Whether the roll continues in the next play, so that handlers of a failed hook do not run.
    leaves: bool = False
    # Whether this is that play, which only readmits members.
    putting_back: bool = False
    # The step after which the roll was stopped. It is only for the last line; no decision uses it.
    stopped_at: Stage | None = field(default=None, compare=False)
    # Why the roll stops. After the first reason, members are only readmitted.
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON data. Sets become sorted lists."""
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> State:
        """The inverse of :meth:`to_dict`. Raises :class:`ValueError`."""
        try:
            state = cls(
                stage=Stage(raw["stage"]),
                seen=_seen(raw["seen"]),
                batch=tuple(raw["batch"]),
                was=tuple(map(_glimpse, raw["was"])),
                deployed=frozenset(raw["deployed"]),
                admitted=frozenset(raw["admitted"]),
                begun=frozenset(raw["begun"]),
                lost=frozenset(raw["lost"]),
                settled=raw["settled"],
                recovered=frozenset(raw["recovered"]),
                ran=frozenset(raw["ran"]),
                batches=raw["batches"],
                soaked=raw["soaked"],
                leaves=raw["leaves"],
                putting_back=raw["putting_back"],
                stopped_at=raw["stopped_at"] and Stage(raw["stopped_at"]),
                reasons=tuple(raw["reasons"]),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is not the state of a roll: {error!r}") from None
        if state.to_dict() != raw:
            raise ValueError("this is not the state of a roll: a field has a wrong type or order, or is unknown")
        return state


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Seen, Glimpse)):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _glimpse(raw: Mapping[str, Any]) -> Glimpse:
    return Glimpse(raw["serving"], raw["instance_id"], raw["version"], frozenset(raw["codes"]), raw["needs_restart"])


def _seen(raw: Mapping[str, Any]) -> Seen:
    return Seen(
        verdict=raw["verdict"],
        message=raw["message"],
        members={name: _glimpse(glimpse) for name, glimpse in raw["members"].items()},
        unlinked=frozenset((first, second) for first, second in raw["unlinked"]),
        ready=frozenset(raw["ready"]),
        early=raw["early"],
    )
