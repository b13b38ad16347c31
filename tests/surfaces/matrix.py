# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of fault on each surface: what is deployed to rc2, one of three nodes, and the expected results."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import requests

from ansible_collections.rocketops.rocketchat.tests.surfaces.outside import ask_events, ask_inventory
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import (
    AFTER,
    ASKING,
    BEFORE_ITSELF,
    BEFORE_OTHER,
    DEPLOYED,
    EVENTS,
    FACTS,
    HERE,
    INFO,
    INVENTORY,
    OTHER,
    ROLE,
    STEADY,
    SURFACES,
    TASKS,
    WAITING,
    inventory_of,
    play,
)
from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Outcome, Run, Surface

OLD, NEW = "7.10.0", "7.11.0"
UP = ("--version", OLD, "--ping", "0.5", "--expire", "60", "--sweep", "60", "--rate-limit", "off", "--lifetime", "900")
SOON, LATE = 4.0, 40.0  # deadlines in seconds: of a gate that must reach it, and of one that must end before it

START = (f"stop {DEPLOYED}", f"start {DEPLOYED} --version {NEW}")
OUT = dict.fromkeys((STEADY, BEFORE_OTHER, AFTER, ROLE, EVENTS), "wait")
NOTHING = dict.fromkeys((INFO, FACTS, INVENTORY), "failed")
WELL: dict[Surface, str] = {}
UNJUDGED = dict.fromkeys((STEADY, BEFORE_OTHER, BEFORE_ITSELF, ROLE, EVENTS), "inconclusive")


@dataclass(frozen=True)
class Fault:
    """``deploy``: commands of the emulator. ``verdicts``: those of surfaces that do not pass.

    ``says``: a pattern for the message of every surface that does not pass; ``said``: an example of it for the table,
    if the message varies. ``error``: the code in rc2's view; ``restless``: the view does not always have it.
    """

    name: str
    deploy: tuple[str, ...]
    verdicts: Mapping[Surface, str]
    says: str = r"serve"
    error: str | None = None
    answering: int = 3
    restless: bool = False
    up: tuple[str, ...] = ()
    expected_version: str = NEW
    misled: bool = False  # the URL of rc2 leads to rc1
    policy: Mapping[str, Any] = field(default_factory=dict)  # options of the gates
    said: str = ""
    shows_after: int = 0  # seconds until an observation can show it

    def ways(self, surface: Surface) -> tuple[bool, ...]:
        """Whether the module is shipped, for each time that a task is run."""
        return (False, True) if (self.name, surface) in SHIPPED else (False,)

    def verdict(self, surface: Surface) -> str:
        return self.verdicts.get(surface, "ok" if surface in (INFO, FACTS, INVENTORY) else "pass")

    def deadline(self, surface: Surface) -> float:
        return SOON if self.verdict(surface) == "wait" else LATE


def _failing(kind: str, says: str, error: str) -> Fault:
    deploy = (START[0], f"{START[1]} --no-wait --fault {kind}")
    return Fault(kind, deploy, OUT, f"{DEPLOYED} {says}", error, answering=2)


