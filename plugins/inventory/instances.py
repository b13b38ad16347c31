# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin: the hosts of a Rocket.Chat cluster, from the cluster's own list of instances."""

from __future__ import annotations

DOCUMENTATION = r"""
name: instances
short_description: Hosts from the list of instances of a Rocket.Chat cluster
version_added: 1.0.0
author: Rocketops contributors (@rocketops)
description:
  - Asks one or more nodes of a Rocket.Chat cluster for C(GET /api/v1/instances.get), and adds a host for every instance
    that they list.
  - The name of the configuration file must end in C(rocketchat.yml) or C(rocketchat.yaml).
  - Do not use these hosts as the members of M(rocketops.rocketchat.cluster_gate). A node that is down disappears from
    the list after a few minutes, and a gate would not notice that it is missing. Members must be declared.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - rocketops.rocketchat._connection
  - rocketops.rocketchat._nodes
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [rocketops.rocketchat.instances]
  states:
    description:
      - The states of the instances that become hosts, as described in
        RV(rocketops.rocketchat.instances_info#module:instances[].state). By default, dead records (V(expired)) and
        records with a ping in the future (V(ghost)) do not become hosts.
    type: list
    elements: str
    choices: [alive, isolated, stalled, expired, ghost]
    default: [alive, isolated, stalled]
  filters:
    description:
      - Selects among these instances. Each entry has either C(include) or C(exclude), with a Jinja expression over the
        values of the instance, such as C(version == '7.11.0'). The first expression that is true decides.
      - Instances for which no expression is true become hosts. To exclude them, end the list with C(exclude=true).
    type: list
    elements: dict
    default: []
    suboptions:
      include:
        description: Instances for which this expression is true become hosts.
        type: str
      exclude:
        description: Instances for which this expression is true do not become hosts.
        type: str
  hostnames:
    description:
      - Names for the host, in order of preference. Each entry is the name of a value of the instance, or a Jinja
        expression over its values. Values that the instance does not have are undefined.
      - A name that two instances share, or that is not a usable host name (such as V(localhost) or V(undefined)), is
        not used. Then the next entry is tried, and last the id of the instance.
    type: list
    elements: str
    default: [host]
  ansible_host:
    description:
      - Values for the variable C(ansible_host), in order of preference, with entries as in O(hostnames). The first one
        that is a usable host name or address is taken. If there is none, the variable is not set.
    type: list
    elements: str
    default: [host, address]
  prefix:
    description: Prefix of the names of the host variables and of the groups for each state.
    type: str
    default: rocketchat_
  group:
    description: The group of all hosts. It has a child group for each of O(states), named O(prefix) plus the state.
    type: str
    default: rocketchat
  fallback_to_cache:
    description:
      - Whether to use the last answer, however old, with a warning when no node answers. That answer is kept beside the
        cache and does not expire.
      - Needs a O(cache_plugin) whose data is kept after the run, such as P(ansible.builtin.jsonfile#cache).
      - Has no effect with C(--flush-cache).
    type: bool
    default: false
notes:
  - The options that M(rocketops.rocketchat.instances_info) also has can be templates, with lookups and extra variables.
  - The values of an instance are those of RV(rocketops.rocketchat.instances_info#module:instances). The names of the
    host variables begin with O(prefix). The values are never evaluated as templates.
  - C(host) and C(address) can come from C(INSTANCE_IP) of a server. Here they are only the host, without the scheme,
    the brackets and the port that may be set there too.
  - The cache belongs to the members that were asked. A list in which no node lists itself, as right after a node has
    lost its record, is used with a warning and not cached.
  - If an inventory source fails, Ansible only prints a warning and exits with status 0, unless the environment variable
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) is set to V(true).
seealso:
  - module: rocketops.rocketchat.instances_info
"""

EXAMPLES = r"""
# fmt: code
# production.rocketchat.yml
plugin: rocketops.rocketchat.instances
url: https://chat.example.com
user_id: "{{ lookup('ansible.builtin.env', 'CHAT_USER_ID') }}"
auth_token: "{{ lookup('ansible.builtin.env', 'CHAT_TOKEN') }}"

---
# All nodes are asked, and each reports its version. Several instances share a machine, so the name includes the port.
plugin: rocketops.rocketchat.instances
members:
  - {name: rc1, url: "http://10.0.0.1:3000"}
  - {name: rc2, url: "http://10.0.0.1:3001"}
hostnames:
  - host ~ '-' ~ port
filters:
  - exclude: name == 'ddp-streamer'
keyed_groups:
  - key: rocketchat_version
    prefix: version
compose:
  rocketchat_url: "'http://' ~ rocketchat_host ~ ':' ~ rocketchat_port"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/tmp/rocketchat_inventory
cache_timeout: 60
fallback_to_cache: true
"""

