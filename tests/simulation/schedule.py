# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schedule of a seed: a cluster, a policy, the faults with their times, and the effect of each deployment."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import FOREVER, Cluster, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.tests.simulation.cluster import Process

# The old and the new version, with the percentage of schedules.
RELEASES = {
    ("7.10.0", "7.11.0"): 48,
    ("7.1.0", "7.2.0"): 22,
    ("7.2.0", "7.3.0"): 6,
    ("7.6.0", "7.7.0"): 12,
    ("8.4.0", "8.5.0"): 8,
    ("5.3.0", "5.4.0"): 4,
}
MICROSERVICES = ("8.4.0", "8.5.0")
BEFORE_6 = ("5.3.0", "5.4.0")
SIZES = {2: 34, 3: 44, 4: 9, 5: 6, 6: 3, 8: 2, 10: 1, 12: 1}
SPELLS = (
    "unauthorized",
    "forbidden",
    "server_error",
    "starting",
    "not_rocketchat",
    "redirected",
    "timeout",
    "unreachable",
    "slow",
)
CONTROLLERS = {"steady": 96, "suspended": 2, "loses_observations": 2}  # kinds of the machine that runs the gates
AMBIENT = {
    "crash": 12,
    "crash_for_good": 5,
    "crash_loop": 8,
    "hang": 14,
    "cut": 14,
    "silent_cut": 5,
    "spell": 14,
    "lose_database": 6,
    "lose_record": 8,
    "misroute": 3,
    "balances": 3,
    "database_pause": 5,
}
DEPLOYMENTS = {
    "good": 60,
    "migrates": 7,
    "does_nothing": 5,
    "same_version": 4,
    "never_ready": 4,
    "never_starts": 2,
    "crash_loop": 5,
    "dies_later": 3,
    "hangs_later": 3,
    "resumes": 2,
    "cut_off": 2,
    "beside": 2,
    "wrong_database": 1,
    "restarts_late": 3,
    "wrong_url": 2,
}


