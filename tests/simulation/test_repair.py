# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster in which every node is ill in a way that only a restart cures: one roll repairs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.tests.simulation import rollout
from ansible_collections.rocketops.rocketchat.tests.simulation.gates import OurGate
from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

if TYPE_CHECKING:
    from random import Random


class AllIll(Schedule):
    """The database paused for longer than it keeps records; there is no other fault."""

    def __init__(self, size: int, expected_version: str | None, min_serving: str | None) -> None:
        self.size = size
        self.asked = {"expected_version": expected_version, "min_serving": min_serving}
        super().__init__(seed=1)
        self.interrupted = False

    def _draw_kinds(self, random: Random) -> None:
        super()._draw_kinds(random)
        self.names = [f"rc{number}" for number in range(1, self.size + 1)]
        self.kind, self.batch, self.controller = "roll", 1, "steady"
        self.old, self.new, self.transport, self.microservices = "7.1.0", "7.2.0", "tcp", False
        self.stripped, self.clock_steps, self.limited, self.privileged = frozenset(), [], False, True
        self.began_together = self.records_lost = self.lock_left = False

    def _options(self, random: Random) -> dict[str, Any]:
        plain = {"stable_for": None, "links": "connected", "readiness": "ignored", "deadline": 600.0}
        return {**super()._options(random), **plain, **self.asked}

    def _break(self, _random: Random) -> None:
        cluster = self.cluster
        for place in cluster.places.values():
            process = place.processes[-1]
            process.started = process.listens = process.registers = -3000.0
            process.__post_init__()
            cluster.now = -150.0
            cluster.lose_database(process)
            cluster.now = -5.0
            cluster.find_database(process)
        cluster.now = 0.0
        self.ran = [len(place.processes) for place in cluster.places.values()]

    def crash(self, name: str, random: Random) -> None:
        """Never crash, also not while it is drained."""

    def deploy(self, name: str) -> float:
        process = self.cluster.process(name, self.cluster.now)
        self._replace(name, self.random, process, boot=10.0)
        return 5.0


@pytest.mark.parametrize("rotates", [True, False])
@pytest.mark.parametrize("expected_version", ["7.2.0", None])
@pytest.mark.parametrize(("size", "min_serving"), [(2, None), (3, None), (3, "1"), (5, None), (5, "50%")])
def test_one_plain_roll_repairs_a_cluster_that_is_ill_everywhere(
    size: int, min_serving: str | None, expected_version: str | None, rotates: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "OUTCOMES", {"done": 1})
    schedule = AllIll(size, expected_version, min_serving)
    cluster, gate = schedule.cluster, OurGate(schedule)
    ill = [cluster.answer(place.processes[-1], 0.0)[0] for place in cluster.places.values()]
    assert ill == ["broker_down"] * size

    roll = rollout.Rollout(schedule, gate)
    roll.balancer = set(schedule.names)
    hooks = rollout.HOOKS if rotates else frozenset({Hook.DEPLOY})
    roll.plan = Plan(members=roll.plan.members, hosts=roll.plan.hosts, hooks=hooks, expected_version=expected_version)
    end = roll._once()

    log = "\n".join(f"{at:.1f} {line}" for at, line in cluster.log)
    assert end is not None, log
    assert not end.failed, log
    assert gate.tally.faults == []
    assert "exempt: needs_restart" in log
    assert [cluster.process(name, cluster.now).version for name in schedule.names] == ["7.2.0"] * size  # type: ignore[union-attr]
    assert all(gate.truth.serves(name, cluster.now) for name in schedule.names)
    assert roll.balancer == set(schedule.names)
    assert [len(place.processes) for place in cluster.places.values()] == [before + 1 for before in schedule.ran]
