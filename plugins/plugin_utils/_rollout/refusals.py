# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The reasons to refuse a roll before the first node is drained: everything that can be known then, all at once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible import context
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import ROLLING_UPDATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.ready_made import lacking
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.spelling import misspelt, options_of
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.variables import (
    GATE_PREFIX,
    PREFIX,
    READY_MADE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Plan
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.variables import Variables

INVENTORY = "rocketops.rocketchat.instances"
# The variables of the playbook: options, hooks, and a keyword of its play.
OPTIONS = frozenset(f"{PREFIX}{name}" for name in (*ROLLING_UPDATE, *(hook.value for hook in Hook), "gather_facts"))
# Ansible's names of the controller.
LOCALHOST = {"localhost", "127.0.0.1", "::1"}


def refusals(variables: Variables, members: Sequence[str]) -> Iterator[str]:
    """The reasons not to begin. ``members``: the names of the members."""
    in_part = list(of_the_command())
    if in_part:  # nothing else is known: tasks before this one may have been left out
        yield from in_part
        return
    yield from _of_the_hosts(variables, members)
    yield from _of_the_inventory(variables)
    yield from _of_the_hooks(variables, [host for host in variables.in_play if host in members])
    yield from _of_the_names(variables)
    yield from _of_the_settings(variables)


def contradictions(plan: Plan) -> Iterator[str]:
    """The reasons in the variables ``rolling_update_*``."""
    for name, given in (("keep_out", plan.keep_out), ("in_rotation", plan.in_rotation)):
        unknown = sorted(given - set(plan.members))
        if unknown:
            yield (
                f"rolling_update_{name} has unknown members: {_listed(unknown)}; "
                f"the members are {_listed(plan.members)}"
            )
    if plan.batches is not None and plan.batches < 1:
        yield f"rolling_update_batches is {plan.batches}, it must be at least 1"
    if plan.batches is not None and plan.expected_version is None:
        yield "rolling_update_batches needs health_gate_expected_version: without it, each run starts at the first node"
    if not 0 <= plan.soak < math.inf:
        yield f"rolling_update_soak is {plan.soak:g}, it must be a finite number of seconds, at least 0"


def _no_members(variables: Variables) -> str:
    group = variables.group
    if variables.gate("members") is not None:
        return f"health_gate_members is empty: list the members, or remove it to use the inventory group {group}"
    return (
        f"the inventory group {group} is empty: check the inventory (a source that fails causes only a warning "
        "unless ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED is set), or set health_gate_group"
    )


def _of_the_hosts(variables: Variables, members: Sequence[str]) -> Iterator[str]:
    if not members:
        yield _no_members(variables)
        return
    group = variables.group
    hosts = [host for host in variables.in_play if host in members]
    conductors = LOCALHOST - set(variables.in_group)
    strangers = [host for host in variables.in_play if host not in members and host not in conductors]
    if strangers or not hosts:
        wrong = f"hosts that are not members: {_listed(strangers)}" if strangers else "no host that is a member"
        yield (
            f"the play has {wrong}; the members are {_listed(members)}; set health_gate_group on the command line or "
            "in the play that imports this one, not in the inventory"
        )
        return
    left_out = [name for name in variables.in_group if name not in hosts]
    if left_out and not variables.own.get("ansible_limit"):
        yield (
            f"{_listed(left_out)} of the group {group} {_are(left_out)} not in the play, although --limit is not set: "
            f"Ansible uses a host that is also called {group}; give the group another name"
        )
    nowhere = [] if variables.gate("members") else [n for n in members if not variables.of(n, variables.url_variable)]
    if nowhere:
        yield (
            f"{variables.url_variable} is not set for {_listed(nowhere)}: set it to the node's own URL, such as "
            "http://rc1.example.com:3000"
        )
    gone = [host for host in hosts if host not in variables.here]
    if gone:
        yield f"{_listed(gone)} failed earlier in this run of Ansible: fix the error shown there"
    unreachable = [host for host in hosts if not variables.connected(host)]
    if unreachable:
        error, it = ("its error", "it") if len(unreachable) == 1 else ("their errors", "them")
        yield (
            f"Ansible cannot connect to {_listed(unreachable)}: see {error} above, or leave {it} out "
            "with --limit and rolling_update_keep_out"
        )


def _of_the_inventory(variables: Variables) -> Iterator[str]:
    """Refuse members from this collection's inventory plugin: it lists only living ones, so no dead one is missed."""
    if variables.gate("members") is not None:
        return
    files = {str(variables.of(host, "inventory_file") or "") for host in variables.in_group}
    dynamic = sorted(file for file in files if _plugin(file) == INVENTORY)
    if dynamic:
        yield (
            f"the members come from {', '.join(dynamic)}, which lists only instances that are alive, so a node that is "
            "down would be missing: list all nodes in a static inventory, or in health_gate_members"
        )


def _plugin(file: str) -> str | None:
    if not file.endswith((".yml", ".yaml")) or not Path(file).is_file():
        return None
    try:
        raw = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return str(raw.get("plugin")) if isinstance(raw, dict) else None


def _of_the_hooks(variables: Variables, hosts: Sequence[str]) -> Iterator[str]:
    for hook in Hook:
        paths = {host: variables.hook(host, hook) for host in hosts}
        unset = [host for host, path in paths.items() if path is None]
        if hook is Hook.DEPLOY and unset:
            yield f"rolling_update_deploy is not set for {_listed(unset)}: set it to a task file{_or_ready_made(hook)}"
        elif unset and len(unset) < len(hosts):
            yield (
                f"rolling_update_{hook.value} is not set for {_listed(unset)}, but is set for other hosts: "
                "set it for all or for none"
            )
        for path in sorted({path for path in paths.values() if path is not None and not path.is_file()}):
            yield (
                f"rolling_update_{hook.value} is not a file: {path}; "
                "give its absolute path, or one relative to the inventory's folder or to the folder above"
                f"{_or_ready_made(hook)}"
            )
    if any(variables.hook(host, Hook.DRAIN) and not variables.hook(host, Hook.READMIT) for host in hosts):
        yield (
            "rolling_update_drain is set, but rolling_update_readmit is not: nothing would put the nodes back into "
            "the load balancer; if they come back by themselves, set it to a file that waits for that"
        )
    yield from _of_ready_made_hooks(variables, hosts)


def _of_ready_made_hooks(variables: Variables, hosts: Sequence[str]) -> Iterator[str]:
    """The reasons in the ready-made hooks. A reason that several hosts share is returned once."""
    lacking_on: dict[str, list[str]] = {}
    for host in hosts:
        for reason in lacking(variables, host):
            lacking_on.setdefault(reason, []).append(host)
    yield from (f"{_listed(names)}: {reason}" for reason, names in lacking_on.items())


def _or_ready_made(hook: Hook) -> str:
    return f", or the name of a ready-made one: {_listed(READY_MADE[hook])}" if hook in READY_MADE else ""


def _of_the_names(variables: Variables) -> Iterator[str]:
    """Misspelt variables, each once: without its drain hook a node would be deployed with its users on it."""
    options = {PREFIX: OPTIONS, GATE_PREFIX: options_of("health_gate")}
    for prefix, known in options.items():
        names = sorted({name for host in variables.in_play for name in variables.names(host, prefix)})
        for name, option in misspelt(names, known, prefix):
            yield f"{name} is not a variable of the playbook: write {option} instead"


def _of_the_settings(variables: Variables) -> Iterator[str]:
    deadline = variables.gate("deadline")
    if (deadline is not None and _number(deadline) == 0) or boolean(variables.gate("once", False), strict=False):
        yield "health_gate_deadline is 0, or health_gate_once is set: remove it, because each gate of a roll must wait"
    try:
        boolean(variables.gate("restart_required", True))
    except TypeError:
        yield f"health_gate_restart_required must be true or false, not {variables.gate('restart_required')}"
    if variables.gate("totp_code"):
        yield "health_gate_totp_code is valid for one login, but each gate logs in: use health_gate_auth_token instead"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None  # refused with the other options of the gate


def of_the_command() -> Iterator[str]:
    """The reasons in the command line of Ansible.

    Skipped tags may belong to the hooks, such as those that Molecule always skips, except Ansible's own tags.
    """
    tags, skipped = (set(context.CLIARGS.get(option) or ()) for option in ("tags", "skip_tags"))
    given = {
        "tags": tags - {"all"},
        "skip-tags": skipped & {"all", "always", "tagged", "untagged"},
        "start-at-task": context.CLIARGS.get("start_at_task"),
    }
    for option in [option for option, value in given.items() if value]:
        yield f"--{option} is given, but a roll cannot be run in part: run the command without it"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
