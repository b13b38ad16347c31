# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A member is in a crash loop: its service manager starts it again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling

if TYPE_CHECKING:
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


def test_it_is_deployed_first_and_nothing_else_if_that_does_not_help(lab: Lab) -> None:
    lab.crash_after("rc3", seconds=4)
    with rolling(lab, health_gate_deadline=20) as roll:
        assert roll.await_end() != 0
    assert roll.said(r"rc3 .*; the roll stops here"), roll.output
    assert (roll.nodes("deployed"), roll.nodes("readmitted")) == (["rc3"], [])
    assert [lab.version(node) for node in ("rc1", "rc2")] == ["7.11", "7.11"]


def test_nothing_else_is_deployed_meanwhile(lab: Lab) -> None:
    lab.crash_after("rc3", seconds=4)
    with rolling(lab, limit="rc1", health_gate_deadline=20) as roll:
        assert roll.await_end() != 0
    assert roll.nodes("drained") == []
    assert lab.version("rc1") == "7.11"
