# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the guides, generated from the rows of findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.tests.docs import tables

if TYPE_CHECKING:
    from pathlib import Path


def first_cells(text: str) -> list[str]:
    return [cell for cell in re.findall(r"^   [*] - ``(.+)``$", text, re.MULTILINE) if cell]


def test_each_code_has_one_row() -> None:
    assert first_cells(tables.by_group()) == [code.value for code in Code]


def test_names_and_values_are_literals() -> None:
    cases = {
        "Wait for ping_interval. Then restart it.": "Wait for ``ping_interval``. Then restart it.",
        "As not_linked (INSTANCE_IP, TCP_PORT).": "As ``not_linked`` (``INSTANCE_IP``, ``TCP_PORT``).",
        "See what /api/info and instances.get answer.": "See what ``/api/info`` and ``instances.get`` answer.",
        "Give it the permission view-statistics.": "Give it the permission ``view-statistics``.",
        "It lacks the permission to list instances.": "It lacks the permission to list instances.",
        "Set readiness to ignored until 7.11.": "Set ``readiness`` to ``ignored`` until 7.11.",
        "Set min_serving to 0, ca_path to a file.": "Set ``min_serving`` to ``0``, ``ca_path`` to a file.",
        "Set members instead of url.": "Set ``members`` instead of ``url``.",
        "Check username and password.": "Check ``username`` and ``password``.",
        "Other members serve; the timeout passes.": "Other members serve; the timeout passes.",
    }
    assert {text: tables.marked(text) for text in cases} == cases


def test_the_rest_of_a_guide_is_not_changed() -> None:
    text = f"Before\n\n{tables.BEGIN}\n\nold\n\n{tables.END}\n\nAfter\n"
    made = tables.filled(text, "new\n", name="guide.rst")
    assert made == text.replace("old", "new\n".rstrip())
    assert tables.filled(made, "new\n", name="guide.rst") == made


@pytest.mark.parametrize("text", ["nothing\n", f"{tables.BEGIN}\n", f"{tables.END}\n{tables.BEGIN}\n"])
def test_a_guide_without_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"guide[.]rst must have the line"):
        tables.filled(text, "new\n", name="guide.rst")


def test_the_tables_of_the_guides_are_up_to_date() -> None:
    for name, made in (("guide_verdict.rst", tables.by_group()), ("guide_troubleshooting.rst", tables.by_status())):
        text = (tables.GUIDES / name).read_text(encoding="utf-8")
        assert tables.filled(text, made, name=name) == text, f"the tables of {name} are out of date: run make docs"


def test_an_out_of_date_table_is_written_and_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("guide_verdict.rst", "guide_troubleshooting.rst"):
        (tmp_path / name).write_text(f"{tables.BEGIN}\n{tables.END}\n", encoding="utf-8")
    monkeypatch.setattr(tables, "GUIDES", tmp_path)
    with pytest.raises(SystemExit, match=r"verdict[.]rst and .*_troubleshooting[.]rst were out of date"):
        tables.main()
    tables.main()
