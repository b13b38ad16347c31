# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of findings: what is true of each of them."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils import _findings
from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import CODES, NO_ANSWER, Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement import (
    advisories,
    links,
    member_status,
    rules,
    upgrade_path,
)

if TYPE_CHECKING:
    from collections.abc import Collection

MODULE_UTILS = Path(_findings.__file__).parent
MODULES = {path.stem for path in (MODULE_UTILS.parent / "modules").glob("*.py")}
OF_THE_ROLE = {f"health_gate_{name}" for name in (*GATE, "delegate_to")}
OF_THE_SERVER = {"INSTANCE_IP", "TCP_PORT"}
KNOWN = {*GATE, *CODES, *MODULES, *OF_THE_ROLE, *OF_THE_SERVER}

every_code = pytest.mark.parametrize("code", Code, ids=lambda code: code.value)


@every_code
def test_the_name_of_a_row_is_its_code(code: Code) -> None:
    assert code.value == code.row.code == code.name.lower()


@every_code
def test_words_are_short_and_on_one_line(code: Code) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z. ]{1,24}", code.row.words), f"the words in the row of {code.value}"


@every_code
@pytest.mark.parametrize("field", ["cause", "remedy"])
def test_cause_and_remedy_are_whole_sentences(code: Code, field: str) -> None:
    text = getattr(code.row, field)
    problem = f"the {field} of {code.value} must be whole sentences: {text!r}"
    assert re.fullmatch(r"[A-Z].*[.]", text), problem
    sentences = re.split(r"(?<=[.]) ", text)
    # A sentence may begin with the name of a module or a command, which has no capital letter.
    assert all(re.match(r"[A-Z]|\w+[_.]\w+", sentence) for sentence in sentences), problem
    assert "  " not in text, problem


@every_code
def test_names_in_cause_and_remedy_exist(code: Code) -> None:
    """The words with an underscore are names of options, codes, modules and variables."""
    named = set(re.findall(r"\b\w*[^\W_]_\w+", f"{code.row.cause} {code.row.remedy}"))
    assert named <= KNOWN, f"{code.value} names what does not exist: {sorted(named - KNOWN)}"


def test_every_row_is_found_by_something() -> None:
    """It is found by a rule or by the client; client errors that have a status are found by it."""
    files = [path for path in MODULE_UTILS.rglob("*.py") if path != Path(_findings.__file__)]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    made = set(re.findall(r"(?:Finding|Failure|FailedError)\(\s*Code[.](\w+)", code))
    unused = [one.value for one in Code if not one.row.statuses and one.name not in made]
    assert unused == [], f"these codes have a row, but no rule finds them: {', '.join(unused)}"


RULE_TABLES: tuple[tuple[ModuleType, Collection[Any], set[str]], ...] = (
    (
        rules,
        [rule for in_phase in rules.RULES.values() for rule in in_phase],
        {"found_in", "exemption", "restart_is_proven"},
    ),
    (member_status, member_status.MEMBER_RULES, {"states_of", "stable_for", "members_of", "as_process"}),
    (advisories, advisories.ADVISORIES, {"advisories_for"}),
)


@pytest.mark.parametrize(("module", "table", "others"), RULE_TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_rule_is_in_a_table(module: ModuleType, table: Collection[Any], others: set[str]) -> None:
    """Each public function of these files, except ``others``, is a rule; a rule outside a table would never run."""
    functions = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    unused = [name for name, function in functions.items() if function not in table and name not in others]
    assert unused == [], f"{', '.join(unused)} must stand in RULES, MEMBER_RULES or ADVISORIES"


def test_only_findings_of_rules_can_be_waived() -> None:
    """A waiver of other findings, such as advisory ones, would change nothing."""
    code = "\n".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (rules, links, upgrade_path))
    made = {CODES[name.lower()] for name in re.findall(r"Finding\(\s*Code[.](\w+)", code)}
    assert [code.value for code in Code if code.row.waivable and code not in made] == []


def test_a_missing_answer_cannot_be_waived() -> None:
    """A waiver accepts what was seen of a member; nothing was seen of one that does not answer."""
    assert [code.value for code in Code if code.row.waivable and code.is_client_error] == []


def test_a_status_belongs_to_one_client_error() -> None:
    of_a_status = [code for code in Code if code.row.statuses]
    both = [
        f"{one.value} and {other.value}"
        for one, other in combinations(of_a_status, 2)
        if set(one.row.statuses or ()) & set(other.row.statuses or ())
    ]
    assert both == ["broker_down and starting"]  # a 400, told apart by the server's words
    without = {code.value for code in Code if code.row.statuses == NO_ANSWER}
    assert without == {"unreachable", "timeout", "tls"}
