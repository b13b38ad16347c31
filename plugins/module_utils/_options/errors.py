# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The error for options that are refused."""

from __future__ import annotations


class OptionsError(ValueError):
    """Options are refused. The message names the options, their values and the limit, but never a secret."""
