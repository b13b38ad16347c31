# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""Ansible's temporary folder for this run."""

from __future__ import annotations

from pathlib import Path

from ansible import constants


def folder_of_this_run() -> Path:
    """The folder ``local_tmp``. Ansible removes it at the end of the run, and other users cannot read it."""
    return Path(str(vars(constants)["DEFAULT_LOCAL_TMP"]))
