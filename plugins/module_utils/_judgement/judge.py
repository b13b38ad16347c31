# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The judgement: an observation, a policy and a little memory in; a verdict out. Pure and total.

The table decides, findings explain: each unmet condition is a blocking finding, and only an observation without any
can pass. A condition that only time can meet (a process's age, a link that was bad lately) keeps the gate shut, but
does not begin the count of ``stable_for`` anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import combinations
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Ends, Finding
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.member_status import (
    Pulse,
    Standing,
    fresh_ids,
    may_live,
    stable_for,
    standings,
    take_pulses,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    FULL_VERSION,
    INTERVAL,
    INTERVAL_LIMITED,
    Before,
    Known,
    Links,
    Phase,
    Policy,
    Waiver,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation, View

CREDENTIALS = frozenset(code for code in Code if code.row.statuses in (range(401, 402), range(403, 404)))
SILENT = frozenset(code for code in Code if code.is_silence)
NO_NEWS = frozenset(code for code in Code if code.is_silence or (code.is_client_error and code.row.ends is Ends.TIME))
TOO_LATE = frozenset(
    code for code in Code if code.row.ends is Ends.NEVER and code.row.judgeable and not code.is_client_error
)
UNSETTLED = frozenset(code for code in Code if code.settles)
SETTLING = UNSETTLED | {Code.TOO_FEW_SERVING}
LASTING = frozenset(code for code in Code if not code.row.judgeable and code.row.ends is Ends.WAIT)


class Outcome(str, Enum):
    """Only ``pass`` lets anyone on."""

    PASS = "pass"
    WAIT = "wait"
    FAIL = "fail"  # waiting cannot cure it
    INCONCLUSIVE = "inconclusive"  # it cannot be judged


class Exempt(str, Enum):
    TARGET_DOWN = "target_down"  # taking away what is already down changes nothing
    SINGLE_NODE = "single_node"


Pair = tuple[str, str]


@dataclass(frozen=True)
class Streak:
    """For how long (s) nothing was wrong, up to ``last_at``, with each target's id, start and ping when it began."""

    seconds: float
    last_at: float
    processes: Mapping[str, tuple[str, datetime | None]]
    pings: Mapping[str, datetime | None]


@dataclass(frozen=True)
class Memory:
    """The little that outlives one observation. Times are the gate's monotonic clock, in seconds."""

    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    bad_links: Mapping[Pair, float] = field(default_factory=dict)
    since: Mapping[tuple[Code, str], float] = field(default_factory=dict)
    terminal: frozenset[tuple[Code, str]] = frozenset()
    served: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    down: Mapping[str, float] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()
    streak: Streak | None = None
    disturbed: bool = False
    lost: bool = False


@dataclass(frozen=True)
class Verdict:
    """What follows from one observation. ``held``: seconds of ``stable_for`` that are over; ``sees``: who sees whom.

    ``incurable``: waiting cannot cure it, which one more observation has to confirm.
    """

    outcome: Outcome
    summary: str
    findings: tuple[Finding, ...] = ()
    waived: tuple[tuple[Waiver, Finding], ...] = ()
    standings: tuple[Standing, ...] = ()
    needed: int = 0
    ids: tuple[str, ...] = ()
    sees: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exempt: Exempt | None = None
    next_safe: tuple[str, ...] = ()
    safe_batch: int = 0
    held: float = 0.0
    incurable: bool = False

    @property
    def serving(self) -> tuple[str, ...]:
        return tuple(standing.name for standing in self.standings if standing.serving)


def interval(policy: Policy, observation: Observation | None) -> float:
    """Seconds between two observations: the user's, or one that fits the rate limit where there is one."""
    if policy.interval is not None:
        return policy.interval
    limited = observation is not None and any(view.rate_limit for view in observation.views)
    return INTERVAL_LIMITED if limited else INTERVAL


def judge(observation: Observation, policy: Policy, memory: Memory) -> tuple[Verdict, Memory]:
    """Judge one observation. Never raises, and passes only what it has found to be true."""
    if observation.lost is not None:
        return _judge_lost(observation.lost, memory)
    return _Judgement(observation, policy, memory).result()


def _judge_lost(reason: str, memory: Memory) -> tuple[Verdict, Memory]:
    """An observation that could not be made is no news once, and breaks the streak when it happens again."""
    finding = Finding(Code.OBSERVATION_LOST, f"no observation ({reason})")
    after = replace(
        memory, streak=None if memory.lost else memory.streak, lost=True, disturbed=True, terminal=frozenset()
    )
    held = after.streak.seconds if after.streak else 0.0
    return Verdict(Outcome.WAIT, finding.message, findings=(finding,), held=held), after


class _Judgement:
    """One observation under one policy. Every method answers one question of the table."""

    def __init__(self, observation: Observation, policy: Policy, memory: Memory) -> None:
        self.observation = observation
        self.policy = policy
        self.memory = memory
        self.pulses = take_pulses(observation, policy, memory.pulses)
        self.standings = standings(observation, policy, self.pulses)
        self.by_name = {standing.name: standing for standing in self.standings}
        self.waived: dict[Waiver, Finding] = {}
        # Nothing that is found about a target counts before it is taken down.
        others = [s for s in self.standings if policy.phase is not Phase.BEFORE or s.name in policy.others]
        self.counted = others or list(self.standings)
        connected = policy.links is Links.CONNECTED
        self.fresh = {
            view.member.name: fresh_ids(view, observation, policy, connected=connected) for view in observation.views
        }
        # The gate after has to know every id that was ever listed; a watch goes on for ever, and must not.
        self.ids = frozenset(observation.ids).union(memory.ids if policy.phase is Phase.BEFORE else ())
        self.bad_links = self._bad_links()
        self.down = self._down_targets()

    def result(self) -> tuple[Verdict, Memory]:
        serving = {standing.name for standing in self.standings if standing.serving}
        exempt, found = self._table(serving)
        findings = self._blocking(found)
        self.waived = self._waived(found)
        streak, no_news = self._streak(serving, findings)
        since, unjudgeable = self._unjudgeable()
        terminal = self._terminal(findings)
        held = streak.seconds if streak else 0.0
        outcome, more = self._outcome(findings, exempt, streak, unjudgeable, terminal)
        lasting = {(finding.code, finding.members) for finding in unjudgeable}
        others = [finding for finding in findings if (finding.code, finding.members) not in lasting]
        shown = (*unjudgeable, *others, *no_news, *more, *self._advisories(serving, [*findings, *unjudgeable]))
        next_safe, safe_batch = self._safe(serving)
        verdict = Verdict(
            outcome=outcome,
            summary=self._summary(serving, exempt, shown),
            findings=shown,
            waived=tuple(self.waived.items()),
            standings=self.standings,
            needed=self.policy.needed,
            ids=tuple(sorted(self.ids)),
            sees=self._sees(),
            exempt=exempt if not findings else None,
            next_safe=next_safe,
            safe_batch=safe_batch,
            held=held,
            incurable=bool(terminal),
        )
        memory = Memory(
            pulses=self.pulses,
            bad_links=self.bad_links,
            since=since,
            terminal=terminal,
            served=frozenset(serving | (self.memory.served if no_news else set())),
            missed=frozenset(view.member.name for view in self.observation.views if view.failure),
            down=self.down,
            ids=self.ids,
            streak=streak,
            disturbed=self.memory.disturbed or outcome is not Outcome.PASS,
        )
        return verdict, memory

    # The table

    def _table(self, serving: set[str]) -> tuple[Exempt | None, list[Finding]]:
        """What keeps the gate shut if just these members serve."""
        if self.policy.phase is Phase.STEADY:
            return None, self._steady(serving)
        if self.policy.phase is Phase.BEFORE:
            return self._before(serving)
        return None, self._after(serving)

    def _steady(self, serving: set[str]) -> list[Finding]:
        return [
            *self._too_few(serving, [standing.name for standing in self.standings]),
            *self._unlinked(serving),
            *self._versions(
                standing
                for standing in self.standings
                if standing.record is not None or standing.version is not None or standing.name in serving
            ),
        ]

    def _before(self, serving: set[str]) -> tuple[Exempt | None, list[Finding]]:
        policy = self.policy
        if not policy.others and policy.min_serving is None:
            return Exempt.SINGLE_NODE, self._single_node()
        others = serving & set(policy.others)
        findings = [*self._too_few(others, policy.others), *self._unlinked(others)]
        if all(self._surely_down(name) for name in policy.targets) and self._an_other_answers():
            return Exempt.TARGET_DOWN, []
        return None, findings + (self._living_targets() if findings else [])

    def _single_node(self) -> list[Finding]:
        standing = self.standings[0]
        if standing.record is None:
            text = "nobody answers, so nothing is known; say min_serving: 0 to deploy all the same"
            return [finding for finding in (standing.why_not, Finding(Code.NOBODY_ANSWERS, text)) if finding]
        strangers = self._strangers()
        if not strangers:
            return []
        text = f"the only member lists {len(strangers)} more living instances: members is incomplete"
        return [Finding(Code.UNEXPECTED_MEMBER, text, expected=[], actual=strangers)]

    def _after(self, serving: set[str]) -> list[Finding]:
        findings: list[Finding] = []
        for name in self.policy.targets:
            findings += self._target(self.by_name[name], serving)
        findings += self._too_few(serving, [standing.name for standing in self.standings])
        return list({(finding.code, finding.members): finding for finding in findings}.values())

    def _target(self, target: Standing, serving: set[str]) -> list[Finding]:
        findings = [target.why_not] if target.why_not and target.name not in serving else []
        if target.record is None:
            return findings
        restart = self._restart(target)
        findings += restart
        if not any(finding.code is Code.NOT_RESTARTED for finding in restart):
            findings += self._versions([target])
        links = self._unlinked(serving | {target.name})
        return findings + [link for link in links if target.name in link.members] + self._unlisted(target, serving)

    def _restart(self, target: Standing) -> list[Finding]:
        """Whether the target is a new process: its id is none that any view listed before."""
        before, name, record = self.policy.before, target.name, target.record
        if not self.policy.restart_required or before is None or record is None:
            return []
        known = before.members[name]
        if record.id in before.ids:
            text = f"{name} is still the process of before, it was not restarted"
            return [Finding(Code.NOT_RESTARTED, text, (name,), expected="a new id", actual=record.id)]
        findings = []
        if not known.heard and not self.policy.restart_proven and not _version_changed(known, target):
            text = (
                f"{name} did not answer when the gate before the deployment passed, so its process may be an earlier "
                "one; set restart_confirmed: true if the deployment has restarted it"
            )
            findings.append(Finding(Code.RESTART_NOT_PROVABLE, text, (name,), actual=record.id))
        findings += self._old_process(name, before, known)
        if known.place and record.place and known.place != record.place:
            now, then = (f"{printable(host)[:100]}:{port}" for host, port in (record.place, known.place))
            text = f"{name} is now {now}, it was {then}: its url may lead to another node"
            findings.append(Finding(Code.IDENTITY_CHANGED, text, (name,), expected=then, actual=now))
        return findings

    def _old_process(self, name: str, before: Before, known: Known) -> list[Finding]:
        """Where its id was not seen before: any that was, was nobody's, and lives on, may be its own."""
        shown: frozenset[str] = frozenset().union(*self.fresh.values())
        if known.instance_id is not None:
            alive = shown & {known.instance_id}
            text = f"{name}'s process of before still lives beside the new one"
        else:
            owned = {member.instance_id for member in before.members.values()}
            alive = (shown & before.ids) - owned - set(self.observation.claimed)
            text = f"a process of before that may be {name}'s still lives beside the new one"
        if not alive:
            return []
        return [Finding(Code.OLD_PROCESS_ALIVE, text, (name,), actual=min(alive))]

    def _too_few(self, serving: set[str], candidates: Iterable[str]) -> list[Finding]:
        """Too few serve: that, and why each of the candidates that do not serve does not."""
        serving = serving & set(candidates)
        if len(serving) >= self.policy.needed:
            return []
        reasons = [self.by_name[name].why_not for name in candidates if name not in serving]
        needed = self.policy.needed
        text = f"{len(serving)} serve, {needed} needed"
        return [
            *(finding for finding in reasons if finding),
            Finding(Code.TOO_FEW_SERVING, text, expected=needed, actual=len(serving)),
        ]

    def _versions(self, concerned: Iterable[Standing]) -> list[Finding]:
        wanted = self.policy.expected_version
        findings = []
        for standing in concerned if wanted else ():
            name, version = standing.name, standing.version
            if version == wanted:
                continue
            if version is None or not FULL_VERSION.fullmatch(version):
                text = f"{name}'s version is not known ({version or 'it does not tell'}), {wanted} expected"
                findings.append(Finding(Code.VERSION_UNKNOWN, text, (name,), expected=wanted, actual=version))
            else:
                text = f"{name} runs {version}, {wanted} expected"
                findings.append(Finding(Code.WRONG_VERSION, text, (name,), expected=wanted, actual=version))
        return findings

    # Links

    def _linked(self, a: str, b: str) -> bool:
        first, second = self.by_name[a].record, self.by_name[b].record
        return first is not None and second is not None and second.id in self.fresh[a] and first.id in self.fresh[b]

    def _bad_links(self) -> dict[Pair, float]:
        """When each pair was last seen bad: evidence only where both have answered."""
        bad = dict(self.memory.bad_links)
        if self.policy.links is Links.IGNORED or self.policy.single_view:
            return bad
        present = [standing.name for standing in self.standings if standing.record is not None]
        bad.update({pair(a, b): self.observation.at for a, b in combinations(present, 2) if not self._linked(a, b)})
        return bad

    def _unlinked(self, names: set[str]) -> list[Finding]:
        """The pairs among these that are not linked, or not for long enough."""
        findings = []
        for (a, b), last_bad in sorted(self.bad_links.items()):
            if a not in names or b not in names:
                continue
            good_for = self.observation.at - last_bad
            if good_for <= 0:
                findings.append(Finding(Code.NOT_LINKED, self._who_misses(a, b), (a, b)))
            elif good_for < self.policy.link_memory:
                text = f"{a} and {b} linked again for {good_for:.0f} s, {self.policy.link_memory:g} s needed"
                findings.append(
                    Finding(Code.LINK_UNSETTLED, text, (a, b), expected=self.policy.link_memory, actual=good_for)
                )
        return findings

    def _unlisted(self, target: Standing, serving: set[str]) -> list[Finding]:
        """Members that answer without serving: if they do not list the target, it is on another database."""
        if self.policy.links is Links.IGNORED or target.record is None:
            return []
        findings = []
        for other in self.standings:
            if other.view.local is None or other.name in serving or other.name == target.name:
                continue
            if target.record.id not in fresh_ids(other.view, self.observation, self.policy, connected=False):
                text = f"{other.name} does not list {target.name}"
                findings.append(Finding(Code.NOT_LINKED, text, pair(target.name, other.name)))
        return findings

    def _who_misses(self, a: str, b: str) -> str:
        first, second = self.by_name[a].record, self.by_name[b].record
        forth = second is not None and second.id in self.fresh[a]
        back = first is not None and first.id in self.fresh[b]
        if forth or back:
            return f"{a if back else b} does not see {b if back else a}"
        return f"{a} and {b} do not see each other"

    def _sees(self) -> dict[str, tuple[str, ...]]:
        if self.policy.single_view:
            return {}
        ids = {s.record.id: s.name for s in self.standings if s.record}
        return {
            name: tuple(sorted({ids[identity] for identity in fresh if identity in ids} - {name}))
            for name, fresh in self.fresh.items()
        }

    # What else lives

    def _unclaimed(self) -> list[str]:
        """Records of what may be a living process, connected or not, that no answering member calls its own."""
        observation = self.observation
        others = set(observation.ids).difference(observation.claimed)
        return sorted(identity for identity in others if may_live(identity, observation, self.policy))

    def _strangers(self) -> list[str]:
        return [] if self.policy.single_view else self._unclaimed()

    def _down_targets(self) -> dict[str, float]:
        """Targets that do not answer, while no unclaimed record of a living process could be theirs, and since when."""
        if self.policy.phase is not Phase.BEFORE or self.observation.reference is None or self._unclaimed():
            return {}
        failed = [name for name in self.policy.targets if self.by_name[name].view.failure]
        return {name: self.memory.down.get(name, self.observation.at) for name in failed}

    def _surely_down(self, name: str) -> bool:
        """A process out of reach whose record was lost would have registered again with its next ping."""
        since = self.down.get(name)
        return since is not None and self.observation.at - since >= self.policy.ping_interval

    def _living_targets(self) -> list[Finding]:
        unclaimed = self._unclaimed()
        silent = [name for name in self.policy.targets if self.by_name[name].view.failure]
        if not silent or not unclaimed:
            return []
        return [_may_live(name, unclaimed) for name in silent]

    def _an_other_answers(self) -> bool:
        return any(self.by_name[name].view.local is not None for name in self.policy.others)

    # What time does

    def _streak(self, serving: set[str], findings: list[Finding]) -> tuple[Streak | None, tuple[Finding, ...]]:
        """The streak after this observation, and the members without news that keep it from growing."""
        if self._only_settling(serving, findings):
            return self._longer_streak(), ()
        absent = self._no_news()
        if absent and self.memory.streak and self._only_settling(serving | absent, self._lenient(serving | absent)):
            return self.memory.streak, tuple(_view_missing(name) for name in sorted(absent))
        return None, ()

    def _only_settling(self, serving: set[str], findings: list[Finding]) -> bool:
        if not findings:
            return True
        if any(finding.code not in SETTLING for finding in findings):
            return False
        young = {standing.name for standing in self.standings if standing.young}
        return all(finding.code in UNSETTLED for finding in self._lenient(serving | young))

    def _lenient(self, serving: set[str]) -> list[Finding]:
        return self._blocking(self._table(serving)[1])

    def _no_news(self) -> set[str]:
        """Members that miss one view and were well, while another member shows their process fresh and connected."""
        shown = set().union(*self.fresh.values()) if self.fresh else set()
        return {
            standing.name
            for standing in self.standings
            if standing.view.failure is not None
            and standing.why_not is not None
            and standing.why_not.code in NO_NEWS
            and standing.name not in self.policy.targets
            and standing.name in self.memory.served - self.memory.missed
            and standing.name in self.pulses
            and self.pulses[standing.name].instance_id in shown
        }

    def _longer_streak(self) -> Streak:
        targets = [self.by_name[name] for name in self._watched()]
        records = {target.name: target.record for target in targets if target.record}
        processes = {name: (record.id, record.created_at) for name, record in records.items()}
        last, now = self.memory.streak, self.observation.at
        if last is None or last.processes != processes:
            pings = {name: record.updated_at for name, record in records.items()}
            return Streak(0.0, now, processes, pings)
        gap = min(now - last.last_at, 2 * interval(self.policy, self.observation))
        return replace(last, seconds=last.seconds + gap, last_at=now)

    def _watched(self) -> tuple[str, ...]:
        return self.policy.targets if self.policy.phase is Phase.AFTER else ()

    def _outcome(
        self,
        findings: list[Finding],
        exempt: Exempt | None,
        streak: Streak | None,
        unjudgeable: tuple[Finding, ...],
        terminal: frozenset[tuple[Code, str]],
    ) -> tuple[Outcome, tuple[Finding, ...]]:
        if unjudgeable:
            return Outcome.INCONCLUSIVE, ()
        if terminal & self.memory.terminal:
            return Outcome.FAIL, ()
        if findings or terminal or streak is None:
            return Outcome.WAIT, ()
        # What is down need not have been down for long, nor need the others be stable: they lose nothing.
        unsettled = () if exempt is Exempt.TARGET_DOWN else self._not_stable(streak)
        return (Outcome.WAIT, unsettled) if unsettled else (Outcome.PASS, ())

    def _not_stable(self, streak: Streak) -> tuple[Finding, ...]:
        if self.policy.phase is not Phase.AFTER and not self.memory.disturbed:
            return ()
        needed, findings = stable_for(self.observation, self.policy), []
        if streak.seconds < needed:
            text = f"stable for {streak.seconds:.0f} of {needed:g} s"
            findings.append(Finding(Code.NOT_STABLE, text, expected=needed, actual=streak.seconds))
        for name, ping in streak.pings.items():
            record = self.by_name[name].record
            if record is None or record.updated_at is None or ping is None or record.updated_at <= ping:
                text = f"{name}'s next ping is not seen yet"
                findings.append(Finding(Code.PING_UNCONFIRMED, text, (name,)))
        return tuple(findings)

    def _unjudgeable(self) -> tuple[dict[tuple[Code, str], float], tuple[Finding, ...]]:
        """What cannot be judged at once, and what cannot because it lasts."""
        views = [standing.view for standing in self.counted]
        since = {
            (s.why_not.code, s.name): self.memory.since.get((s.why_not.code, s.name), self.observation.at)
            for s in self.counted
            if s.why_not and s.why_not.code in LASTING
        }
        findings = _of_another_kind(views)
        for (code, name), began in since.items():
            lasts = self.observation.at - began
            why_not = self.by_name[name].why_not
            if lasts > self.policy.max_record_age and why_not and self._needs(name):
                findings.append(replace(why_not, message=f"{why_not.message}, for {lasts:.0f} s", code=code))
        return since, tuple(findings)

    def _needs(self, name: str) -> bool:
        """Whether the gate is shut without this member."""
        return bool(self._lenient({standing.name for standing in self.standings if standing.serving} - {name}))

    def _terminal(self, findings: list[Finding]) -> frozenset[tuple[Code, str]]:
        """What waiting does not cure."""
        codes = {s.why_not.code for s in self.counted if s.why_not and s.view.failure}
        nobody_in = all(standing.view.failure for standing in self.counted)
        terminal = set()
        if nobody_in and codes - SILENT and codes - SILENT <= CREDENTIALS:
            terminal.add((Code.UNAUTHORIZED, ""))
        if nobody_in and codes == {Code.TLS}:
            terminal.add((Code.TLS, ""))
        if self.policy.phase is Phase.AFTER:
            terminal |= {(f.code, f.members[0]) for f in findings if f.code in TOO_LATE}
        return frozenset(terminal)

    # What is said

    def _blocking(self, findings: list[Finding]) -> list[Finding]:
        """What is left when the user's waivers are taken off."""
        return [finding for finding in findings if self.policy.waiver(finding.code, *finding.members) is None]

    def _waived(self, findings: list[Finding]) -> dict[Waiver, Finding]:
        waivers = ((self.policy.waiver(finding.code, *finding.members), finding) for finding in findings)
        return {waiver: finding for waiver, finding in waivers if waiver is not None}

    def _advisories(self, serving: set[str], findings: list[Finding]) -> list[Finding]:
        notes = []
        if self.policy.single_view:
            text = (
                "one node's opinion: the others were not asked, and a load balancer may answer from another each time"
            )
            notes.append(Finding(Code.SINGLE_VIEW, text, blocking=False))
        if self.policy.readiness_required:
            for standing in self.standings:
                if standing.view.listing and standing.view.ready is None:
                    text = f"{standing.name} has no /readyz (before 7.11): its readiness is not known"
                    notes.append(Finding(Code.READINESS_UNKNOWN, text, (standing.name,), blocking=False))
        if self.policy.phase is Phase.AFTER and not self.policy.expected_version:
            text = "without expected_version it is not proven which build runs"
            notes.append(Finding(Code.DEPLOY_NOT_PROVEN, text, blocking=False))
        if self.policy.phase is Phase.STEADY and not any(standing.view.failure for standing in self.standings):
            notes += self._stranger_note()
        return notes + self._not_needed(serving, findings)

    def _stranger_note(self) -> list[Finding]:
        strangers = self._strangers()
        if not strangers:
            return []
        text = f"{len(strangers)} living instances are no member's"
        return [Finding(Code.UNEXPECTED_MEMBER, text, blocking=False, actual=strangers)]

    def _not_needed(self, serving: set[str], findings: list[Finding]) -> list[Finding]:
        """Members that do not serve, where that does not shut the gate."""
        named = {(finding.code, finding.members) for finding in findings}
        return [
            replace(standing.why_not, blocking=False)
            for standing in self.standings
            if standing.why_not
            and standing.name not in serving
            and (standing.why_not.code, (standing.name,)) not in named
        ]

    def _summary(self, serving: set[str], exempt: Exempt | None, shown: tuple[Finding, ...]) -> str:
        """The one line: ``2 of 3 members serve, 3 needed: rc2 unreachable (connection refused)``."""
        policy = self.policy
        if policy.phase is Phase.BEFORE:
            among, noun = [name for name in policy.others if name in serving], "other members"
            size = len(policy.others)
        else:
            among, noun = sorted(serving), "members"
            size = policy.expected if policy.expected is not None else len(policy.members)
        noun = "instances" if policy.single_view else noun
        line = f"{len(among)} of {size} {noun} serve, {policy.needed} needed"
        blocking = [f for f in shown if f.blocking and f.code is not Code.TOO_FEW_SERVING]
        reasons = list(dict.fromkeys(f.brief or f.message for f in blocking))
        if exempt and not reasons:
            line += f" (exempt: {exempt.value})"
        if reasons:
            line += ": " + "; ".join(reasons[:3])
            if len(reasons) > 3:
                line += f"; and {len(reasons) - 3} more"
        for waiver, finding in self.waived.items():
            line += f"; waived: {finding.message} ({waiver.reason})"
        return line

    def _safe(self, serving: set[str]) -> tuple[tuple[str, ...], int]:
        """Members that could be taken down now one at a time, and how many serving ones could go together."""
        policy, everybody = self.policy, len(self.standings)
        if policy.single_view or _of_another_kind(standing.view for standing in self.standings):
            return (), 0
        bad = [finding.members for finding in self._unlinked(serving)]
        default = policy.min_serving is None
        left = everybody - 1 if policy.min_serving is None else policy.min_serving.of(everybody)
        # A single one may go only if nothing else is wrong: there is nobody whom its leaving could be judged by.
        alone = everybody == 1 and (not serving or bool(self._strangers()))
        safe = [
            s for s in self.standings if len(serving - {s.name}) >= left and all(s.name in p for p in bad) and not alone
        ]
        order = sorted(safe, key=lambda standing: standing.serving)
        if bad or alone:
            batch = 0
        elif default:
            batch = max(everybody - 1, 1) if len(serving) == everybody else 0
        else:
            batch = max(len(serving) - left, 0)
        return tuple(standing.name for standing in order), batch


def pair(a: str, b: str) -> Pair:
    return (a, b) if a <= b else (b, a)


def _view_missing(name: str) -> Finding:
    text = f"{name} gave no answer this time, but another member still sees its process"
    return Finding(Code.VIEW_MISSING, text, (name,))


def _may_live(name: str, unclaimed: list[str]) -> Finding:
    text = f"{name} may still serve: a living instance that no member claims pings the database"
    return Finding(Code.TARGET_MAY_LIVE, text, (name,), actual=unclaimed)


def _version_changed(known: Known, target: Standing) -> bool:
    versions = (known.version, target.version)
    return all(v and FULL_VERSION.fullmatch(v) for v in versions) and versions[0] != versions[1]


def _of_another_kind(views: Iterable[View]) -> list[Finding]:
    """Deployments that instances.get says nothing about, and servers whose old records look like new ones."""
    findings = []
    for view in views:
        name = view.member.name
        if view.listing and view.listing.microservices:
            text = f"{name} is part of a microservices deployment: instances.get does not list its nodes"
            findings.append(Finding(Code.MICROSERVICES, text, (name,)))
        elif view.listing and view.listing.old_shape:
            text = f"{name} runs a server before 6: there a dead record cannot be told from a restarted node's"
            findings.append(Finding(Code.UNSUPPORTED_VERSION, text, (name,)))
    return findings
