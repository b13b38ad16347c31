# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.serial import serial_from


@pytest.mark.parametrize(
    ("raw", "sizes"),
    [
        (1, (1,)),
        ("2", (2,)),
        ("25%", (2,)),
        ("1%", (1,)),
        ("100%", (8,)),
        ([1, 2], (1, 2)),
        ([1, "25%", "50%"], (1, 2, 4)),
        (["3"], (3,)),
        ("[1,2]", (1, 2)),
        ("1, 25%", (1, 2)),
        ("['1', '50%']", (1, 4)),
        (1000, (1000,)),
    ],
    ids=str,
)
def test_sizes_of_batches_of_eight_hosts(raw: object, sizes: tuple[int, ...]) -> None:
    assert serial_from(raw, 8) == sizes


@pytest.mark.parametrize("raw", [0, "0%", -1, "", [], "a few", "1,,2", [1, None], True, 1.5, {"a": 1}], ids=repr)
def test_a_wrong_size_is_refused(raw: object) -> None:
    with pytest.raises(OptionsError) as error:
        serial_from(raw, 8)
    expected = f"rolling_update_serial must be a number of hosts, a percentage of them, or a list of these, not {raw}"
    assert str(error.value) == expected
