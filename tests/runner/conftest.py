# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as its users have it: built, and installed from the tarball."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).parents[2]
# By these the checkout is found, and it counts as installed.
FINDING = ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH")
ELSEWHERE = {name: value for name, value in os.environ.items() if name not in FINDING}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a collections path names."""
    folder = tmp_path_factory.mktemp("collections")
    _galaxy(["build", "--output-path", str(folder)])
    (tarball,) = folder.glob("*.tar.gz")
    _galaxy(["install", "--offline", "--collections-path", str(folder), str(tarball)])
    return folder


def _galaxy(arguments: Sequence[str]) -> None:
    command = ["ansible-galaxy", "collection", *arguments]
    subprocess.run(command, cwd=CHECKOUT, env=ELSEWHERE, check=True, capture_output=True)
