#!/usr/bin/python
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_gate
short_description: Wait until a Rocket.Chat cluster allows the next step of a rolling deployment
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Asks every node of a Rocket.Chat cluster for C(GET /api/v1/instances.get), judges the answers, and waits until the
    cluster meets the policy.
  - Before a node is taken down, O(phase=before) checks that the other nodes can carry the service. After its
    deployment, O(phase=after) checks that it runs as a new process, that the other nodes are connected to it, and that
    this stays so.
  - The task fails unless the verdict is V(pass). A cluster that cannot be judged never passes.
  - After a deployment, each target is judged separately. The gate passes when all targets are ready in one
    observation. It fails early only when every target that is not ready has failed permanently.
  - The wait takes place on the controller. It prints a line whenever the reason to wait changes, and at least every
    30 seconds. The nodes are asked from the host where the task runs.
extends_documentation_fragment:
  - rocketops.rocketchat._attributes
  - rocketops.rocketchat._connection
attributes:
  async:
    support: none
    details:
      - Refused. The task waits itself and prints why it waits.
  check_mode:
    support: full
    details:
      - One observation is made and judged, without a wait. A verdict of V(wait) then does not fail the task.
options:
  phase:
    description:
      - V(steady) checks that the cluster is healthy.
      - V(before) checks that O(targets) can be taken down, all at the same time.
      - V(after) checks that O(targets) are healthy after their deployment.
    type: str
    choices: [steady, before, after]
    default: steady
  url:
    description:
      - Base URL of one node, or of a load balancer. Only for O(phase=steady), and the result is the view of one node.
      - When left out, the environment variable E(ROCKETCHAT_URL) is used, unless O(members) is given.
    type: str
  expected:
    description:
      - How many instances must serve. Required with O(url), and refused with O(members).
    type: int
  members:
    description:
      - The nodes of the cluster, each with its own URL. Preferred to O(url), and required for V(before) and V(after).
      - When left out, only O(url) is asked.
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
  targets:
    description:
      - Names of the members that are deployed together. Required for V(before) and V(after).
    type: list
    elements: str
  out_of_rotation:
    description:
      - Names of members that get no traffic from the load balancer now, such as those that a roll has drained and not
        yet readmitted. Only for V(before).
      - They do not count among the other members that carry the service. If too few of those are in rotation, the gate
        fails at once, since waiting does not change that.
      - When left out, all members are in rotation, except those in O(keep_out).
    type: list
    elements: str
  keep_out:
    description:
      - Names of members that are kept out of rotation on purpose, in every phase.
      - They are judged like all other members, but do not count among those that must serve.
      - Other members need not be linked to them, unless they are targets themselves.
      - When left out, no member is kept out.
    type: list
    elements: str
  before:
    description:
      - The registered result of the gate with O(phase=before), run right before the deployment.
      - Required for V(after).
    type: dict
  min_serving:
    description:
      - How many members must serve, as a number or as a percentage of all members, rounded up.
      - When left out, V(steady) needs all members, V(before) needs all members except the targets, and V(after) needs
        as many as served before, with the targets counted as serving. Members in O(keep_out) are not counted, but
        V(before) needs at least one member besides the targets if there is one.
    type: str
  expected_version:
    description:
      - Full version that must run, such as V(7.11.0). V(after) checks the targets, V(steady) checks all members.
      - When left out, versions are not checked, and V(after) cannot prove which version runs. An empty value is
        refused.
    type: str
  ping_interval:
    description: Seconds between two pings of an instance to the database, as configured on the servers.
    type: float
    default: 10
  max_record_age:
    description:
      - Age of an instance's last ping, in seconds, from which its record is no longer fresh.
      - When left out, three times O(ping_interval).
    type: float
  links:
    description:
      - How the links between the members that serve are judged.
      - With V(connected), they must be connected to each other.
      - With V(listed), each must list a fresh record of the other, for clusters whose instances do not connect to each
        other.
      - With V(ignored), links are not judged.
    type: str
    choices: [connected, listed, ignored]
    default: connected
  link_memory:
    description:
      - Seconds for which a link must be good, after it was seen broken, before it counts again. Broken links often
        come and go.
    type: float
    default: 60
  readiness:
    description:
      - With V(ignored), C(/readyz) is not asked.
      - With V(required), C(/readyz) is also asked (Rocket.Chat 7.11 and later). A node that answers 503 does not serve.
    type: str
    choices: [ignored, required]
    default: ignored
  upgrade_path:
    description:
      - Whether V(before) refuses an O(expected_version) that may not run on the database. It is compared with the
        newest full version that any member runs, since that version has migrated the database.
      - With V(strict), the gate fails at once for a downgrade to an older minor or major release, for a downgrade to
        or across a pre-release, and for an upgrade that skips a major release. The findings C(downgrade) and
        C(major_skipped) can be waived with a reason. An older patch release is only reported.
      - With V(ignored), versions are not compared.
      - A running version that is not known in full is not compared either.
    type: str
    choices: [strict, ignored]
    default: strict
  restart_required:
    description:
      - Whether each target must be a new process in V(after).
      - Set it to V(false) for a node that is already deployed when an interrupted roll is started again. The node is
        then judged by O(expected_version), which is required, and O(before) may be left out.
    type: bool
    default: true
  restart_confirmed:
    description:
      - Confirms that the deployment has restarted the targets. Needed only if V(before) could not identify the
        process that ran then, such as one that did not answer.
    type: bool
    default: false
  waive:
    description:
      - Findings that do not block the gate. They are returned in C(waived). When left out, no finding is waived.
    type: list
    elements: dict
    suboptions:
      code:
        description: Code of the finding.
        type: str
        required: true
      member:
        description: The member that the finding is about.
        type: str
      pair:
        description: The two members that the finding is about.
        type: list
        elements: str
      reason:
        description: Why the finding does not matter. It is part of the result.
        type: str
        required: true
  hold_for:
    description:
      - Seconds for which the cluster must stay healthy before the gate passes, such as after the first nodes of a roll.
        Only for V(steady). The O(deadline) begins after them. Not used in check mode, which makes one observation.
      - When left out, V(steady) passes at the first observation if the cluster is healthy.
    type: float
    default: 0
  deadline:
    description: Seconds after which the gate gives up. V(0) makes one observation and does not wait.
    type: float
    default: 600
  interval:
    description:
      - Seconds between two observations.
      - When left out, V(5), or V(7) if the server limits the rate of calls.
    type: float
  stable_for:
    description:
      - Seconds that a process must have run, and for which a pass must hold, before the gate passes.
      - When left out, V(30), or V(135) if the instances use NATS.
    type: float
  progress_deadline:
    description:
      - Seconds without a change after which the gate gives up. Time that must pass, such as O(stable_for), is not
        counted.
      - When left out, only O(deadline) counts.
    type: float
  known_versions:
    description:
      - Full versions of processes that are already known, by instance id. These processes are not asked again, since
        the version of a process does not change.
      - Set by the gate itself when it waits on the controller and observes from another host. Do not set it in tasks.
    type: dict
  statistics_of:
    description:
      - Names of members that are also asked for their statistics, which is a heavy call for a server.
      - Set by the gate itself when it waits on the controller and observes from another host. Do not set it in tasks.
    type: list
    elements: str
