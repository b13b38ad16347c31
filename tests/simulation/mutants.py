# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Break the judgement on purpose, and see who notices: ``python -m …simulation.mutants NAME``.

A mutant is one of the collection's files with some lines replaced; it is only ever in memory, and only in a process
of its own. Exits with 0 if a simulated cluster or a unit test caught it, and says which. Without a NAME all are tried,
and the result is a page of Markdown.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

COLLECTION = "ansible_collections.rocketops.rocketchat"
MODULE_UTILS = f"{COLLECTION}.plugins.module_utils"
UNIT_TESTS = Path(__file__).parents[1] / "unit" / "plugins" / "module_utils"
JUDGING = ("_cluster/test_records.py", "_judgement", "_gate")  # those that ask nobody, and so take no time
SCHEDULES = 250


@dataclass(frozen=True)
class Mutant:
    """``old``, which is there exactly once in the file, becomes ``new``."""

    file: str
    old: str
    new: str


MUTANTS = {
    "drops the age test": Mutant(
        "_judgement.member_status", "abs(age) <= policy.max_record_age and unmoved", "unmoved"
    ),
    "drops the test that pings move": Mutant("_judgement.member_status", " and unmoved <= policy.max_record_age:", ":"),
    "trusts lastHeartbeatTime": Mutant(
        "_cluster.records",
        "return seconds_between(self.updated_at, reference)",
        "return seconds_between(self.updated_at, reference) if self.last_heartbeat is None else 0.0",
    ),
    "counts an expired record": Mutant(
        "_judgement.member_status", "state in (State.ALIVE, State.STALLED)", "state is not None"
    ),
    "takes the nodes' clocks for the database's": Mutant(
        "_cluster.observation",
        "newest(view.local.updated_at for view in self.views if view.local)",
        "newest(view.date for view in self.views if view.local)",
    ),
    "lets a lone node tell its own age": Mutant(
        "_judgement.member_status", "or _unknown_age(name, observation, policy, pulses)", ""
    ),
    "asks the silent how old a ping is": Mutant(
        "_judgement.member_status",
        "age is not None and abs(age) <= policy.max_record_age for age in ages",
        "True for age in ages",
    ),
    "counts ages from a ping that may be old": Mutant(
        "_judgement.member_status", "return _doubtful_age(name, observation.views[0], policy, pulses)", "return None"
    ),
    "counts two URLs of one process twice": Mutant(
        "_judgement.member_status",
        "return Standing(name, view, None, None, Finding(Code.SAME_PROCESS, text, (name,), actual=record.id))",
        "return Standing(name, view, record, State.ALIVE, None)",
    ),
    "lends its id to whoever it answers for": Mutant(
        "_judgement.member_status", "if view.local and len(observation.claimed[view.local.id]) == 1", "if view.local"
    ),
    "asks no age of a process": Mutant(
        "_judgement.member_status", "lived is not None and lived >= needed", "lived is not None"
    ),
    "forgets the old ids": Mutant(
        "_judgement.judge", "if record.id in before.ids:", "if record.id == known.instance_id:"
    ),
    "takes an empty before for no old ids": Mutant(
        "_judgement.policy", 'if not params["restart_required"]:\n            return None', "return None"
    ),
    "takes a refused before for a passed one": Mutant(
        "_judgement.policy", 'if result.get("verdict") != "pass" and not', 'if result.get("verdict") == "fail" and not'
    ),
    "accepts a resumed process": Mutant(
        "_judgement.judge",
        "if not known.heard and not self.policy.restart_proven",
        "if known is None and not self.policy.restart_proven",
    ),
    "lets the old process live on": Mutant(
        "_judgement.judge", "alive = shown & {known.instance_id}", "alive = shown - shown"
    ),
    "lets an old process live on that has no name": Mutant(
        "_judgement.judge",
        "alive = (shown & before.ids) - owned - set(self.observation.claimed)",
        "alive = shown - shown",
    ),
    "takes the before of another cluster": Mutant("_judgement.policy", "if elsewhere:", "if not policy.members:"),
    "lets one clock bury the living": Mutant(
        "_judgement.member_status", "record.age(view.local.updated_at if view.local else None))", "None)"
    ),
    "accepts a target that answers from elsewhere": Mutant(
        "_judgement.judge", "known.place and record.place and known.place != record.place", "None is known"
    ),
    "judges one target of a batch only": Mutant(
        "_judgement.judge",
        "for name in self.policy.targets:\n            findings += self._target",
        "for name in self.policy.targets[:1]:\n            findings += self._target",
    ),
    "lets a streak survive a restart": Mutant(
        "_judgement.judge", "if last is None or last.processes != processes:", "if last is None:"
    ),
    "counts time that nobody watched": Mutant(
        "_judgement.judge", "min(now - last.last_at, 2 * interval(self.policy, self.observation))", "now - last.last_at"
    ),
    "passes what has just come back": Mutant(
        "_judgement.judge", "if streak.seconds < needed:", "if streak.seconds < 0:"
    ),
    "waits for no ping": Mutant(
        "_judgement.judge", "record.updated_at is None or ping is None or record.updated_at <= ping", "ping is None"
    ),
    "takes a view without news for news": Mutant(
        "_judgement.judge", "return self.memory.streak, (Finding", "return self._longer_streak(), (Finding"
    ),
    "forgives a member without news for ever": Mutant(
        "_judgement.judge", "in self.memory.served - self.memory.missed", "in self.memory.served"
    ),
    "ignores a one-way link": Mutant(
        "_judgement.judge",
        "second.id in self.fresh[a] and first.id in self.fresh[b]",
        "(second.id in self.fresh[a] or first.id in self.fresh[b])",
    ),
    "forgets a bad link at once": Mutant(
        "_judgement.judge", "elif good_for < self.policy.link_memory:", "elif good_for < 0:"
    ),
    "looks at no link of the target": Mutant(
        "_judgement.judge", "[link for link in links if target.name in link.members] + self._unlisted", "self._unlisted"
    ),
    "looks at no database of the target": Mutant(
        "_judgement.judge", "in link.members] + self._unlisted(target, serving)", "in link.members]"
    ),
    "takes a silent target for a dead one": Mutant(
        "_judgement.judge",
        "self.observation.reference is None or self._unclaimed()",
        "self.observation.reference is None",
    ),
    "takes one missing answer for death": Mutant(
        "_judgement.judge", "self.observation.at - since >= self.policy.ping_interval", "self.observation.at >= since"
    ),
    "counts the targets among those who carry on": Mutant(
        "_judgement.judge", "others = serving & set(policy.others)", "others = serving"
    ),
    "needs one member less": Mutant(
        "_judgement.judge", "if len(serving) >= self.policy.needed:", "if len(serving) >= self.policy.needed - 1:"
    ),
    "takes any version for the wanted one": Mutant(
        "_judgement.judge", "if version == wanted:", "if version is not None:"
    ),
    "takes a cut version for the whole": Mutant(
        "_judgement.judge", "if version == wanted:", "if version and wanted.startswith(version):"
    ),
    "judges microservices": Mutant("_judgement.judge", "if view.listing and view.listing.microservices:", "if False:"),
    "judges servers before 6": Mutant(
        "_judgement.judge", "elif view.listing and view.listing.old_shape:", "elif False:"
    ),
    "takes a lost observation for a good one": Mutant(
        "_judgement.judge", "streak=None if memory.lost else memory.streak", "streak=memory.streak"
    ),
    "lists an instance twice": Mutant("_cluster.records", "if record.id in records:", "if not record.id:"),
}


