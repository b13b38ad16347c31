# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This doc fragment is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options for the nodes to ask, and for the age from which a record is no longer fresh."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Base URL of the node to ask, such as V(http://rc1.example.com:3000). May have a path.
      - When left out, the environment variable E(ROCKETCHAT_URL) is used, unless O(members) is given.
    type: str
  members:
    description:
      - The nodes of the cluster, each with its own URL. All are asked at the same time. The task fails only if none of
        them answers.
      - Mutually exclusive with O(url).
      - When left out, only O(url) is asked, and the result is what that one node lists.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the node, usually its inventory name.
        type: str
        required: true
      url:
        description: Base URL of the node itself, not of a load balancer.
        type: str
        required: true
  ping_interval:
    description:
      - Seconds between two pings of an instance to the database, as configured on the servers.
    type: float
    default: 10.0
  max_record_age:
    description:
      - Age of an instance's last ping, in seconds, from which its record is no longer fresh.
      - When left out, three times O(ping_interval).
    type: float
"""
