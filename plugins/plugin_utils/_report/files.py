# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The report in files, on the controller."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import ENDINGS, report_text

if TYPE_CHECKING:
    from collections.abc import Iterable


def files_of(dest: Iterable[str]) -> list[Path]:
    """The paths. White space around a comma on the command line is removed."""
    return [Path(name.strip()).absolute() for name in dest]


def format_of(path: Path) -> str:
    if path.suffix.lower() not in ENDINGS:
        raise OptionsError(f"{path}: the extension of a report must be one of {', '.join(ENDINGS)}")
    return ENDINGS[path.suffix.lower()]


def write_report(results: list[Any], path: Path) -> str:
    """Write the report, whole or not at all. Returns why it could not be written, since it must not stop a roll."""
    try:
        _replace(path, report_text(results, format_of(path)))
    except (OSError, ValueError) as error:
        return f"the report {path} could not be written: {error}"
    return ""


def _replace(path: Path, text: str) -> None:
    """Replace the file at once: a reader sees the old file or the new one, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(partial).chmod(0o666 & ~umask)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
