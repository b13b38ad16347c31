# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load balancer serves on, but cannot be reached by SSH when a node is to be readmitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import LOAD_BALANCER
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


def test_the_roll_stops_at_a_node_that_cannot_be_readmitted(lab: Lab) -> None:
    with rolling(lab) as roll:
        roll.await_said(r"\[roll\] after rc1: waiting")
        lab.refuse(LOAD_BALANCER, port=22)
        assert roll.await_end() != 0
    assert roll.said(r"fatal: \[rc1 -> .*\]: UNREACHABLE!.*\"hooks_balancer\": \"lb1\""), roll.output
    assert (roll.nodes("drained"), roll.nodes("deployed")) == (["rc1"], ["rc1"])
    assert lab.in_load_balancer() == {"rc1": "MAINT", "rc2": "UP", "rc3": "UP"}
