# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options of a watch, in the form that the functions for the gate's options expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE_ONLY, WATCH
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated


def watch_params(args: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The validated options. Options of the watch itself override those in ``policy``.

    Options in ``policy`` that only a gate has are ignored, so that one variable can be used for both. A watch has their
    defaults, and no deadline. ``secrets`` gets the secret options. Raises :class:`OptionsError`.
    """
    policy = args.get("policy")
    shared = {n: v for n, v in policy.items() if n not in GATE_ONLY} if isinstance(policy, Mapping) else {}
    return {**validated(GATE_ONLY, {"deadline": 0}, set()), **validated(WATCH, {**shared, **args}, secrets)}
