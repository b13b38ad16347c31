# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes find each other: from 7.3 to 7.8 each reads its peers once, before it writes its own record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emulator_driver import Emulator


def _views(emulator: Emulator, count: int) -> dict[str, list[bool]]:
    """For each of the first ``count`` nodes, which of them it reaches."""
    names = [f"rc{number}" for number in range(1, count + 1)]
    ids = [emulator.id(name) for name in names]
    return {name: [emulator.connected(name)[instance_id] for instance_id in ids] for name in names}


def _cold(emulator: Emulator, *arguments: str) -> None:
    """Two nodes that start at the same time; the third is down."""
    emulator.up("--at-once", "--start-gap", "3", "--timeout", "20", *arguments, nodes=2)


@pytest.mark.parametrize("version", ["7.3.0", "7.8.5"])
def test_nodes_that_start_together_never_link(emulator: Emulator, version: str) -> None:
    _cold(emulator, "--version", version)
    time.sleep(1)
    assert _views(emulator, 2) == {"rc1": [True, False], "rc2": [False, True]}
    # A restart of one of them cures it.
    emulator.run("stop", "rc2")
    emulator.run("start", "rc2")
    emulator.eventually(lambda: _views(emulator, 2) == {"rc1": [True, True], "rc2": [True, True]})


def test_a_restart_of_a_third_node_links_all(emulator: Emulator) -> None:
    emulator.up("--at-once", "--start-gap", "3", "--version", "7.8.5", "--expire", "60", nodes=3)
    assert _views(emulator, 3) == {
        "rc1": [True, False, False],
        "rc2": [False, True, False],
        "rc3": [False, False, True],
    }
    emulator.run("stop", "rc3")
    emulator.run("start", "rc3")
    emulator.eventually(lambda: _views(emulator, 3) == {f"rc{number}": [True] * 3 for number in (1, 2, 3)})


def test_nodes_that_start_one_by_one_all_link(emulator: Emulator) -> None:
    emulator.up("--version", "7.8.5", "--start-gap", "2", nodes=3)
    assert _views(emulator, 3) == {f"rc{number}": [True] * 3 for number in (1, 2, 3)}


@pytest.mark.parametrize(
    "arguments", [("--version", "7.2.0"), ("--version", "7.9.0"), ("--version", "7.8.5", "--transport", "nats")]
)
def test_other_releases_and_nats_find_new_peers(emulator: Emulator, arguments: tuple[str, ...]) -> None:
    _cold(emulator, *arguments)
    emulator.eventually(lambda: _views(emulator, 2) == {"rc1": [True, True], "rc2": [True, True]})


def test_a_node_answers_before_its_record_is_written(emulator: Emulator) -> None:
    emulator.up("--version", "7.8.5", "--start-gap", "2", "--expire", "60")
    former = emulator.id("rc1")
    emulator.run("stop", "rc1")
    emulator.run("start", "rc1", "--no-wait")
    emulator.eventually(lambda: _lists_only(emulator, former))
    emulator.eventually(lambda: set(emulator.connected("rc1")) == {former, emulator.id("rc1")})


def _lists_only(emulator: Emulator, instance_id: str) -> bool:
    try:
        return set(emulator.connected("rc1")) == {instance_id}
    except OSError:
        return False
