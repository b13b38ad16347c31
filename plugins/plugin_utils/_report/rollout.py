# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The roll in a list of gates: how it ended and why, how far it came, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, Code
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Found, Gate

UNKNOWN = (
    "The gate could not judge, or the finding belongs to another version of the collection.",
    "Do what the message says.",
)
COUNTED_OUT = "counted as out of rotation"


class Outcome(str, Enum):
    PASSED = "passed"
    STOPPED = "stopped"
    OPEN = "under way"


@dataclass(frozen=True)
class Advice:
    """All findings of one code and level, with what to do."""

    code: str
    blocking: bool
    messages: tuple[str, ...]
    cause: str
    remedy: str

    @property
    def title(self) -> str:
        return words_of(self.code)


@dataclass(frozen=True)
class Versions:
    """One member: its first and its last version, and the ids of these processes. Empty if not known."""

    name: str
    versions: tuple[str, str]
    ids: tuple[str, str]
    serving: bool
    reason: str


@dataclass(frozen=True)
class Roll:
    """What a report says about a roll, from its gates in the order in which they ran."""

    gates: tuple[Gate, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for gate in self.gates for name in (*gate.members, *gate.targets)))

    @cached_property
    def rolled(self) -> bool:
        """Whether it is a deployment. Otherwise the cluster was only checked."""
        return any(gate.targets for gate in self.gates)

    @cached_property
    def stops(self) -> tuple[Gate, ...]:
        """The gates that did not pass. If a gate was asked again, its last result counts."""
        latest = {(gate.phase, gate.targets): gate for gate in self.gates}
        shut = tuple(gate for gate in latest.values() if gate.targets and not gate.passed)
        return shut or tuple(gate for gate in self.gates[-1:] if not gate.passed)

    @cached_property
    def outcome(self) -> Outcome:
        if self.stops:
            return Outcome.STOPPED
        if not self.gates:
            return Outcome.OPEN
        # A roll that begins with a gate for the whole cluster also ends with one; a playbook of the user's own may end
        # with its last target. But a look at the whole cluster also follows a failed deployment.
        last, preflight = self.gates[-1], not self.gates[0].targets
        whole = set(self.taken_down) <= set(self.back) and (last.phase == "steady" or not preflight)
        return Outcome.PASSED if whole else Outcome.OPEN

    @cached_property
    def taken_down(self) -> tuple[str, ...]:
        """Members whose gate before the deployment passed."""
        last = {gate.targets: gate.passed for gate in self.gates if gate.phase == "before"}
        return tuple(dict.fromkeys(name for targets, let in last.items() if let for name in targets))

    @cached_property
    def back(self) -> tuple[str, ...]:
        """Members whose gate after the deployment passed."""
        last = {gate.targets: gate.passed for gate in self.gates if gate.phase == "after"}
        return tuple(dict.fromkeys(name for targets, let in last.items() if let for name in targets))

    @cached_property
    def untouched(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.taken_down and name not in self.back)

    @cached_property
    def began(self) -> datetime | None:
        return min((gate.began for gate in self.gates if gate.began), default=None)

    @cached_property
    def took(self) -> float | None:
        """Seconds from the begin of the first gate to the end of the last one; none if not known."""
        end = max((gate.ended for gate in self.gates if gate.ended), default=None)
        return None if self.began is None or end is None else (end - self.began).total_seconds()

    @cached_property
    def versions(self) -> tuple[Versions, ...]:
        seen = [gate for gate in self.gates if gate.members]
        return tuple(self._versions(name, seen) for name in self.names)

    def _versions(self, name: str, seen: Sequence[Gate]) -> Versions:
        members = [gate.members[name] for gate in seen if name in gate.members]
        last = members[-1] if members else None
        return Versions(
            name=name,
            versions=(next((member.version for member in members if member.version), ""), last.version if last else ""),
            ids=(next((m.instance_id for m in members if m.instance_id), ""), last.instance_id if last else ""),
            serving=bool(last and last.serving),
            reason=last.reason if last else "",
        )

    @cached_property
    def out(self) -> tuple[str, ...]:
        """Members that counted as out of rotation during the last gate; empty also if that is not known."""
        last = out_of_rotation(self.gates, self.names)[-1:]
        return tuple(name for name in self.names if last and name in (last[0] or ()))

    @cached_property
    def out_words(self) -> str:
        """The text about these members. If the roll has not passed, members may be readmitted after the last gate."""
        ended = self.outcome is Outcome.PASSED and self.gates[-1].phase == "steady"
        return f"{COUNTED_OUT} at the {'end' if ended else 'last gate'}"

    @cached_property
    def advice(self) -> tuple[Advice, ...]:
        """The advice of the gates that did not pass, or else of the last gate; blocking findings first."""
        concerned = self.stops or self.gates[-1:]
        found = [finding for gate in concerned for finding in gate.findings]
        refused = [gate.message for gate in concerned if not gate.passed and not gate.findings]
        blocking = _codes(found, True)
        # too_few_serving is left out: the other findings say why.
        blocking = [code for code in blocking if code != Code.TOO_FEW_SERVING.value] or blocking
        advice = [_advice(found, code, True) for code in blocking]
        advice += [_advice(found, code, False) for code in _codes(found, False)]
        return (*(Advice("refused", True, (message,), *UNKNOWN) for message in refused), *advice)

    @cached_property
    def waived(self) -> tuple[Found, ...]:
        return tuple({(w.code, w.members, w.reason): w for gate in self.gates for w in gate.waived}.values())

    # The roll in words

    @cached_property
    def sentence(self) -> str:
        """The roll in one sentence: how it ended, where and why, how long it took, and how far it came."""
        if not self.gates:
            return "No gate ran."
        took = "" if self.took is None else f" after {duration(self.took)}"
        out = f"; {listed(self.out)} {self.out_words}" if self.out else ""
        if self.outcome is Outcome.STOPPED:
            return f"{self._stopped(took)}{self._how_far()}{out}."
        if self.outcome is Outcome.OPEN:
            return f"{self._open()}{self._how_far()}{out}."
        return f"{'Passed' if self.rolled else 'Healthy'}{took}: {self._health()}{self._how_far()}{out}."

    def _stopped(self, took: str) -> str:
        stop = self.stops[0]
        blamed = [name for name in stop.targets if any(name in f.members for f in stop.findings if f.blocking)]
        named = tuple(blamed or stop.targets)
        causes = (f for f in stop.findings if f.blocking and f.code != Code.TOO_FEW_SERVING.value)
        why = next((_short(found, named) for found in causes), "")
        reason = f" ({why})" if why else ""
        its, where = "its" if len(stop.targets) == 1 else "their", "at" if stop.phase == "after" else "before"
        if stop.phase != "steady" and stop.verdict == REFUSED:
            return f"Stopped {where} {listed(named)}{took}: the gate {stop.phase} {its} deployment gave no verdict"
        if stop.phase == "after":
            healthy = "not healthy" if len(stop.targets) == 1 else "not all are healthy"
            return f"Stopped at {listed(named)}{took}: {healthy} after {its} deployment{reason}"
        if stop.phase == "before":
            gate = f"the gate before {its} deployment did not pass"
            return f"Stopped before {listed(stop.targets)}{took}: {gate}{reason}"
        if self.rolled:
            return f"Stopped at the end{took}: the cluster is not healthy{reason}"
        return f"Not healthy{took}: {stop.message}"

    def _open(self) -> str:
        last = self.gates[-1]
        if last.phase == "before":
            since = f" since {clock(last.ended)} UTC" if last.ended else ""
            return f"In progress: deploying {listed(last.targets)}{since}"
        return f"In progress: {listed(last.targets)} deployed" if last.targets else "In progress"

    def _health(self) -> str:
        last, size = self.gates[-1], len(self.names)
        serving = [member for member in last.members.values() if member.serving]
        versions = sorted({member.version for member in last.members.values() if member.version})
        who = f"all {size} members" if len(serving) == size else f"{len(serving)} of {size} members"
        if len(versions) > 1:
            return f"{who} serve, but more than one version runs ({listed(versions)})"
        return f"{who} serve" + (f" and run {versions[0]}" if versions else "")

    def _how_far(self) -> str:
        if not self.rolled:
            return ""
        deployed = [name for name in self.back if name in self.taken_down]
        parts = [f"; {len(deployed)} of {len(self.names)} deployed and healthy"]
        checked = [name for name in self.back if name not in self.taken_down]
        if checked:
            parts.append(f", {listed(checked)} only checked")
        if self.untouched:
            parts.append(f", {listed(self.untouched)} not touched")
        return "".join(parts)


