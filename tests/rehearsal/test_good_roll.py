# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A deployment without faults, with the gate and without it, while clients use the chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import NODES
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import ROLLING_UPDATE, UNGATED, rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.page import Page
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import Roll
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic

# Requests take time, as with a real server, so that some are always in progress.
SLOW = "slow:0.5"


@pytest.fixture
def lab(lab: Lab) -> Lab:
    for node in NODES:
        lab.emulate(node, f"fault {SLOW}")
    return lab


def roll_out(lab: Lab, playbook: str, page: Page) -> Roll:
    with rolling(lab, playbook, fault=SLOW, start=page.start) as roll:
        assert roll.await_end() == 0, roll.output
    lab.until(lambda: [lab.version(node) for node in NODES] == ["7.12"] * 3)
    return roll


def test_no_request_fails_during_a_roll_with_the_gate(lab: Lab, traffic: Traffic, page: Page) -> None:
    roll = roll_out(lab, ROLLING_UPDATE, page)
    page.gated = (roll, traffic.ended())
    assert roll.nodes("deployed") == roll.nodes("readmitted") == list(NODES)
    assert roll.most_out() == 1
    assert lab.in_load_balancer() == dict.fromkeys(NODES, "UP")
    assert traffic.report.failures == 0, traffic.report
    assert set(traffic.report.nodes) == set(NODES), "all nodes were used"


def test_requests_fail_during_a_roll_without_the_gate(lab: Lab, traffic: Traffic, page: Page) -> None:
    roll = roll_out(lab, UNGATED, page)
    page.ungated = (roll, traffic.ended())
    assert roll.nodes("deployed") == list(NODES)
    assert traffic.report.failures > 0, traffic.report
