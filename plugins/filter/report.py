# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that makes the report of a roll, as a string, from the results of its gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import report_text
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTATION = r"""
name: report
short_description: Make a report about a rolling update
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Returns a report as a string, from registered or stored results of M(rocketops.rocketchat.cluster_gate). No server
    is asked.
  - The report begins with how the roll ended, where and why. Then it shows what happened to each member and when, which
    members saw each other, which versions ran, and what to do about each finding.
positional: format
options:
  _input:
    description:
      - Registered results of M(rocketops.rocketchat.cluster_gate), in the order in which the gates ran. A result may
        also be a string with its JSON.
    type: list
    elements: raw
    required: true
  format:
    description:
      - V(html) is one page that needs no other file.
      - V(markdown) is for a merge request or a chat message.
      - V(junit) is XML for CI servers, in which each gate is a test case.
      - V(prometheus) is metrics of the last result, for the textfile collector of Prometheus' node exporter.
      - V(json) is the results themselves, for storage.
    type: str
    choices: [html, markdown, junit, prometheus, json]
    default: html
seealso:
  - module: rocketops.rocketchat.report
  - module: rocketops.rocketchat.cluster_gate
"""

EXAMPLES = r"""
- name: Post the report to a chat room
  ansible.builtin.uri:
    url: "{{ incoming_webhook }}"
    method: POST
    body_format: json
    body:
      text: "{{ [before, after] | rocketops.rocketchat.report('markdown') }}"
  delegate_to: localhost

- name: Write the report of a stored roll
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'roll.json') | from_json | rocketops.rocketchat.report }}"
    dest: roll.html
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The report. It is never evaluated as a template.
  type: str
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"report": report}


def report(results: Any, format: str = "html") -> str:
    try:
        text: str = untrusted(report_text(results, format))
    except ValueError as error:
        raise AnsibleFilterError(f"report: {error}") from None
    return text
