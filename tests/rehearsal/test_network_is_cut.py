# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A firewall drops all packets between two machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


def test_the_gate_waits_while_a_node_does_not_reach_a_peer(lab: Lab) -> None:
    with rolling(lab, limit="rc1") as roll:
        roll.await_said(r"TASK \[.* : Restart rocketchat\]")
        lab.drop("rc1", "rc3")
        roll.await_said(r"\[roll\] after rc1: waiting.*rc1 and rc3 do not see each other")
        assert lab.in_load_balancer()["rc1"] == "MAINT"
        lab.heal("rc1")
        assert roll.await_end() == 0, roll.output
    assert roll.nodes("deployed") == roll.nodes("readmitted") == ["rc1"]
