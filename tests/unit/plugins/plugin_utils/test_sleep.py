# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No wait is longer than its limit, and none continues after Ansible has ended."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._sleep import OverdueError, bounded, sleeper

if TYPE_CHECKING:
    from types import FrameType

WORKER = """
import os, sys
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._sleep import PlayEnded, sleeper

if os.fork() == 0:
    sleep = sleeper()
    os.write(1, b"asleep ")
    try:
        sleep(60)
        os.write(1, b"slept")
    except PlayEnded:
        os.write(1, b"alone")
    os._exit(0)
sys.stdin.read()
"""


class TaskTimeout(BaseException):
    """Stands for Ansible's own exception."""


def test_a_worker_stops_waiting_when_ansible_has_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.read(7) == "asleep "
        parent.kill()
        assert parent.stdout.read() == "alone"


def test_a_sleep_lasts_as_long_as_asked() -> None:
    began = time.monotonic()
    sleeper()(0.2)
    assert time.monotonic() - began >= 0.2


def test_a_hanging_block_is_overdue() -> None:
    with pytest.raises(OverdueError), bounded(0.05):
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_block_that_retries_on_errors_is_ended() -> None:
    """Ansible's SSH connection retries on errors, and would do so without a limit."""

    def stubborn() -> None:
        for _attempt in range(3):
            with contextlib.suppress(Exception):
                time.sleep(5)

    began = time.monotonic()
    with pytest.raises(OverdueError), bounded(0.05):
        stubborn()
    assert time.monotonic() - began < 4


def test_a_block_that_ends_in_time_leaves_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with bounded(5):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize("limit", [0.05, 5.0])
def test_the_timeout_of_the_task_still_works(limit: float) -> None:
    """It works before and after the limit of the block."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TaskTimeout

    def block() -> None:
        try:
            with bounded(limit):
                time.sleep(5)
        except OverdueError:
            time.sleep(5)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(TaskTimeout):
            block()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