FAULTS = (
    Fault("none", START, WELL),
    _failing("unauthorized", r"unauthorized \(401\)", "unauthorized"),
    _failing("forbidden", r"forbidden \(403\)", "forbidden"),
    _failing("rate_limited", r"rate limited \(429\)", "rate_limited"),
    _failing("broker_down", r"broker down \(only a restart cures it\)", "broker_down"),
    Fault(
        "its record was removed (7.2)",
        (START[0], f"start {DEPLOYED} --version 7.2.9", f"forget {DEPLOYED}"),
        OUT,
        f"{DEPLOYED} answers with a peer's list",
        up=("--version", "7.2.0"),
        expected_version="7.2.9",
    ),
    _failing("database_error", r"server error \(.*closed\)", "server_error"),
    _failing("starting:60", r"starting \(its broker is not up yet\)", "starting"),
    _failing("no_database", r"timeout \(no complete answer within 1 s\)", "timeout"),
    _failing("server_error", r"server error \(answered 500\)", "server_error"),
    _failing("html", r"not Rocket.Chat \(did not answer JSON\)", "not_rocketchat"),
    _failing("truncated", r"not Rocket.Chat \(answer cut off\)", "not_rocketchat"),
    _failing("not_json", r"not Rocket.Chat \(did not answer JSON\)", "not_rocketchat"),
    _failing("wrong_shape", r"not Rocket.Chat \(answered JSON of an unexpected form\)", "not_rocketchat"),
    Fault("slow:0.3", (*START, f"fault {DEPLOYED} slow:0.3"), WELL),
    _failing("slow:3", r"timeout \(no complete answer within 1 s\)", "timeout"),
    _failing("drip", r"timeout \(no complete answer within 1 s\)", "timeout"),
    _failing("drip_headers", r"timeout \(no complete answer within 1 s\)", "timeout"),
    _failing("reset", r"unreachable \(connection reset\)", "unreachable"),
    _failing("redirect:http://127.0.0.1:9/", r"redirected \(redirected to http://127.0.0.1:9/\)", "redirected"),
    _failing("huge", r"not Rocket.Chat \(answer too large\)", "not_rocketchat"),
    _failing("never_ready", r"server error \(answered 503\)", "server_error"),
    Fault(
        "crash_loop:1",
        (*START, f"fault {DEPLOYED} crash_loop:1"),
        OUT,
        f"{DEPLOYED} (started|unreachable)",
        "unreachable",
        answering=2,
        restless=True,
        said=f"{DEPLOYED} started 1 s ago, must run for 2 s",
    ),
    Fault("ghost", (*START, f"fault {DEPLOYED} ghost"), WELL),
    Fault("stale_ping", (*START, f"fault {DEPLOYED} stale_ping"), OUT, f"{DEPLOYED} stalled", shows_after=3),
    Fault("not_ready, with readiness ignored", (*START, f"fault {DEPLOYED} not_ready"), WELL),
    Fault(
        "not_ready",
        (*START, f"fault {DEPLOYED} not_ready"),
        OUT,
        f"{DEPLOYED} not ready",
        policy={"readiness": "required"},
    ),
    Fault("no_header", (*START, f"fault {DEPLOYED} no_header"), WELL),
    Fault(
        "several_processes",
        (*START, f"fault {DEPLOYED} several_processes"),
        # To take rc2 down may be to take down any process that answers at its URL.
        {**OUT, BEFORE_ITSELF: "wait"},
        # One observation may see only one of the processes.
        "rc2's URL leads to several processes|answer as one process",
        # Those that remember previous observations, and those for which a member may not be judgeable.
        policy={"link_memory": 60.0, "max_record_age": 30.0},
        said="rc2's URL leads to several processes",
    ),
    Fault("loaded", (*START, f"fault {DEPLOYED} loaded"), WELL, policy={"readiness": "required"}),
    Fault("slow_start", (START[0], f"{START[1]} --fault slow_start"), WELL, policy={"readiness": "required"}),
    Fault("killed", (f"kill {DEPLOYED}",), OUT, rf"{DEPLOYED} unreachable \(connection refused\)", "unreachable", 2),
    Fault("stopped", (f"stop {DEPLOYED}",), OUT, rf"{DEPLOYED} unreachable \(connection refused\)", "unreachable", 2),
    Fault(
        "frozen",
        (*START, f"freeze {DEPLOYED}"),
        OUT,
        rf"{DEPLOYED} timeout \(no complete answer within 1 s\)",
        "timeout",
        2,
    ),
    Fault(
        "cut off from rc1",
        (*START, f"partition {OTHER} {DEPLOYED}"),
        {STEADY: "wait", AFTER: "wait", ROLE: "wait", EVENTS: "wait"},
        "rc1 and rc2 do not see each other",
    ),
    Fault("cut off silently, which no member can see", (*START, f"partition --silent {OTHER} {DEPLOYED}"), WELL),
    Fault("not restarted", (), {AFTER: "wait"}, "rc2 was not restarted: same instance id as before the deployment"),
    Fault(
        "another build",
        (START[0], f"start {DEPLOYED} --version 7.10.5"),
        {AFTER: "fail"},
        "rc2 runs 7.10.5, 7.11.0 expected",
    ),
    Fault(
        "its URL leads to rc1",
        START,
        {**UNJUDGED, AFTER: "failed", ROLE: "wait"},
        "rc1 and rc2 answer as one process: their URLs lead to the same node|before did not pass",
        misled=True,
    ),
    Fault(
        "microservices",
        START,
        {**UNJUDGED, AFTER: "failed"},
        r"belongs to a microservices deployment|before did not pass \(verdict: inconclusive\)",
        up=("--microservices",),
    ),
    Fault(
        "microservices, judged as processes",
        (START[0], f"start {DEPLOYED} --version 7.12.0"),
        {ROLE: "wait"},  # with one observation
        f"{DEPLOYED} has answered as the same process",
        up=("--microservices", "--version", "7.11.0"),
        policy={"links": "ignored", "readiness": "required"},
        expected_version="7.12.0",
    ),
    Fault("over NATS", START, WELL, up=("--transport", "nats")),
    Fault(
        "killed, over NATS",
        (f"kill {DEPLOYED}",),
        OUT,
        rf"{DEPLOYED} unreachable \(connection refused\)",
        "unreachable",
        2,
        up=("--transport", "nats"),
    ),
    Fault(
        "Rocket.Chat 5",
        (START[0], f"start {DEPLOYED} --version 5.4.1"),
        WELL,
        up=("--version", "5.4.0"),
        expected_version="5.4.1",
    ),
    Fault(
        "Rocket.Chat 5 without the header",
        (START[0], f"start {DEPLOYED} --version 5.4.1", *(f"fault rc{number} no_header" for number in (1, 2, 3))),
        {**UNJUDGED, AFTER: "inconclusive"},
        r"runs a Rocket.Chat older than 6|before did not pass \(verdict: inconclusive\)",
        up=("--version", "5.4.0"),
        expected_version="5.4.1",
    ),
    Fault(
        "all refuse the token",
        (*START, *(f"fault rc{number} unauthorized" for number in (1, 2, 3))),
        {**NOTHING, **dict.fromkeys((STEADY, BEFORE_OTHER, BEFORE_ITSELF, AFTER, ROLE, EVENTS), "fail")},
        r"unauthorized \(401\)|answered 401",
        "unauthorized",
        0,
    ),
    Fault(
        "all are down",
        tuple(f"kill rc{number}" for number in (1, 2, 3)),
        {**NOTHING, **OUT, BEFORE_ITSELF: "wait"},
        "unreachable|connection refused",
        "unreachable",
        0,
    ),
)