seealso:
  - module: rocketops.rocketchat.instances_info
"""

EXAMPLES = r"""
- name: Wait until the other nodes can carry the service
  rocketops.rocketchat.cluster_gate:
    phase: before
    members: "{{ members }}"
    targets: [rc1]
    user_id: "{{ user_id }}"
    auth_token: "{{ auth_token }}"
  delegate_to: localhost
  register: before

- name: Wait until the node runs the new version as a new process
  rocketops.rocketchat.cluster_gate:
    phase: after
    members: "{{ members }}"
    targets: [rc1]
    before: "{{ before }}"
    expected_version: 7.11.0
    user_id: "{{ user_id }}"
    auth_token: "{{ auth_token }}"
  delegate_to: localhost

- name: Check the cluster's health through the load balancer
  rocketops.rocketchat.cluster_gate:
    url: https://chat.example.com
    expected: 3
    deadline: 0
    user_id: "{{ user_id }}"
    auth_token: "{{ auth_token }}"
  delegate_to: localhost
"""

RETURN = r"""
verdict:
  description:
    - V(pass), V(wait), V(fail) (waiting does not help) or V(inconclusive) (the cluster cannot be judged).
    - If the options are refused, RV(msg) is the only value returned.
  type: str
  returned: always, unless the options are refused
  sample: pass
msg:
  description: The verdict and its reasons in one line.
  type: str
  returned: always
  sample: >-
    2 of 3 members serve, 3 needed: rc2 unreachable (connection refused); waited 600 s, the deadline of 600 s is over
phase:
  description: The phase that was judged.
  type: str
  returned: always
  sample: before
targets:
  description: The members that are deployed.
  type: list
  elements: str
  returned: always
  sample: [rc1]
