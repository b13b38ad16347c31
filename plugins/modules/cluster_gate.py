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
  - Asks every node of a Rocket.Chat cluster for C(GET /api/v1/instances.get), judges what they say, and waits until the
    cluster is as the policy wants it.
  - Before a node is taken down, O(phase=before) checks that the others carry the service. After its deployment,
    O(phase=after) checks that it is back as a new process, that the others see it, and that it stays.
  - After a deployment each target is judged, and waits, by itself. The gate passes when all are ready in one
    observation. It fails early only when no target is left that may still become ready.
  - The task fails unless the verdict is V(pass). What cannot be judged never passes.
  - The controller does the waiting. It prints a line whenever the reason to wait changes, and at least every 30
    seconds. Each observation is made where the task runs.
extends_documentation_fragment:
  - rocketops.rocketchat._attributes
  - rocketops.rocketchat._connection
attributes:
  async:
    support: none
    details:
      - Refused. The task waits by itself and says why it waits.
  check_mode:
    support: full
    details:
      - One observation and its true verdict, without a wait. A verdict of V(wait) does not fail the task then.
options:
  phase:
    description:
      - V(steady) asserts that the cluster is healthy.
      - V(before) asserts that O(targets) can be taken down, all of them together.
      - V(after) asserts that O(targets) are back.
    type: str
    choices: [steady, before, after]
    default: steady
  url:
    description:
      - Base URL of one node, or of a load balancer, with O(phase=steady) alone. That is one node's opinion.
      - When left out, the environment variable E(ROCKETCHAT_URL) is used, unless O(members) is given.
    type: str
  expected:
    description:
      - How many instances must serve. Required with O(url), and not possible with O(members).
    type: int
  members:
    description:
      - The nodes of the cluster, each with its own URL. Better than O(url), and required for V(before) and V(after).
      - When left out, O(url) is asked alone.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the node, usually its inventory name.
        type: str
        required: true
      url:
        description: Base URL of this very node, not of a load balancer.
        type: str
        required: true
  targets:
    description:
      - Names of the members that are deployed together. Required for V(before) and V(after).
    type: list
    elements: str
  out_of_rotation:
    description:
      - Names of members that are known to get no traffic from the load balancer now, such as those that a roll has
        drained and not yet readmitted. Only for V(before).
      - They never count among the others that carry the service. Where too few of the others are in rotation, the gate
        fails at once, since only a readmission changes that.
      - When left out, all members are in rotation, except those in O(keep_out).
    type: list
    elements: str
  keep_out:
    description:
      - Names of members that are kept out of rotation on purpose, in every phase.
      - They are judged as all other members are, but never count among those that must serve.
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
      - How many members must serve, a number or a percentage of all members, rounded up.
      - When left out, all members for V(steady), all others for V(before), and for V(after) as many as served before,
        the targets counted as serving. Members in O(keep_out) are left out of these numbers, but V(before) needs at
        least one other member, where there is any.
    type: str
  expected_version:
    description:
      - Full version that must run, such as V(7.11.0). For V(after) the targets are asked, for V(steady) all members.
      - When left out, versions do not matter, and V(after) cannot prove which build runs. An empty one is refused.
    type: str
  ping_interval:
    description: Seconds between two pings of an instance to the database, as the servers are configured.
    type: float
    default: 10
  max_record_age:
    description:
      - Seconds after its last ping when an instance's record is no longer fresh.
      - When left out, three times O(ping_interval).
    type: float
  links:
    description:
      - With V(connected), the members that serve must be connected to each other.
      - With V(listed), each must list the other's fresh record, for clusters whose instances do not connect.
      - With V(ignored), links are not judged.
    type: str
    choices: [connected, listed, ignored]
    default: connected
  link_memory:
    description: Seconds for which a link that was seen broken must be well before it counts again. Broken links flap.
    type: float
    default: 60
  readiness:
    description:
      - With V(required), C(/readyz) is asked as well (Rocket.Chat 7.11 and later). A node that answers 503 does not
        serve.
      - With V(ignored), it is not asked.
    type: str
    choices: [ignored, required]
    default: ignored
  upgrade_path:
    description:
      - What V(before) does with an O(expected_version) that the database may not be able to follow to. Measured from
        the newest full version that any member runs, since that one has migrated the database.
      - With V(strict), a downgrade to an older minor or major release, or back to or across a pre-release, and an
        upgrade by more than one major release fail at once. The findings C(downgrade) and C(major_skipped) can be
        waived with a reason. An older patch release is only reported.
      - Versions that are not known in full are not a reason to refuse.
    type: str
    choices: [strict, ignored]
    default: strict
  restart_required:
    description:
      - Whether each target must be a new process in V(after).
      - Set it to V(false) for a node that is already deployed, when an interrupted roll is started again. The node is
        then judged by O(expected_version), which is required, and O(before) may be left out.
    type: bool
    default: true
  restart_confirmed:
    description:
      - Confirms that the deployment has restarted the targets. Needed only where V(before) could not identify the
        process that ran then, because it hung or was down.
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
        description: Why it does not matter. It is part of the result.
        type: str
        required: true
  hold_for:
    description:
      - Seconds for which a pass must hold before the gate passes, such as after the first nodes of a roll. Only for
        V(steady). The O(deadline) begins after them. Not asked for in check mode, which makes one observation.
      - When left out, V(steady) passes at once where all is well from the first observation on.
    type: float
    default: 0
  deadline:
    description: Seconds after which the gate gives up. V(0) makes one observation and does not wait.
    type: float
    default: 600
  interval:
    description:
      - Seconds between two observations. When left out, V(5), or V(7) where the server limits the rate of calls.
    type: float
  stable_for:
    description:
      - Seconds that a process must have run, and for which a pass must hold.
      - When left out, V(30), or V(135) where the instances talk to each other over NATS.
    type: float
  progress_deadline:
    description:
      - Seconds after which the gate gives up when nothing has changed. When left out, only O(deadline) counts.
      - Time that must pass, such as O(stable_for), is not counted.
    type: float
  known_versions:
    description:
      - Full versions of processes, by instance id. A process cannot change its own, so it is not asked again.
      - For the gate itself, where it waits on the controller and observes from another host. Not for tasks.
    type: dict
  statistics_of:
    description:
      - Names of members that are also asked for their statistics, which is heavy for a server.
      - For the gate itself, where it waits on the controller and observes from another host. Not for tasks.
    type: list
    elements: str
