# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules return exactly what their documentation describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE, INSTANCES
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.task import observe_once
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import instances_facts, instances_info
from ansible_collections.rocketops.rocketchat.plugins.modules import cluster_gate as cluster_gate_module
from ansible_collections.rocketops.rocketchat.plugins.modules import instances_facts as instances_facts_module
from ansible_collections.rocketops.rocketchat.plugins.modules import instances_info as instances_info_module
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

ANSWERS = Path(__file__).parents[1] / "module_utils" / "answers"
DOCUMENTED_ANSWER = json.loads((ANSWERS / "instances.get.json").read_text(encoding="utf-8"))
KINDS: dict[str, set[type]] = {
    "str": {str},
    "int": {int},
    "float": {int, float},
    "bool": {bool},
    "list": {list},
    "dict": {dict},
}
BY_ANSIBLE = {"changed", "failed", "warnings"}
FOR_THE_CONTROLLER = {"observation"}


def answer(handler: Handler) -> None:
    if handler.path == "/api/info":
        handler.reply(200, {"version": "7.11", "info": {"version": "7.11.0"}, "success": True})
    else:
        limited = {"X_RateLimit_Limit": "10", "X_RateLimit_Remaining": "7", "X_RateLimit_Reset": "1767225600000"}
        handler.reply(200, DOCUMENTED_ANSWER, **limited)


def documented(module: ModuleType) -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(module.RETURN)
    return described


def require_as_documented(value: Any, described: Mapping[str, Any], where: str) -> None:
    """Compare names and types, also of nested values; a value without a description may have any."""
    if value is None:
        return
    assert type(value) in KINDS[described["type"]], (where, value)
    parts: dict[str, Any] = described.get("contains", {})
    for item in (value if isinstance(value, list) else [value]) if parts else ():
        assert set(item) == set(parts), where
        for name, part in parts.items():
            require_as_documented(item[name], part, f"{where}.{name}")


@pytest.mark.parametrize(
    ("module", "spec", "work", "several"),
    [
        (instances_info_module, INSTANCES, instances_info, False),
        (instances_info_module, INSTANCES, instances_info, True),
        (instances_facts_module, INSTANCES, instances_facts, False),
        (instances_facts_module, INSTANCES, instances_facts, True),
        (cluster_gate_module, GATE, observe_once, True),
    ],
)
def test_results_are_as_documented(
    module: ModuleType,
    spec: Mapping[str, Any],
    work: Callable[[Mapping[str, Any], set[str]], dict[str, Any]],
    several: bool,
) -> None:
    with serving(answer) as server:
        nodes = {"members": [{"name": "rc1", "url": server.url}]} if several else {"url": server.url}
        given = {**nodes, "user_id": "me", "auth_token": "t0ken"}
        validation = ArgumentSpecValidator(spec).validate(given)
        assert not validation.error_messages
        result = work(validation.validated_parameters, set())
    described = documented(module)
    assert set(result) - BY_ANSIBLE - FOR_THE_CONTROLLER == set(described)
    for name, part in described.items():
        require_as_documented(result[name], part, name)
