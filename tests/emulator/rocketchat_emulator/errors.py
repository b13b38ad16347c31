# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error that the command line shows."""

from __future__ import annotations


class EmulatorError(Exception):
    """An error that the user can correct; the message is one line."""
