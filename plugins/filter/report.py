# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a roll as a text, from the results of its gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import told
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTATION = r"""
name: report
short_description: Tell for people how a rolling update went
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Gives a report as a text, from results of M(rocketops.rocketchat.cluster_gate) alone, also from stored ones. No
    server is asked.
  - It says first how the roll ended, where and why; then what each member did when, which members saw each
    other, which versions ran, and what to do about each finding.
positional: format
options:
  _input:
    description:
      - Results of M(rocketops.rocketchat.cluster_gate), as registered, in the order in which they came. One may also be
        its JSON as a text.
    type: list
    elements: raw
    required: true
  format:
    description:
      - V(html) is one self-contained page.
      - V(markdown) suits a merge request or a chat message.
      - V(junit) is XML for CI servers, in which each gate is a test case.
      - V(prometheus) is metrics of the last result, for the textfile collector of Prometheus' node exporter.
      - V(json) is the results themselves, to be stored.
    type: str
    choices: [html, markdown, junit, prometheus, json]
    default: html
seealso:
  - module: rocketops.rocketchat.report
  - module: rocketops.rocketchat.cluster_gate
"""

EXAMPLES = r"""
- name: Tell the room how the roll went
  ansible.builtin.uri:
    url: "{{ incoming_webhook }}"
    method: POST
    body_format: json
    body:
      text: "{{ [before, after] | rocketops.rocketchat.report('markdown') }}"
  delegate_to: localhost

- name: Look at a roll that was stored
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'roll.json') | from_json | rocketops.rocketchat.report }}"
    dest: roll.html
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The report. Nothing in it is ever taken for a template.
  type: str
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"report": report}


def report(results: Any, format: str = "html") -> str:
    try:
        text: str = untrusted(told(results, format))
    except ValueError as error:
        raise AnsibleFilterError(f"report: {error}") from None
    return text
