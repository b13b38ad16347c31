# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers that guide the fuzzing: those written by hand, and those with which it found new code paths."""

from __future__ import annotations

import json
from pathlib import Path

BY_HAND = Path(__file__).parent / "corpus"
FOUND = Path(__file__).parent / "found.jsonl"  # a line each: a JSON string whose characters are the bytes


def found() -> list[bytes]:
    return [json.loads(line).encode("latin-1") for line in FOUND.read_text(encoding="utf-8").splitlines()]


def unpack(folder: Path) -> None:
    """Write them into files for libFuzzer."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(found()):
        (folder / str(number)).write_bytes(content)


def pack(folder: Path) -> None:
    contents = sorted({path.read_bytes() for path in folder.iterdir()})
    FOUND.write_text("".join(json.dumps(content.decode("latin-1")) + "\n" for content in contents), encoding="utf-8")
