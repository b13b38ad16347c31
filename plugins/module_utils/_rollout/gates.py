# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The gates of a roll: the options of cluster_gate that the roll sets for each stage, over those of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import Ask
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan


def gate_options(
    plan: Plan, asked: Ask, *, before: Mapping[str, Any] | None, short: float, min_serving: str | None
) -> dict[str, Any]:
    """The options that the roll sets for this gate. An option that is none counts as left out.

    ``before``: the result of the last gate before the batch's deployment; ``short``: the deadline of a gate that only
    checks again; ``min_serving``: the user's value.
    """
    options: dict[str, Any] = {
        "keep_out": sorted(plan.keep_out),
        "expected_version": asked.expected_version,
        "min_serving": _least(min_serving, asked, len(plan.members)),
    }
    if asked.stage in (Stage.BEFORE, Stage.RECHECK):
        options.update(phase="before", targets=list(asked.targets), out_of_rotation=sorted(asked.out_of_rotation))
    elif asked.stage is Stage.AFTER:
        options.update(phase="after", targets=list(asked.targets), before=before)
    elif asked.stage in (Stage.SETTLE, Stage.RECOVER):
        # It waits for its targets only: whether the others serve has no influence on what comes next.
        least = str(len(set(asked.targets) - plan.keep_out))
        options.update(phase="after", targets=list(asked.targets), restart_required=False, min_serving=least)
    else:
        options.update(phase="steady", hold_for=asked.hold_for)
    if asked.stage in (Stage.RECHECK, Stage.REVIEW, Stage.RECOVER):
        options["deadline"] = short
    elif asked.stage is Stage.LOOK:
        options["deadline"] = 0.0
    return options


def _least(given: str | None, asked: Ask, members: int) -> str | None:
    """``min_serving`` for this gate: at least what the roll requires, even if the user's value is lower."""
    if asked.min_serving is None or (given is None and asked.stage is Stage.FINAL):
        return given  # if not given, all members
    number = str(given or 0).strip()
    share = number.endswith("%") and number[:-1].isdecimal()
    least = -(-int(number[:-1]) * members // 100) if share else int(number) if number.isdecimal() else 0
    return str(max(least, asked.min_serving)) if number.isdecimal() or share else given
