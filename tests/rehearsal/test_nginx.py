# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same nodes behind nginx, whose configuration the hooks change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import LOAD_BALANCER, NODES
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling
from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab


@pytest.fixture
def traffic(lab: Lab) -> Iterator[Traffic]:
    with Traffic(f"http://{lab.address(LOAD_BALANCER)}:8080") as traffic:
        yield traffic


def test_no_request_fails_during_a_roll_behind_nginx(lab: Lab, traffic: Traffic) -> None:
    with rolling(lab, rolling_update_drain="nginx") as roll:
        assert roll.await_end() == 0, roll.output
    report = traffic.ended()
    assert [lab.version(node) for node in NODES] == ["7.12"] * 3
    assert report.failures == 0, report
    assert len(report.nodes) == len(NODES), "all nodes were used"
    assert "down" not in lab.sh(LOAD_BALANCER, "cat /etc/nginx/rocketchat.d/*.conf")


def test_missing_requirements_are_refused_in_one_message(lab: Lab) -> None:
    """The roll is refused before any hook runs."""
    lab.sh(LOAD_BALANCER, "mv /etc/nginx/rocketchat.d/rc2.conf /tmp")
    try:
        wrong: dict[str, Any] = {
            "hooks_release_info": {"nodeVersion": "24.1.0"},
            "hooks_nginx_parameters": "max_fial=1",
        }
        with rolling(lab, rolling_update_drain="nginx", **wrong) as roll:
            assert roll.await_end() != 0
    finally:
        lab.sh(LOAD_BALANCER, "mv /tmp/rc2.conf /etc/nginx/rocketchat.d")
    assert roll.said(r"nothing was done: .* \| rc1, rc2, rc3: 7.12.0 needs Node.js 24.1.0, but node is 22.16.0"), (
        roll.output
    )
    assert roll.said("rc2: nginx on lb1 does not include /etc/nginx/rocketchat.d/rc2.conf"), roll.output
    assert roll.said(r"refuses 'server \S+:3000 max_fial=1;': invalid parameter .max_fial=1. \(hooks_"), roll.output
    assert roll.steps() == []
