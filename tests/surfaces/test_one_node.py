# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls of a single node without a load balancer: of a healthy node, of one with a fault, and after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.tests.surfaces.balancer import Site, Task
from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAILS: Task = {"name": "Fail", "ansible.builtin.fail": {"msg": "no luck"}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A node that runs 7.10.0, and only a deploy hook."""
    with emulated(nodes=1) as emulator:
        site = Site(emulator, tmp_path, "7.11.0")
        site.hooks = {"deploy": site.hooks["deploy"]}
        site.await_well()
        yield site


def test_a_healthy_node_is_upgraded(site: Site) -> None:
    site.hooks["backup"] = [site.note("backup")]
    shown = site.roll()
    assert shown.code == 0, shown.output
    assert site.steps == ["backup rc1", "deploy rc1"]
    assert "single node: its users are disconnected during the deployment" in shown.output
    assert "the roll is done: 7.11.0 runs on rc1" in shown.output


@pytest.mark.parametrize("fault", ["broker_down", "server_error", "reset"])
def test_a_node_with_a_fault_is_upgraded(fault: str, site: Site) -> None:
    site.emulator.run("fault", "rc1", fault)
    site.hooks["deploy"].insert(0, site.emulate("fault rc1 none"))
    shown = site.roll()
    assert shown.code == 0, shown.output
    assert site.steps == ["deploy rc1"]


def test_the_same_command_continues_after_a_failed_deployment(site: Site) -> None:
    """The node is down. The same command deploys it again."""
    deploy = site.hooks["deploy"]
    site.hooks["deploy"] = [deploy[0], FAILS]
    stopped = site.roll()
    assert stopped.code == 2
    assert "the deploy hook failed on rc1" in stopped.output
    assert "run the same command again: it continues with rc1" in stopped.output
    site.hooks["deploy"] = deploy[1:]
    again = site.roll()
    assert again.code == 0, again.output
    assert "the roll is done: 7.11.0 runs on rc1" in again.output


def test_a_build_that_never_becomes_healthy_stops_the_roll(site: Site) -> None:
    site.hooks["deploy"].append(site.emulate("fault rc1 server_error"))
    shown = site.roll(health_gate_deadline=5)
    assert shown.code == 2
    assert "the roll stopped at rc1" in shown.output
