# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options with the defaults of the argument spec, for tests that set only some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import CONNECTION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access

if TYPE_CHECKING:
    from collections.abc import Mapping


def left_out(spec: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Validated options as from Ansible, of which only these are set."""
    unknown = options.keys() - spec
    assert not unknown, f"the argument spec has no options {', '.join(sorted(unknown))}"
    return {**{name: option.get("default") for name, option in spec.items()}, **options}


def access_with(**options: Any) -> Access:
    return Access(**left_out(CONNECTION, **options))
