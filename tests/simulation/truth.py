# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the results of gates against the truth. Knows the model, but not how the gate judges.

The times are those of docs/guarantees.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import EXPIRE, FIND_PEER, LOSE_PEER, SWEEP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import Process
    from ansible_collections.rocketops.rocketchat.tests.simulation.eyes import Look
    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

ROUNDING = 0.01
LONGEST_PAUSE = 60.0  # with a rate limit
LEFTOVER_LOCK = 600.0
RECHECK_LOCK = 30.0
LOST_OVER_NATS = 120.0  # longest time until a dead peer is noticed
DATE_PRECISION = 1.0


@dataclass
class Step:
    """One gate of a roll: its options, start and surroundings. ``counted``: the members that it counts as serving."""

    phase: str
    targets: tuple[str, ...]
    began: float
    needed: int
    counted: tuple[str, ...] = ()
    keep_out: frozenset[str] = frozenset()
    exempt: str | None = None
    expects: str | None = None
    must_restart: bool = False
    former: frozenset[str] = frozenset()  # ids of all processes that ran when the targets were taken down
    known: Mapping[str, str] = field(default_factory=dict)  # the ids of targets that answered then
    named: frozenset[str] = frozenset()  # those of them whose answers had the header
    versions: Mapping[str, str] = field(default_factory=dict)  # the versions of targets that were known then
    taken_down: float = 0.0  # when they were taken down
    ill_count: bool = False  # members that only a restart cures count as members that serve
    looks: Sequence[Look] = field(default_factory=list)


