# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Text from a server, made safe to show: one line, without secrets and control characters."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

CHARACTERS = 160
READ = 64 * 1024  # characters of the text that are read: it may begin with much white space
MASK = "********"


def excerpt(text: str, secrets: Iterable[str]) -> str:
    """One line of the text, at most 160 characters. Masked before it is cut, since half a secret is a secret too."""
    for secret in _spellings(secrets):
        text = text.replace(secret, MASK)
    line = " ".join(printable(text[:READ]).split())
    return line if len(line) <= CHARACTERS else line[: CHARACTERS - 3] + "..."


def printable(text: str) -> str:
    """The text without control characters, line breaks and lone surrogates, for one line of a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


# The same as html.escape, whose module also loads a table of all entities, which takes long to import.
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


_LOWER = re.compile("%[0-9A-F]{2}")


def _lower(match: re.Match[str]) -> str:
    return match[0].lower()


def _spellings(secrets: Iterable[str]) -> list[str]:
    """The forms in which an answer could repeat a secret: unchanged, or escaped for JSON, a URL or HTML."""
    spelled = {
        spelling
        for secret in secrets
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret)[1:-1].replace("/", "\\/"),
            json.dumps(secret, ensure_ascii=False)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1].replace("/", "\\/"),
            quote(secret, errors="replace"),
            quote(secret, safe="", errors="replace"),
            _LOWER.sub(_lower, quote(secret, errors="replace")),
            _LOWER.sub(_lower, quote(secret, safe="", errors="replace")),
            secret.translate(_HTML),
            secret.translate(_HTML).replace("&#x27;", "&#39;"),
        )
    }
    return sorted(spelled, key=len, reverse=True)
