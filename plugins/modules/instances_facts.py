#!/usr/bin/python
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instances_facts
short_description: Gather facts about a Rocket.Chat cluster
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Asks one node, or every node, of a Rocket.Chat cluster for C(GET /api/v1/instances.get) and sets the fact
    C(ansible_facts.rocketchat).
  - Can be named in C(FACTS_MODULES), so that the fact is set whenever facts are gathered. Its options then come from
    C(module_defaults), or from environment variables of the host where the module runs.
  - Ansible makes a variable of each fact (C(INJECT_FACTS_AS_VARS), on by default), and facts override variables of the
    inventory. A group or host variable called C(rocketchat), such as a dictionary of your own settings, is therefore
    replaced by the fact for the rest of the run, without a warning. Give that variable another name, or set
    C(inject_facts_as_vars=false) in C(ansible.cfg); the fact is then in C(ansible_facts.rocketchat) only. Variables of
    the play and of the command line are not replaced.
extends_documentation_fragment:
  - rocketops.rocketchat._attributes
  - rocketops.rocketchat._connection
  - rocketops.rocketchat._nodes
  - rocketops.rocketchat._instances
attributes:
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: full
seealso:
  - module: rocketops.rocketchat.instances_info
  - module: rocketops.rocketchat.cluster_gate
"""

EXAMPLES = r"""
- name: Gather what the node knows about its cluster
  rocketops.rocketchat.instances_facts:
    url: "http://{{ inventory_hostname }}:3000"
    user_id: "{{ rocketchat_user_id }}"
    auth_token: "{{ rocketchat_auth_token }}"
  delegate_to: localhost

