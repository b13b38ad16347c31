# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The ready-made hooks: entry points of the role ``hooks``, and what they need before the first drain.

The role has an entry point ``check_PROGRAM`` for each program. It does not fail, but keeps its result in
``_hooks_found_PROGRAM``: each line of its output is a reason not to begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.spelling import (
    argument_specs,
    misspelt,
    options_of,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.variables import Variables

# Of the options, and of no other variable; those that the role sets for itself begin with an underscore.
_PREFIX = "hooks_"
_SHAPES = {"list": "a list", "dict": "a dictionary"}


def entry_points(variables: Variables, host: str) -> list[str]:
    """The entry points that are the hooks of a host, such as ``drain_haproxy``."""
    return [entry for hook in Hook if (entry := variables.ready_made(host, hook))]


def checks(variables: Variables, host: str) -> list[str]:
    """The entry points that check what the hooks of a host need, except for hooks whose options are wrong."""
    if not variables.connected(host):
        return []
    entries = entry_points(variables, host)
    wrong = {_program(entry) for entry in entries if _wrong(variables, host, entry)}
    return [f"check_{program}" for program in dict.fromkeys(map(_program, entries)) if program not in wrong]


def lacking(variables: Variables, host: str) -> Iterator[str]:
    """Reasons why the ready-made hooks of a host would not work."""
    entries = entry_points(variables, host)
    if entries:
        for name, option in misspelt(variables.names(host, _PREFIX), options_of("hooks"), _PREFIX):
            yield f"{name} is not an option of the ready-made hooks: write {option} instead"
    for entry in entries:
        if wrong := _wrong(variables, host, entry):
            yield f"for the hook {entry}: {wrong}"
    for check in checks(variables, host):
        yield from _found(variables, host, _program(check))


def _program(entry: str) -> str:
    return entry.partition("_")[2]


def _wrong(variables: Variables, host: str, entry: str) -> str | None:
    """What is wrong with the options of an entry point; none if they are valid."""
    spec = argument_specs("hooks")[entry]["options"]
    given = {name: value for name in spec if (value := variables.of_play(host, name)) is not None}
    try:
        validated(spec, given, set())
    except OptionsError as error:
        return str(error)
    return next(_misshapen(spec, given), None)


def _misshapen(spec: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Options of another type, which Ansible would convert in an argument spec; the role uses options as they are."""
    for name, value in given.items():
        wanted = _SHAPES.get(spec[name]["type"], "a single value")
        found = next((_SHAPES[kind.__name__] for kind in (list, dict) if isinstance(value, kind)), "a single value")
        if found != wanted:
            yield f"{name} must be {wanted}, not {found}"


def _found(variables: Variables, host: str, program: str) -> Iterator[str]:
    """The reasons in the result of a check, which may have a result for each load balancer."""
    found = variables.of(host, f"_hooks_found_{program}") or {}
    results = found.get("results", [found])
    if not results:
        yield "hooks_balancers is empty: set it to the load balancers' names in the inventory"
    for result in results:
        if result.get("unreachable"):
            machine = result.get("hooks_balancer") or host
            yield f"Ansible cannot connect to {machine}, which the hooks for {program} need"
        elif result.get("rc") != 0:
            why = result.get("stderr") or result.get("msg") or "see its error above"
            yield f"what the hooks for {program} need cannot be checked: {why}"
        else:
            yield from result["stdout_lines"]
