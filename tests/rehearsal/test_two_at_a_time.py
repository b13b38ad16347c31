# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two of three nodes are deployed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic


def test_the_third_carries_the_service_meanwhile(lab: Lab, traffic: Traffic) -> None:
    with rolling(lab, rolling_update_serial=2) as roll:
        assert roll.await_end() == 0, roll.output
    assert [sorted(roll.nodes("deployed")[:2]), roll.nodes("deployed")[2:]] == [["rc1", "rc2"], ["rc3"]]
    assert sorted(roll.nodes("readmitted")) == ["rc1", "rc2", "rc3"]
    assert roll.most_out() == 2
    assert traffic.report.failures == 0, traffic.report
