# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds words that are hard to read, task names without a verb, and long commit subjects: part of ``make lint``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDERS = (".github", "changelogs", "docs", "examples", "extensions", "meta", "playbooks", "plugins", "roles", "tests")
SUFFIXES = frozenset({".css", ".html", ".j2", ".md", ".py", ".rst", ".sh", ".yml"})
# They contain the words that this file finds.
NOT_READ = frozenset({"words.py", "test_words.py"})

# In a regular expression, a space is also the end of a line, with the "#" that begins the next line of a comment.
WORDS = {
    r"who(?:ever|mever)": "each member that, every node that",
    r"whom": "which, or name the person",
    r"nobody(?:'s)?|no one": "no member, no node, unclaimed",
    r"(?:some|any|every)(?:body|one)": "a user, each member, every node",
    r"anew": "again",
    r"of before": "previous",
    r"befall(?:s|en|ing)?|befell": "happens to",
    r"(?:is|be) of another": "belongs to another",
    r"(?<!there\s)(?:is|are) no(?! (?:further|later|less|longer|more|newer|older))": "is not a, are not",
    r"(?:has|have|having) to be": "must be",
    r"for good(?! reason)": "permanently",
    r"lets? go": "allows, lets ... continue",
    r"words of": "text of",
    r"(?:tell|tells|told|telling) how": "shows",
    r"(?:come|comes|came|coming) to (?:the|an) end": "finish, end",
    r"(?:come|comes|came) back well": "is healthy after its deployment",
    r"(?:looks|observations) running": "consecutive observations",
}
PATTERNS = {
    re.compile(rf"(?<!\w)(?:{words})".replace(" ", r"[\s#]+") + r"(?!\w)", re.IGNORECASE): instead
    for words, instead in WORDS.items()
}

# What a task does is said by a verb: "Check that every member has a URL".
NOT_A_VERB = re.compile(
    r"(?:A|All|An|Any|Each|Every|Is|Its?|Never|No|Nobody|None|Note that|One|Only|Say|Tell|That|The|Their|There|They|"
    r"This|What|When|Where|Whether|Which|Who|Why)\b"
)
TASKS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")

LONGEST_SUBJECT = 72
SINCE = "2026-11-26"  # commits before are not checked


class Hit(NamedTuple):
    place: str
    found: str
    instead: str

    def __str__(self) -> str:
        return f'{self.place}: "{self.found}": {self.instead}'


def words_in(text: str, *, path: str) -> Iterator[Hit]:
    for pattern, instead in PATTERNS.items():
        for found in pattern.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Hit(f"{path}:{line}", " ".join(re.split(r"[\s#]+", found[0])).strip(), f"write: {instead}")


def task_names_in(text: str, *, path: str) -> Iterator[Hit]:
    """The names of plays and tasks that begin with a small letter, or with a word that is not a verb."""
    for line, name in _names(yaml.compose(text)):
        if not re.match(r"[A-Z]|{{", name):
            yield Hit(f"{path}:{line}", name, "begin with a capital letter")
        elif NOT_A_VERB.match(name):
            yield Hit(f"{path}:{line}", name, "begin with a verb that says what the task does, such as Check")


def _names(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    for item in node.value if isinstance(node, yaml.SequenceNode) else ():
        entries = {key.value: value for key, value in item.value} if isinstance(item, yaml.MappingNode) else {}
        if isinstance(entries.get("name"), yaml.ScalarNode):
            yield entries["name"].start_mark.line + 1, entries["name"].value
        for key in TASKS:
            yield from _names(entries.get(key))


def subjects_in(log: str) -> Iterator[Hit]:
    """``log``: a line for each commit, its hash and its subject."""
    for line in log.splitlines():
        commit, _separator, subject = line.partition(" ")
        if len(subject) > LONGEST_SUBJECT:
            yield Hit(f"commit {commit}", subject, f"write at most {LONGEST_SUBJECT} characters, not {len(subject)}")


def hits() -> Iterator[Hit]:
    for file in _files():
        text, path = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
        yield from words_in(text, path=path)
        if file.suffix == ".yml":
            yield from task_names_in(text, path=path)
    yield from subjects_in(_log())


def _files() -> list[Path]:
    found = [path for folder in FOLDERS for path in ROOT.joinpath(folder).rglob("*") if path.suffix in SUFFIXES]
    own = [path for path in found if path.name not in NOT_READ and not {"output", "recorded"} & set(path.parts)]
    return sorted([*own, *ROOT.glob("*.md"), *ROOT.glob("*.yml"), ROOT / "Makefile"])


def _log() -> str:
    """Empty where there is no git, and no checkout."""
    command = ["git", "log", "--no-merges", f"--since={SINCE}", "--format=%h %s"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def main() -> None:
    found = sorted(set(hits()))
    if found:
        sys.exit("\n".join(map(str, found)))


if __name__ == "__main__":
    main()
