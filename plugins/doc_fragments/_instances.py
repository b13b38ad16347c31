# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This doc fragment is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options of the modules that return instances."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  gather:
    description:
      - What to ask each node besides its instances.
      - V(version) asks C(/api/info) for the version that the node runs.
      - V(readiness) asks C(/readyz), which exists since Rocket.Chat 7.11.
    type: list
    elements: str
    choices: [version, readiness]
    default: [version]
  details:
    description:
      - Whether each instance also has C(last_heartbeat), C(pid), C(tcp_port), C(node_version), C(connections),
        C(broadcast_auth) and C(os). V(false) makes the results of large clusters much smaller.
    type: bool
    default: true
"""