class Truth:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        options = schedule.options
        ping = schedule.ping
        self.max_age = options["max_record_age"] or 3 * ping
        self.nats = self.cluster.transport == "nats"
        with_links = not self.cluster.microservices
        self.stable_for = options["stable_for"] or (135.0 if self.nats and with_links else 30.0)
        # Whether links show that a process is dead: over NATS only late, and before 6 they belong to host and port.
        self.told = options["links"] == "connected" and not self.nats and not self.cluster.old
        self.as_processes = options["links"] == "ignored" and options["readiness"] == "required"
        self.look = schedule.timeout + 1.0  # an observation is as old as its slowest answer
        self.interval = options["interval"] or (7.0 if schedule.limited else 5.0)

    # How long a fault may be unseen

    @property
    def unseen_end(self) -> float:
        return self.look

    @property
    def unseen_silence(self) -> float:
        return self.max_age + self.schedule.ping + self.look

    # How long a gate may take if all is well

    @property
    def pause(self) -> float:
        """The longest time from one observation to the end of the next."""
        return max(self.interval, LONGEST_PAUSE if self.schedule.limited else 0.0) + self.look

    @property
    def stays(self) -> float:
        """The time until it has been stable for ``stable_for``; each observation counts for two intervals at most."""
        return self.stable_for * max(1.0, (self.interval + self.look) / (2 * self.interval)) + self.pause

    def bound(self, phase: str) -> float:
        link_memory = self.schedule.options["link_memory"]
        grows_up = self.stable_for + self.schedule.ping
        pings = self.pause + self.schedule.ping if phase == "after" else 0.0
        # If links do not show it, the previous process seems to be alive until its record is old.
        ages = 0.0 if phase != "after" or self.told else self.max_age + self.schedule.ping
        return float(max(link_memory, ages + self.stays, grows_up, pings)) + self.pause + self.look

    def bound_of(self, step: Step) -> float:
        """If a member was silent lately, one more pause is for asking whether the database is locked for migrations."""
        asks = step.phase == "before" and not all(all(look.heard.values()) for look in step.looks[-2:])
        return self.bound(step.phase) + (self.pause if asks else 0.0)

    @property
    def repair_bound(self) -> float:
        """One of the three pauses is for asking whether the database is locked for migrations."""
        return float(self.max_age + 2 * self.schedule.ping) + 3 * self.pause + self.look

    @property
    def bound_of_one_view(self) -> float:
        """If links do not show dead processes, only the age of their records does."""
        age = self.stable_for if self.schedule.options["links"] == "connected" else self.max_age + self.schedule.ping
        return float(max(self.stable_for, age) + self.schedule.ping + 2 * self.pause + self.look)

    # Safety

    def lies(self, step: Step, t: float) -> list[str]:
        """The reasons why a pass at this moment is false."""
        if step.exempt == "target_down":
            hidden = {place for place, _name in misled(step)}
            return [
                f"{name} may still serve" for name in step.targets if name not in hidden and self._may_serve(name, t)
            ]
        wrong = self.taken_for_others(step)
        counted = [name for name in step.counted if name not in wrong]
        ill = {name for name in counted if step.ill_count and self.is_ill(name, t, step.looks)}
        found = [f"{name} does not serve" for name in counted if name not in ill and not self.serves(name, t)]
        if step.exempt == "needs_restart":
            cured = (name for name in step.targets if name not in wrong and not self.is_ill(name, t, step.looks))
            found += [f"{name} does not need a restart" for name in cured]
        if step.phase == "before" and self._can_be_told(step):
            found += [f"{name} is migrating the database" for name in self._migrating(t) if name not in wrong]
        if len(step.counted) < step.needed:
            found.append(f"{len(step.counted)} serve, {step.needed} needed")
        shown = self._shown_bad(step, t)
        # A member that only a restart cures has no links.
        linked = replace(step, counted=tuple(name for name in step.counted if name not in ill))
        found += [f"{' and '.join(sorted(cut))} are cut off, and had shown it" for cut in self._cuts(linked, t) & shown]
        for name in step.targets if step.phase == "after" else ():
            found += [] if name in wrong else self._not_back(name, step, t)
        databases = {p.database for name in step.counted for p in self._answering(name, step, t)}
        if len(databases) > 1 and self.schedule.options["links"] != "ignored":
            found.append("they are on different databases")
        if step.needed and any(self.unjudgeable(name) for name in step.counted):
            found.append("nothing can be said of such a deployment")
        return found

    def unjudgeable(self, name: str) -> bool:
        """Whether it cannot be judged: microservices without both options, or a server before 6 without the header."""
        stripped = name in self.schedule.stripped
        if self.cluster.microservices:
            return stripped or not self.as_processes
        return self.cluster.old and stripped

    def _can_be_told(self, step: Step) -> bool:
        """Whether any member could say whether a migration runs: one that sends a list, or has only lost its broker."""
        for look in step.looks[-1:]:
            for name, place in self.cluster.places.items():
                process = self.cluster.answerer(name, look.at)
                refuses = process is not None and self.cluster.refuses_its_list(process, look.at)
                if look.answered[name] or (refuses and not place.spell(look.at) and not self.schedule.limited):
                    return True
        return False

    def _migrating(self, t: float) -> list[str]:
        """Places whose process is migrating the database, as far as that can be known."""
        asked = t - RECHECK_LOCK - self.pause - self.look
        lock = self.cluster.lock(t)
        if lock is None or not self.schedule.tells_statistics or self.schedule.clocks > 1.0:
            return []
        began, process = lock
        known = began < asked and t - began < LEFTOVER_LOCK - 2 * self.schedule.clocks
        # If another process answers at its URL, the member is not silent.
        silent = process is not None and self.cluster.answerer(process.place, t) is process
        return [process.place] if process and silent and known else []

    def serves(self, name: str, t: float) -> Process | None:
        """The process at a place that serves, or has stopped so recently that no gate could know."""
        return next((p for p in reversed(self.cluster.places[name].processes) if self._process_serves(p, t)), None)

    def _answering(self, name: str, step: Step, t: float) -> list[Process]:
        """The process that serves at a place. Of several at one URL, only those that have answered lately are known."""
        lately = t - self.schedule.options["link_memory"]
        heard = [look.answered[name] for look in step.looks if look.at > lately]
        known = [process for process in heard if process and process.place == name]
        if self.cluster.places[name].shared and known:
            return known
        process = self.serves(name, t)
        return [process] if process else []

    def _process_of(self, name: str, step: Step, t: float) -> Process | None:
        """The last of these, if it serves."""
        return next((p for p in self._answering(name, step, t)[-1:] if self._process_serves(p, t)), None)

    def is_ill(self, name: str, t: float, looks: Sequence[Look]) -> bool:
        """Whether its process has dropped out of its broker but still serves its users, as far as can be known.

        If no list has its record, it is not known whether it pings.
        """
        listed = looks[-1].listed_ids if looks else set()
        for process in self.cluster.places[name].processes:
            dropped = self.cluster.dropped_since(process, t)
            silent = process.silent_since(t)
            hung = any(begin < t - self.unseen_end and t < end for begin, end in process.hangs)
            pings = silent is None or silent >= t - self.unseen_silence or process.id not in listed
            if dropped is not None and process.ended >= t - self.unseen_end and pings and not hung:
                return True
        return False

    def _process_serves(self, process: Process, t: float) -> bool:
        if not process.healthy or process.first_seen > t - self.stable_for + ROUNDING:
            return False
        dropped = self.cluster.dropped_since(process, t)
        if dropped is not None and dropped < t - self.unseen_end:
            return False
        if process.ended < t - self.unseen_end:
            return False
        if any(begin < t - self.unseen_end and t < end for begin, end in process.hangs):
            return False
        silent = process.silent_since(t)
        return silent is None or silent >= t - self.unseen_silence

    def _may_serve(self, name: str, t: float) -> bool:
        for process in self.cluster.places[name].processes:
            resumed = max((end for _begin, end in process.hangs), default=process.listens)
            answers = process.healthy and process.answers(t) and process.silent_since(t) is None
            # No record of another database is seen, nor one that was removed.
            answers = answers and process.database == "rocketchat"
            answers = answers and not any(begin <= t and t - self.look < end for begin, end in process.unlisted)
            if answers and resumed < t - self.unseen_end:
                return True
        return False

    def unseen_cuts(self, step: Step, t: float) -> set[frozenset[str]]:
        """Pairs that were cut off when a gate passed, but that no view had shown, so that no gate could know."""
        return set() if step.exempt else self._cuts(step, t) - self._shown_bad(step, t)

    def taken_for_others(self, step: Step) -> set[str]:
        """Members for which another member's process answered, as far as no observation can show it.

        That process does not answer at its own URL, or that URL leads to several processes.
        """
        answered = step.looks[-1].answered if step.looks else {}
        return {name for _place, name in misled(step)} | {
            name
            for name, process in answered.items()
            if process and process.place != name and self.cluster.places[process.place].leads_to
        }

    def _cuts(self, step: Step, t: float) -> set[frozenset[str]]:
        """Pairs that are cut off although the policy requires their link."""
        if self.schedule.options["links"] != "connected":
            return set()
        pairs = {frozenset(pair) for pair in combinations(step.counted, 2)}
        if step.phase == "after":
            pairs = {pair for pair in pairs if pair & set(step.targets)}
        cuts = (cut for cut in self.cluster.cuts if cut.begin < t - self.look and t < cut.end)
        return {cut.pair for cut in cuts if cut.pair in pairs} | {pair for pair in pairs if self._never_met(pair, t)}

    def _never_met(self, pair: frozenset[str], t: float) -> bool:
        a, b = (self.serves(name, t) for name in pair)
        return a is not None and b is not None and not self.cluster.met(a, b)

    def _shown_bad(self, step: Step, t: float) -> set[frozenset[str]]:
        memory = self.schedule.options["link_memory"]
        return set().union(*(look.bad_pairs for look in step.looks if look.at > t - memory + ROUNDING))

    def not_ready(self, name: str, step: Step, t: float) -> list[str]:
        """The reasons why this target was not ready, whatever the others are.

        A member that has registered again recently seems to be young, and counts only if there is no other. A member
        that does not answer or ping, or answers under two names, does not count.
        """
        process = self._process_of(name, step, t)
        memory = max(self.schedule.options["link_memory"], self.max_age)
        looks = [look for look in step.looks if look.at > t - memory]
        urls = {(p.id, where) for look in looks for where, p in look.heard.items() if p}
        names = Counter(identity for identity, _where in urls)
        served = {
            other: p
            for other in self.schedule.names
            if other not in step.targets and (p := self.serves(other, t)) and names[p.id] == 1
            if step.looks[-1].answered[other] is p
            # A ping after its answer is not known yet.
            if p.silent_since(t) is None and p.silent_since(t - self.look) is None
            # Its process is not known then.
            if not self._ran_beside(other, p, step, t)
        }
        vouching = self._vouching(served, t)
        found = [] if process is None else self._not_restarted(name, process, step, t)
        if process and self._elsewhere(process, step, t, vouching):
            found.append(f"{name} is on another database than the members that serve")
        linked = tuple(other for other in vouching if other not in step.keep_out)
        cuts = self._cuts(replace(step, counted=(name, *linked)), t) & self._shown_bad(step, t)
        cuts = {cut for cut in cuts if name in cut}
        found += [f"{' and '.join(sorted(cut))} are cut off, and had shown it" for cut in cuts]
        return found or ([f"{name} does not serve"] if process is None else [])

    def _ran_beside(self, name: str, process: Process, step: Step, t: float) -> bool:
        """Whether a process that answered at this URL before has run beside this one, and is not forgotten yet."""
        first = next(look.at for look in step.looks if look.heard[name] is process)
        return any(other is not process and other.ended > first for other in self._heard_lately(name, step, t))

    def _heard_lately(self, name: str, step: Step, t: float) -> list[Process]:
        """The processes that have answered at this URL lately, and the last one before, however long ago."""
        memory = max(self.schedule.options["link_memory"], self.max_age)
        heard = [(look.at, process) for look in step.looks if (process := look.heard[name])]
        return [process for at, process in heard if at > t - memory] + [process for _at, process in heard[-2:]]

    def _vouching(self, served: Mapping[str, Process], t: float) -> list[str]:
        """The members to which a target must be linked: young ones only if it is certain that all are young.

        Their age is measured up to the newest ping that was seen.
        """
        young = t - self.stable_for
        if all(p.registered(t) > young for p in served.values()):
            return list(served)
        grown_up = young - self.schedule.ping - self.look
        return [other for other, p in served.items() if p.registered(t) < grown_up]

    def _elsewhere(self, process: Process, step: Step, t: float, others: Sequence[str]) -> bool:
        answered = [look.answered.get(name) for look in step.looks if look.at > t - self.stable_for for name in others]
        elsewhere = any(other and other.database != process.database for other in answered)
        return elsewhere and self.schedule.options["links"] != "ignored"

    def _not_back(self, name: str, step: Step, t: float) -> list[str]:
        process = self._process_of(name, step, t)
        if process is None:
            return [f"{name} does not serve"]
        found = self._not_restarted(name, process, step, t)
        if self._elsewhere(process, step, t, self.schedule.names):
            found.append(f"{name} is on another database")
        return found

    def _not_restarted(self, name: str, process: Process, step: Step, t: float) -> list[str]:
        found = []
        vouched = self.schedule.options["restart_confirmed"] and name not in step.known
        if step.must_restart and process.id in step.former and not vouched:
            found.append(f"{name} is the previous process")
        if step.expects and process.version != step.expects:
            found.append(f"{name} runs {process.version}")
        recent = [look.at for look in step.looks if look.at > t - self.stable_for]
        if name not in self.schedule.stripped and self._answered_as_another(name, process, step, t):
            found.append(f"another process than {name}'s has answered at its url")
        if any(begin + self.look < at < end for begin, end in process.hangs for at in recent):
            found.append(f"{name} has hung meanwhile")
        for former in self.cluster.places[name].processes if step.must_restart else ():
            lives = former.answers(t) and former.silent_since(t) is None
            if former.id == step.known.get(name) and former is not process and lives and self._shown(former, step):
                found.append(f"{name}'s previous process still runs")
        return found

    def _answered_as_another(self, name: str, process: Process, step: Step, t: float) -> bool:
        looks = (look for look in step.looks if look.at > t - self.stable_for)
        return step.must_restart and any(look.heard[name] not in (None, process) for look in looks)

    def _shown(self, process: Process, step: Step) -> bool:
        return bool(step.looks) and process.id in step.looks[-1].connected_ids

    def alive(self, t: float) -> int:
        """The number of processes that one node's list may show as alive."""
        look = self.look
        processes = [p for place in self.cluster.places.values() for p in place.processes]
        running = [p for p in processes if p.started <= t and t - look <= p.ended]
        linked = self.schedule.options["links"] == "connected"
        look += max(LOSE_PEER.values()) if self.told else self.max_age + self.schedule.ping
        return sum(
            process.healthy
            and process.first_seen <= t - self.stable_for + ROUNDING
            and (
                not linked
                or (self.cluster.dropped_since(process, t) or t) >= t - self.look
                # A process that starts later connects to it again.
                or any(self.cluster.connected(other, process, t) for other in running if other is not process)
            )
            and process.ended >= t - look
            and not any(begin < t - self.unseen_silence and t < end for begin, end in process.hangs)
            and (process.ended < t or (process.silent_since(t) or t) >= t - self.unseen_silence)
            for process in processes
        )

    # Liveness

    def quiet_since(self, began: float) -> float | None:
        """Since when there has been no fault and no change anywhere; None if there is one."""
        now, since = self.cluster.now, began
        if self.cluster.microservices or any(self.unjudgeable(name) for name in self.schedule.names):
            return None
        running = [p for place in self.cluster.places.values() if (p := self.cluster.process(place.name, now))]
        if any(self.cluster.dropped_since(p, now) is not None for p in running):
            return None
        if not all(self.cluster.met(a, b) for a, b in combinations(running, 2)):
            return None
        lingers = LOST_OVER_NATS if self.nats else self.max_age + self.schedule.ping + self.cluster.ping
        if self.cluster.old:  # its record looks connected like its successor's, until it is removed
            lingers = EXPIRE + SWEEP
        for place in self.cluster.places.values():
            process = self.cluster.answerer(place.name, now)
            if place.shared:
                return None
            if place.leads_to or place.spell(now) or process is None or not process.answers(now):
                return None
            if process.silent_since(now) is not None or not process.healthy or process.database != "rocketchat":
                return None
            since = max([since, process.registered(now), *(end for _begin, end, _kind in place.spells if end <= now)])
            since = max([since, *(p.ended + lingers for p in place.processes if p.ended <= now)])
            since = max([since, *(end for _begin, end in process.hangs), *(begin for begin, _end in process.spans)])
        if any(cut.begin <= now < cut.end + FIND_PEER for cut in self.cluster.cuts):
            return None
        return max([since, *(cut.end + FIND_PEER for cut in self.cluster.cuts if cut.end <= now)])

    def well_since(self, step: Step) -> float | None:
        """Since when the cluster has fulfilled the policy; None if it does not."""
        if self._cannot_pass(step) or (step.expects and not self.schedule.privileged):
            return None
        since = self._lock_known_free(step)
        for look in reversed(step.looks):
            if not self._well(look, step):
                since = max(since, look.at)
                break
        if not step.looks or since >= step.looks[-1].at:
            return None
        for process in step.looks[-1].answered.values():
            if process:
                since = max(since, process.registered(step.looks[-1].at))
        return since

    def _cannot_pass(self, step: Step) -> bool:
        """Whether a gate may rightly never pass: it cannot judge, or several processes answer at a URL."""
        if any(place.leads_to or place.shared for place in self.cluster.places.values()):
            return True
        if any(self.unjudgeable(name) for name in self.schedule.names):
            return True
        silent = step.phase == "before" and step.looks and not all(step.looks[-1].heard.values())
        return bool(silent) and self.cluster.lock(self.cluster.now) is not None

    def _lock_known_free(self, step: Step) -> float:
        """The latest time at which a gate knows that no migration runs; its start, if none ran."""
        locked = [look.at for look in step.looks if self.cluster.lock(look.at) is not None]
        return max([step.began, *(at + RECHECK_LOCK + self.pause for at in locked[-1:])])

    def _is_well(self, process: Process, t: float) -> bool:
        """Whether it serves, as far as an observation that ends now can know: a ping after its answer is not known."""
        if process is not self.cluster.process(process.place, t):
            return False
        if any(process.silent_since(moment) is not None for moment in (t - self.look, t)):
            return False
        return self.cluster.dropped_since(process, t) is None

    def _well(self, look: Look, step: Step) -> bool:
        databases = set()
        for name, process in look.answered.items():
            if process and process.place != name:
                return False
            if step.phase == "before" and name in step.targets:
                continue
            if process is None or not self._is_well(process, look.at):
                return False
            until = replace(step, looks=[one for one in step.looks if one.at <= look.at])
            if self._ran_beside(name, process, until, look.at):
                return False
            if step.expects and (step.phase == "steady" or name in step.targets) and process.version != step.expects:
                return False
            if name in step.targets and step.must_restart and not self._proven(name, process, step):
                return False
            databases.add(process.database)
        if len(databases) > 1 and self.schedule.options["links"] != "ignored":
            return False
        if step.must_restart and any(self._lives_beside(look, name, step) for name in step.targets):
            return False
        bad = [pair for pair in look.bad_pairs if step.phase != "before" or not pair & set(step.targets)]
        return not bad or self.schedule.options["links"] != "connected"

    def _proven(self, name: str, process: Process, step: Step) -> bool:
        """Whether it is new, and this can be proven or restart_confirmed is set."""
        if process.id in step.former:
            return False
        if self.schedule.options["restart_confirmed"] or step.versions.get(name, process.version) != process.version:
            return True
        if self.cluster.microservices:
            return False
        if name in step.named and name not in self.schedule.stripped:
            return True
        # Its uptime proves it, unless it started at that moment, or the clocks cannot be compared.
        told = self.schedule.tells_statistics and not self.schedule.clock_steps
        return told and process.started > step.taken_down + DATE_PRECISION + self.look

    def _lives_beside(self, look: Look, name: str, step: Step) -> bool:
        """A previous process of the target; if that was not known, any that is not a member's own."""
        places = [self.cluster.places[name]] if name in step.known else self.cluster.places.values()
        heard = look.heard.values()
        return any(
            p.id in step.former and p not in heard and p.ended > look.at - LOST_OVER_NATS
            for place in places
            for p in place.processes
        )

    # Ill in a way that only a restart cures

    def curable_since(self, step: Step) -> float | None:
        """Since when the targets have been so ill, and each other member has served or been so ill too."""
        if step.phase != "before" or self.cluster.old or self.cluster.microservices or self._cannot_pass(step):
            return None
        since = self._lock_known_free(step)
        for look in reversed(step.looks):
            if not self._curable(look, step):
                since = max(since, look.at)
                break
        if not step.looks or since >= step.looks[-1].at:
            return None
        now = self.cluster.now
        return max([since, *(p.registered(now) for n in self.schedule.names if (p := self.cluster.process(n, now)))])

    def _curable(self, look: Look, step: Step) -> bool:
        for name, process in look.heard.items():
            if process is None or process.place != name or process.silent_since(look.at) is not None:
                return False
            if not process.healthy:  # it answers with other errors
                return False
            if name in self.schedule.stripped or process is not self.cluster.process(name, look.at):
                return False
            ill = self.cluster.dropped_since(process, look.at) is not None
            if ill and self.cluster.places[name].spell(look.at):
                return False
            if not ill and (name in step.targets or look.answered[name] is not process):
                return False
            if not ill and process.first_seen > look.at - self.stable_for:  # it does not serve yet
                return False
        databases = {process.database for process in look.heard.values() if process}
        if len(databases) > 1 and self.schedule.options["links"] != "ignored":
            return False
        bad = [pair for pair in look.bad_pairs if not pair & set(step.targets)]
        return not bad or self.schedule.options["links"] != "connected"

    # Repair

    def repairable_since(self, step: Step) -> float | None:
        """Since when the targets are surely down, so that taking them down changes nothing."""
        if step.phase != "before" or self.cluster.microservices or self._cannot_pass(step):
            return None
        since = self._lock_known_free(step)
        for look in reversed(step.looks):
            if not self._repairable(look, step):
                since = max(since, look.at)
                break
        if not step.looks or since >= step.looks[-1].at:
            return None
        for place in self.cluster.places.values():
            for process in place.processes:
                silent = process.silent_since(step.looks[-1].at)
                since = max(since, silent if silent is not None else since)
        return since

    def _repairable(self, look: Look, step: Step) -> bool:
        if any(look.heard[name] for name in step.targets):
            return False
        answering = [process for process in look.answered.values() if process]
        if all(process.silent_since(look.at) is not None for process in answering):
            return False
        claimed = {process.id for process in look.heard.values() if process}
        for place in self.cluster.places.values():
            if any(process.id not in claimed and process.pings(look.at) for process in place.processes):
                return False
        return not any(
            self.cluster.answerer(name, look.at) not in (None, *self._dead(name, look.at)) for name in step.targets
        )

    def _dead(self, name: str, t: float) -> list[Process]:
        return [p for p in self.cluster.places[name].processes if not p.answers(t)]


def misled(step: Step) -> set[tuple[str, str]]:
    """Places whose processes answer only under another name, with that name: no observation shows that."""
    answered = step.looks[-1].answered if step.looks else {}
    return {
        (process.place, name)
        for name, process in answered.items()
        if process and process.place != name and answered.get(process.place) is not process
    }
