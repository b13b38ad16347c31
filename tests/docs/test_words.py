# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of words in ``make lint`` finds each kind of them, and says where and what to write instead."""

from __future__ import annotations

import pytest

from ansible_collections.rocketops.rocketchat.tests.docs.pages import ROOT
from ansible_collections.rocketops.rocketchat.tests.tools import words

FOUND = {
    "Whoever answers serves.": "each member that",
    "The member of whom it speaks.": "which",
    "nobody's process": "unclaimed",
    "Somebody restarts it.": "a user",
    "It is asked anew.": "again",
    "the process of before": "previous",
    "what befalls rc2": "happens to",
    "it is of another cluster": "belongs to another",
    "rc9 is no member": "is not a",
    "They are no members.": "is not a",
    "The version has to be full.": "must be",
    "It is removed for good.": "permanently",
    "The gate lets go of it.": "allows",
    "the words of the server": "text of",
    "The report tells how it went.": "shows",
    "when the roll has come to an end": "finish",
    "rc2 did not come back well": "is healthy after its deployment",
    "two observations running": "consecutive observations",
    "# it has to\n    # be full": "must be",
}
NOT_FOUND = (
    "There is no other member.",
    "there\nis no lock",
    "It is no longer asked.",
    "It is no later than that.",
    "for good reasons",
    "as it was before",
    "the code nobody_answers",
    "Show how it went.",
)


def test_each_word_of_the_list_is_found_by_a_case() -> None:
    for pattern in words.PATTERNS:
        assert any(pattern.search(text) for text in FOUND), pattern.pattern


@pytest.mark.parametrize("text", FOUND)
def test_a_word_is_found_with_its_line_and_what_to_write_instead(text: str) -> None:
    (hit,) = words.words_in(f"Fine.\n{text}\n", path="docs/page.md")
    assert hit.place == "docs/page.md:2"
    assert FOUND[text] in hit.instead


@pytest.mark.parametrize("text", NOT_FOUND)
def test_plain_text_is_left_alone(text: str) -> None:
    assert list(words.words_in(text, path="docs/page.md")) == []


def test_a_hit_is_one_line_for_people() -> None:
    (hit,) = words.words_in("has\n    # to be", path="roles/gate.yml")
    assert str(hit) == 'roles/gate.yml:1: "has to be": write: must be'


PLAYBOOK = """
- name: roll
  hosts: all
  tasks:
    - name: Check that every member has a URL
      block:
        - name: Tell how it goes
        - name: Note that it failed
      rescue:
        - name: "{{ msg }}"
        - name: The member is asked
    - name: Note the time
      vars:
        members: [{name: rc1}]
- name: Watch
  hosts: all
  sources: [{name: instances}]
  rules: [{name: A member needs a restart}]
"""


def test_names_of_tasks_begin_with_a_capital_and_a_verb() -> None:
    found = [(hit.place, hit.found) for hit in words.task_names_in(PLAYBOOK, path="site.yml")]
    assert found == [
        ("site.yml:2", "roll"),
        ("site.yml:7", "Tell how it goes"),
        ("site.yml:8", "Note that it failed"),
        ("site.yml:11", "The member is asked"),
    ]


def test_yaml_without_tasks_has_no_names() -> None:
    for text in ("", "name: x\nlist: [{name: y}]\n", "- a\n- [b]\n"):
        assert list(words.task_names_in(text, path="data.yml")) == []


def test_subjects_of_commits_have_at_most_72_characters() -> None:
    (hit,) = words.subjects_in(f"abc1234 {'x' * 72}\ndef5678 {'y' * 73}\n")
    assert (hit.place, hit.found) == ("commit def5678", "y" * 73)
    assert hit.instead == "write at most 72 characters, not 73"


def test_all_that_people_read_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = {str(path.relative_to(ROOT)) for path in words._files()}
    some = ("README.md", "Makefile", "docs/docsite/rst/guide_awx.rst", "docs/hooks.md", "playbooks/rolling_update.yml")
    assert checked.issuperset(some)
    assert checked.issuperset(("plugins/modules/cluster_gate.py", "roles/hooks/README.md", "tests/docs/pages.py"))
    monkeypatch.setattr(words, "_log", lambda: f"abc1234 {'x' * 73}\n")
    monkeypatch.setattr(words, "_files", list)
    with pytest.raises(SystemExit, match=r"^commit abc1234: .* not 73$"):
        words.main()


def test_without_git_no_commit_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert words._log() == ""
