# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of the command line: start, stop, break and show the nodes of a cluster."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from rocketchat_emulator import keeper, migration
from rocketchat_emulator.accounts import Accounts
from rocketchat_emulator.database import FILE_NAME, Database
from rocketchat_emulator.errors import EmulatorError
from rocketchat_emulator.faults import Fault
from rocketchat_emulator.migration import Control
from rocketchat_emulator.processes import NO_CERTIFICATES, become_node, fork, kill_all, own_process, spawn_node
from rocketchat_emulator.registry import Registry
from rocketchat_emulator.roster import Roster
from rocketchat_emulator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rocketchat_emulator.processes import Child, Process, ProcessState
    from rocketchat_emulator.roster import CutKind, Place
    from rocketchat_emulator.version import Version

# The file with the document that `up` and `create` print; it contains every secret of the cluster.
CREDENTIALS = "credentials.json"

# Seconds until a signal must have its effect.
_SIGNAL_TIMEOUT = 10.0

# Seconds until nodes must have applied a changed cut.
_CUT_TIMEOUT = 10.0

# A process that has lost its record registers again with its next ping.
_PING_TIMEOUT = 30.0


@dataclass(frozen=True)
class Plan:
    """The cluster that `up` starts."""

    nodes: int
    address: str
    base_port: int
    version: Version
    settings: Settings
    at_once: bool
    timeout: float

    @property
    def one_by_one(self) -> bool:
        """Whether nodes that start at the same time would never link."""
        by_reading = self.settings.transport == "tcp" and not self.version.watches_records
        return by_reading and not self.settings.microservices and not self.at_once

    @property
    def links(self) -> bool:
        """Whether all nodes of the new cluster will link to each other."""
        return not self.settings.microservices and not self.at_once

    def endpoints(self) -> dict[str, tuple[str, int]]:
        """Address and port of each node: its own port or, if ``address`` contains ``{n}``, its own address."""
        numbers = range(1, self.nodes + 1)
        if "{n}" in self.address:
            return {f"rc{number}": (self.address.replace("{n}", str(number)), self.base_port) for number in numbers}
        return {f"rc{number}": (self.address, self.base_port + number - 1) for number in numbers}


