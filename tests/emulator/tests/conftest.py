# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Emulated clusters for the tests of the emulator; each fixture takes its cluster down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    """A session that ignores proxies of the environment, and does not reuse connections."""
    with requests.Session() as opened:
        opened.trust_env = False
        opened.headers["Connection"] = "close"
        yield opened


@pytest.fixture
def emulator(tmp_path: Path, session: requests.Session) -> Iterator[Emulator]:
    """A driver whose cluster is not started yet."""
    emulator = Emulator(tmp_path / "state", session)
    yield emulator
    emulator.run("down")
    assert emulator.processes() == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, session: requests.Session) -> Iterator[Emulator]:
    """Two nodes without a rate limit for all tests of a module; a test that breaks one repairs it."""
    emulator = Emulator(tmp_path_factory.mktemp("shared") / "state", session)
    try:
        yield emulator.up("--rate-limit", "off", nodes=2)
    finally:
        emulator.run("down")
    assert emulator.processes() == []
