# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines of the rehearsal, the collection installed from its tarball, and clients that use the chat meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import HERE, LOAD_BALANCER, ROOT, Lab, laboratory
from ansible_collections.rocketops.rocketchat.tests.rehearsal.page import START, START_ON_THE_PAGE, Page
from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", type=Path, metavar="FILE", help="write a page with the measurements")


def pytest_configure() -> None:
    """Remove the machines also when this process is terminated."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def machines() -> Iterator[Lab]:
    needs = subprocess.run([str(HERE / "needs.sh")], stdout=subprocess.PIPE, text=True, check=False)
    if needs.returncode:
        pytest.exit(needs.stdout.strip(), returncode=1)
    with laboratory() as lab:
        _install_collection(lab)
        yield lab


@pytest.fixture(scope="session")
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    file = request.config.getoption("--write")
    page = Page(START_ON_THE_PAGE if file else START)
    yield page
    if file:
        file.write_text(page.text(), encoding="utf-8")


@pytest.fixture
def lab(machines: Lab) -> Lab:
    """Three nodes that serve the old version, all of them in the load balancer."""
    machines.mend()
    return machines


@pytest.fixture
def traffic(lab: Lab) -> Iterator[Traffic]:
    with Traffic(f"http://{lab.address(LOAD_BALANCER)}") as traffic:
        yield traffic


def _install_collection(lab: Lab) -> None:
    """Install the tarball; the checkout must not be found, or a file missing in the tarball would go unnoticed."""
    _galaxy(lab, "build", str(ROOT), "--output-path", str(lab.run))
    (tarball,) = lab.run.glob("*.tar.gz")
    _galaxy(lab, "install", str(tarball), "--offline", "--collections-path", str(lab.collections))
    found = json.loads(_galaxy(lab, "list", "rocketops.rocketchat", "--format", "json"))
    assert list(found) == [str(lab.collections / "ansible_collections")]


def _galaxy(lab: Lab, *arguments: str) -> str:
    return subprocess.run(
        ["ansible-galaxy", "collection", *arguments],
        env={**lab.environment, "ANSIBLE_COLLECTIONS_PATH": str(lab.collections)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
