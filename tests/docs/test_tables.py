# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides have every message and every finding of the collection, and none that is no more."""

from __future__ import annotations

import re

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import WAIVABLE, Code
from ansible_collections.rocketops.rocketchat.tests.docs import messages
from ansible_collections.rocketops.rocketchat.tests.docs.pages import guide, literals

# Said by Ansible for us, or put together from parts that are no message by themselves.
BESIDE = {
    "Failed to import the required Python library (requests)",
    "the module said nothing",
    "the report … could not be written: …",
    "unsupported options: …",
}


def rows(text: str, name: str) -> list[tuple[str, ...]]:
    """The cells of the table with this name; the head is left out."""
    return _rows(text.partition(f":name: {name}\n")[2].partition(".. list-table::")[0])


def _rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(row.split("\n     - ")) for row in table.split("\n   * - ")[2:]]


def told(*names: str) -> set[str]:
    """The messages in the first columns of tables in the troubleshooting guide."""
    text = guide("troubleshooting")
    return {literal for name in names for row in rows(text, name) for literal in literals(row[0])}


def test_every_refusal_and_warning() -> None:
    assert told("refusals", "answers", "inventory", "reports") == messages.of_errors() | BESIDE


def test_what_is_put_together_from_parts_is_said_so() -> None:
    source = messages.ROOT / "plugins"
    assert "unsupported options: {" in (source / "plugin_utils/_validation.py").read_text(encoding="utf-8")
    assert 'f"the report {path} could not be written: {error}"' in (source / "action/report.py").read_text(
        encoding="utf-8"
    )
    assert '"the module said nothing"' in (source / "action/cluster_gate.py").read_text(encoding="utf-8")


def test_what_the_role_and_the_playbook_say() -> None:
    assert told("tasks") == messages.of_tasks()


def test_the_errors_of_the_client() -> None:
    cures = {}
    for code, cure, _status in rows(guide("troubleshooting"), "client-errors"):
        (cures[literals(code).pop()],) = literals(cure)
    assert cures == messages.of_client()


def test_the_messages_of_findings() -> None:
    table = rows(guide("troubleshooting"), "findings")
    written = {(literals(code).pop(), literals(message).pop()) for message, code in table}
    assert written == {(code, message) for code, message in messages.of_findings() if message != messages.GAP}


def test_every_finding_has_cause_and_cure() -> None:
    findings = guide("verdict").partition("The findings\n")[2]
    table = [row for part in findings.split(".. list-table::") for row in _rows(part)]
    codes = [literals(code).pop() for code, _cause, _cure in table]
    assert sorted(codes) == sorted(code.value for code in Code)
    waivable = {code for code, (_code, _cause, cure) in zip(codes, table) if re.search(r"\bWaivable\b", cure)}
    assert waivable == {code.value for code in WAIVABLE}
