# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load balancer still works, but cannot be reached over SSH when a node must be readmitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import LOAD_BALANCER, NODES
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


def test_the_roll_stops_at_a_node_that_cannot_be_readmitted(lab: Lab) -> None:
    with rolling(lab) as roll:
        roll.await_said(r"\[roll\] after rc\d: waiting")
        lab.refuse(LOAD_BALANCER, port=22)
        assert roll.await_end() != 0
    (out,) = roll.nodes("deployed")
    assert roll.said(rf"fatal: \[{out} -> .*\]: UNREACHABLE!.*\"hooks_balancer\": \"lb1\""), roll.output
    assert roll.nodes("drained") == [out]
    assert lab.in_load_balancer() == {**dict.fromkeys(NODES, "UP"), out: "MAINT"}
