# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that compose runs: containers of podman on one host, whose images come from a registry."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import HERE, NEW, OLD, WAITING, run
from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import rolling
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import await_well, members_of
from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import Lab

PROJECT = HERE / "project"
EMULATOR = HERE.parent / "emulator"
MISSING = "7.13.0"


class Registry(SimpleHTTPRequestHandler):
    """Serves the files of a folder; their addresses are those of a registry."""

    def guess_type(self, path: Any) -> str:  # noqa: ARG002
        return "application/vnd.oci.image.manifest.v1+json"

    def log_message(self, *_arguments: Any) -> None:
        pass


@dataclass(frozen=True)
class Site:
    """A compose project, and the nodes that it runs; ``document`` is what the emulator says of them."""

    lab: Lab
    folder: Path
    document: dict[str, Any]

    @property
    def versions(self) -> dict[str, str]:
        """What each node answers, as major.minor."""
        urls = {node["name"]: f"{node['url']}/api/info" for node in self.document["nodes"]}
        return {name: requests.get(url, timeout=2).json()["version"] for name, url in urls.items()}

    @property
    def containers(self) -> dict[str, str]:
        """The id of each service's container."""
        services = ("database", *self.versions)
        names = {service: f"{self.lab.name}-compose-{service}" for service in services}
        return {name: self.lab.podman("inspect", "--format", "{{.Id}}", full) for name, full in names.items()}

    @property
    def inventory(self) -> Path:
        path = self.folder / "hosts.json"
        variables = {
            "rolling_update_deploy": "compose",
            "hooks_compose_folder": str(self.folder),
            "hooks_compose_services": ["{{ inventory_hostname }}"],
            "hooks_compose_command": ["podman-compose"],
        }
        path.write_text(json.dumps(members_of(self.document, WAITING, **variables)), encoding="utf-8")
        return path

    @property
    def release(self) -> str:
        """The last line of .env."""
        return (self.folder / ".env").read_text(encoding="utf-8").splitlines()[-1]


@pytest.fixture(scope="module")
def lab(machines: Lab) -> Iterator[Lab]:
    """The machines with a registry that has the images of two releases."""
    folder = machines.run / "registry"
    for version in (OLD, NEW):
        _push(machines, version, folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Registry, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        configuration = machines.run / "registries.conf"
        configuration.write_text(
            f'[[registry]]\nprefix="registry.example"\nlocation="127.0.0.1:{server.server_port}"\ninsecure=true\n',
            encoding="utf-8",
        )
        try:
            yield replace(
                machines, environment={**machines.environment, "CONTAINERS_REGISTRIES_CONF": str(configuration)}
            )
        finally:
            server.shutdown()
            thread.join()


def _push(lab: Lab, version: str, folder: Path) -> None:
    """Build the image of a release, and lay it out as a registry's addresses have it."""
    image, pushed = f"registry.example/{lab.name}:{version}", lab.run / "pushed"
    build = ("build", "--quiet", "--layers=false", f"--build-arg=SYSTEM={lab.name}", f"--env=VERSION={version}")
    lab.podman(*build, f"--tag={image}", str(PROJECT))
    lab.podman("push", "--quiet", image, f"dir:{pushed}")
    lab.podman("image", "rm", image)
    repository = folder / "v2" / lab.name
    for part in ("manifests", "blobs"):
        (repository / part).mkdir(parents=True, exist_ok=True)
    (pushed / "manifest.json").replace(repository / "manifests" / version)
    (pushed / "version").unlink()
    for blob in pushed.iterdir():
        blob.replace(repository / "blobs" / f"sha256:{blob.name}")


@contextmanager
def composed(lab: Lab, *nodes: str) -> Iterator[Site]:
    """A project whose nodes run the old version, and the database that they depend on."""
    folder = lab.run / "compose"
    network = (lab.run / "network").read_text(encoding="utf-8")
    settings = {"NAME": lab.name, "NETWORK": network, "EMULATOR": EMULATOR, "CLUSTER": folder / "cluster"}
    lines = [f"{name}={value}\n" for name, value in {**settings, "RELEASE": OLD}.items()]
    listens = ("--nodes", str(len(nodes)), "--address", f"{network}.2{{n}}", "--base-port", "3000")
    pings = ("--ping", "1", "--expire", "6", "--sweep", "6", "--rate-limit", "off")
    emulator = Emulator(folder / "cluster", requests.Session())
    try:
        shutil.copytree(PROJECT, folder)
        (folder / ".env").write_text("".join(lines), encoding="utf-8")
        site = Site(lab, folder, emulator.run("create", *listens, *pings, "--version", OLD))
        run("podman-compose", "up", "--detach", *nodes, cwd=folder, environment=lab.environment)
        await_well(site.document, WAITING)
        yield site
    finally:
        lab.podman("rm", "--force", "--ignore", "--time=0", "--depend", f"{lab.name}-compose-database")
        shutil.rmtree(folder)


def test_one_node(lab: Lab) -> None:
    """A version that cannot be pulled is noticed before the node is stopped; with another one the roll goes on."""
    with composed(lab, "rc1") as site:
        before = site.containers
        with rolling(lab, inventory=site.inventory, health_gate_expected_version=MISSING) as roll:
            assert roll.await_end() != 0
        assert roll.said(f"reading manifest {MISSING} in .*: StatusCode: 404"), roll.output
        assert roll.steps() == [], roll.output
        assert (site.versions, site.release) == ({"rc1": "7.11"}, f"RELEASE={OLD}")
        assert site.containers == before
        rolls_out(site)


def test_two_instances_on_one_host(lab: Lab) -> None:
    with composed(lab, "rc1", "rc2") as site:
        rolls_out(site)


def rolls_out(site: Site) -> None:
    """One node after the other gets a container of the new image; the database keeps its own."""
    nodes, before = list(site.versions), site.containers
    with rolling(site.lab, inventory=site.inventory) as roll:
        assert roll.await_end() == 0, roll.output
    steps = [(kind, node) for node in nodes for kind in ("deployed", "passed")]
    assert [(step.kind, step.node) for step in roll.steps()] == steps, roll.output
    assert (site.versions, site.release) == (dict.fromkeys(nodes, "7.12"), f"RELEASE={NEW}")
    assert {service for service, container in site.containers.items() if container == before[service]} == {"database"}
