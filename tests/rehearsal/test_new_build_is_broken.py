# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The new build starts, and never becomes healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic


def test_the_roll_stops_at_the_first_node(lab: Lab, traffic: Traffic) -> None:
    with rolling(lab, rehearsal_fault="never_ready", health_gate_deadline=20) as roll:
        assert roll.await_end() != 0
    assert roll.said(r"rc1 server error \(answered 503\).*; the roll stops here"), roll.output
    assert (roll.nodes("deployed"), roll.nodes("readmitted")) == (["rc1"], [])
    assert lab.in_load_balancer() == {"rc1": "MAINT", "rc2": "UP", "rc3": "UP"}
    assert [lab.version(node) for node in ("rc2", "rc3")] == ["7.11", "7.11"]
    assert traffic.report.failures == 0, traffic.report
