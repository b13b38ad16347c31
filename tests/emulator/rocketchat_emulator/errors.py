# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error that a person at the command line is meant to read."""

from __future__ import annotations


class EmulatorError(Exception):
    """Something that the user can put right; the message is one line and says what."""
