# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the collection can say of what is wrong, read from its source; ``…`` is what is filled in later."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(errors.__file__).parents[3]
GAP = "…"
ERRORS = ("OptionsError", "InvalidAnswerError", "AnsibleFilterError", "AnsibleParserError", "ObserverError")
WARNINGS = ("warning", "warn")
RETURNING = ("warnings_for", "_why_not", "_nobody_answers", "_message")  # functions whose result is said

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def of_errors() -> set[str]:
    """Refusals and warnings of the plugins: what errors, results and warnings are made of."""
    return {text for tree in _trees() for scope in _scopes(tree) for text in _said(scope) if text.strip(f"{GAP}: ")}


def of_findings() -> set[tuple[str, str]]:
    """Code and message of each finding."""
    found = set()
    for tree in _trees():
        for scope in _scopes(tree):
            for call in _calls(scope, "Finding"):
                code, text = call.args[:2]
                if isinstance(code, ast.Attribute):
                    found |= {(code.attr.lower(), message) for message in _texts(text, scope, call.lineno)}
    return found


def of_client() -> dict[str, str]:
    """What the client's errors are called, and the cure that each of them ends with."""
    found = vars(errors).values()
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, errors.ClientError)]
    return {kind.code: kind.cure for kind in kinds if kind is not errors.ClientError}


def of_tasks() -> set[str]:
    """What the role and the playbook say when they stop."""
    paths = [*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "playbooks").glob("*.yml")]
    said = {text for path in paths for text in _strings(yaml.safe_load(path.read_text(encoding="utf-8")))}
    return {_without_templates(text) for text in said if _without_templates(text).strip(f"{GAP};: ")}


def _trees() -> Iterator[ast.Module]:
    for folder in ("plugins", "extensions/eda/plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _scopes(tree: ast.Module) -> Iterator[Any]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _calls(scope: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and _name(node.func) in names and node.args:
            yield node


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _said(scope: ast.AST) -> Iterator[str]:
    for call in _calls(scope, *ERRORS, *WARNINGS):
        yield from _texts(call.args[0], scope, call.lineno)
    for call in _calls(scope, "_some"):
        if isinstance(call.args[0], ast.ListComp):
            yield _text(call.args[0].elt)
    for node in ast.walk(scope):
        if isinstance(node, ast.Return) and getattr(scope, "name", "") in RETURNING and node.value:
            yield from map(_text, node.value.elts if isinstance(node.value, ast.List) else [node.value])
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                if isinstance(key, ast.Constant) and key.value == "msg":
                    yield from _texts(value, scope, node.lineno)


def _texts(expression: ast.expr, scope: ast.AST, line: int) -> list[str]:
    """The texts that an expression can be: more than one for a variable that is set more than once."""
    if isinstance(expression, ast.Call) and _name(expression.func) == "printable":
        expression = expression.args[0]
    if not isinstance(expression, ast.Name):
        return [_text(expression)]
    set_before = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and _name(node.targets[0]) == expression.id and node.lineno < line
    ]
    used = [call.lineno for call in _calls(scope, "Finding") if call.lineno < line]
    since = max((at for at in used if any(node.lineno > at for node in set_before)), default=0)
    return [_text(node.value) for node in set_before if node.lineno > since] or [GAP]


def _text(expression: ast.expr) -> str:
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return expression.value
    if isinstance(expression, ast.JoinedStr):
        return "".join(_text(part) for part in expression.values)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return _text(expression.left) + _text(expression.right)
    return _text(expression.body) if isinstance(expression, ast.IfExp) else GAP


def _strings(node: Any) -> Iterator[str]:
    """The messages of assert and fail, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "fail_msg" or (key == "ansible.builtin.fail" and isinstance(value, dict)):
                yield value if isinstance(value, str) else str(value["msg"])
            else:
                yield from _strings(value)
    elif isinstance(node, list):
        for item in node:
            yield from _strings(item)


def _without_templates(text: str) -> str:
    parts = " ".join(text.split()).split("{{")
    return parts[0] + "".join(GAP + part.rpartition("}}")[2] for part in parts[1:])


if __name__ == "__main__":
    for line in (
        *sorted(of_errors()),
        "",
        *map(str, sorted(of_findings())),
        "",
        *sorted(of_tasks()),
        "",
        str(of_client()),
    ):
        print(line)