# The cells that are also tested with a shipped module: the first of each verdict in each column. A fault is judged the
# same in both ways; observations and results are passed differently.
_FIRST = {(surface, fault.verdict(surface)): (fault.name, surface) for fault in reversed(FAULTS) for surface in TASKS}
SHIPPED = frozenset(_FIRST.values())


@dataclass(frozen=True)
class Shown:
    """The results of one fault on all surfaces."""

    fault: Fault
    run: Run
    outside: Mapping[Surface, Outcome]
    output: str
    secrets: tuple[str, ...]

    def outcomes(self, surface: Surface) -> list[Outcome]:
        """The results of the module inside Ansible's worker, and of the shipped one, if there is one."""
        if surface in self.outside:
            return [self.outside[surface]]
        return [self.run.outcomes[surface.cell(shipped=shipped)] for shipped in self.fault.ways(surface)]

    def said(self) -> str:
        """The text that matches ``says``, from the first surface that did not pass."""
        if self.fault.said:
            return self.fault.said
        for surface in SURFACES:
            message = str(self.outcomes(surface)[0].result.get("msg", ""))
            found = re.search(self.fault.says, message)
            if found and self.outcomes(surface)[0].failed:
                return found.group()
        return ""


@contextmanager
def emulated(*arguments: str, nodes: int = 3) -> Iterator[Emulator]:
    """Nodes with the old version, taken down at the end."""
    with TemporaryDirectory() as folder, requests.Session() as session:
        session.trust_env = False
        emulator = Emulator(Path(folder) / "state", session)
        try:
            yield emulator.up(*UP, *arguments, nodes=nodes)
        finally:
            emulator.run("down")


