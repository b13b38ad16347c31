# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody is left alone with a code."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Code
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._cures import CURES


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_cause_and_a_cure(code: Code) -> None:
    for text in astuple(CURES[code]):
        assert text[0].isupper()
        assert text.endswith(".")
