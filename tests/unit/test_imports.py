# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages of the code import in one direction, and Ansible is imported only where it must be."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils import _argument_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLUGINS = Path(_argument_spec.__file__).parents[1]
OURS = "ansible_collections.rocketops.rocketchat.plugins."
# A stage may import itself and the stages before it. Imports for types count too.
STAGES = (
    "module_utils._findings",
    "module_utils._node",
    "module_utils._cluster",
    "module_utils._judgement",
    "module_utils._options",
    "module_utils._gate",
    "module_utils._rollout",
    "module_utils._info",
    "module_utils._argument_spec",
    "module_utils._module",
    "plugin_utils",
    "plugins",
)
WITH_ANSIBLE = ("module_utils._argument_spec", "module_utils._module", "plugin_utils", "plugins")


def stage_of(module: str) -> str:
    """The stage of a module by its dotted name below ``plugins``; modules, actions and so on are the last stage."""
    if module.split(".", maxsplit=1)[0] not in ("module_utils", "plugin_utils"):
        return "plugins"
    return next((stage for stage in STAGES if f"{module}.".startswith(f"{stage}.")), f"unknown, {module}")


def broken_rules(imports: Mapping[str, set[str]]) -> Iterator[str]:
    for module, imported in imports.items():
        stage, path = stage_of(module), f"plugins/{module.replace('.', '/')}.py"
        if stage not in STAGES:
            yield f"{path} belongs to no stage: add its folder to STAGES, where it may be imported from"
            continue
        before = STAGES[: STAGES.index(stage) + 1]
        for name in sorted(imported):
            if name.startswith(OURS):
                if stage_of(name.removeprefix(OURS)) not in before:
                    yield f"{path} imports {name}: {stage} may import {', '.join(before)} only"
            elif name.split(".")[0] == "ansible" and stage not in WITH_ANSIBLE:
                yield f"{path} imports {name}: of module_utils only _argument_spec and _module may import Ansible"
    yield from (f"{' imports '.join(circle)}: imports must not form a circle" for circle in _circles(imports))


def _circles(imports: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Search from each module; modules that are finished are part of no further circle."""
    done: set[str] = set()

    def search(module: str, way: list[str]) -> Iterator[list[str]]:
        if module in way:
            yield [*way[way.index(module) :], module]
        elif module not in done:
            for name in sorted(imports[module]):
                found = name.removeprefix(OURS)
                if name.startswith(OURS) and found in imports:
                    yield from search(found, [*way, module])
            done.add(module)

    for module in sorted(imports):
        yield from search(module, [])


def imports_of(source: str, modules: set[str]) -> set[str]:
    """All modules that a file imports, also within functions and for types."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name.removeprefix(OURS) in modules else str(node.module) for name in whole}
    return found


def test_imports_go_in_one_direction() -> None:
    files = [path for path in sorted(PLUGINS.rglob("*.py")) if path.name != "__init__.py"]
    sources = {".".join(path.relative_to(PLUGINS).with_suffix("").parts): path for path in files}
    assert len(sources) > 50
    read = {module: imports_of(path.read_text(encoding="utf-8"), set(sources)) for module, path in sources.items()}
    found = list(broken_rules(read))
    assert not found, "\n".join(["", *found])


def test_each_import_rule_finds_its_violation() -> None:
    """Each rule is broken once."""
    broken = {
        "module_utils._node.client": {f"{OURS}module_utils._node.errors", f"{OURS}module_utils._gate.wait"},
        "module_utils._node.errors": {f"{OURS}module_utils._node.client"},
        "module_utils._gate.wait": {"ansible.errors", "ansible_collections.other.x"},
        "module_utils._new.thing": set(),
        "action.cluster_gate": {"ansible.errors", f"{OURS}plugin_utils._action"},
        "plugin_utils._action": {f"{OURS}action.cluster_gate"},
    }
    told = list(broken_rules(broken))
    beginnings = (
        f"plugins/module_utils/_node/client.py imports {OURS}module_utils._gate.wait: module_utils._node may import ",
        "plugins/module_utils/_gate/wait.py imports ansible.errors: of module_utils only _argument_spec and ",
        "plugins/module_utils/_new/thing.py belongs to no stage",
        f"plugins/plugin_utils/_action.py imports {OURS}action.cluster_gate: plugin_utils may import ",
        "action.cluster_gate imports plugin_utils._action imports action.cluster_gate: imports must not form a circle",
        "module_utils._node.client imports module_utils._node.errors imports module_utils._node.client: imports must ",
    )
    assert len(told) == len(beginnings)
    assert all(line.startswith(beginning) for line, beginning in zip(told, beginnings)), told
