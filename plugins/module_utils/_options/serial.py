# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The sizes of a roll's batches: the option ``serial``, in the forms that Ansible and AWX surveys allow."""

from __future__ import annotations

import re

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError


def serial_from(raw: object, hosts: int) -> tuple[int, ...]:
    """The batch sizes from ``2``, ``25%``, ``[1, 2]`` or a string such as ``1, 25%``. The last size repeats.

    A percentage of the hosts is rounded down, as in Ansible, to at least one. Raises :class:`OptionsError`.
    """
    parts = raw if isinstance(raw, (list, tuple)) else re.sub(r"[\[\]'\"]", " ", str(raw)).split(",")
    sizes = tuple(_size(part, hosts) for part in parts)
    if None in sizes or not sizes:
        raise OptionsError(
            f"rolling_update_serial must be a number of hosts, a percentage of them, or a list of these, not {raw}"
        )
    return tuple(size for size in sizes if size is not None)


def _size(raw: object, hosts: int) -> int | None:
    """One size; none if it is not a size."""
    match = re.fullmatch(r"(\d{1,6})(%?)", str(raw).strip(), re.ASCII)
    if match is None or int(match[1]) == 0:
        return None
    return max(int(match[1]) * hosts // 100, 1) if match[2] else int(match[1])
