# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""What a server says, as a part of a line that can be shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

CHARACTERS = 160
MASK = "********"


def excerpt(text: str, secrets: Iterable[str]) -> str:
    """One line of at most 160 characters. Masked before it is cut: half a secret is a secret too."""
    for secret in _spellings(secrets):
        text = text.replace(secret, MASK)
    line = " ".join(printable(text).split())
    return line if len(line) <= CHARACTERS else line[: CHARACTERS - 3] + "..."


def printable(text: str) -> str:
    """Text of a server's making for one line of a terminal: no control characters, line breaks or lone surrogates."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


# What html.escape does; its module brings a table of all entities, which costs more than the rest of this one.
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def _spellings(secrets: Iterable[str]) -> list[str]:
    """The ways in which an answer could repeat a secret: as it is, or escaped for JSON, a URL or HTML."""
    spelled = {
        spelling
        for secret in secrets
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            quote(secret, errors="replace"),
            quote(secret, safe="", errors="replace"),
            secret.translate(_HTML),
        )
    }
    return sorted(spelled, key=len, reverse=True)
