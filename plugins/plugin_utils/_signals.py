# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Signals that end a task become an exception, so that the task can clean up."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class _Terminated(BaseException):
    """A signal has ended the block. Not an Exception, so that no handler for other errors catches it."""


@contextmanager
def terminable() -> Iterator[None]:
    """A block that SIGINT and SIGTERM end with an exception. After its clean-up, the process gets the signal again.

    Otherwise Ansible's workers would end without running any ``finally``. More signals are ignored until the block
    has ended. If the process survives the second signal, execution continues after the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may install handlers, and only it receives signals
        return
    received: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        if len(received) == 1:
            raise _Terminated

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, end)
        yield
    except _Terminated:
        pass  # delivered again below
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if received:
            os.kill(os.getpid(), received[0])