import json
from datetime import datetime, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, get_cache_plugin

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import INSTANCES
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import VERSION, Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import InvalidAnswerError, to_iso
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import instances_of
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import printable
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import IMPORT_ERROR
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import access_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from, warnings_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.timing import max_record_age
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._hostnames import choose_names, host_in, is_usable
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._masking import as_text, has_secret
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._untrusted import LOOKUPS, untrusted
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member

ASKED = {name: spec for name, spec in INSTANCES.items() if name not in ("gather", "details")}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc, unused-ignore]
    NAME = "rocketops.rocketchat.instances"

    inventory: Any
    templar: Any

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("rocketchat.yml", "rocketchat.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self.secrets: set[str] = set()
        try:
            self._read_config_data(path)
            self._populate(self._observation(path, use_cache=cache))
        except (OptionsError, AnsibleError) as error:
            raise AnsibleParserError(remove_values(str(error), self.secrets)) from None

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Set the options, with templates evaluated first: Ansible would read the text ``"{{ true }}"`` as false."""
        self.templar.available_variables = self._vars
        self.given = {n: self._templated(v) if n in ASKED else v for n, v in (direct or {}).items()}
        super().set_options(task_keys=task_keys, var_options=var_options, direct=self.given)

    # Ask the nodes

    def _observation(self, path: str, *, use_cache: bool) -> Observation:
        params = self._params()
        self.max_age = max_record_age(params)
        members = members_from(params)
        key = self._key(path, members)
        if use_cache and self.get_option("cache"):
            kept = _cached(self._cache, key)
            if kept is not None:
                return kept
        last = self._last_answers()
        observation = self._observe(params, members)
        failures = [(view.member.name, view.failure) for view in observation.views if view.failure]
        if len(failures) < len(observation.views):
            for reason in _first_three([f"{name} does not answer: {failure.message}" for name, failure in failures]):
                self.display.warning(printable(reason))
            outdated = [view.member.name for view in observation.views if view.listing and not view.lists_itself]
            for reason in _first_three([f"{name} does not list itself: its list is not complete" for name in outdated]):
                self.display.warning(printable(reason))
            if len(failures) + len(outdated) < len(observation.views):
                self._keep(observation, key, last)
            return observation
        fallen_back = _cached(last, key) if use_cache and last is not None else None
        if last is None or fallen_back is None:
            raise OptionsError(_no_member_answers(failures))
        asked_at = last[key].get("asked_at")
        self.display.warning(printable(f"{_no_member_answers(failures)}. Using the cached answer from {asked_at}"))
        return fallen_back

    def _params(self) -> dict[str, Any]:
        if IMPORT_ERROR is not None:
            raise OptionsError(missing_required_lib("requests"))
        given = {name: self.given[name] if name in self.given else self.get_option(name) for name in ASKED}
        return validated(ASKED, {name: value for name, value in given.items() if value is not None}, self.secrets)

    def _templated(self, value: Any) -> Any:
        return self.templar.template(value, **LOOKUPS)

    def _key(self, path: str, members: Sequence[Member]) -> str:
        """The cache key: with the members, since templates and the environment can let one file ask other clusters."""
        asked = json.dumps([(member.name, member.url) for member in members])
        return f"{self.get_cache_key(path)}_{sha256(asked.encode()).hexdigest()[:12]}"

    def _observe(self, params: dict[str, Any], members: Sequence[Member]) -> Observation:
        access = access_from(params)
        self.secrets |= access.secrets
        for warning in warnings_for(members):
            self.display.warning(warning)
        with Observer(members, access, gather=frozenset({VERSION})) as observer:
            try:
                return observer.observe()
            finally:
                self.secrets |= observer.secrets

    # The cache

    def _last_answers(self) -> Any:
        """The second cache, whose entries do not expire; none without ``fallback_to_cache``."""
        if not self.get_option("fallback_to_cache"):
            return None
        plugin = self.get_option("cache_plugin")
        if plugin in ("memory", "ansible.builtin.memory"):
            raise OptionsError(
                "fallback_to_cache needs a cache_plugin that keeps data after the run, such as ansible.builtin.jsonfile"
            )
        prefix = f"{self.get_option('cache_prefix') or ''}last_"
        return get_cache_plugin(plugin, _uri=self.get_option("cache_connection"), _timeout=0, _prefix=prefix)

    def _keep(self, observation: Observation, key: str, last: Any) -> None:
        caches = [last] if last is not None else []
        if self.get_option("cache"):
            caches.append(self._cache)
        for cache in caches:
            recorded = remove_values(observation.to_dict(details=True), self.secrets)
            cache[key] = {"asked_at": to_iso(datetime.now(timezone.utc)), "observation": recorded}
            cache.update_cache_if_changed()

    # Hosts and groups

    def _populate(self, observation: Observation) -> None:
        if any(view.listing and view.listing.microservices for view in observation.views):
            self.display.warning(
                "the servers run as microservices: instances.get does not list the nodes, so they do not become hosts"
            )
        found = self._made_safe(instances_of(observation, max_age=self.max_age, details=True))
        states = self.get_option("states")
        groups = self._add_groups(states)
        instances = [instance for instance in found if instance["state"] in states and self._is_wanted(instance)]
        candidates = {i["id"]: [self._evaluated(p, i) for p in self.get_option("hostnames")] for i in instances}
        names = choose_names(candidates, set(self.inventory.groups))
        for reason in _first_three(names.rejected):
            self.display.warning(printable(f"{reason}: the next entry of hostnames is used, or the id"))
        # One string object per name, shared by all hosts: Ansible looks the names up often.
        prefixed = {key: self.get_option("prefix") + key for instance in instances[:1] for key in instance}
        for instance in instances:
            variables = {prefixed[key]: value for key, value in instance.items()}
            self._add_host(names.by_id[instance["id"]], instance, variables, groups[instance["state"]])

    def _made_safe(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The instances, without secrets that the server repeats, and with strings that Ansible does not template."""
        text = as_text(instances)
        if has_secret(text, self.secrets):
            instances = remove_values(instances, self.secrets)
        objects = 2 * len(instances)  # each is an object that contains the object os; other braces are in strings
        instances = instances if text.count("{") == objects else untrusted(instances)
        return [{**instance, **_places(instance)} for instance in instances]

    def _is_wanted(self, instance: dict[str, Any]) -> bool:
        for entry in self.get_option("filters"):
            if len(entry) != 1 or not set(entry) <= {"include", "exclude"}:
                has = ", ".join(map(str, entry)) or "nothing"
                raise OptionsError(f"filters: each entry needs either include or exclude, not {has}")
            ((verb, expression),) = entry.items()
            try:
                matches = expression if isinstance(expression, bool) else boolean(self._compose(expression, instance))
            except Exception as error:  # noqa: BLE001  # anything can be wrong with a user's expression
                raise OptionsError(f"filters: {verb}: {expression}: {error}") from None
            if matches:
                return bool(verb == "include")
        return True

    def _evaluated(self, preference: str, instance: dict[str, Any]) -> str:
        """The value of one preference for an instance; empty if the instance lacks a value that it needs."""
        if preference in instance:
            value = instance[preference]
        else:
            known = {name: value for name, value in instance.items() if value is not None}
            try:
                value = self._compose(preference, known)
            except Exception as error:  # noqa: BLE001  # anything can be wrong with a user's expression
                if self.get_option("strict"):
                    raise OptionsError(f"hostnames or ansible_host: {preference}: {error}") from None
                return ""
        return "" if value is None else str(value)

    def _add_groups(self, states: list[str]) -> dict[str, str]:
        """Add the groups, and return the group of each state."""
        parent = self.inventory.add_group(self._sanitize_group_name(self.get_option("group")))
        groups = {}
        for state in states:
            groups[state] = self.inventory.add_group(self._sanitize_group_name(self.get_option("prefix") + state))
            self.inventory.add_child(parent, groups[state])
        return groups

    def _add_host(self, name: str, instance: dict[str, Any], variables: dict[str, Any], group: str) -> None:
        self.inventory.add_host(name, group=group)
        places = (host_in(self._evaluated(preference, instance)) for preference in self.get_option("ansible_host"))
        place = next((place for place in places if is_usable(place)), None)
        if place is not None:
            self.inventory.set_variable(name, "ansible_host", place)
        strict = self.get_option("strict")
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)


def _places(instance: dict[str, Any]) -> dict[str, Any]:
    """The instance's host and address, as Ansible writes hosts; unchanged if they are not hosts."""
    return {name: host_in(instance[name]) or instance[name] for name in ("host", "address") if instance[name]}


def _cached(cache: Any, key: str) -> Observation | None:
    """The cached observation; none if there is none, or if its data cannot be read."""
    try:
        return Observation.from_dict(cache[key]["observation"])
    except (KeyError, TypeError, InvalidAnswerError):
        return None


def _no_member_answers(failures: list[Any]) -> str:
    return "no node answers: " + " | ".join(_first_three([failure.message for _name, failure in failures]))


def _first_three(lines: Sequence[str]) -> list[str]:
    """The first three lines, and the number of the others."""
    return [*lines[:3], *([f"and {len(lines) - 3} more"] if len(lines) > 3 else [])]