def out_of_rotation(gates: Sequence[Gate], names: Iterable[str]) -> list[frozenset[str] | None]:
    """For each gate: the members that counted as out of rotation during it; none if not known.

    No hook runs during a gate, so what is known at its end was true from its start. When the roll starts, it does not
    know which members are in rotation, so lists that name all members do not count until the first that does not.
    """
    lists = [None if gate.out_of_rotation is None else frozenset(gate.out_of_rotation) for gate in gates]
    all_names = frozenset(names)
    unknown = takewhile(lambda out: out is None or all_names <= out, lists)
    first = sum(1 for _out in unknown)
    return [*[None] * first, *lists[first:]]


def _codes(found: Iterable[Found], blocking: bool) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in found if finding.blocking is blocking))


def _short(found: Found, named: tuple[str, ...]) -> str:
    """A finding in a few words, such as ``rc3 unreachable``, without members that the sentence has named already."""
    members = "" if found.members == named else listed(found.members)
    return f"{members} {words_of(found.code)}".strip()


def _advice(found: Iterable[Found], code: str, blocking: bool) -> Advice:
    messages = [finding.message for finding in found if finding.code == code and finding.blocking is blocking]
    cause, remedy = (CODES[code].row.cause, CODES[code].row.remedy) if code in CODES else UNKNOWN
    return Advice(code, blocking, tuple(dict.fromkeys(messages)), cause, remedy)


