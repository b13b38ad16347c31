# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that is no target hangs while the others are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


def test_its_peer_is_not_taken_down_before_it_is_back(lab: Lab) -> None:
    with rolling(lab, limit="rc1,rc2") as roll:
        roll.await_said(r"\[rc1\] after rc1: passed")
        lab.emulate("rc3", "freeze")
        roll.await_said(r"\[rc2\] before rc2: waiting.* rc3 timeout")
        assert roll.nodes("drained") == ["rc1"]
        assert lab.version("rc2") == "7.11"
        lab.emulate("rc3", "thaw")
        assert roll.await_end() == 0, roll.output
    assert roll.nodes("deployed") == roll.nodes("readmitted") == ["rc1", "rc2"]


def test_what_is_drained_already_is_readmitted_untouched(lab: Lab) -> None:
    with rolling(lab, limit="rc1", rolling_update_recheck_deadline=8) as roll:
        roll.await_said(r"TASK \[Let nobody come to rc1")
        lab.emulate("rc3", "freeze")
        assert roll.await_end() != 0
    assert roll.said(r"rc3 timeout.*; nothing was deployed to rc1"), roll.output
    assert (roll.nodes("deployed"), roll.nodes("readmitted")) == ([], ["rc1"])
    assert lab.version("rc1") == "7.11"
    assert lab.in_load_balancer()["rc1"] == "UP"
