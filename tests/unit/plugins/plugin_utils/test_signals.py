# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a signal, a block cleans up, then the signal has its usual effect."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._signals import terminable

PROGRAM = """
import os, signal, time
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._signals import terminable

signal.signal(signal.SIGINT, signal.SIG_DFL)
with terminable():
    try:
        print("ready", flush=True)
        for _moment in range(300):  # a signal right before a sleep does not cut it short
            time.sleep(0.1)
        print("not stopped", flush=True)
    except Exception:
        print("taken for an error", flush=True)
    finally:
        os.kill(os.getpid(), signal.SIGINT)  # a second signal during the cleanup
        time.sleep(0.05)
        print("cleaned up", flush=True)
print("survived", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_block_cleans_up_before_the_process_ends(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        rest, _nothing = process.communicate(timeout=10)
    assert rest == "cleaned up\n"
    assert process.returncode == -number


def test_previous_handlers_are_restored() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with terminable():
            os.kill(os.getpid(), signal.SIGTERM)
            heard.append(0)  # never reached
        assert heard == [signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_block_works_in_a_thread() -> None:
    done = []

    def work() -> None:
        with terminable():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
