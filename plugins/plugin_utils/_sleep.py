# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Waiting inside Ansible's worker: a sleep that ends with Ansible itself, and a time limit for a block."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

LOOK_UP_EVERY = 1.0  # seconds


class PlayEnded(BaseException):
    """Ansible itself has ended, so nothing waits for this worker. Not an Exception, so that no handler catches it."""


class OverdueError(BaseException):
    """A block took too long. Not an Exception, since Ansible's SSH connection would catch it and try again."""


def sleeper() -> Callable[[float], None]:
    """A sleep function for this process. It raises :class:`PlayEnded` once the parent process has ended."""
    parent = os.getppid()

    def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_UP_EVERY))
            if os.getppid() != parent:
                raise PlayEnded

    return sleep


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """A block that raises :class:`OverdueError` if it takes longer. A shorter ``timeout`` of the task still applies."""
    began = time.monotonic()
    left, every = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left <= seconds:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise OverdueError

    handler = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # repeated, in case the block catches the first one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), every)
