# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each place with options has those of the argument spec, with the same types, choices and defaults."""

from __future__ import annotations

import ast
import dataclasses
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import (
    CONNECTION,
    GATE,
    GATE_OBSERVATION,
    GATE_ONLY,
    INSTANCES,
    JUDGEMENT,
    REPORT,
    WATCH,
    WATCH_ONLY,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Links, Phase, Policy
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access
from ansible_collections.rocketops.rocketchat.tests.tools.generate import (
    GENERATED,
    NOT_IN_ROLE,
    OF_AFTER,
    PREFIX,
    ROLE_SPEC,
    ROLE_TASK,
    ROOT,
    SCHEMA,
    documentation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Spec = dict[str, Any]
COMPARED = ("type", "elements", "choices", "default", "required")
OWN_OF_INVENTORY = frozenset({"plugin", "states", "filters", "hostnames", "ansible_host", "prefix", "group"})
KINDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}
FIELDS = {"readiness": "readiness_required", "upgrade_path": "upgrade_path_ignored", "waive": "waivers"}


def differences(place: str, spec: Mapping[str, Any], found: Mapping[str, Any], inner: str = "options") -> Iterator[str]:
    """One sentence for each difference to the argument spec. ``inner``: the key of suboptions."""
    for name in sorted({*spec, *found}):
        if name not in found:
            yield f"{place} lacks the option {name}"
        elif name not in spec:
            yield f"{place} has the option {name}, which the argument spec does not have"
        else:
            option, other = spec[name], found[name]
            for key in COMPARED:
                actual, wanted = other.get(key), option.get(key)
                if actual != wanted and not (key == "required" and not actual and not wanted):
                    yield f"{place} has {key}: {actual} for the option {name}, the argument spec has {wanted}"
            parts, others = option.get("options", {}), other.get(inner, {})
            yield from differences(f"{place}, option {name}", parts, others, inner)


def of_plugin(name: str, spec: Mapping[str, Any], kind: str = "modules", own: frozenset[str] = frozenset()) -> Any:
    documented = {option: text for option, text in documentation(name, kind).items() if option not in own}
    return differences(f"the documentation of {name}", spec, documented, "suboptions")


def of_inventory() -> Iterator[str]:
    own = OWN_OF_INVENTORY | {"fallback_to_cache"}
    asked = {name: option for name, option in INSTANCES.items() if name not in ("gather", "details")}
    yield from of_plugin("instances", asked, "inventory", own)


def of_event_source() -> Iterator[str]:
    tree = ast.parse((ROOT / "extensions/eda/plugins/event_source/instances.py").read_text(encoding="utf-8"))
    values = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    documented = yaml.safe_load(ast.literal_eval(values["DOCUMENTATION"]))
    yield from differences("the documentation of the event source", WATCH_ONLY, documented["options"])
    text = " ".join(documented["description"])
    yield from (f"the documentation of the event source has {name}" for name in GATE_ONLY if f"C({name})" in text)


def of_schema() -> Iterator[str]:
    loaded = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))
    yield from differences(SCHEMA, _as_in_json(WATCH), _of_object(loaded))


def _of_object(loaded: Mapping[str, Any]) -> Spec:
    required = loaded.get("required", ())
    return {name: {**_of_property(o), "required": name in required} for name, o in loaded["properties"].items()}


def _of_property(loaded: Mapping[str, Any]) -> Spec:
    items = loaded.get("items", {})
    found = {"type": KINDS[loaded["type"]], "choices": loaded.get("enum"), "default": loaded.get("default")}
    if items:
        found["elements"] = KINDS[items["type"]]
    return {**found, "options": _of_object(items) if "properties" in items else {}}


def _as_in_json(spec: Mapping[str, Any]) -> Spec:
    """The argument spec in types of JSON, in which paths are strings."""
    return {name: {**option, "type": option["type"].replace("path", "str")} for name, option in spec.items()}


