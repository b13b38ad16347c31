# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tests go to the same process where several run them: those of a file, which share what they have started."""

from __future__ import annotations

import pytest

# Each of their tests starts a cluster of its own, and takes long.
SPREAD = {"test_rolling_update.py", "test_runner.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            group = item.name if item.path.name in SPREAD else str(item.path)
            item.add_marker(pytest.mark.xdist_group(group))
