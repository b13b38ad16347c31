# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roll is interrupted with Ctrl-C in the middle, and started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import NODES
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic


def test_a_deployed_node_that_serves_is_not_deployed_again(lab: Lab, traffic: Traffic) -> None:
    with rolling(lab, health_gate_stable_for=60) as first:
        first.await_said(r"\[roll\] after rc\d: waiting")
        (done,) = first.nodes("deployed")
        lab.until(lambda: lab.version(done) == "7.12")
        first.interrupt()
    assert (first.nodes("deployed"), first.nodes("readmitted")) == ([done], []), first.output
    assert lab.in_load_balancer()[done] == "MAINT"
    with rolling(lab) as second:
        assert second.await_end() == 0, second.output
    assert second.said(f"skipped: {done}: 7.12.0 runs there already"), second.output
    assert done in second.returned(), "the one that was deployed before, before another one was taken out"
    assert second.nodes("drained") == second.nodes("deployed") == second.nodes("readmitted")
    assert sorted([done, *second.nodes("deployed")]) == list(NODES)
    assert second.most_out() == 1
    assert traffic.report.failures == 0, traffic.report
