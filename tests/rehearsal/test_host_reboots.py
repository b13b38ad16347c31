# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine of the node that the gate waits for is rebooted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic


def test_the_gate_waits_for_a_rebooted_machine(lab: Lab, traffic: Traffic) -> None:
    with rolling(lab, limit="rc1", health_gate_stable_for=8) as roll:
        roll.await_said(r"\[roll\] after rc1: waiting")
        lab.reboot("rc1")
        assert roll.await_end() == 0, roll.output
    assert (roll.nodes("deployed"), roll.nodes("readmitted")) == (["rc1"], ["rc1"])
    assert lab.version("rc1") == "7.12"
    assert traffic.report.failures == 0, traffic.report