def of_role_spec() -> Iterator[str]:
    loaded = yaml.safe_load((ROOT / ROLE_SPEC).read_text(encoding="utf-8"))["argument_specs"]
    defaults = yaml.safe_load((ROOT / "roles/health_gate/defaults/main.yml").read_text(encoding="utf-8"))
    hidden = {
        "main": GATE_ONLY.keys() - {"hold_for", "deadline", "progress_deadline"},
        "before": {"before", *OF_AFTER},
        "after": (),
    }
    for entry, spec in loaded.items():
        wanted = {f"{PREFIX}{n}": o for n, o in GATE.items() if n not in NOT_IN_ROLE and n not in hidden[entry]}
        prefixed = {name: option for name, option in spec["options"].items() if name.removeprefix(PREFIX) in GATE}
        yield from differences(f"{ROLE_SPEC}, entry point {entry}", wanted, prefixed)
        for name, option in spec["options"].items():
            actual = defaults.get(name)
            if actual is not None and "{{" not in str(actual) and actual != option.get("default"):
                expected = option.get("default")
                yield f"roles/health_gate/defaults/main.yml has {name}: {actual}, {ROLE_SPEC} has {expected}"
            secret = GATE.get(name.removeprefix(PREFIX), {}).get("no_log", False)
            if secret != option.get("no_log", False):
                yield f"{ROLE_SPEC} has no_log: {not secret} for {name}, the argument spec has {secret}"


def of_role_task() -> Iterator[str]:
    tasks = yaml.safe_load((ROOT / ROLE_TASK).read_text(encoding="utf-8"))
    (passed,) = (task[name] for task in tasks for name in task if name.endswith(".cluster_gate"))
    wanted = GATE.keys() - NOT_IN_ROLE | {"phase"}
    yield from (f"{ROLE_TASK} does not pass the option {name}" for name in sorted(wanted - passed.keys()))
    yield from (f"{ROLE_TASK} passes {name}, not an option of the role" for name in sorted(passed.keys() - wanted))


def of_dataclasses() -> Iterator[str]:
    """Values of fields are not checked here: mypy and the tests of policies notice a field that is not set."""
    named = {name: FIELDS.get(name, name) for name in (*JUDGEMENT, *GATE_ONLY)}
    for kind, fields in ((Access, dict(zip(CONNECTION, CONNECTION))), (Policy, named)):
        found = {field.name: field for field in dataclasses.fields(kind)}
        where = f"the dataclass {kind.__name__}"
        for name, field in fields.items():
            if field not in found:
                yield f"{where} has no field {field} for the option {name}"
            elif field not in _attributes_read():
                yield f"the field {field} of {kind.__name__} is not read in any stage: the option {name} has no effect"
        for field, definition in found.items():
            if field not in (*fields.values(), "members"):
                yield f"{where} has the field {field}, which is not an option"
            if definition.default is not dataclasses.MISSING:
                yield f"{where} has a default for {field}: defaults belong to the argument spec"
    for name, values in (("phase", Phase), ("links", Links)):
        if [value.value for value in values] != GATE[name]["choices"]:
            yield f"{values.__name__} does not have the choices of the option {name}: {GATE[name]['choices']}"


@cache
def _attributes_read() -> set[str]:
    files = [path for path in (ROOT / "plugins/module_utils").rglob("*.py") if path.parent.name != "_options"]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


PLACES: dict[str, Callable[[], Iterator[str]]] = {
    "cluster_gate": lambda: of_plugin("cluster_gate", GATE_OBSERVATION),
    "instances_info": lambda: of_plugin("instances_info", INSTANCES),
    "instances_facts": lambda: of_plugin("instances_facts", INSTANCES),
    "report": lambda: of_plugin("report", REPORT),
    "inventory": of_inventory,
    "event source": of_event_source,
    "schema": of_schema,
    "role spec": of_role_spec,
    "role task": of_role_task,
    "dataclasses": of_dataclasses,
}


@pytest.mark.parametrize("place", PLACES)
def test_options_are_those_of_the_argument_spec(place: str) -> None:
    found = list(PLACES[place]())
    assert not found, "\n".join(["", *found, "The argument spec is the source. make options writes what is generated."])


@pytest.mark.parametrize("path", GENERATED)
def test_generated_files_are_up_to_date(path: str) -> None:
    written = (ROOT / path).read_text(encoding="utf-8")
    assert written == GENERATED[path](), f"{path} is out of date: run make options"
