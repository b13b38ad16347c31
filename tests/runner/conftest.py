# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection built and installed from its tarball, as users have it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).parents[2]
# With these variables the checkout would be found as an installed collection.
FINDING = ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH")
ELSEWHERE = {name: value for name, value in os.environ.items() if name not in FINDING}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for the collections path."""
    folder = tmp_path_factory.mktemp("collections")
    _galaxy(["build", "--output-path", str(folder)])
    (tarball,) = folder.glob("*.tar.gz")
    _galaxy(["install", "--offline", "--collections-path", str(folder), str(tarball)])
    return folder


def _galaxy(arguments: Sequence[str]) -> None:
    command = ["ansible-galaxy", "collection", *arguments]
    subprocess.run(command, cwd=CHECKOUT, env=ELSEWHERE, check=True, capture_output=True)