VERDICTS = {"wait": "gave up", "fail": "failed", "pass": "passed"}
PHASES = {"steady": "whole cluster", "before": "before", "after": "after"}


def phase_word(gate: Gate) -> str:
    return PHASES.get(gate.phase, gate.phase)


def verdict_word(gate: Gate) -> str:
    """How a gate ended, in words. A gate that ended with ``wait`` has given up."""
    return VERDICTS.get(gate.verdict, gate.verdict)


def title_of(gate: Gate) -> str:
    return " ".join((phase_word(gate), *map(shortened, gate.targets)))


def outcome_word(roll: Roll) -> str:
    """The outcome in a few words, for a heading."""
    if roll.rolled:
        return f"Rolling update {roll.outcome.value}"
    return "Cluster healthy" if roll.outcome is Outcome.PASSED else "Cluster not healthy"


def words_of(code: str) -> str:
    return CODES[code].row.words if code in CODES else code.replace("_", " ")


def listed(names: Sequence[str], limit: int = 4) -> str:
    """The names as ``rc1, rc2 and rc3``; of many, the first ones and the number of the others."""
    names = [shortened(name) for name in names]
    if len(names) > limit:
        return f"{', '.join(names[: limit - 1])} and {len(names) - limit + 1} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def shortened(text: str, limit: int = 60) -> str:
    """The text, without its middle if it is too long."""
    return text if len(text) <= limit else f"{text[: limit - 16]}…{text[-15:]}"


def duration(seconds: float) -> str:
    """The time in at most two units: ``0.4 s``, ``41 s``, ``1 min 12 s``, ``2 h 5 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    units = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in units if number)


def clock(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%H:%M:%S")
