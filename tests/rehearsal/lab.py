# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines that Molecule creates: faults that tests cause on them without Ansible, and their repair."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import signal
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import requests

from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import await_well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache" / "rehearsal"

# The number of laboratories that can exist at the same time.
LABS = 3

# Seconds after which a program that has not ended is a failure.
LIMIT = 600.0

NODES = ("rc1", "rc2", "rc3")
LOAD_BALANCER = "lb1"
CONTROLLER = "controller"
OLD, NEW = "7.11.0", "7.12.0"

# runc, because crun refuses the control groups of some machines; limits, because some machines have none.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:20000", "nproc=10000:10000"]
[engine]
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
"""

# Undoes all changes of a test on a node, except that it is off.
_MEND = f"""
nft flush ruleset
ln -sfn /opt/Rocket.Chat-{OLD} /opt/Rocket.Chat
rm -rf /opt/Rocket.Chat-{NEW}
systemctl restart rocketchat
"""

# The last part of the machines' addresses, as in the inventory.
_NUMBERS = {CONTROLLER: 1, LOAD_BALANCER: 10, "rc1": 11, "rc2": 12, "rc3": 13}

# The same as in the inventory, so that all nodes serve for the roll too: it begins with those that do not.
WAITING = {"ping_interval": 1.0, "interval": 0.5, "stable_for": 3.0, "link_memory": 3.0}

_SOCKET = "/run/haproxy/admin.sock"


@dataclass(frozen=True)
class Lab:
    """``name``: the prefix of all containers, the network and the image; ``run``: the folder of this run."""

    name: str
    run: Path
    environment: dict[str, str]

    @property
    def collections(self) -> Path:
        return self.run / "collections"

    def address(self, machine: str) -> str:
        network = (self.run / "network").read_text(encoding="utf-8")
        return f"{network}.{_NUMBERS[machine]}"

    def sh(self, machine: str, script: str) -> str:
        """Run a script on a machine, not over SSH; it must succeed."""
        return self.podman("exec", f"{self.name}-{machine}", "sh", "-ec", script)

    def emulate(self, node: str, command: str) -> None:
        """Run a command of the emulator on the machine of its node."""
        verb, *arguments = command.split()
        self.sh(node, f"python3 -m rocketchat_emulator {verb} {' '.join([node, *arguments])} --state-dir /srv/cluster")

    def reboot(self, machine: str) -> None:
        """Turn the machine off and on. Podman's restart requires that it ends within five seconds."""
        for command in ("kill", "wait", "start"):
            self.podman(command, f"{self.name}-{machine}")

    def drop(self, machine: str, other: str) -> None:
        """Drop all packets between two machines, in both directions."""
        address = self.address(other)
        self._filter(machine, f"ip saddr {address} meta l4proto tcp drop", f"ip daddr {address} meta l4proto tcp drop")

    def refuse(self, machine: str, *, port: int) -> None:
        """Reset all connections to a port, also existing ones."""
        self._filter(machine, f"tcp dport {port} reject with tcp reset")

    def wall_off_the_controller(self) -> None:
        for node in NODES:
            self._filter(node, f"ip saddr {self.address(CONTROLLER)} tcp dport 3000 drop")

    def heal(self, machine: str) -> None:
        self.sh(machine, "nft flush ruleset")

    def _filter(self, machine: str, *rules: str) -> None:
        """Load rules into the firewall: the first for incoming, the second for outgoing packets."""
        chains = zip(("input", "output"), rules)
        table = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; {rule}; }}\n" for hook, rule in chains)
        self.sh(machine, f"nft -f - <<'END'\ntable inet rehearsal {{\n{table}}}\nEND")

    def podman(self, *arguments: str) -> str:
        return subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
        ).stdout

    def mend(self) -> None:
        """Restore the first state: three nodes that serve the old version, all in the load balancer."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: self.sh(node, _MEND), NODES))
        self.sh(LOAD_BALANCER, "nft flush ruleset")
        for node in NODES:
            self.haproxy(f"set server rocketchat/{node} state ready")
        self.until(lambda: all(self.serves(node) for node in NODES) and set(self.in_load_balancer().values()) == {"UP"})
        await_well(self._document, WAITING)

    def release(self, *, fault: str, start: float) -> Path:
        """Create an archive of the new version, like the vendor's: its files are in a folder bundle."""
        path = self.run / "release.tgz"
        content = f"VERSION={NEW}\nFAULT={fault}\nSTART={start}\n".encode()
        with tarfile.open(path, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("bundle/main.js"))
            entry = tarfile.TarInfo("bundle/release.env")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        return path

    @property
    def _document(self) -> dict[str, Any]:
        """The nodes and the users of the cluster."""
        users: dict[str, Any] = json.loads((self.run / "cluster" / "credentials.json").read_text(encoding="utf-8"))
        return {**users, "nodes": [{"name": node, "url": f"http://{self.address(node)}:3000"} for node in NODES]}

    def haproxy(self, command: str) -> str:
        return self.sh(LOAD_BALANCER, f"echo '{command}' | socat - {_SOCKET}")

    def in_load_balancer(self) -> dict[str, str]:
        """HAProxy's state of each node: UP, DOWN, MAINT, ..."""
        rows = (line.split(",") for line in self.haproxy("show stat rocketchat 4 -1").splitlines())
        return {row[1]: row[17] for row in rows if len(row) > 17 and row[1] in NODES}

    def version(self, node: str) -> str | None:
        """The version of the node as major.minor; None if it does not answer."""
        try:
            answer = requests.get(f"http://{self.address(node)}:3000/api/info", timeout=2)
            return str(answer.json().get("version"))
        except requests.RequestException:
            return None

    def serves(self, node: str) -> bool:
        return self.version(node) is not None

    def until(self, condition: Callable[[], bool], *, timeout: float = 120) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"the condition did not become true within {timeout:g} s"
            time.sleep(0.1)


