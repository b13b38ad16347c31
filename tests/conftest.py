# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests that share a started fixture run in the same process of pytest-xdist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# Each test in these files, or each row, starts its own cluster and takes long. Other files share one cluster.
TESTS = {"test_during_a_wait.py", "test_rolling_update.py", "test_runner.py"}
ROWS = {"test_matrix.py", "test_secrets.py"}


class Scheduling(LoadScopeScheduling):
    """A scope is a file, a row, or a single test."""

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
