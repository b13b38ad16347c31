# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The journal of a roll: what is kept between two steps, in a file that exists as long as this run of Ansible."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Stage, State
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._temporary import folder_of_this_run

NAME = "rolling_update.json"
RESULTS = "rolling_update.results.jsonl"


@dataclass
class Journal:
    """The journal. Not kept in facts: Ansible copies them to all hosts with ``run_once``, or loses them with a host."""

    plan: Plan
    # The file of each hook, by host and hook name.
    hooks: dict[str, dict[str, str]]
    # The entry point of each ready-made hook, by host and hook name.
    ready_made: dict[str, dict[str, str]] = field(default_factory=dict)
    # Files to write the report to.
    reports: list[str] = field(default_factory=list)
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    turn: int = 0
    state: State = field(default_factory=State)
    # The step that the hosts are taking, until its outcome is known.
    taken: Run | None = None
    # The next step, if it is for other hosts than those of this turn.
    due: Run | None = None
    # The result of the last gate before the batch's deployment.
    before: dict[str, Any] | None = None
    # The memory of the last gate, and the seconds that it has waited.
    memory: dict[str, Any] | None = None
    waited: float = 0.0
    # The versions that this gate has learnt, by instance id.
    versions: dict[str, str] = field(default_factory=dict)
    # The last line, once the roll is over.
    end: dict[str, Any] | None = None

    @property
    def mark(self) -> str:
        """The mark that a host records if it does not finish the step."""
        return f"{self.run}/{self.turn}"

    def save(self) -> None:
        raw = {
            **vars(self),
            "plan": {name: _plain(value) for name, value in vars(self.plan).items()},
            "state": self.state.to_dict(),
            "taken": self.taken and vars(self.taken),
            "due": self.due and vars(self.due),
        }
        partial = folder_of_this_run() / f"{NAME}.partial"
        partial.write_text(json.dumps(raw), encoding="utf-8")
        partial.replace(folder_of_this_run() / NAME)

    @classmethod
    def load(cls) -> Journal | None:
        """The saved journal; none if no roll has begun in this run of Ansible."""
        try:
            raw = json.loads((folder_of_this_run() / NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        runs = {name: raw[name] and _run(raw[name]) for name in ("taken", "due")}
        return cls(**{**raw, **runs, "plan": _plan(raw["plan"]), "state": State.from_dict(raw["state"])})

    @staticmethod
    def forget() -> None:
        """Remove the journal of an earlier roll in this run of Ansible."""
        for name in (NAME, RESULTS):
            (folder_of_this_run() / name).unlink(missing_ok=True)

    # Results of the gates, for the report

    @staticmethod
    def add_result(result: dict[str, Any]) -> None:
        with (folder_of_this_run() / RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")

    @staticmethod
    def results() -> list[str]:
        return (folder_of_this_run() / RESULTS).read_text(encoding="utf-8").splitlines()


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _plan(raw: dict[str, Any]) -> Plan:
    sets = {name: frozenset(raw[name]) for name in ("keep_out", "in_rotation")}
    hooks = frozenset(Hook(hook) for hook in raw["hooks"])
    return Plan(**{**raw, **sets, "hooks": hooks, **{n: tuple(raw[n]) for n in ("members", "hosts", "serial")}})


def _run(raw: dict[str, Any]) -> Run:
    return Run(Stage(raw["stage"]), Hook(raw["hook"]), tuple(raw["hosts"]))