class Schedule:
    """All of it follows from ``seed``; each instance has a new cluster."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        random = self.random = Random(seed)
        self.names = [f"rc{number}" for number in range(1, _weighted(random, SIZES) + 1)]
        self.kind = "health_check" if random.random() < 0.12 else "roll"
        self.batch = min(random.choices([1, 2, 3], [80, 13, 7])[0], max(len(self.names) - 1, 1))
        self.timeout = random.choice([2.0, 5.0, 10.0])
        self.privileged = random.random() > 0.03  # otherwise the version is only major.minor
        self.limited = random.random() < 0.12
        self.controller = _weighted(random, CONTROLLERS)
        self._draw_kinds(Random(seed ^ 0x1D5))
        self.interrupted = self.kind == "roll" and random.random() < 0.15
        self.options = self._options(random)
        self.cluster = self._cluster(random)
        self._break(random)

    def _draw_kinds(self, random: Random) -> None:
        """``stripped``: members whose proxies remove the header with the id of the process."""
        self.old, self.new = _weighted(random, RELEASES)
        self.microservices = (self.old, self.new) == MICROSERVICES and random.random() < 0.4
        self.transport = random.choice(["tcp"] * 5 + ["nats"]) if self.old != BEFORE_6[0] else "tcp"
        kind = random.random()
        self.stripped = frozenset(self.names if kind < 0.04 else [random.choice(self.names)] if kind < 0.08 else [])
        self.tells_statistics = random.random() > 0.1
        self.clock_steps = []
        if random.random() < 0.08:
            self.clock_steps = [(random.uniform(0, 400), random.choice([-1, 1]) * random.uniform(30, 4000))]
        # The largest difference of the nodes' clocks from the true time, in seconds.
        self.clocks = random.choice([1.0, 1.0, 300.0])
        self.began_together = random.random() < (0.4 if self.old.startswith("7.6") else 0.03)
        self.records_lost = random.random() < 0.15 and (6, 3) <= _release(self.old) < (7, 3)
        self.lock_left = random.random() < 0.04

    @property
    def ping(self) -> float:
        return float(self.options["ping_interval"])

    def _options(self, random: Random) -> dict[str, Any]:
        size = len(self.names)
        ping = random.choices([10.0, 5.0, 15.0], [8, 1, 1])[0]
        left = size - self.batch
        fewer = random.choice([1, left, max(left - 1, 0), "50%"])
        nats = self.transport == "nats" and not self.microservices
        options: dict[str, Any] = {
            "ping_interval": ping,
            "max_record_age": random.choice([None, None, None, 2 * ping, 4 * ping]),
            "min_serving": None if random.random() < 0.75 else str(fewer),
            "expected_version": self.new if random.random() < 0.8 else None,
            "links": random.choices(["connected", "listed", "ignored"], [90, 6, 4])[0],
            "link_memory": random.choice([60.0, 60.0, 30.0]),
            "interval": random.choice([None, 5.0, 10.0, 10.0]),
            "stable_for": random.choice([None, None, 20.0, 30.0, 60.0]),
            "deadline": random.choices([120.0, 240.0, 600.0], [70, 24, 6])[0],
            "restart_confirmed": random.random() < 0.05,
            "readiness": "required" if random.random() < 0.1 else "ignored",
        }
        if nats and options["stable_for"] is None:
            options["deadline"] += 240.0
        if self.microservices and random.random() < 0.75:
            options.update(links="ignored", readiness="required")
        return options

    def _cluster(self, random: Random) -> Cluster:
        links = self.options["links"]
        cluster = Cluster(
            salt=self.seed & 0xFFFFFF,
            transport=self.transport,
            ping=self.ping,
            clock=random.uniform(-300, 300),
            deaf=links != "connected" and random.random() < 0.7,
            old=self.old == BEFORE_6[0],
        )
        cluster.microservices = self.microservices
        same = random.random() < 0.4
        for rank, name in enumerate(self.names):
            host = "localhost" if same else f"10.0.0.{rank + 1}"
            port = 3000 + rank if same else 3000
            cluster.places[name] = Place(name, host, clock=random.uniform(-self.clocks, self.clocks), port=port)
        if random.random() < 0.05:
            cluster.ghosts.append(_ghost())
        if self.lock_left:
            cluster.locks.append((-random.choice([500.0, 3000.0]) * random.random(), None))
        together = random.uniform(0, 60) if random.random() < 0.3 else random.uniform(200, 5000)
        for name in self.names:
            if random.random() < 0.3:
                self._remnant(cluster, name, random)
            age = random.uniform(0, 60) if random.random() < 0.08 else random.uniform(200, 5000)
            cluster.now = -(together + random.uniform(0, 0.5) if self.began_together else age)
            process = cluster.start(name, version=self.old, boot=0.0)
            if self.records_lost and (self.seed % 2 or random.random() < 0.5):
                cluster.now = min(cluster.now + 30, -0.1)
                cluster.lose_record(process)
        cluster.now = 0.0
        return cluster

    def _remnant(self, cluster: Cluster, name: str, random: Random) -> None:
        cluster.now = -6000.0
        former = cluster.start(name, version=self.old, boot=1.0)
        cluster.now = -random.uniform(60, 200)
        cluster.end(former, "stopped")

    # Faults that do not depend on the roll

    def _break(self, random: Random) -> None:
        horizon = 60.0 + 60.0 * min(len(self.names), 6)
        for _number in range(random.choices([0, 1, 2, 3], [45, 30, 16, 9])[0]):
            kind, name = _weighted(random, AMBIENT), random.choice(self.names)
            moment = random.choice([0.0, random.uniform(0, 30), random.uniform(0, horizon)])
            self.cluster.at(moment, partial(getattr(self, f"_{kind}"), name, Random(random.random())))

        if (6, 3) <= _release(self.old) < (7, 3) and (more := Random(self.seed ^ 0x10E)).random() < 0.3:
            self.cluster.at(more.uniform(0, horizon), partial(self._lose_record, more.choice(self.names), more))

    def _living(self, name: str) -> Process | None:
        return self.cluster.process(name, self.cluster.now)

    def _crash(self, name: str, random: Random) -> None:
        self.crash(name, random)

    def crash(self, name: str, random: Random) -> None:
        """Its process dies, and a supervisor starts another one later."""
        process = self._living(name)
        if process:
            self.cluster.end(process, "killed")
            self._later(random.uniform(1, 30), self._supervise, name, process.version, random.uniform(3, 20))

    def _supervise(self, name: str, version: str, boot: float) -> None:
        """Start it again, unless it was started meanwhile."""
        if not self._living(name):
            self.cluster.start(name, version=version, boot=boot)

    def _crash_for_good(self, name: str, random: Random) -> None:
        process = self._living(name)
        if process:
            self.cluster.end(process, random.choice(["killed", "stopped"]))

    def _crash_loop(self, name: str, random: Random) -> None:
        process = self._living(name)
        if process:
            self._loop(name, process, random, times=random.randint(2, 12))

    def _loop(self, name: str, process: Process, random: Random, *, times: int) -> None:
        """It runs for some seconds, dies, and is started again."""
        boot = max(process.listens - self.cluster.now, 0.0)
        self._later(boot + random.uniform(1, 25), self._die_in_loop, name, process, random, times)

    def _die_in_loop(self, name: str, process: Process, random: Random, times: int) -> None:
        if process.ended < FOREVER:
            return
        self.cluster.end(process, "killed")
        self._later(random.uniform(1, 5), self._next_in_loop, name, process.version, random, times)

    def _next_in_loop(self, name: str, version: str, random: Random, times: int) -> None:
        if self._living(name):
            return
        process = self.cluster.start(name, version=version, boot=random.uniform(2, 8))
        if times > 1:
            self._loop(name, process, random, times=times - 1)

    def _hang(self, name: str, random: Random) -> None:
        process = self._living(name)
        if process:
            self.cluster.hang(process)
            if random.random() < 0.7:
                self._later(random.choice([5, 30, 100, 250]) * random.random(), self.cluster.resume, process)

    def _cut(self, name: str, random: Random, *, silent: bool = False) -> None:
        other = random.choice([one for one in self.names if one != name])
        until = self.cluster.now + random.choice([10, 60, 400]) * random.random()
        until = FOREVER if random.random() < 0.3 else until
        self.cluster.cut(name, other, until=until, silent=silent, shows_after=random.uniform(75, 900) if silent else 0)

    def _silent_cut(self, name: str, random: Random) -> None:
        self._cut(name, random, silent=True)

    def _spell(self, name: str, random: Random) -> None:
        kind, now = random.choice(SPELLS), self.cluster.now
        end = now + random.choice([8, 30, 200]) * random.random()
        self.cluster.places[name].spells.append((now, end, kind))
        self.cluster.note(f"{name} answers {kind} until {end:.0f}")

    def _lose_database(self, name: str, random: Random) -> None:
        process = self._living(name)
        if process and process.answers(self.cluster.now):
            self.cluster.lose_database(process)
            self._later(random.choice([20, 150]) * random.random(), self.cluster.find_database, process)

    def _lose_record(self, name: str, random: Random) -> None:
        del random
        process = self._living(name)
        if process:
            self.cluster.lose_record(process)

    def _misroute(self, name: str, random: Random) -> None:
        where = random.choice(self.names)
        self.cluster.places[name].leads_to.append((self.cluster.now, (where,)))
        self.cluster.note(f"the url of {name} leads to {where}")

    def _balances(self, name: str, random: Random) -> None:
        """Its URL leads through a load balancer, to it and another one in turn."""
        where = random.choice([other for other in self.names if other != name])
        self.cluster.places[name].leads_to.append((self.cluster.now, (name, where)))
        self.cluster.note(f"the url of {name} leads to {name} and {where} in turn")

    def _database_pause(self, name: str, random: Random) -> None:
        del name
        now, end = self.cluster.now, self.cluster.now + random.choice([90, 90, 240]) * random.uniform(0.02, 1)
        self.cluster.note(f"the database pauses until {end:.0f}")
        for place in self.cluster.places.values():
            # An error after the authentication, or no answer until the timeout.
            place.spells.append((now, end, random.choice(["server_error", "timeout"])))
            process = self._living(place.name)
            if process and process.answers(now):
                self.cluster.lose_database(process)
                self.cluster.at(end, partial(self.cluster.find_database, process))

    # Deployments; each returns its duration

    def deploy(self, name: str) -> float:
        place = self.cluster.places[name]
        random = Random(f"{self.seed} {name} {len(place.processes)}")
        kind = _weighted(random, DEPLOYMENTS)
        living = self._living(name)
        if living and living.listens > self.cluster.now and random.random() < 0.4:
            kind = "does_nothing"  # a supervisor is just starting the next process
        self.cluster.note(f"{name} is deployed: {kind}")
        act: Callable[[str, Random, Process | None], None] = getattr(self, f"_deploy_{kind}")
        act(name, random, self._living(name))
        return random.uniform(0.5, 15)

    def _replace(
        self,
        name: str,
        random: Random,
        former: Process | None,
        *,
        version: str | None = None,
        boot: float | None = None,
        **how: Any,
    ) -> Process:
        if former and self.cluster.microservices and random.random() < 0.3:
            # Its URL is that of a service, and the old pod stays for a while.
            self.cluster.places[name].shared = True
            self._later(random.uniform(5, 120), self.cluster.end, former, "stopped")
        elif former:
            self.cluster.end(former, random.choice(["stopped", "stopped", "killed"]))
        # The address is the same, unless a wrong address is the fault.
        return self.cluster.start(
            name, version=version or self.new, boot=random.uniform(2, 20) if boot is None else boot, **how
        )

    def _deploy_good(self, name: str, random: Random, former: Process | None) -> None:
        self._replace(name, random, former)

    def _deploy_migrates(self, name: str, random: Random, former: Process | None) -> None:
        self._replace(name, random, former, boot=random.uniform(20, 300), migrates=True)

    def _deploy_does_nothing(self, name: str, random: Random, former: Process | None) -> None:
        pass

    def _deploy_same_version(self, name: str, random: Random, former: Process | None) -> None:
        self._replace(name, random, former, version=self.old)

    def _deploy_never_ready(self, name: str, random: Random, former: Process | None) -> None:
        self._replace(name, random, former, healthy=False)

    def _deploy_never_starts(self, name: str, random: Random, former: Process | None) -> None:
        del name, random
        if former:
            self.cluster.end(former, "stopped")

    def _deploy_crash_loop(self, name: str, random: Random, former: Process | None) -> None:
        process = self._replace(name, random, former)
        self._loop(name, process, random, times=random.choice([2, 4, 40]))

    def _deploy_dies_later(self, name: str, random: Random, former: Process | None) -> None:
        process = self._replace(name, random, former)
        self._later(process.listens - self.cluster.now + random.uniform(1, 80), self.cluster.end, process, "killed")

    def _deploy_hangs_later(self, name: str, random: Random, former: Process | None) -> None:
        process = self._replace(name, random, former)
        self._later(process.listens - self.cluster.now + random.uniform(1, 80), self.cluster.hang, process)
        if random.random() < 0.5:
            self._later(process.listens - self.cluster.now + random.uniform(80, 200), self.cluster.resume, process)

    def _deploy_resumes(self, name: str, random: Random, former: Process | None) -> None:
        """It only resumes a process that hung, and does nothing to another one."""
        del name
        if former:
            self.cluster.hang(former)
            self._later(random.uniform(1, 30), self.cluster.resume, former)

    def _deploy_cut_off(self, name: str, random: Random, former: Process | None) -> None:
        self._replace(name, random, former)
        self._cut(name, random)

    def _deploy_beside(self, name: str, random: Random, former: Process | None) -> None:
        """The new process takes the port, the old one still runs."""
        self._replace(name, random, None)
        self.cluster.places[name].shared = random.random() < 0.3
        if former and random.random() < 0.5:
            self._later(random.uniform(5, 200), self.cluster.end, former, "stopped")

    def _deploy_wrong_database(self, name: str, random: Random, former: Process | None) -> None:
        self._replace(name, random, former, database="another")

    def _deploy_restarts_late(self, name: str, random: Random, former: Process | None) -> None:
        self._later(random.uniform(1, 60), self._replace_later, name, random, former)

    def _replace_later(self, name: str, random: Random, former: Process | None) -> None:
        living = self._living(name)
        if living is former:
            self._replace(name, random, living)

    def _deploy_wrong_url(self, name: str, random: Random, former: Process | None) -> None:
        """The new process never starts, and a proxy sends its requests to another node."""
        if former:
            self.cluster.end(former, "stopped")
        self._misroute(name, random)

    def _later(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        self.cluster.at(self.cluster.now + seconds, partial(act, *arguments))


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _weighted(random: Random, weights: dict[Any, int]) -> Any:
    return random.choices(list(weights), list(weights.values()))[0]


def _ghost() -> dict[str, Any]:
    moment = "2257-04-05T23:47:16.854Z"
    record = {"_id": "ghost", "name": "rocket.chat", "_createdAt": moment, "_updatedAt": moment, "extraInformation": {}}
    return {"currentStatus": {"connected": False}, "instanceRecord": record}
