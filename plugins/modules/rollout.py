#!/usr/bin/python
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Decide the next step of a rolling update
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - What the playbook C(rocketops.rocketchat.rolling_update) asks after each step. It waits for the gates that come
    next, decides, and answers which hosts run which of the user's hooks.
  - It reads the variables C(rolling_update_) and C(health_gate_) of the play, and keeps what has happened in a file
    that Ansible removes at the end of its run.
  - It is of no use outside that playbook. For gates in a playbook of your own use M(rocketops.rocketchat.cluster_gate)
    or the role P(rocketops.rocketchat.health_gate#role).
extends_documentation_fragment:
  - rocketops.rocketchat._attributes
attributes:
  action:
    description: Has an action plugin that does parts of the work on the controller.
    support: full
    details:
      - All is done on the controller; where the nodes are asked from another host, M(rocketops.rocketchat.cluster_gate)
        makes each observation there.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - The gates ask once and do not wait. The hooks run in check mode.
options:
  point:
    description:
      - Where the playbook is.
      - V(checks) answers with what the ready-made hooks of each host check.
      - V(start) checks all that can be known before the first node is drained, and fails with all reasons.
      - V(turn) answers with the next step.
      - V(put_back) begins the play in which members are only put back into rotation.
      - V(end) says how the roll ended, and fails if it did not go well.
    type: str
    choices: [checks, start, turn, put_back, end]
    required: true
  hosts:
    description:
      - With V(turn), the hosts that take this turn beside the one that asks. A step for other hosts is put off.
      - If it is left out, all hosts of the play take it.
    type: list
    elements: str
seealso:
  - module: rocketops.rocketchat.cluster_gate
"""

EXAMPLES = r"""
- name: Decide on the next step
  rocketops.rocketchat.rollout:
    point: turn
  delegate_to: localhost
  run_once: true
  register: rolling_update_answer
"""

RETURN = r"""
msg:
  description: The step in a few words, or why the roll does not start, or how it ended.
  type: str
  returned: always
  sample: drain rc1
files:
  description: For each host with something to do, the files of tasks that it includes.
  type: dict
  returned: success
  sample: {"rc1": ["/srv/deploy/rocketchat.yml", "flush.yml"]}
entries:
  description: For each host with a ready-made hook to run, the entry points of the role C(rocketops.rocketchat.hooks).
  type: dict
  returned: success
  sample: {"rc1": ["drain_haproxy"]}
turns:
  description: For each host that takes turns then, those that it takes, each as the hosts of its batch.
  type: dict
  returned: success
  sample: {"rc1": [["rc1"], ["rc2"]], "rc2": [["rc2"]]}
hooks:
  description: All files of hooks.
  type: list
  elements: str
  returned: success
  sample: [/srv/deploy/rocketchat.yml]
next:
  description: The file of tasks of the playbook that all hosts go on with.
  type: str
  returned: success
  sample: turns.yml
mark:
  description: What a host notes if it does not finish the step.
  type: str
  returned: success
  sample: 0d4c7f8f0ff14b5c8f9e8c1f6c3b2a10/3
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import ROLLOUT


def main() -> None:
    """For its documentation and its options; the work is the action plugin's."""
    module = AnsibleModule(argument_spec=ROLLOUT, supports_check_mode=True)
    module.fail_json(msg="rollout works on the controller only")


if __name__ == "__main__":
    main()
