# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A firewall blocks the controller's connections to the nodes; the load balancer reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import LOAD_BALANCER
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic


def test_the_gate_asks_from_the_load_balancer(lab: Lab, traffic: Traffic) -> None:
    lab.wall_off_the_controller()
    with rolling(lab, limit="rc1", health_gate_delegate_to=LOAD_BALANCER, health_gate_stable_for=8) as roll:
        roll.await_said(r"\[roll\] after rc1: waiting")
        lab.refuse(LOAD_BALANCER, port=22)
        roll.await_said(r"\[roll\] after rc1: waiting.*lb1 out of reach")
        lab.heal(LOAD_BALANCER)
        assert roll.await_end() == 0, roll.output
    assert roll.nodes("deployed") == roll.nodes("readmitted") == ["rc1"]
    assert traffic.report.failures == 0, traffic.report