def show(fault: Fault) -> Shown:
    """Deploy a fault, and run all surfaces."""
    with emulated(*fault.up) as emulator, TemporaryDirectory() as folder:
        inventory = _inventory(fault, emulator)
        run = play(HERE / "deploy_and_ask.yml", inventory, Path(folder), "-vvv")
        variables = inventory["all"]["vars"]
        listed, output = ask_inventory(variables["asking"], Path(folder))
        watched, more = ask_events({**variables["asking"], **variables["waiting"]})
        outside = {INVENTORY: listed, EVENTS: watched}
        return Shown(fault, run, outside, run.output + output + more, tuple(_secrets(emulator.document)))


def show_all() -> list[Shown]:
    """Show all faults, three clusters at a time."""
    with ProcessPoolExecutor(3) as pool:
        return list(pool.map(show, FAULTS))


def _inventory(fault: Fault, emulator: Emulator) -> dict[str, Any]:
    urls = {node["name"]: node["url"] for node in emulator.document["nodes"]}
    if fault.misled:
        # Another spelling of the host: equal hosts are refused before the gate asks them.
        urls[DEPLOYED] = urls[OTHER].replace("127.0.0.1", "127.0.1")
    hosts: dict[str, list[str]] = {"deployed": [DEPLOYED], "rocketchat": list(urls)}
    hostvars: dict[str, dict[str, Any]] = {DEPLOYED: {"deadline": LATE}}
    for surface in TASKS:
        for shipped in fault.ways(surface):
            cell = surface.cell(shipped=shipped)
            hosts.setdefault(f"role{'_shipped' * shipped}" if surface.play == "role" else surface.play, []).append(cell)
            hostvars[cell] = {**surface.variables, "shipped": shipped, "deadline": fault.deadline(surface)}
    admin = emulator.document["admin"]
    command = f"{sys.executable} -m rocketchat_emulator {{}} --state-dir {emulator.state_dir}"
    return inventory_of(
        hosts,
        hostvars,
        deployed=DEPLOYED,
        deployment=[command.format(words) for words in fault.deploy],
        shows_after=fault.shows_after,
        expected_version=fault.expected_version,
        asking={
            **ASKING,
            "members": [{"name": name, "url": url} for name, url in urls.items()],
            "user_id": admin["user_id"],
            "auth_token": admin["auth_token"],
        },
        waiting={**WAITING, **fault.policy},
    )


def _secrets(document: Mapping[str, Any]) -> Iterator[str]:
    """All but the two-factor code: it is not used here, and its six digits may appear in a time by chance."""
    for user in document.values():
        if isinstance(user, dict):
            yield from (str(user[name]) for name in ("auth_token", "password") if user.get(name))


def table(shown: Sequence[Shown]) -> str:
    """The matrix in Markdown. A cell has the result of the module in the worker and of the shipped one, if any."""
    head = ["deployed to rc2", *(f"`{surface.title}`" for surface in SURFACES), "message"]
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(row, shown)])


def row(shown: Shown) -> str:
    """One line of the matrix."""
    cells = []
    for surface in SURFACES:
        verdicts = dict.fromkeys(outcome.verdict for outcome in shown.outcomes(surface))
        cells.append(f"{' / '.join(verdicts)}{' *' * ((shown.fault.name, surface) in SHIPPED)}")
    return _line([shown.fault.name, *cells, shown.said()])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
