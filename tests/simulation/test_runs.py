# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published runs: their sums, the changes that begin the count again, and the page made of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT
from ansible_collections.rocketops.rocketchat.tests.simulation import runs as runs_module
from ansible_collections.rocketops.rocketchat.tests.simulation.campaign import CHUNK, Totals, campaign
from ansible_collections.rocketops.rocketchat.tests.simulation.gates import Tally
from ansible_collections.rocketops.rocketchat.tests.simulation.runs import (
    NOT_PLAYED,
    Run,
    Runs,
    RunsError,
    deciding,
    digest,
    record,
)

PAGE = ROOT / "docs" / "simulation.md"
COMMAND = (sys.executable, "-m", "ansible_collections.rocketops.rocketchat.tests.simulation")


def run(first: int = 1000, **totals: Any) -> Run:
    ours = Tally(steps=50, passes=40, unseen_cuts=2)
    ours.slowest["well before"] = 70
    return Run(first, 1.25, Totals(**{"schedules": 10, "ours": ours, **totals}))


def faulty(first: int) -> Run:
    ours = Tally(steps=50, passes=41, false_passes=1, missed_bounds=2, unseen_cuts=1)
    ours.slowest.update({"well before": 60, "well after": 90})
    uri = Tally(steps=60, passes=55, false_passes=20, missed_bounds=3)
    return run(first, ours=ours, uri=uri, seeds=[(first + 3, "   12.0 false pass before rc1: rc2 is down")])


def test_the_page_has_rows_and_their_sum() -> None:
    page = Runs("now", [run(), faulty(2000)]).page()
    lines = page.replace(NOT_PLAYED, "-").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert rows[2:] == [
        ["1000 to 1009", "10", "50", "40", "0", "0", *"----", "1.2"],
        ["2000 to 2009", "10", "50", "41", "1", "2", "60", "55", "20", "3", "1.2"],
        ["all", "20", "100", "81", "1", "2", "60", "55", "20", "3", "2.5"],
    ]
    assert "in the runs that played it too: 10 schedules." in page
    assert "In 3 of the passes of `cluster_gate` (3.7 %)" in page
    assert "as a share of the bound: well after 90 %, well before 70 %." in page
    assert page.endswith("\n## Faults\n\n- seed 2003:    12.0 false pass before rc1: rc2 is down\n")


def test_a_page_without_faults() -> None:
    assert Runs("now", [run()]).page().endswith("\n## Faults\n\nNo run has found a fault.\n")


def test_a_run_is_recorded_as_far_as_it_is_finished(tmp_path: Path) -> None:
    page, sources = tmp_path / "simulation.md", digest()
    growing = run()
    record(page, growing, sources)
    record(page, faulty(2000), sources)
    growing.totals.add(run().totals)
    record(page, growing, sources)
    runs = Runs.load(tmp_path / "simulation.json")
    assert [(each.first, each.totals.schedules) for each in runs.runs] == [(2000, 10), (1000, 20)]
    assert runs.runs[0] == faulty(2000)
    assert page.read_text(encoding="utf-8") == runs.page()


def test_a_change_begins_the_count_again() -> None:
    runs = Runs("before", [run(), faulty(2000)], [range(5, 10)])
    assert runs.begin_again("before") == 0
    assert len(runs.runs) == 2
    assert runs.begin_again("after") == 2
    assert (runs.sources, runs.runs) == ("after", [])
    assert runs.former == [range(5, 10), range(1000, 1010), range(2000, 2010)]


@pytest.mark.parametrize("first", [991, 1000, 1009, 41, 50])
def test_no_seed_is_used_twice(first: int) -> None:
    runs = Runs("now", [run(1000)], [range(50, 51)])
    with pytest.raises(RunsError, match=r"^a previous run has used seeds (1000 to 1009|50 to 50): leave out"):
        runs.require_unused(range(first, first + 10))


@pytest.mark.parametrize("first", [990, 1010, 40, 51])
def test_seeds_beside_a_used_range_are_free(first: int) -> None:
    Runs("now", [run(1000)], [range(50, 51)]).require_unused(range(first, first + 10))


