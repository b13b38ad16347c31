# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rolling deployment of a simulated cluster by a play with ``serial``, between gates that users write."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.rocketops.rocketchat.tests.simulation.schedule import Schedule

RECHECK_DEADLINE = 120.0


class Gate(Protocol):
    """The gates of a roll. ``before`` returns what the next steps need, or None to stop."""

    def before(self, targets: Sequence[str], *, deadline: float | None = None) -> dict[str, Any] | None: ...

    def after(self, targets: Sequence[str], before: dict[str, Any] | None) -> bool: ...

    def steady(self) -> bool: ...

    def about_to_deploy(self, targets: Sequence[str], out: set[str]) -> None: ...


class Roll:
    """``out``: nodes that the roll has taken down and that no gate has seen serving since."""

    def __init__(self, schedule: Schedule, gate: Gate) -> None:
        self.schedule = schedule
        self.cluster = schedule.cluster
        self.gate = gate
        self.out: set[str] = set()
        self.random = Random(schedule.seed ^ 0xD0)
        self.interrupted_at = self.random.randrange(len(schedule.names)) if schedule.interrupted else None

    def play(self) -> None:
        if self._once() is None:
            self.cluster.note("interrupted, and started again")
            self._wait(self.random.uniform(1, 120))
            self.interrupted_at = None
            self._once()

    def _once(self) -> bool | None:
        """Whether the roll succeeded; None if it was interrupted."""
        names, size = self.schedule.names, self.schedule.batch
        for number, begin in enumerate(range(0, len(names), size)):
            outcome = self._batch(names[begin : begin + size], number)
            if not outcome:
                return outcome
        return self.gate.steady()

    def _batch(self, targets: list[str], number: int) -> bool | None:
        if self.gate.before(targets) is None:
            return False
        self._wait(self.random.choice([0.0, self.random.uniform(1, 60)]))  # drain
        before = self.gate.before(targets, deadline=RECHECK_DEADLINE)
        if before is None:
            return False
        self.gate.about_to_deploy(targets, self.out)
        self.out |= set(targets)
        self._wait(max(self.schedule.deploy(name) for name in targets))
        if self.interrupted_at == number:
            return None
        if not self.gate.after(targets, before):
            return False
        self.out -= set(targets)
        return True

    def _wait(self, seconds: float) -> None:
        self.cluster.advance(self.cluster.now + seconds)
