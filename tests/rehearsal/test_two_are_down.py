# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two of three nodes are down when the roll begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import LOAD_BALANCER
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling
from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


def test_they_are_repaired_first_and_one_after_the_other(lab: Lab) -> None:
    for node in ("rc2", "rc3"):
        lab.sh(node, "systemctl stop rocketchat")
    lab.until(lambda: lab.in_load_balancer() == {"rc1": "UP", "rc2": "DOWN", "rc3": "DOWN"})
    with (
        Traffic(f"http://{lab.address(LOAD_BALANCER)}") as traffic,
        rolling(lab, health_gate_restart_confirmed=True) as roll,
    ):
        assert roll.await_end() == 0, roll.output
    assert roll.nodes("deployed") == roll.nodes("readmitted") == ["rc2", "rc3", "rc1"]
    assert roll.most_out() == 1
    assert traffic.report.failures == 0, traffic.report
