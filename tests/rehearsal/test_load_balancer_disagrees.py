# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load balancer's own check fails for a new build that the gate passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import NODES
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic


def test_a_node_that_gets_no_traffic_stops_the_roll(lab: Lab, traffic: Traffic) -> None:
    with rolling(lab, fault="not_ready", hooks_readmit_seconds=20) as roll:
        assert roll.await_end() != 0
    (bad,) = roll.nodes("deployed")
    assert roll.said(rf"\[roll\] after {bad}: passed"), roll.output
    assert roll.nodes("readmitted") == []
    assert lab.in_load_balancer() == {**dict.fromkeys(NODES, "UP"), bad: "DOWN"}
    assert traffic.report.failures == 0, traffic.report
