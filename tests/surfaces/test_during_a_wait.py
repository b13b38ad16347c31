# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of rc2 while a gate waits for rc3: the gate must report the fault, and pass only after it is over."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import (
    ASKING,
    HERE,
    WAITING,
    inventory_of,
    outcomes,
    started,
)
from ansible_collections.rocketops.rocketchat.tests.unit.server import serving
from rocketchat_emulator.database import FILE_NAME, NOW

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Outcome
    from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler
    from emulator_driver import Emulator

HERE_ONLY, ALL = ("here",), ("here", "shipped")
DEADLINE = 90.0


@dataclass(frozen=True)
class Story:
    """Commands of the emulator; ``misled``: the URL of rc2 leads to rc1; ``lose``: the record of rc2 is deleted.

    ``again``: a fault that heals by itself is repeated until all gates have reported it. ``cells``: the gates that
    wait; shipped modules are used for three stories: a lost answer, a timeout, and a fault that ends the wait.
    ``never``: a text that no gate prints.
    """

    name: str
    begins: tuple[str, ...]
    says: str
    heals: tuple[str, ...] = ()
    verdict: str = "pass"
    again: bool = False
    cells: tuple[str, ...] = HERE_ONLY
    never: str = ""


STORIES = (
    Story("dies", ("kill rc2",), "rc2 unreachable", ("start rc2",), cells=ALL),
    Story("hangs", ("freeze rc2",), "rc2 timeout", ("thaw rc2",), cells=ALL),
    Story("is cut off", ("partition rc1 rc2",), "rc1 and rc2 do not see each other", ("heal rc1 rc2",)),
    Story("stops pinging", ("fault rc2 stale_ping",), "rc2 stalled", ("fault rc2 none",)),
    Story("answers 401", ("fault rc2 unauthorized",), r"rc2 unauthorized \(401\)", ("fault rc2 none",)),
    Story(
        "loses its database, as all do",
        tuple(f"fault {name} database_error" for name in ("rc1", "rc2", "rc3")),
        r"rc2 server error \(connection 7 to 10\.0\.0\.21:27017 closed\)",
        tuple(f"fault {name} none" for name in ("rc1", "rc2", "rc3")),
        never="restart",
    ),
    Story(
        "is answered by another", ("misled",), "rc1 and rc2 answer as one process", verdict="inconclusive", cells=ALL
    ),
    Story("loses its record", ("lose",), r"rc2 (started \d s ago|answers, but does not list itself)", again=True),
    Story("restarts twice", ("kill rc2", "start rc2") * 2, r"rc2 (started \d s ago|unreachable)"),
)


@dataclass(frozen=True)
class Noticed:
    lines: tuple[str, ...]
    cells: Mapping[str, Outcome]
    over_after: float  # seconds from the first report of the gates to the end of the fault


class Lines:
    """The output of a process, line by line."""

    def __init__(self, process: subprocess.Popen[str], cells: tuple[str, ...]) -> None:
        self.lines: list[str] = []
        self._process, self._cells = process, cells
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def await_from_all(self, pattern: str, *, since: int = 0, meanwhile: Callable[[], None] = lambda: None) -> None:
        end = time.monotonic() + 40
        while not all(self._said(cell, pattern, since) for cell in self._cells):
            assert time.monotonic() < end, f"not printed: {pattern}\n" + "\n".join(self.lines)
            meanwhile()
            time.sleep(0.1)

    def close(self) -> None:
        self._reader.join()

    def _said(self, cell: str, pattern: str, since: int) -> bool:
        return any(line.startswith(f"[{cell}]") and re.search(pattern, line) for line in self.lines[since:])

    def _read(self) -> None:
        assert self._process.stderr
        self.lines.extend(line.rstrip() for line in iter(self._process.stderr.readline, ""))


def play_story(story: Story) -> Noticed:
    with emulated() as emulator, _redirected(emulator) as (url, mislead), TemporaryDirectory() as folder:
        acts: dict[str, Callable[[], None]] = {"misled": mislead, "lose": partial(_lose_record, emulator)}

        def act(commands: tuple[str, ...]) -> None:
            for command in commands:
                acts[command]() if command in acts else emulator.run(*command.split())

        emulator.run("stop", "rc3")
        with started(HERE / "wait.yml", _inventory(emulator, url, story.cells), Path(folder)) as process:
            said = Lines(process, story.cells)
            said.await_from_all("rc3 unreachable")
            began, so_far = time.monotonic(), len(said.lines)
            act(story.begins)
            emulator.run("start", "rc3")
            meanwhile = partial(act, story.begins if story.again else ())
            said.await_from_all(story.says, since=so_far, meanwhile=meanwhile)
            over_after = time.monotonic() - began
            act(story.heals)
            process.wait(DEADLINE + 30)
            said.close()
        return Noticed(tuple(said.lines), outcomes(Path(folder)), over_after)


@contextmanager
def _redirected(emulator: Emulator) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of a reverse proxy in front of rc2, and a function that redirects it to rc1."""
    urls = {node["name"]: node["url"] for node in emulator.document["nodes"]}
    upstream = [urls["rc2"]]

    def forward(handler: Handler) -> None:
        headers = {name: value for name, value in handler.headers.items() if name.startswith("X-")}
        try:
            answer = requests.get(upstream[-1] + handler.path, headers=headers, timeout=5)
        except requests.RequestException:
            handler.close_connection = True
            return
        handler.reply(answer.status_code, answer.content, Content_Type=answer.headers["Content-Type"])

    with serving(forward) as server:
        yield server.url, lambda: upstream.append(urls["rc1"])


def _lose_record(emulator: Emulator) -> None:
    """Delete the record only after it is old enough to serve: a gate fails a node that is not listed for long."""
    old_enough = f"created_at < {NOW} - {WAITING['stable_for']}"
    with closing(sqlite3.connect(emulator.state_dir / FILE_NAME, timeout=5, isolation_level=None)) as connection:
        connection.execute(f"DELETE FROM records WHERE id = ? AND {old_enough}", (emulator.id("rc2"),))


def _inventory(emulator: Emulator, url: str, cells: tuple[str, ...]) -> dict[str, Any]:
    urls = {node["name"]: node["url"] for node in emulator.document["nodes"]} | {"rc2": url}
    admin = emulator.document["admin"]
    common = {"surface": "cluster_gate", "phase": "steady", "deadline": DEADLINE}
    return inventory_of(
        {"gates": cells},
        {cell: {**common, "shipped": cell == "shipped"} for cell in cells},
        asking={
            **ASKING,
            "members": [{"name": name, "url": url} for name, url in urls.items()],
            "user_id": admin["user_id"],
            "auth_token": admin["auth_token"],
        },
        waiting=WAITING,
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_gate_reports_a_fault_and_waits_until_it_is_over(story: Story) -> None:
    shown = play_story(story)
    for cell in story.cells:
        outcome = shown.cells[cell]
        said = str(outcome.result["msg"])
        assert not story.never or story.never not in "".join((*shown.lines, said))
        assert outcome.verdict == story.verdict, shown.lines
        assert outcome.failed == (story.verdict != "pass")
        assert outcome.result["elapsed"] < DEADLINE
        if story.verdict == "pass":
            assert outcome.result["elapsed"] >= shown.over_after  # no pass during the fault
            assert outcome.result["stable"] >= WAITING["stable_for"]
        else:
            assert re.search(story.says, said), said
