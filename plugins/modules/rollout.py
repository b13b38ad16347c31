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
  - The playbook C(rocketops.rocketchat.rolling_update) runs this module after each step. It waits for the next gates,
    decides, and returns which hosts run which of the user's hooks.
  - It reads the variables C(rolling_update_*) and C(health_gate_*) of the play, and keeps its state in a file that
    Ansible removes at the end of its run.
  - It is not useful outside that playbook. For gates in a playbook of your own, use
    M(rocketops.rocketchat.cluster_gate) or the role P(rocketops.rocketchat.health_gate#role).
extends_documentation_fragment:
  - rocketops.rocketchat._attributes
attributes:
  action:
    description: Has an action plugin that does parts of the work on the controller.
    support: full
    details:
      - All is done on the controller. If the nodes are asked from another host, M(rocketops.rocketchat.cluster_gate)
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
      - The point that the playbook has reached.
      - V(checks) returns the checks of each host's ready-made hooks.
      - V(start) checks everything that can be checked before the first node is drained, and fails with all reasons.
      - V(turn) returns the next step.
      - V(put_back) begins the play that only puts members back into rotation.
      - V(end) says how the roll ended, and fails if the roll did not succeed.
    type: str
    choices: [checks, start, turn, put_back, end]
    required: true
  hosts:
    description:
      - With V(turn), the hosts that take this turn together with the host of the task. A step for other hosts waits for
        a later turn.
      - When left out, all hosts of the play take this turn.
    type: list
    elements: str
seealso:
  - module: rocketops.rocketchat.cluster_gate
"""

EXAMPLES = r"""
- name: Decide the next step
  rocketops.rocketchat.rollout:
    point: turn
  delegate_to: localhost
  run_once: true
  register: rolling_update_answer
"""

RETURN = r"""
msg:
  description: The step in a few words, why the roll does not start, or how it ended.
  type: str
  returned: always
  sample: drain rc1
files:
  description: For each host that has something to do, the task files that it includes.
  type: dict
  returned: success
  sample: {"rc1": ["/srv/deploy/rocketchat.yml", "flush.yml"]}
entries:
  description: For each host that runs a ready-made hook, the entry points of the role C(rocketops.rocketchat.hooks).
  type: dict
  returned: success
  sample: {"rc1": ["drain_haproxy"]}
turns:
  description: For each host that takes turns in this play, its turns, each as the list of hosts in its batch.
  type: dict
  returned: success
  sample: {"rc1": [["rc1"], ["rc2"]], "rc2": [["rc2"]]}
hooks:
  description: The task files of all hooks.
  type: list
  elements: str
  returned: success
  sample: [/srv/deploy/rocketchat.yml]
next:
  description: The playbook's task file with which all hosts continue.
  type: str
  returned: success
  sample: turns.yml
mark:
  description: The mark that a host records if it does not finish the step.
  type: str
  returned: success
  sample: 0d4c7f8f0ff14b5c8f9e8c1f6c3b2a10/3
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import ROLLOUT


def main() -> None:
    """Hold the documentation and the options; the action plugin does the work."""
    module = AnsibleModule(argument_spec=ROLLOUT, supports_check_mode=True)
    module.fail_json(msg="rollout works on the controller only")


if __name__ == "__main__":
    main()