def test_a_change_during_a_run_ends_its_recording(tmp_path: Path) -> None:
    with pytest.raises(RunsError, match=r"has changed since the run began: nothing more is recorded$"):
        record(tmp_path / "simulation.md", run(), "another")
    assert list(tmp_path.iterdir()) == []


def test_comments_and_formatting_are_not_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(text: str) -> str:
        (tmp_path / "judge.py").write_text(text, encoding="utf-8")
        return digest()

    monkeypatch.setattr(runs_module, "ROOT", tmp_path)
    monkeypatch.setattr(runs_module, "DECIDING", ("judge.py",))
    one = of("def judge():\n    return 1\n")
    assert of('"""Judges."""\n\ndef judge():\n    """Judge."""\n    return  1  # always\n') == one
    assert of("def judge():\n    return 2\n") != one


def test_all_imports_of_the_simulation_are_in_the_digest() -> None:
    """Imported files are part of the digest, except those for names of members and for masking secrets."""
    listing = (
        "import sys; import ansible_collections.rocketops.rocketchat.tests.simulation.campaign;"
        "print(*(module.__file__ for name, module in sys.modules.items() if '.rocketchat.' in name and"
        " getattr(module, '__file__', None)), sep='\\n')"
    )
    listed = subprocess.run([sys.executable, "-c", listing], check=True, capture_output=True, text=True)
    imported = {os.path.realpath(path) for path in listed.stdout.split() if not path.endswith("__init__.py")}
    counted = {os.path.realpath(path) for path in deciding()}
    others = {os.path.relpath(path, os.path.realpath(ROOT)) for path in imported - counted}
    expected = {"plugins/module_utils/_node/access.py", "plugins/module_utils/_node/redaction.py"}
    assert others <= expected, f"DECIDING in tests/simulation/runs.py has not {sorted(others - expected)}"
    assert len(imported & counted) > 10


def test_the_published_page_is_made_of_the_recorded_runs() -> None:
    assert PAGE.read_text(encoding="utf-8") == Runs.load(PAGE.with_suffix(".json")).page()


def test_the_command_adds_its_run(tmp_path: Path) -> None:
    page = tmp_path / "simulation.md"
    old = Runs("old", [faulty(7)])
    old.save(tmp_path / "simulation.json")
    arguments = ("--write", str(page), "--processes", "1")
    done = _simulate("--first", "20", "--schedules", "5", *arguments)
    assert done.returncode == 0, done.stderr
    assert "the count begins again, without the 1 previous runs." in done.stdout
    done = _simulate("--schedules", "3", "--only-ours", *arguments)
    assert done.stdout.endswith(page.read_text(encoding="utf-8") + "\n"), done.stderr
    runs = Runs.load(tmp_path / "simulation.json")
    assert [(each.totals.schedules, each.totals.uri.steps > 0) for each in runs.runs] == [(5, True), (3, False)]
    assert runs.runs[0].totals == campaign(20, 5, processes=1)
    assert runs.former == [range(7, 17)]
    for used in ("7", "22"):
        done = _simulate("--first", used, "--schedules", "1", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("simulation: a previous run has used seeds ")


def _simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_recorded_as_far_as_it_is_finished(tmp_path: Path, number: signal.Signals) -> None:
    page = tmp_path / "simulation.md"
    arguments = ("--schedules", "1000", "--only-ours", "--processes", "1", "--write", str(page))
    with subprocess.Popen([*COMMAND, *arguments], start_new_session=True, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("Seeds ")
            _await_child(process.pid)
            # A terminal interrupts all processes; make and other programs signal only the one that they started.
            (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
            assert process.wait(timeout=120) == 0
        finally:
            _end_all(process.pid)
    (stopped,) = json.loads((tmp_path / "simulation.json").read_text(encoding="utf-8"))["runs"]
    assert 0 < stopped["schedules"] < 1000
    assert stopped["schedules"] % CHUNK == 0


def _await_child(pid: int) -> None:
    """Wait until a worker has used 0.2 s of processor time, which is less than its first chunk needs."""
    end = time.monotonic() + 60
    while not any(_processor_time(int(child)) > 0.2 for child in _children(pid)):
        assert time.monotonic() < end, "no worker runs"
        time.sleep(0.02)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def _processor_time(pid: int) -> float:
    """Processor seconds of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _end_all(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
