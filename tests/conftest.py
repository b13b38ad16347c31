# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tests go to the same process where several run them: those that share what they have started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# Each test of these starts a cluster of its own, or each row does, and takes long. Elsewhere a file shares one.
TESTS = {"test_during_a_wait.py", "test_rolling_update.py", "test_runner.py", "test_secrets.py"}
ROWS = {"test_matrix.py"}


class Scheduling(LoadScopeScheduling):
    """One process for the tests of a file or of a row, or for a test by itself."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        name = file.rpartition("/")[2]
        if name in ROWS:
            row = nodeid.partition("[")[2].rstrip("]").partition("-")[0]
            return f"{file}: {row}"
        return nodeid if name in TESTS else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return Scheduling(config, log)