@contextmanager
def laboratory() -> Iterator[Lab]:
    """The machines, for the length of a block. Other numbers are other laboratories of the same checkout."""
    requirement = f"aiohttp=={version('aiohttp')}"
    recipe = (HERE / "machines" / "build.sh").read_bytes() + requirement.encode()
    number = os.environ.get("REHEARSAL_LAB", "0")
    name = f"rehearsal-{hashlib.sha256(bytes(ROOT)).hexdigest()[:8]}-{number}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"lock-{number}").open("w") as lock, TemporaryDirectory(prefix="rehearsal-") as scratch:
        # Wait for another rehearsal of this checkout: this one would remove its machines as left over.
        fcntl.flock(lock, fcntl.LOCK_EX)
        (CACHE / "containers.conf").write_text(_CONTAINERS, encoding="utf-8")
        (CACHE / "ansible.cfg").touch()
        environment = {
            # Ansible would find the checkout by Python's path, before the installed collection.
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "ANSIBLE_CONFIG": str(CACHE / "ansible.cfg"),
            "ANSIBLE_PIPELINING": "true",
            # The path of a socket must be short.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": scratch,
            "CONTAINERS_CONF": str(CACHE / "containers.conf"),
            # Molecule's state would have the machines of a killed run, and Molecule would not create them again.
            "MOLECULE_EPHEMERAL_DIRECTORY": f"{scratch}/molecule",
            "REHEARSAL_IMAGE": str(CACHE / f"machine-{hashlib.sha256(recipe).hexdigest()[:12]}.tar"),
            "REHEARSAL_NAME": name,
            "REHEARSAL_REQUIREMENT": requirement,
            "REHEARSAL_RUN": str(CACHE / f"run-{number}"),
        }
        try:
            _molecule("create", environment)
            yield Lab(name, Path(environment["REHEARSAL_RUN"]), environment)
        finally:
            _molecule("destroy", environment)


def _molecule(command: str, environment: dict[str, str]) -> None:
    run("molecule", command, "--scenario-name", "rehearsal", cwd=HERE, environment=environment)


def run(*command: str, cwd: Path, environment: dict[str, str]) -> None:
    """Run a program that has to succeed."""
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _unused = process.communicate(timeout=LIMIT)
        except BaseException:
            # End all of its processes, so that none creates what is removed next.
            os.killpg(process.pid, signal.SIGTERM)
            raise
    assert process.returncode == 0, output
