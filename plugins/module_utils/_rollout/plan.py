# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The plan of a roll: what the user wants. It is complete before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Hook(str, Enum):
    """The hooks: the user's tasks that a roll runs."""

    PREFLIGHT = "preflight"  # once, before the first drain
    BACKUP = "backup"  # once, before the first drain, if the version changes
    DRAIN = "drain"
    DEPLOY = "deploy"
    READMIT = "readmit"
    ON_FAILURE = "on_failure"  # on the hosts of the batch that stopped the roll


@dataclass(frozen=True)
class Plan:
    """The plan of one run. It does not change. Members have the names and the order of the inventory."""

    members: tuple[str, ...]
    # The members on which this run can run hooks: all except those that --limit leaves out.
    hosts: tuple[str, ...]
    # The hooks that are set. A drain hook always comes with a readmit hook.
    hooks: frozenset[Hook]
    # Sizes of the batches; the last one repeats.
    serial: tuple[int, ...] = (1,)
    expected_version: str | None = None
    # Members that the user keeps out of rotation on purpose.
    keep_out: frozenset[str] = frozenset()
    # Members outside the play that the user knows to be in rotation.
    in_rotation: frozenset[str] = frozenset()
    # Stop, as a success, after this many batches that deployed something.
    batches: int | None = None
    # Seconds for which the cluster must stay healthy after the first batch.
    soak: float = 0.0
    # Check mode: nothing is deployed, so a reason to wait does not stop the run.
    check: bool = False
    # Whether check mode stops if a gate before a deployment would have to wait.
    check_strict: bool = False

    @property
    def rotates(self) -> bool:
        """Whether the roll takes nodes out of rotation and puts them back."""
        return Hook.READMIT in self.hooks
