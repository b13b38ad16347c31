# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are times, and the values that are refused before the first request."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.timing import max_record_age
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene, params


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ping_interval": 0.0}, "ping_interval is 0, it must be at least 0.001 s"),
        ({"link_memory": float("nan")}, "link_memory is nan, it must be finite"),
        ({"stable_for": float("inf")}, "stable_for is inf, it must be finite"),
        ({"interval": 0.0}, "interval is 0, it must be at least 0.01 s"),
        ({"deadline": -1.0}, "deadline is -1, it must be at least 0 s"),
        ({"progress_deadline": -1.0}, "progress_deadline is -1, it must be at least 0 s"),
        (
            {"max_record_age": 5.0},
            "max_record_age (5 s) is shorter than ping_interval (10 s): "
            "every record would look stale between two pings",
        ),
    ],
)
def test_wrong_times_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        policy_from(params(**options), Scene.of("rc1").members)
    assert str(caught.value) == message


def test_the_default_of_max_record_age() -> None:
    assert max_record_age(params(ping_interval=10)) == 30
    assert max_record_age(params(ping_interval=10, max_record_age=25)) == 25