class Cluster:
    """An existing cluster, running or not."""

    def __init__(self, state_dir: Path, database: Database) -> None:
        self._state_dir = state_dir
        self._database = database
        self._settings = Settings.from_json(database.get("settings"))
        self._registry = Registry(database)
        self._roster = Roster(database)

    @classmethod
    @contextmanager
    def open(cls, state_dir: Path) -> Iterator[Cluster]:
        if not state_dir.is_dir():
            raise EmulatorError(f"there is no state directory {state_dir}")
        if not (state_dir / FILE_NAME).exists():
            raise EmulatorError(f"there is no cluster in {state_dir}")
        database = Database(state_dir)
        try:
            yield cls(state_dir, database)
        finally:
            database.close()

    def status(self) -> dict[str, Any]:
        """Everything but secrets. Version and fault of a stopped node are those of its next start."""
        control = Control.read(self._database)
        cuts = [{"a": a, "b": b, "kind": kind} for a, b, kind in self._roster.cuts()]
        return {
            "nodes": [_describe(place) for place in self._roster.places()],
            "sessions": Accounts(self._database).sessions(),
            "cuts": cuts,
            "migration": {
                "version": control.version,
                "locked": control.locked,
                "runs": migration.runs(self._database),
            },
        }

    def node(self, name: str) -> dict[str, Any]:
        return _describe(self._roster.place(name))

    def processes(self) -> list[Process]:
        """Every running process of the cluster, the keeper's first."""
        recorded = [keeper.recorded(self._database), *(place.process for place in self._roster.places())]
        return [process for process in recorded if process and process.state != "stopped"]

    def down(self) -> None:
        """End every process. First note that no node is wanted, so that none can start meanwhile."""
        self._database.put("over", 1)
        self._roster.unwant()
        supervisor = keeper.recorded(self._database)
        if supervisor:
            # Only the keeper knows a process that it has just started and that has not stored its pid yet.
            _end(supervisor, signal.SIGTERM)
        processes = self.processes()
        for process in processes:
            process.signal(signal.SIGKILL)
        for process in processes:
            _await_state(process, "stopped")

    def start(self, name: str, *, version: Version | None, fault: Fault | None, timeout: float | None) -> None:
        """Start a stopped node and wait ``timeout`` seconds until it answers; None: do not wait."""
        self._prepare(name, version=version, fault=fault)
        child = spawn_node(self._state_dir, name)
        self._await_process(name, child)
        if timeout is not None:
            self.await_ready({name: child}, timeout=timeout)

    def run(self, name: str, *, version: Version | None, fault: Fault | None) -> NoReturn:
        """Replace this process by a stopped node, for a service manager that starts and ends it."""
        self._prepare(name, version=version, fault=fault)
        become_node(self._state_dir, name)

    def _prepare(self, name: str, *, version: Version | None, fault: Fault | None) -> None:
        """Store version and fault for the start of a stopped node.

        The fault stays unless another is given or a restart cures it.
        """
        self._require_up()
        place = self._roster.place(name)
        if place.process and place.process.state != "stopped":
            raise EmulatorError(f"{name} already runs, as process {place.process.pid}")
        _require_free(place.address, place.port)
        if fault is None and place.fault.cured_by_restart:
            fault = Fault()
        if version is not None:
            _require_transport(version, self._settings)
            self._roster.set_version(name, version)
        if fault is not None:
            self._change_fault(place, fault)
        self._roster.forget_process(name)
        self._roster.want(name)

    def stop(self, name: str) -> None:
        """Ask a node to end and wait; a paused node is resumed first, one that does not end is killed."""
        self._end(name, signal.SIGTERM, signal.SIGCONT)

    def kill(self, name: str) -> None:
        self._end(name, signal.SIGKILL)

    def freeze(self, name: str) -> None:
        process = self._running(name)
        # A node that is paused while it holds the database's write lock would block all others, so take the lock first.
        with self._database.transaction():
            process.signal(signal.SIGSTOP)
            _await_state(process, "frozen")

    def thaw(self, name: str) -> None:
        process = self._running(name)
        process.signal(signal.SIGCONT)
        _await_state(process, "running")

    def forget(self, name: str) -> None:
        self._running(name)
        instance_id = str(self._roster.place(name).instance_id)
        self._registry.remove(instance_id)
        self._await(
            lambda: any(record.id == instance_id for record in self._registry.records()),
            timeout=_PING_TIMEOUT,
            late=lambda: f"{name} has not registered again within {_PING_TIMEOUT:g} s",
        )

    def set_fault(self, name: str, fault: Fault) -> None:
        place = self._roster.place(name)
        runs = place.process is not None and place.process.state != "stopped"
        if runs and fault.at_start_only:
            raise EmulatorError(
                f"{fault.kind} takes effect only at a start, but {name} runs: "
                f"stop it, and use start {name} --fault {fault}"
            )
        self._change_fault(place, fault)

    def set_cut(self, a: str, b: str, kind: CutKind | None) -> None:
        """Cut or heal the connection between two nodes; returns when those that are not paused have applied it."""
        for name in (a, b):
            self._roster.place(name)
        if a == b:
            raise EmulatorError(f"{a} cannot be cut off from itself")
        self._roster.set_cut(a, b, kind)
        # A silent cut changes nothing, there may be no links, and over NATS only missed heartbeats show a cut.
        if self._settings.transport == "nats":
            return
        if kind == "reset":
            self._await(
                lambda: not any(self._opinions(a, b)), timeout=_CUT_TIMEOUT, late=lambda: f"{a} and {b} still connect"
            )
        elif kind is None and len(self._opinions(a, b)) == 2 and not self._settings.microservices:
            self._await(
                lambda: all(self._opinions(a, b)), timeout=_CUT_TIMEOUT, late=lambda: f"{a} and {b} do not connect"
            )

    def await_ready(self, children: Mapping[str, Child], *, timeout: float) -> None:
        """Wait until the named nodes answer."""
        waiting = list(children)

        def ready() -> bool:
            waiting[:] = [name for name in children if self._roster.place(name).ready_at is None]
            for name in waiting:
                if children[name].poll() is not None and not self._roster.fault(name).behaviour.crashes:
                    raise EmulatorError(f"{name} ended at its start: {self._last_words(name)}")
            return not waiting

        self._await(ready, timeout=timeout, late=lambda: f"{', '.join(waiting)} did not become ready")

    def await_keeper(self, count: int, *, timeout: float) -> None:
        """Wait until the keeper knows ``count`` processes: from then on it ends them in any case."""

        def watching() -> bool:
            return keeper.watches(self._database) >= count

        self._await(watching, timeout=timeout, late=lambda: f"the keeper does not run: {self._last_words('keeper')}")

    def _await_process(self, name: str, child: Child) -> None:
        """Wait until a new process has stored its pid, so that `down` knows of it."""

        def known() -> bool:
            if self._roster.place(name).process is None and child.poll() is not None:
                raise EmulatorError(f"{name} ended at its start: {self._last_words(name)}")
            return self._roster.place(name).process is not None

        self._await(known, timeout=_SIGNAL_TIMEOUT, late=lambda: f"{name} did not start")

    def await_links(self, *, timeout: float) -> None:
        """Wait until every node is linked to every other."""

        def linked() -> bool:
            places = self._roster.places()
            ids = {place.instance_id for place in places}
            return all(place.links == ids - {place.instance_id} for place in places)

        self._await(linked, timeout=timeout, late=lambda: "not all nodes are linked to all others")

    def _end(self, name: str, *signals: signal.Signals) -> None:
        place = self._roster.place(name)
        self._roster.unwant(name)
        if place.process:
            _end(place.process, *signals)

    def _running(self, name: str) -> Process:
        process = self._roster.place(name).process
        if process is None or process.state == "stopped":
            raise EmulatorError(f"{name} does not run")
        return process

    def _change_fault(self, place: Place, fault: Fault) -> None:
        if place.fault.behaviour.ends:
            place.fault.behaviour.ends(place, self._registry)
        self._roster.set_fault(place.name, fault)
        if fault.behaviour.begins:
            fault.behaviour.begins(place, self._registry, self._settings)

    def _require_up(self) -> None:
        if self._database.get("over"):
            raise EmulatorError(f"the cluster in {self._state_dir} is down; up starts a new one")

    def _opinions(self, a: str, b: str) -> list[bool]:
        """Whether a sees b, and b sees a. A node that is stopped or paused has no entry."""
        first, second = self._roster.place(a), self._roster.place(b)
        pairs = ((first, second), (second, first))
        return [other.instance_id in place.links for place, other in pairs if place.answers]

    def _last_words(self, name: str) -> str:
        lines = (self._state_dir / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "its log is empty"

    def _await(self, condition: Callable[[], bool], *, timeout: float, late: Callable[[], str]) -> None:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise EmulatorError(f"{late()} (waited {timeout:g} s; logs are in {self._state_dir})")
            time.sleep(0.02)


def up(state_dir: Path, plan: Plan) -> dict[str, Any]:
    """Start a cluster and wait until it is complete; returns its addresses and the credentials of its users."""
    _require_transport(plan.version, plan.settings)
    _make_room(state_dir)
    for address, port in plan.endpoints().values():
        _require_free(address, port)
    document = _fill(state_dir, plan)
    children: dict[str, Child] = {}
    try:
        if not plan.one_by_one:
            main = _main_of_nodes()
            for name in plan.endpoints():
                children[name] = fork(partial(main, state_dir, name), state_dir / f"{name}.log")
        fork(partial(keeper.main, state_dir), state_dir / "keeper.log")
        with Cluster.open(state_dir) as cluster:
            if plan.one_by_one:
                for name in plan.endpoints():
                    children[name] = spawn_node(state_dir, name)
                    cluster.await_ready(children, timeout=plan.timeout)
            cluster.await_ready(children, timeout=plan.timeout)
            cluster.await_keeper(len(children), timeout=plan.timeout)
            if plan.links:
                cluster.await_links(timeout=plan.timeout)
            for node in document["nodes"]:
                node["pid"] = cluster.node(node["name"])["pid"]
    except BaseException:
        kill_all(children.values())
        down(state_dir)
        raise
    _keep(state_dir, document)
    return document


def _main_of_nodes() -> Callable[[Path, str], None]:
    """Import once what every node needs."""
    os.environ.update(NO_CERTIFICATES)
    main: Callable[[Path, str], None] = importlib.import_module("rocketchat_emulator.node").main
    return main


def create(state_dir: Path, plan: Plan) -> dict[str, Any]:
    """Create the database of a cluster whose nodes are started later; returns its addresses and credentials."""
    _require_transport(plan.version, plan.settings)
    _make_room(state_dir)
    return _fill(state_dir, plan)


def down(state_dir: Path) -> list[str]:
    """End every process of a cluster, if there still is one."""
    if not (state_dir / FILE_NAME).exists():
        return []
    with Cluster.open(state_dir) as cluster:
        running = [node["name"] for node in cluster.status()["nodes"] if node["state"] != "stopped"]
        cluster.down()
        return running


def _make_room(state_dir: Path) -> None:
    _require_platform()
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(state_dir)
    os.umask(0o077)


def _fill(state_dir: Path, plan: Plan) -> dict[str, Any]:
    """Write the database of a new cluster; returns its addresses and the credentials of its users."""
    database = Database.create(state_dir)
    try:
        with database.transaction():
            database.put("settings", plan.settings.to_json())
            migration.begin(database, plan.settings, plan.version)
            database.put("ends_at", database.now() + plan.settings.lifetime)
            for number, (name, (address, port)) in enumerate(plan.endpoints().items(), start=1):
                Roster(database).add(name=name, number=number, address=address, port=port, version=plan.version)
            credentials = Accounts(database).create()
        nodes = [{"name": place.name, "url": place.url} for place in Roster(database).places()]
    finally:
        database.close()
    document = {"nodes": nodes, **credentials}
    _keep(state_dir, document)
    return document


def _keep(state_dir: Path, document: dict[str, Any]) -> None:
    (state_dir / CREDENTIALS).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _clear(state_dir: Path) -> None:
    """Remove the files of a previous cluster, but no other files."""
    if not (state_dir / FILE_NAME).exists():
        return
    with Cluster.open(state_dir) as former:
        if former.processes():
            raise EmulatorError(f"a cluster is already up in {state_dir}")
        names = [node["name"] for node in former.status()["nodes"]]
    logs = [f"{name}{suffix}" for name in names for suffix in (".log", ".requests.jsonl")]
    for file in (*logs, "keeper.log", CREDENTIALS):
        (state_dir / file).unlink(missing_ok=True)


def _require_platform() -> None:
    try:
        own_process()
    except OSError as error:
        raise EmulatorError("the emulator needs Linux: it identifies its processes by /proc") from error
    if importlib.util.find_spec("aiohttp") is None:
        raise EmulatorError("the emulator needs the Python library aiohttp")


def _require_transport(version: Version, settings: Settings) -> None:
    if settings.transport == "nats" and not version.speaks_nats:
        raise EmulatorError(f"version {version} does not support NATS: use 6.3 or newer")


def _require_free(address: str, port: int) -> None:
    with socket.socket() as probe:
        # Connections of a previous node in the state TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise EmulatorError(f"port {port} of {address} cannot be used: {error.strerror}") from error


def _await_state(process: Process, state: ProcessState) -> None:
    if not process.await_state(state, timeout=_SIGNAL_TIMEOUT):
        raise EmulatorError(f"process {process.pid} is not {state} after {_SIGNAL_TIMEOUT:g} s")


def _end(process: Process, *signals: signal.Signals) -> None:
    """Signal a process and wait until it has ended; one that does not is killed."""
    for number in signals:
        process.signal(number)
    if not process.await_state("stopped", timeout=_SIGNAL_TIMEOUT):
        process.signal(signal.SIGKILL)
        _await_state(process, "stopped")


def _describe(place: Place) -> dict[str, Any]:
    state = place.process.state if place.process else "stopped"
    runs = state != "stopped"
    return {
        "name": place.name,
        "url": place.url,
        "pid": place.process.pid if place.process and runs else None,
        "state": state,
        "version": str(place.version),
        "instance_id": place.instance_id if runs else None,
        "fault": str(place.fault),
    }
