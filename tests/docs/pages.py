# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(errors.__file__).parents[3]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("roles/*/README.md"),
        *ROOT.glob("docs/docsite/rst/*.rst"),
    ]
)

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^( *)[.][.] code-block:: (\S+)$")


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        first = next(line for line in self.text.splitlines() if line.strip())
        return f"{self.page.name}: {first.strip()[:40]}"


def blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in _blocks(page) if block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        for language, content in _FENCE.findall(text):
            yield Block(page, language, content)
        return
    lines = text.splitlines()
    for number, line in enumerate(lines):
        directive = _DIRECTIVE.match(line)
        if directive:
            depth = len(directive[1])
            content = takewhile(lambda line: not line.strip() or line[: depth + 1].isspace(), lines[number + 1 :])  # noqa: B023
            yield Block(page, directive[2], dedent("\n".join(content)).strip() + "\n")
