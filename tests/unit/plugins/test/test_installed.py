# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test that finds installed Python modules."""

from __future__ import annotations

import pytest

from ansible_collections.rocketops.rocketchat.plugins.test import installed


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("rocketops.rocketchat.cluster_gate", True),
        ("rocketops.rocketchat.no_such_module", False),
        ("no_such.collection.module", False),
    ],
)
def test_an_installed_module_is_found(name: str, there: bool) -> None:
    assert installed.TestModule().tests()["installed"](name) is there
