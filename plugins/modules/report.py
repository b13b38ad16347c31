#!/usr/bin/python
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write a report about a rolling update
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Writes a report to files on the controller, from registered or stored results of
    M(rocketops.rocketchat.cluster_gate). No server is asked.
  - The report begins with how the roll ended, where and why. Then it shows what happened to each member and when, which
    members saw each other, which versions ran, and what to do about each finding. The HTML page needs no network and no
    script.
  - A file that cannot be written, an unknown file extension, or results that cannot be read cause a warning instead of
    a failure, since a report must not stop a roll.
  - The role P(rocketops.rocketchat.health_gate#role) writes the report itself with C(health_gate_report).
attributes:
  action:
    description: Has an action plugin that does parts of the work on the controller.
    support: full
    details:
      - All is done on the controller, in Ansible's own process, whatever the task's host, connection and privileges.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates
      no change.
    support: none
    details:
      - The files are written again each time.
  platform:
    description: Target OS/families that can be operated against.
    platforms: posix
    support: full
options:
  results:
    description:
      - Registered results of M(rocketops.rocketchat.cluster_gate), in the order in which the gates ran. A result may
        also be a string with its JSON.
    type: list
    elements: raw
    required: true
  dest:
    description:
      - Files to write, relative to the folder where Ansible was started. Missing folders are created.
      - The file extension chooses the format. C(.html) is a page, C(.md) is Markdown, C(.xml) is JUnit XML, C(.prom)
        is metrics of the last result for the textfile collector of Prometheus' node exporter, and C(.json) is the
        results themselves.
    type: list
    elements: path
    required: true
seealso:
  - plugin: rocketops.rocketchat.report
    plugin_type: filter
  - module: rocketops.rocketchat.cluster_gate
"""

EXAMPLES = r"""
- name: Write a report about a restart
  rocketops.rocketchat.report:
    results: "{{ [before, after] }}"
    dest:
      - restart.html
      - restart.xml
  run_once: true
"""

RETURN = r"""
paths:
  description: The files that were written.
  type: list
  elements: str
  returned: success
  sample: [/home/ops/restart.html, /home/ops/restart.xml]
msg:
  description: The files that were written, in one line.
  type: str
  returned: always
  sample: "written: /home/ops/restart.html, /home/ops/restart.xml"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import REPORT


def main() -> None:
    """Hold the documentation and the options; the action plugin does the work."""
    module = AnsibleModule(argument_spec=REPORT, supports_check_mode=True)
    module.fail_json(msg="report works on the controller only")


if __name__ == "__main__":
    main()