members:
  description:
    - Each member with C(name), C(url), C(instance_id) (its process, or the last one that this gate knew),
      C(answered_by) (the process that gave its last answer, errors included, according to the header X-Instance-ID),
      C(date) (its own clock then), C(place) (host and port, if they identify the node), C(version), C(state),
      C(serving) and the C(reason) why it does not serve.
  type: list
  elements: dict
  returned: always
  sample:
    - {name: rc1, url: "http://10.0.0.1:3000", instance_id: 871f8be4-5fdb-45a8-868f-8d3e28a39148,
       answered_by: 871f8be4-5fdb-45a8-868f-8d3e28a39148, date: "2026-03-01T02:13:46.000Z", place: [10.0.0.1, 3000],
       version: 7.11.0, state: alive, serving: true, reason: null}
ready:
  description:
    - After a deployment, names of the targets that are ready. Each of them meets all conditions now, and has for
      O(stable_for), whatever the state of the other targets.
  type: list
  elements: str
  returned: always
  sample: []
failed_targets:
  description: After a deployment, names of the targets that do not become ready, however long the gate waits.
  type: list
  elements: str
  returned: always
  sample: []
pending:
  description: After a deployment, names of the targets that are neither ready nor failed.
  type: list
  elements: str
  returned: always
  sample: []
serving:
  description: Names of the members that serve.
  type: list
  elements: str
  returned: always
  sample: [rc1, rc2, rc3]
needed:
  description: How many members must serve.
  type: int
  returned: always
  sample: 3
ids:
  description: Ids of all instances that any member lists, and of all processes that answered.
  type: list
  elements: str
  returned: always
  sample: [871f8be4-5fdb-45a8-868f-8d3e28a39148]
unclaimed:
  description:
    - Records of processes that belong to no member, the worst first, each with C(instance_id), C(state) and C(place).
      The record of a process that has ended is V(expired) until the database removes it. At most 50.
  type: list
  elements: dict
  returned: always
  sample: [{instance_id: 2f1d8a0e-6f65-4f0c-9b37-5f1a4b0c7d21, state: expired, place: [10.0.0.1, 3000]}]
links:
  description: For each member, the other members that it sees.
  type: list
  elements: dict
  returned: always
  sample: [{member: rc1, sees: [rc2, rc3]}]
findings:
  description:
    - The findings, each with C(code), C(level) (V(blocking) or V(advisory)), C(member) or C(pair), C(message),
      C(expected) and C(actual).
  type: list
  elements: dict
  returned: always
  sample: []
waived:
  description: Findings that do not block the gate because of O(waive).
  type: list
  elements: dict
  returned: always
  sample: []
exempt:
  description:
    - Why the other members need not serve, or none. V(target_down), V(single_node), or V(needs_restart) if only a
      restart cures the targets, and others with the same fault still serve their users.
  type: str
  returned: always
  sample: null
next_safe:
  description: Members that could be taken down now, one at a time, those that do not serve first.
  type: list
  elements: str
  returned: always
  sample: [rc1, rc2, rc3]
safe_batch:
  description: How many serving members could be taken down together.
  type: int
  returned: always
  sample: 2
observations:
  description: How many observations were made.
  type: int
  returned: always
  sample: 9
began:
  description: When the gate began, by the clock of the host that asks. None if recorded instances were judged.
  type: str
  returned: always
  sample: "2026-03-01T02:13:05.417Z"
ended:
  description: When the last observation was made, by the same clock.
  type: str
  returned: always
  sample: "2026-03-01T02:13:46.617Z"
elapsed:
  description: Seconds that the gate took.
  type: float
  returned: always
  sample: 41.2
stable:
  description: Seconds for which all conditions held at the end.
  type: float
  returned: always
  sample: 30.0
history:
  description: The changes during the wait, at most 50. The first one is always among them, then the latest.
  type: list
  elements: dict
  returned: always
  contains:
    elapsed:
      description: Seconds since the gate began.
      type: float
      returned: always
    verdict:
      description: The verdict at that time.
      type: str
      returned: always
    msg:
      description: Its reasons.
      type: str
      returned: always
    members:
      description:
        - The targets, and the members that did not serve or that blocked the gate, each with C(name), C(instance_id),
          C(serving), and the C(code) of the finding. All other members served.
        - None if no member was seen.
      type: list
      elements: dict
      returned: always
  sample:
    - elapsed: 0.0
      verdict: wait
      msg: "2 of 3 members serve, 3 needed: rc1 unreachable (connection refused)"
      members: [{name: rc1, instance_id: null, serving: false, code: unreachable}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE_OBSERVATION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.task import observe_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._module import run_module


def main() -> None:
    """Make and judge one observation; the action plugin does the waiting."""
    module = AnsibleModule(argument_spec=GATE_OBSERVATION, supports_check_mode=True)
    run_module(module, lambda params, secrets: observe_once({**params, "check_mode": module.check_mode}, secrets))


if __name__ == "__main__":
    main()
