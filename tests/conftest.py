# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tests go to the same process where several run them: those that share what they have started."""

from __future__ import annotations

import pytest

# Each test of these, or each row or story, starts a cluster of its own and takes long. Elsewhere a file shares one.
SPREAD = {"test_during_a_wait.py", "test_matrix.py", "test_rolling_update.py", "test_runner.py", "test_secrets.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    if item.path.name not in SPREAD:
        return str(item.path)
    named = [value.name for value in _parameters(item).values() if hasattr(value, "name")]
    return f"{item.path}: {named[0] if named else item.name}"


def _parameters(item: pytest.Item) -> dict[str, object]:
    return dict(item.callspec.params) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