- name: Show the version of this node
  ansible.builtin.debug:
    var: ansible_facts.rocketchat.version
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  type: dict
  returned: always, unless the options are refused
  contains:
    rocketchat:
      description: The cluster as the asked nodes see it.
      type: dict
      returned: always
      contains:
        instances:
          description:
            - The instances listed, ordered by id. With O(members), each instance as its own node sees it. If that node
              did not answer, the worst state that another node sees.
          type: list
          elements: dict
          returned: always
          contains:
            id:
              description: Id of the process, new at every start.
              type: str
              returned: always
              sample: 871f8be4-5fdb-45a8-868f-8d3e28a39148
            name:
              description: V(rocket.chat), or V(ddp-streamer) for a microservice.
              type: str
              returned: always
              sample: rocket.chat
            host:
              description: Host that the process says it runs on. Often V(localhost), which means nothing.
              type: str
              returned: always
              sample: localhost
            port:
              description: Port of the web server, none if the server does not know it.
              type: int
              returned: always
              sample: 3000
            address:
              description: Address at which the asked node reaches the instance, none if it does not reach it.
              type: str
              returned: always
              sample: localhost
            connected:
              description: Whether the asked node reaches the instance. None if a server before 6 does not say.
              type: bool
              returned: always
              sample: true
            local:
              description: Whether the instance is the asked node itself. None if the answer of a server before 6 does
                not say.
              type: bool
              returned: always
              sample: true
            last_heartbeat:
              description: Uptime of the asked node, in seconds, when it last heard from the instance. This is not an
                age.
              type: float
              returned: if O(details=true)
              sample: 16
            created_at:
              description: When the process registered, by the database's clock.
              type: str
              returned: always
              sample: "2024-05-22T11:14:11.845Z"
            updated_at:
              description: When the process last pinged its record, by the database's clock.
              type: str
              returned: always
              sample: "2024-07-05T02:55:40.526Z"
            version:
              description: Version of Rocket.Chat. None if the instance itself was not asked.
              type: str
              returned: always
              sample: 7.11.0
            age:
              description:
                - Seconds since the last ping. Measured from the newest ping of the nodes that answered. If none of them
                  lists itself, from the C(Date) of an answer.
              type: float
              returned: always
              sample: 0.0
            state:
              description:
                - V(alive) is the only good state.
                - V(isolated) pings the database, but the asked node does not reach it.
                - V(stalled) no longer pings, but its socket is open. It hangs or is paused.
                - V(expired) is dead, and its record has not been removed yet. An instance that looks isolated is also
                  expired if another one is alive at its host and port.
                - V(ghost) has a ping in the future, and its record is never removed.
              type: str
              returned: always
              sample: alive
            pid:
              description: Process id, V(1) in a container.
              type: int
              returned: if O(details=true)
              sample: 1
            tcp_port:
              description: Port for other instances, none if they use NATS.
              type: int
              returned: if O(details=true)
              sample: 46443
            node_version:
              description: Version of Node.js, not of Rocket.Chat.
              type: str
              returned: if O(details=true)
              sample: v14.21.3
            connections:
              description: Number of client connections, up to 30 seconds old. None until the first one.
              type: int
              returned: if O(details=true)
              sample: 1
            broadcast_auth:
              description: Whether the instances trust each other. Means nothing since Rocket.Chat 6.
              type: bool
              returned: if O(details=true)
              sample: true
            os:
              description: The operating system when the process started. Memory in bytes, uptime in seconds.
              type: dict
              returned: if O(details=true)
              sample:
                type: Linux
                platform: linux
                arch: x64
                release: 5.10.165-143.735.amzn2.x86_64
                uptime: 8455403.28
                load_average: [0.41, 0.17, 0.15]
                total_memory: 4110323712
                free_memory: 198479872
                cpus: 2
        cluster:
          description: The numbers of instances, and what was asked besides them.
          type: dict
          returned: always
          contains:
            total:
              description: Number of instances listed, dead ones included.
              type: int
              returned: always
              sample: 1
            alive:
              description: Number of instances in the state V(alive).
              type: int
              returned: always
              sample: 1
            isolated:
              description: Number of instances in the state V(isolated).
              type: int
              returned: always
              sample: 0
            stalled:
              description: Number of instances in the state V(stalled).
              type: int
              returned: always
              sample: 0
            expired:
              description: Number of instances in the state V(expired).
              type: int
              returned: always
              sample: 0
            ghost:
              description: Number of instances in the state V(ghost).
              type: int
              returned: always
              sample: 0
            ghosts:
              description: Ids of the ghosts.
              type: list
              elements: str
              returned: always
              sample: []
            microservices:
              description: Whether the servers run as microservices. Then the list lacks the nodes.
              type: bool
              returned: always
              sample: false
            answered_by:
              description: Instance ids of the processes that answered.
              type: list
              elements: str
              returned: always
              sample: [871f8be4-5fdb-45a8-868f-8d3e28a39148]
            versions:
              description: The versions of Rocket.Chat that the asked nodes run. Empty without V(version) in O(gather).
              type: list
              elements: str
              returned: always
              sample: ["7.11.0"]
            ready:
              description:
                - Whether all nodes that answered are ready. None without V(readiness) in O(gather), or if a node does
                  not say.
              type: bool
              returned: always
              sample: null
        answered_by:
          description: Instance id of the process that answered, from the header X-Instance-ID, or from its list if the
            header is missing. None with O(members).
          type: str
          returned: always
          sample: 871f8be4-5fdb-45a8-868f-8d3e28a39148
        local:
          description: The entry of C(instances) of the process that answered. None with O(members), or if it does not
            list itself.
          type: dict
          returned: always
          sample:
            id: 871f8be4-5fdb-45a8-868f-8d3e28a39148
            state: alive
        version:
          description: Version of Rocket.Chat that the asked node runs. None with O(members), or if it is not known.
          type: str
          returned: always
          sample: 7.11.0
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import INSTANCES
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import instances_facts
from ansible_collections.rocketops.rocketchat.plugins.module_utils._module import run_module


def main() -> None:
    run_module(AnsibleModule(argument_spec=INSTANCES, supports_check_mode=True), instances_facts)


if __name__ == "__main__":
    main()
