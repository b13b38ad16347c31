# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs all tests of the rehearsal, several at a time, each with its own machines. Arguments are for pytest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import LABS

# The stories that take longest, in an order in which all sets of machines are in use for about the same time.
_LONG = (
    "good_roll",
    "controller_is_interrupted",
    "compose",
    "controller_sees_no_node",
    "load_balancer_disagrees",
    "nginx",
)

# pytest's exit status if no test was selected.
_NONE = 5


def main() -> int:
    """The tests wait most of the time, so more of them run than there are cores."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    here = Path(__file__).parent
    long = [str(here / f"test_{story}.py") for story in _LONG]
    files = long + sorted({*map(str, here.glob("test_*.py"))}.difference(long))
    tellers: list[subprocess.Popen[str]] = []
    with ThreadPoolExecutor(LABS) as pool:
        try:
            tellers.extend(_teller(lab, files[lab::LABS]) for lab in range(LABS))
            codes = set(pool.map(_outcome, tellers))
        except KeyboardInterrupt:
            print("interrupted: removing the machines", file=sys.stderr)
            for teller in tellers:
                teller.terminate()
            return 130
    return _NONE if codes == {_NONE} else max(codes - {_NONE})


def _teller(lab: int, files: list[str]) -> subprocess.Popen[str]:
    """Start pytest in its own process group: it gets Ctrl-C only from here, and has time to remove its machines."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--verbose", *files, *sys.argv[1:]],
        env={**os.environ, "REHEARSAL_LAB": str(lab)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _outcome(teller: subprocess.Popen[str]) -> int:
    """Wait for the end, and print the output in one piece."""
    output, _unused = teller.communicate()
    print(output, end="", flush=True)
    return teller.returncode


if __name__ == "__main__":
    sys.exit(main())
