# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A roll of a simulated cluster and its load balancer, with failing hooks, interruptions and further runs.

``_rollout`` decides and the real gates observe. The truth is checked at every step: which members get traffic, and
which of these serve.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import (
    Ask,
    End,
    Leave,
    Run,
    after_gate,
    after_hook,
    before_hook,
    next_step,
    put_back,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import State

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import Process
    from ansible_collections.rocketops.rocketchat.tests.simulation.gates import OurGate
    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

STEPS = 400
OUTCOMES = {"done": 92, "fails at once": 3, "fails late": 3, "is lost": 2}
# A member with such a finding may be another one than that with the wrong URL.
SHARED = frozenset({"same_process", "several_processes"})
HOOKS = frozenset({Hook.DRAIN, Hook.DEPLOY, Hook.READMIT})


class Rollout:
    """``balancer``: the members that get traffic."""

    def __init__(self, schedule: Schedule, gate: OurGate) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        self.gate = gate
        self.random = Random(schedule.seed ^ 0x5011)
        self.balancer = set(schedule.names)
        if self.random.random() < 0.1:
            self.balancer.discard(self.random.choice(schedule.names))
        self.interrupted_after = self.random.randrange(1, 25) if schedule.interrupted else None
        self.plan = self._plan()
        # The time when the deployment of each node began in this run.
        self.deployed_at: dict[str, float] = {}

    def _plan(self) -> Plan:
        names, random = tuple(self.schedule.names), self.random
        return Plan(
            members=names,
            hosts=names,
            hooks=HOOKS if random.random() < 0.9 else frozenset({Hook.DEPLOY}),
            serial=(self.schedule.batch,),
            expected_version=self.schedule.options["expected_version"],
            keep_out=frozenset(random.sample(names, 1)) if len(names) > 2 and random.random() < 0.05 else frozenset(),
        )

    def play(self) -> None:
        """Run the same command up to three times: first, after an interruption, and after a failure."""
        self.balancer -= self.plan.keep_out
        for _run in range(3):
            end = self._once()
            if end is not None and not end.failed:
                return
            self.cluster.note("the same command again")
            self._wait(self.random.choice([1.0, self.random.uniform(1, 400)]))
            self.interrupted_after = None

    def _once(self) -> End | None:
        """The end of the run; None if it was interrupted."""
        state, stuck = State(), set[str]()
        self.deployed_at = {}
        self.gate.begin()
        for number in range(STEPS):
            step = next_step(self.plan, state)
            if isinstance(step, End):
                self._check_end(state, step, stuck)
                return step
            if isinstance(step, Leave):
                state, stuck = put_back(state, None, ended=False), set()
                continue
            if isinstance(step, Ask):
                state = after_gate(self.plan, state, step, self.gate.ask(step, self.plan))
                continue
            self._check_start(step, state)
            state = before_hook(self.plan, state, step)
            finished, lost = self._run(step)
            stuck |= {name for name in step.hosts if name not in finished and step.hook is Hook.READMIT} | lost
            if number == self.interrupted_after:
                self.cluster.note("interrupted")
                return None
            state = after_hook(state, step, finished=finished, lost=lost)
        self.gate.tally.lied(self.cluster.now, self.gate.step("roll"), [f"no end after {STEPS} steps"])
        return None

    # Hooks

    def _run(self, run: Run) -> tuple[set[str], set[str]]:
        finished, lost, took = set(), set(), 0.0
        for name in run.hosts:
            outcome = self.random.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
            self.cluster.note(f"{run.hook.value} {name}: {outcome}")
            if outcome != "fails at once":
                took = max(took, self._act(run.hook, name))
            if outcome == "done":
                finished.add(name)
            elif outcome == "is lost":
                lost.add(name)
        self._wait(took)
        return finished, lost

    def _act(self, hook: Hook, name: str) -> float:
        if hook is Hook.DEPLOY:
            self.deployed_at[name] = self.cluster.now
            seconds = self.schedule.deploy(name)
            others = [other for other in self.schedule.names if other != name]
            if self.random.random() < 0.02:
                self.cluster.note("the hook deploys to another node, too")
                self.schedule.deploy(self.random.choice(others))
            return seconds
        if hook is Hook.DRAIN:
            self.balancer.discard(name)
            if self.random.random() < 0.04:
                self.schedule.crash(name, self.random)
            return self.random.choice([0.0, self.random.uniform(1, 60)])
        self.balancer.add(name)
        return self.random.uniform(0, 5)

    def _wait(self, seconds: float) -> None:
        self.cluster.advance(self.cluster.now + seconds)

    # Truth

    def _check_start(self, run: Run, state: State) -> None:
        """When nodes are taken down, the members that the gate has counted get traffic."""
        if not self.plan.rotates:
            return
        if run.hook is Hook.READMIT:
            self._check_readmit(run, state)
            return
        step = self.gate.last_before
        taken = self.balancer & set(run.hosts)
        idle = sorted(set(step.counted) - self.balancer)
        if taken and step.exempt in (None, "needs_restart") and len(set(step.counted) - set(idle)) < step.needed:
            self.gate.tally.lied(self.cluster.now, step, [f"{', '.join(idle)} counted, but out of rotation"])
        # Some of the targets may already be done.
        if not set(state.batch) <= set(step.targets):
            self.gate.tally.lied(self.cluster.now, step, [f"{run.hook.value} of others than the gate has passed"])

    def _check_readmit(self, run: Run, state: State) -> None:
        now, truth = self.cluster.now, self.gate.truth
        misled = [name for name in run.hosts if self.cluster.places[name].leads_to]
        misled += [name for name in run.hosts if self._passes_on_unnoticed(name)]
        seen = [name for name in run.hosts if name in state.seen.members and not state.seen.members[name].unheard]
        # A process that stops has lost its broker, too.
        lost_broker = {name for name in seen if "broker_down" in state.seen.members[name].codes}
        seen = [name for name in seen if name in state.begun or name not in lost_broker]
        wrong = [name for name in seen if name not in misled and not truth.serves(name, now)]
        # A member that only a restart cures still serves its users, but not after its deployment.
        wrong = [name for name in wrong if name in state.begun or not truth.is_ill(name, now, self.gate.eyes.looks)]
        if wrong:
            self.gate.tally.lied(now, self.gate.step("readmit", run.hosts), [f"{', '.join(wrong)} does not serve"])

    def _passes_on_unnoticed(self, name: str) -> bool:
        """Whether its process has dropped out of its broker, and its answers do not say whose the list is."""
        process = self.cluster.process(name, self.cluster.now)
        dropped = process is not None and self.cluster.dropped_since(process, self.cluster.now) is not None
        return dropped and name in self.schedule.stripped

    def _check_end(self, state: State, end: End, stuck: set[str]) -> None:
        """Each member out of rotation is named, and none of them has been healthy for long."""
        if not self.plan.rotates:
            return
        out = [name for name in self.schedule.names if name not in self.balancer | self.plan.keep_out]
        since = self.cluster.now - self.schedule.options["link_memory"] - self.gate.truth.look
        apart = set[str]().union(*(pair for look in self.gate.eyes.looks if look.at > since for pair in look.bad_pairs))
        apart = apart.union(*state.seen.unlinked)
        # The last gate's findings about other members count; for the batch only those about which process answers.
        seen = state.seen.members
        told = {n for n in seen if n not in state.batch or seen[n].unheard or seen[n].codes & SHARED}
        stuck = stuck | {n for n in told if seen[n].codes}
        idle = [name for name in out if name not in stuck | apart and self._has_been_well(name, state)]
        step = self.gate.step("end")  # without the last gate's looks
        if unnamed := [name for name in out if name not in end.out]:
            self.gate.tally.lied(self.cluster.now, step, [f"{', '.join(unnamed)} out of rotation, and not named"])
        if idle:
            self.gate.tally.lied(self.cluster.now, step, [f"{', '.join(idle)} well, and out of rotation at the end"])

    def _has_been_well(self, name: str, state: State) -> bool:
        """Whether it has been healthy long enough for every gate to see it, without other findings."""
        if self.schedule.controller != "steady" or state.seen.verdict in ("refused", "inconclusive"):
            return False
        if self.plan.expected_version and not self.schedule.privileged:
            return False  # the version is not known
        begin, now = self.cluster.now - self.gate.truth.bound("after"), self.cluster.now
        places = self.cluster.places
        place = places[name]
        process = self.cluster.process(name, now)
        return (
            process is not None
            and process.healthy
            and process.database == "rocketchat"
            and process.listens < begin
            and (process.version == self.plan.expected_version or process.listens < self.deployed_at.get(name, now))
            and process.silent_since(now) is None
            and all(since < begin for since, _shown in process.created)
            and all(start < begin for start, _end in process.spans)
            and not any(end > begin for _start, end in process.hangs)
            and not any(until > begin for _from, until, _kind in place.spells)
            and not self._seems_young(name, state)
            and not place.shared
            and not any(name in (other, *where) for other in places for _since, where in places[other].leads_to)
            and not self.gate.truth.unjudgeable(name)
            and self.cluster.dropped_since(process, now) is None
            and not self._answers_elsewhere(name, process, begin)
            and not self._may_have_its_previous(name, begin)
            and not any(name in cut.pair and cut.end > begin for cut in self.cluster.cuts)
            # A process beside another may be the previous one of any member.
            and all(sum(p.runs(begin) or p.runs(now) for p in other.processes) <= 1 for other in places.values())
        )

    def _may_have_its_previous(self, name: str, begin: float) -> bool:
        """Whether a gate may see a previous process of this member.

        One that pinged beside the new one, until its record is old; if it was not known, any without an answer of its
        own.
        """
        truth = self.gate.truth
        processes = self.cluster.places[name].processes
        beside = any(
            p.ended > q.registers and p.ended > begin - truth.max_age - self.schedule.ping
            for p, q in zip(processes, processes[1:])
        )
        heard = self.gate.eyes.looks[-1].heard.values() if self.gate.eyes.looks else ()
        others = (p for place in self.cluster.places.values() for p in place.processes if p.place != name)
        unclaimed = any(p.pings(self.cluster.now) and p not in heard for p in others)
        return beside or (unclaimed and name not in self.gate.last_before.known)

    def _seems_young(self, name: str, state: State) -> bool:
        """Whether the last gate saw this pod for too short: how long it has run is known only from its answers."""
        seen = state.seen.members.get(name)
        return self.cluster.microservices and seen is not None and "too_young" in seen.codes

    def _answers_elsewhere(self, name: str, process: Process, begin: float) -> bool:
        """Whether its list was sent for another member, too, so that it may be either."""
        looks = (look for look in self.gate.eyes.looks if look.at > begin)
        return any(p is process and other != name for look in looks for other, p in look.heard.items())
