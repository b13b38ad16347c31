# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The variables of a roll, as the hosts of the play have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import (
    GATE,
    MEMBERS,
    REPORT,
    ROLLING_UPDATE,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import (
    INTERVAL_LIMITED,
    STABLE_FOR_NATS,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.files import files_of, format_of
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.template import Templar

GATE_PREFIX, PREFIX = "health_gate_", "rolling_update_"
# Options of the gate that the roll sets itself.
SET_BY_ROLL = frozenset(
    {"url", "members", "expected", "phase", "targets", "out_of_rotation", "before", "restart_required"}
    | {"restart_confirmed", "hold_for", "keep_out", "expected_version"}
)
# Names of ready-made hooks, and the file of the playbook that runs them.
READY_MADE: Mapping[Hook, tuple[str, ...]] = {
    Hook.DRAIN: ("haproxy", "nginx"),
    Hook.DEPLOY: ("compose", "systemd"),
    Hook.READMIT: ("haproxy", "nginx"),
}
READY_MADE_FILE = Path(__file__).parents[3] / "playbooks" / "tasks" / "ready_made.yml"


@dataclass(frozen=True)
class Variables:
    """The variables. ``own``: those of the host that asks.

    Variables for the whole roll are those of the first host of the play, whichever host asks: this may be any host of a
    batch, or the conductor, which is not in the group. Variables of the play are only in ``own``, and override as in
    Ansible. To read a variable raises Ansible's error if its template fails.
    """

    own: Mapping[str, Any]
    templar: Templar
    # Variables of other hosts, kept since Ansible builds them again for each reading.
    known: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """A variable of the host that asks; none if its template returns ``omit``."""
        if name not in self.own:
            return default
        value = self.templar.template(self.own[name])
        return None if "omit" in self.own and value == self.own["omit"] else value

    def of(self, host: str, name: str, default: Any = None) -> Any:
        """A variable of a host, from the inventory and the facts."""
        if host not in self.known:
            try:
                self.known[host] = self.own["hostvars"][host]
            except KeyError:  # a member that is not in the inventory
                self.known[host] = {}
        return self.known[host].get(name, default)

    @property
    def host(self) -> str:
        return str(self.own["inventory_hostname"])

    @property
    def group(self) -> str:
        return str(self.get(f"{GATE_PREFIX}group", "rocketchat"))

    @property
    def in_group(self) -> tuple[str, ...]:
        return tuple(map(str, self.own["groups"].get(self.group, ())))

    @property
    def in_play(self) -> tuple[str, ...]:
        """All hosts of the play, including those that have failed."""
        return tuple(map(str, self.own["ansible_play_hosts_all"]))

    @property
    def here(self) -> frozenset[str]:
        """The hosts of the play that Ansible has not lost."""
        return frozenset(map(str, self.own["ansible_play_hosts"]))

    @property
    def first(self) -> str | None:
        """The host whose variables apply to the whole roll."""
        return next((host for host in self.in_play if host in self.in_group), None)

    @property
    def url_variable(self) -> str:
        return str(self.gate("url_variable", "rocketchat_url"))

    def members(self) -> list[dict[str, Any]]:
        """The members and their current URLs: a deployment may give a node another address.

        Raises :class:`OptionsError` if the user's value is not a list of members.
        """
        given = self.gate("members")
        if given is None:
            return [{"name": name, "url": self.of(name, self.url_variable, "")} for name in self.in_group]
        return list(validated({"members": MEMBERS["members"]}, {"members": given}, set())["members"])

    def options(self) -> dict[str, Any]:
        """The variables ``rolling_update_*``. Raises :class:`OptionsError`."""
        found = {name: self._of_roll(f"{PREFIX}{name}") for name in ROLLING_UPDATE}
        found["keep_out"] = self.gate("keep_out") if found["keep_out"] is None else found["keep_out"]
        options = validated(ROLLING_UPDATE, {name: value for name, value in found.items() if value is not None}, set())
        for name in ("keep_out", "in_rotation"):
            options[name] = [member.strip() for member in options[name] or ()]
        return options

    def gate_options(self) -> dict[str, Any]:
        """The variables ``health_gate_*`` that are options of cluster_gate, unchanged."""
        found = {name: self._of_roll(f"{GATE_PREFIX}{name}") for name in GATE if name not in SET_BY_ROLL}
        return {name: value for name, value in found.items() if value is not None}

    def gate(self, name: str, default: Any = None) -> Any:
        return self._of_roll(f"{GATE_PREFIX}{name}", default)

    def short_deadline(self) -> float:
        """Seconds for a gate that checks again, at least as many as it needs to pass."""
        try:
            # The longest defaults: whether the instances use NATS, and the server limits calls, is not known here.
            stable_for = float(self.gate("stable_for", STABLE_FOR_NATS))
            link_memory = float(self.gate("link_memory", GATE["link_memory"]["default"]))
            least = max(stable_for, link_memory) + 2 * float(self.gate("interval", INTERVAL_LIMITED))
        except (TypeError, ValueError):  # refused with the other options of the gate
            least = 0.0
        return max(float(self.options()["recheck_deadline"]), least)

    def reports(self) -> list[str]:
        """The files to write the report to. Raises :class:`OptionsError` for an unknown file extension."""
        given = self.gate("report")
        if not given:
            return []
        paths = files_of(validated(REPORT, {"results": [], "dest": given}, set())["dest"])
        for path in paths:
            format_of(path)
        return list(map(str, paths))

    def expected_version(self) -> str | None:
        """The expected version; none if not set. An empty one is kept, since it must be refused later."""
        name = f"{GATE_PREFIX}expected_version"
        if boolean(self.gate("any_version", False), strict=False) or not self._is_set(name):
            return None
        return str(self._of_roll(name) or "")

    def restart_confirmed(self, host: str) -> bool:
        """Whether the host's hook confirmed its restart. A hook confirms it only for its own host."""
        return bool(boolean(self.of_play(host, f"{GATE_PREFIX}restart_confirmed", False), strict=False))

    def of_play(self, host: str, name: str, default: Any = None) -> Any:
        """A variable of a host, or else of the play."""
        own = default if self.of(self.host, name) is not None else self.get(name, default)
        return self.of(host, name, own)

    def names(self, host: str, beginning: str) -> list[str]:
        """Those of a host and of the play that begin so; none is read."""
        self.of(host, "")
        self.of(self.host, "")
        found = {*self.known[host], *(name for name in self.own if name not in self.known[self.host])}
        return sorted(name for name in found if name.startswith(beginning))

    def connected(self, host: str) -> bool:
        """Whether the playbook could connect to the host."""
        connection = self.of(host, f"{PREFIX}connection") or {}
        return not connection.get("unreachable")

    def hook_name(self, host: str, hook: Hook) -> str | None:
        """The path of a hook, or its ready-made name. A ready-made drain hook also sets the readmit hook."""
        hooks = self.of(host, f"{PREFIX}hooks") or {}
        name = hooks.get(hook.value)
        if hook is Hook.READMIT and not name and hooks.get(Hook.DRAIN.value) in READY_MADE[hook]:
            name = hooks[Hook.DRAIN.value]
        return str(name) if name else None

    def ready_made(self, host: str, hook: Hook) -> str | None:
        """The entry point of a ready-made hook, such as ``drain_haproxy``; none if it is a file or not set."""
        name = self.hook_name(host, hook)
        return f"{hook.value}_{name}" if name in READY_MADE.get(hook, ()) else None

    def hook(self, host: str, hook: Hook) -> Path | None:
        """The file of a hook, relative to the inventory's folder or the folder above it; none if it is not set.

        If the inventory is a folder, Ansible reads all files in it as inventories, so hooks belong above it.
        """
        if self.ready_made(host, hook):
            return READY_MADE_FILE
        path = self.hook_name(host, hook)
        if not path:
            return None
        folder = Path(self.of(host, "inventory_dir") or "").absolute()
        places = [folder / path, folder.parent / path]
        return next((place for place in places if place.is_file()), places[0])

    def _is_set(self, name: str) -> bool:
        return name in self.own or (self.first is not None and name in self._of_first)

    @property
    def _of_first(self) -> Mapping[str, Any]:
        if self.first is None:
            return {}
        self.of(self.first, "")
        found: Mapping[str, Any] = self.known[self.first]
        return found

    def _of_roll(self, name: str, default: Any = None) -> Any:
        value = self.get(name)
        if self.first not in (None, self.host) and value == self.of(self.host, name):  # no variable of the play
            value = self.of(str(self.first), name)
        return default if value is None else value
