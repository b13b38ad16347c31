# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The thread pool: many small jobs at the same time, limited in number and in time."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

MAX_THREADS = 128


def run_together(jobs: Sequence[Callable[[], T]], *, within: float) -> list[T | None]:
    """The results of the jobs in their order; none for a job that raised or did not finish in time (seconds).

    The threads are daemons, unlike those of :mod:`concurrent.futures`: one that hangs in a name lookup must block
    neither the caller nor the end of the process. Jobs that have not begun when the time is over never begin.
    """
    results: list[T | None] = [None] * len(jobs)
    waiting: queue.SimpleQueue[tuple[int, Callable[[], T]]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, T | None]] = queue.SimpleQueue()
    over = threading.Event()
    for numbered in enumerate(jobs):
        waiting.put(numbered)
    for _unused in range(min(len(jobs), MAX_THREADS)):
        threading.Thread(target=_work, args=(waiting, done, over), daemon=True).start()
    deadline = time.monotonic() + within
    try:
        for _unused in range(len(jobs)):
            number, result = done.get(timeout=max(deadline - time.monotonic(), 0))
            results[number] = result
    except queue.Empty:
        pass  # the other jobs are late
    finally:
        over.set()
    return results


def _work(
    waiting: queue.SimpleQueue[tuple[int, Callable[[], T]]],
    done: queue.SimpleQueue[tuple[int, T | None]],
    over: threading.Event,
) -> None:
    while not over.is_set():
        try:
            number, job = waiting.get_nowait()
        except queue.Empty:
            return
        result = None
        try:
            result = job()
        finally:
            done.put((number, result))