class _Breaker(MetaPathFinder):
    """Loads the one file with its lines replaced."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = f"{MODULE_UTILS}.{mutant.file}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec
        assert spec.origin
        spec.loader = _Broken(self.mutant, fullname, spec.origin)
        return spec


class _Broken(SourceFileLoader):
    def __init__(self, mutant: Mutant, name: str, path: str) -> None:
        super().__init__(name, path)
        self.mutant = mutant

    def get_code(self, fullname: str) -> Any:
        """Never from a cache, and never into one."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def source_to_code(self, data: Any, path: Any, **_how: Any) -> Any:  # type: ignore[override]
        text = bytes(data).decode() if not isinstance(data, str) else data
        if text.count(self.mutant.old) != 1:
            raise SystemExit(f"{path} has these lines {text.count(self.mutant.old)} times:\n{self.mutant.old}")
        return compile(text.replace(self.mutant.old, self.mutant.new), path, "exec", dont_inherit=True)


def caught_by_simulation(schedules: int = SCHEDULES) -> str | None:
    """The first fault that a simulated cluster shows."""
    campaign: Any = importlib.import_module(f"{COLLECTION}.tests.simulation.campaign")
    for seed in range(schedules):
        _schedule, tally = campaign.play(seed)
        if tally.faults:
            return f"seed {seed}: {tally.faults[0].strip()}"
    return None


def caught_by_unit_tests() -> str | None:
    import pytest  # noqa: PLC0415 - only once the mutant is in its place

    class First:
        failed: str | None = None

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and self.failed is None:
                self.failed = report.nodeid.rpartition("/")[2]

    first = First()
    with redirect_stdout(StringIO()):
        files = [str(UNIT_TESTS / name) for name in JUDGING]
        pytest.main(["-x", "-q", "-p", "no:cacheprovider", *files], [first])
    return first.failed


def catch(name: str) -> tuple[bool, str]:
    """Whether a mutant is caught, and by whom, tried in a process of its own."""
    command = [sys.executable, "-m", f"{COLLECTION}.tests.simulation.mutants", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def catch_all(names: Iterable[str]) -> dict[str, tuple[bool, str]]:
    names = list(names)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(catch, names)))


PAGE = """\
# Who notices a broken judgement

Written by `make mutants`: the judgement broken in {number} ways, one at a time, and the first simulated cluster (of
{schedules}) or else unit test that noticed.

| a judgement that …{pad} | is caught by
| {line} | ---
{rows}
"""


def page(caught: Mapping[str, tuple[bool, str]]) -> str:
    width = max(map(len, MUTANTS))
    rows = "\n".join(f"| {name:{width}} | {how}" for name, (_caught, how) in caught.items())
    pad = " " * (width - len("a judgement that …"))
    return PAGE.format(number=len(MUTANTS), schedules=SCHEDULES, pad=pad, line="-" * width, rows=rows)


def main() -> int:
    if len(sys.argv) == 1:
        caught_all = catch_all(MUTANTS)
        print(page(caught_all), end="")
        return 0 if all(noticed for noticed, _how in caught_all.values()) else 1
    name = sys.argv[1]
    if name in MUTANTS:
        sys.meta_path.insert(0, _Breaker(MUTANTS[name]))
    caught = caught_by_simulation() or caught_by_unit_tests()
    print(caught or "not caught")
    return 0 if caught else 1


if __name__ == "__main__":
    sys.exit(main())