seealso:
  - module: rocketops.rocketchat.instances_info
"""

EXAMPLES = r"""
- name: The others carry the service
  rocketops.rocketchat.cluster_gate:
    phase: before
    members: "{{ members }}"
    targets: [rc1]
    user_id: "{{ user_id }}"
    auth_token: "{{ auth_token }}"
  delegate_to: localhost
  register: before

- name: The node is back as a new process of the new version
  rocketops.rocketchat.cluster_gate:
    phase: after
    members: "{{ members }}"
    targets: [rc1]
    before: "{{ before }}"
    expected_version: 7.11.0
    user_id: "{{ user_id }}"
    auth_token: "{{ auth_token }}"
  delegate_to: localhost

- name: A health check through the load balancer
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
  description: V(pass), V(wait), V(fail) (waiting cannot cure it) or V(inconclusive) (it cannot be judged).
  type: str
  returned: always, unless the options are refused, as all below but RV(msg)
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
      C(answered_by) (the process that gave its last answer, an error included, by the header X-Instance-ID), C(date)
      (its own clock then), C(place) (host and port where they tell nodes apart), C(version), C(state), C(serving) and
      the C(reason) why it does not serve.
  type: list
  elements: dict
  returned: always
  sample:
    - {name: rc1, url: "http://10.0.0.1:3000", instance_id: 871f8be4-5fdb-45a8-868f-8d3e28a39148,
       answered_by: 871f8be4-5fdb-45a8-868f-8d3e28a39148, date: "2026-03-01T02:13:46.000Z", place: [10.0.0.1, 3000],
       version: 7.11.0, state: alive, serving: true, reason: null}
ready:
  description:
    - After a deployment, names of the targets that are ready. All is well with each of them now, and has been for
      O(stable_for), whatever the state of the other targets.
  type: list
  elements: str
  returned: always
  sample: []
failed_targets:
  description: After a deployment, names of the targets that waiting cannot make ready.
  type: list
  elements: str
  returned: always
  sample: []
pending:
  description: After a deployment, names of all other targets.
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
  description: How many have to serve.
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
    - Records that are no member's process, the worst first, each with C(instance_id), C(state) and C(place). What a
      process that has ended leaves is V(expired) until the database forgets it. At most 50.
  type: list
  elements: dict
  returned: always
  sample: [{instance_id: 2f1d8a0e-6f65-4f0c-9b37-5f1a4b0c7d21, state: expired, place: [10.0.0.1, 3000]}]
links:
  description: For each member, which others it sees.
  type: list
  elements: dict
  returned: always
  sample: [{member: rc1, sees: [rc2, rc3]}]
findings:
  description:
    - What was found, each with C(code), C(level) (V(blocking) or V(advisory)), C(member) or C(pair), C(message),
      C(expected) and C(actual).
  type: list
  elements: dict
  returned: always
  sample: []
waived:
  description: Findings that O(waive) took away.
  type: list
  elements: dict
  returned: always
  sample: []
exempt:
  description:
    - Why the others need not serve. V(target_down), V(single_node), or V(needs_restart), where only a restart cures the
      targets, and others that are as ill still serve their users. Else none.
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
  description: When the gate began, by the clock of the host that asks. None where recorded instances were judged.
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
  description: Seconds for which nothing was wrong at the end.
  type: float
  returned: always
  sample: 30.0
history:
  description: The changes on the way. The first one and the latest of the others, at most 50.
  type: list
  elements: dict
  returned: always
  contains:
    elapsed:
      description: Seconds since the gate began.
      type: float
      returned: always
    verdict:
      description: The verdict then.
      type: str
      returned: always
    msg:
      description: Its reasons.
      type: str
      returned: always
    members:
      description:
        - The targets, and those members that did not serve or that kept the gate shut, each with C(name),
          C(instance_id), C(serving), and the C(code) of the finding. All others served.
        - None where no member was seen.
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
    """One observation and its judgement; the wait is the action plugin's."""
    module = AnsibleModule(argument_spec=GATE_OBSERVATION, supports_check_mode=True)
    run_module(module, lambda params, secrets: observe_once({**params, "check_mode": module.check_mode}, secrets))


if __name__ == "__main__":
    main()
