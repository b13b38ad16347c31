# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generate the files that repeat the options of the gate: ``make options``.

These are the schema of the event source, the options in the role's argument specs, and the list of options that the
role passes to the module. The sources are the argument spec and the documentation of cluster_gate.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE, WATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
PLUGINS = "ansible_collections.rocketops.rocketchat.plugins"
SCHEMA = "extensions/eda/plugins/event_source/schemas/instances.json"
ROLE_SPEC = "roles/health_gate/meta/argument_specs.yml"
ROLE_TASK = "roles/health_gate/tasks/gate.yml"
PREFIX = "health_gate_"

# The role always passes all members, and each of its entry points is a phase.
NOT_IN_ROLE = frozenset({"url", "expected", "phase"})
# The role has its own defaults and descriptions for these.
OF_ROLE = frozenset({"members", "targets", "before"})
OF_STEADY = frozenset({"hold_for"})
OF_BEFORE = frozenset({"out_of_rotation", "upgrade_path"})
OF_AFTER = frozenset({"restart_required", "restart_confirmed"})
# The role passes these with its own expressions.
PASSED_BY_HAND = (
    (NOT_IN_ROLE | OF_ROLE | OF_STEADY | OF_BEFORE | OF_AFTER | {"expected_version", "deadline"})
    - {"upgrade_path"}  # has no effect in other phases, and is accepted there
)
OF_MAIN = tuple(name for name in GATE if name not in NOT_IN_ROLE | OF_ROLE | OF_BEFORE | OF_AFTER)


def documentation(name: str, kind: str = "modules") -> dict[str, Any]:
    """The documented options of a plugin, including those of this collection's fragments."""
    loaded: dict[str, Any] = yaml.safe_load(importlib.import_module(f"{PLUGINS}.{kind}.{name}").DOCUMENTATION)
    options: dict[str, Any] = {}
    for fragment in loaded.get("extends_documentation_fragment", ()):
        if fragment.startswith("rocketops.rocketchat."):
            found = importlib.import_module(f"{PLUGINS}.doc_fragments.{fragment.rpartition('.')[2]}").ModuleDocFragment
            options.update(yaml.safe_load(found.DOCUMENTATION).get("options") or {})
    return {**options, **loaded.get("options", {})}


def schema() -> str:
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "rocketops.rocketchat.instances"}
    return json.dumps({**head, **_object(WATCH)}, indent=2) + "\n"


def with_blocks(text: str, blocks: Iterable[str]) -> str:
    """The text with its marked blocks replaced, in this order."""
    new = iter(blocks)
    return re.sub(
        r"(^ *# Written by make options: begin\n).*?(^ *# Written by make options: end$)",
        lambda found: f"{found[1]}{next(new)}{found[2]}",
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


def role_spec() -> str:
    text = (ROOT / ROLE_SPEC).read_text(encoding="utf-8")
    blocks = (OF_MAIN, *([name for name in GATE if name in group] for group in (OF_BEFORE, OF_AFTER)))
    return with_blocks(text, [_role_options(names) for names in blocks])


def role_task() -> str:
    text = (ROOT / ROLE_TASK).read_text(encoding="utf-8")
    names = [name for name in GATE if name not in PASSED_BY_HAND]
    return with_blocks(text, ["".join(f'    {name}: "{{{{ {PREFIX}{name} | default(omit) }}}}"\n' for name in names)])


GENERATED = {SCHEMA: schema, ROLE_SPEC: role_spec, ROLE_TASK: role_task}


def _role_options(names: Iterable[str]) -> str:
    documented = documentation("cluster_gate")
    options = {f"{PREFIX}{name}": _role_option(name, GATE[name], documented) for name in names}
    text = yaml.dump(options, Dumper=_Indented, sort_keys=False, width=88, allow_unicode=True)
    return "".join(f"      {line}\n" for line in text.splitlines())


def _role_option(name: str, option: Mapping[str, Any], documented: Mapping[str, Any]) -> dict[str, Any]:
    if name not in documented:
        raise LookupError(f"describe the option {name} in the documentation of cluster_gate first")
    text = documented[name]["description"]
    texts = [text] if isinstance(text, str) else text
    kept = {key: option[key] for key in ("type", "elements", "choices", "default", "required") if key in option}
    found = {"description": [re.sub(r"\bO\((?=\w)", f"O({PREFIX}", text) for text in texts], **kept}
    if option.get("no_log"):
        found["no_log"] = True
    if "options" in option:
        inner = documented[name]["suboptions"]
        found["options"] = {part: _role_option(part, spec, inner) for part, spec in option["options"].items()}
    return found


class _Indented(yaml.SafeDumper):
    """A dumper that indents lists under their names, as in the rest of the repository."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


def _object(spec: Mapping[str, Any]) -> dict[str, Any]:
    required = [name for name, option in spec.items() if option.get("required")]
    return {
        "type": "object",
        "properties": {name: _property(option) for name, option in spec.items()},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _property(option: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"str": "string", "path": "string", "int": "integer", "float": "number", "bool": "boolean"}
    if option["type"] == "list":
        inner = _object(option["options"]) if "options" in option else {"type": kinds[option["elements"]]}
        return {"type": "array", "items": inner}
    if option["type"] == "dict":
        return {"type": "object"}
    found: dict[str, Any] = {"type": kinds[option["type"]]}
    if "choices" in option:
        found["enum"] = option["choices"]
    if "default" in option:
        found["default"] = option["default"]
    return found


def main() -> None:
    for path, generate in GENERATED.items():
        (ROOT / path).write_text(generate(), encoding="utf-8")


if __name__ == "__main__":
    main()
