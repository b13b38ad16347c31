# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ready-made hooks, and the check of their requirements before the first drain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.ready_made import (
    checks,
    entry_points,
    lacking,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.variables import (
    READY_MADE,
    READY_MADE_FILE,
    Variables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE = Path(__file__).parents[5] / "roles" / "hooks"
NOTHING: dict[str, Any] = {"rc": 0, "stdout_lines": []}


class Templar:
    """A templar that returns values unchanged."""

    @staticmethod
    def template(value: Any) -> Any:
        return value


def variables(of_host: Mapping[str, Any], **of_play: Any) -> Variables:
    """The variables of the host rc1."""
    host = {"inventory_dir": "/inventory", **of_host}
    own = {"inventory_hostname": "rc1", "hostvars": {"rc1": host}, **host, **of_play}
    return Variables(own, Templar())  # type: ignore[arg-type]


def hooks(**names: str) -> dict[str, Any]:
    return {"rolling_update_hooks": {hook.value: names.get(hook.value, "") for hook in Hook}}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 149.0),  # over NATS a pass must hold for 135 s
        ({"health_gate_stable_for": 30}, 120.0),
        ({"health_gate_stable_for": 30, "health_gate_link_memory": 200, "health_gate_interval": 5}, 210.0),
        ({"rolling_update_recheck_deadline": 10, "health_gate_stable_for": 3, "health_gate_link_memory": 2}, 17.0),
    ],
)
def test_a_gate_that_checks_again_has_the_time_that_it_needs(given: dict[str, Any], seconds: float) -> None:
    assert variables({}, ansible_play_hosts_all=[], **given).short_deadline() == seconds


@pytest.mark.parametrize(
    ("given", "entries", "files"),
    [
        ({"deploy": "systemd"}, ["deploy_systemd"], {"deploy": READY_MADE_FILE}),
        (
            {"deploy": "compose", "drain": "haproxy"},
            ["drain_haproxy", "deploy_compose", "readmit_haproxy"],
            {"deploy": READY_MADE_FILE, "drain": READY_MADE_FILE, "readmit": READY_MADE_FILE},
        ),
        (
            {"deploy": "./systemd", "drain": "nginx", "readmit": "hooks/readmit.yml"},
            ["drain_nginx"],
            {"deploy": "/inventory/systemd", "drain": READY_MADE_FILE, "readmit": "/inventory/hooks/readmit.yml"},
        ),
        # Each name is valid only for its own hook.
        (
            {"deploy": "haproxy", "drain": "systemd", "backup": "compose"},
            [],
            {"deploy": "/inventory/haproxy", "drain": "/inventory/systemd", "backup": "/inventory/compose"},
        ),
    ],
)
def test_a_name_is_a_ready_made_hook_and_a_path_is_a_file(
    given: dict[str, str], entries: list[str], files: dict[str, Any]
) -> None:
    found = variables(hooks(**given))
    assert entry_points(found, "rc1") == entries
    assert {hook.value: path for hook in Hook if (path := found.hook("rc1", hook))} == {
        name: Path(path) for name, path in files.items()
    }


def test_the_role_has_each_named_hook() -> None:
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    named = [f"{hook.value}_{name}" for hook, names in READY_MADE.items() for name in names]
    assert sorted(specs) == sorted(named)
    files = {path.stem for path in (ROLE / "tasks").glob("*.yml")}
    assert files >= {*named, *(f"check_{entry.partition('_')[2]}" for entry in named)}
    assert READY_MADE_FILE.is_file()


def test_options_are_the_same_in_specs_defaults_and_page() -> None:
    """Argument specs, defaults of the role and the page have the same options."""
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    options = {name: option for spec in specs.values() for name, option in spec["options"].items()}
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert sorted(options) == sorted(defaults)
    own = {name: default for name, default in defaults.items() if "{{" not in str(default)}
    assert own == {name: option["default"] for name, option in options.items() if "default" in option}
    page = (ROLE.parents[1] / "docs" / "hooks.md").read_text(encoding="utf-8")
    assert [name for name in options if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (NOTHING, []),
        ({"rc": 0, "stdout_lines": ["no tar", "no link"]}, ["no tar", "no link"]),
        ({"unreachable": True}, ["Ansible cannot connect to rc1, which the hooks for systemd need"]),
        (
            {"rc": 127, "stdout_lines": [], "stderr": "bash: not found"},
            ["what the hooks for systemd need cannot be checked: bash: not found"],
        ),
        (
            {"failed": True, "msg": "a template failed"},
            ["what the hooks for systemd need cannot be checked: a template failed"],
        ),
        (None, ["what the hooks for systemd need cannot be checked: see its error above"]),
    ],
)
def test_the_reasons_of_a_check(found: Any, reasons: list[str]) -> None:
    given = variables({**hooks(deploy="systemd"), "_hooks_found_systemd": found})
    assert list(lacking(given, "rc1")) == reasons


def test_each_load_balancer_is_checked() -> None:
    result = {
        "results": [
            {**NOTHING, "hooks_balancer": "lb1"},
            {"unreachable": True, "hooks_balancer": "lb2"},
            {"rc": 0, "stdout_lines": ["socat is not installed on lb3"], "hooks_balancer": "lb3"},
        ]
    }
    given = variables({**hooks(drain="haproxy"), "_hooks_found_haproxy": result})
    assert list(lacking(given, "rc1")) == [
        "Ansible cannot connect to lb2, which the hooks for haproxy need",
        "socat is not installed on lb3",
    ]


def test_an_empty_hooks_balancers_is_refused() -> None:
    given = variables({**hooks(drain="nginx"), "_hooks_found_nginx": {"results": []}})
    (reason,) = lacking(given, "rc1")
    assert reason.startswith("hooks_balancers is empty")


@pytest.mark.parametrize("of_play", [False, True])
def test_wrong_options_of_a_hook_are_refused(of_play: bool) -> None:
    """A check that needs them is not run; the other one is."""
    wrong = {"hooks_drain_seconds": "many"}
    given = hooks(drain="haproxy", deploy="systemd")
    found = variables(given, **wrong) if of_play else variables({**given, **wrong})
    assert checks(found, "rc1") == ["check_systemd"]
    reason, _not_run = lacking(found, "rc1")
    assert reason.startswith("for the hook drain_haproxy: ")
    assert "hooks_drain_seconds" in reason


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("hooks_compose_services", "chat", "must be a list, not a single value"),
        ("hooks_compose_command", "docker compose", "must be a list, not a single value"),
        ("hooks_compose_folder", ["/opt/chat"], "must be a single value, not a list"),
        ("hooks_compose_variable", {"RELEASE": "7.11.0"}, "must be a single value, not a dictionary"),
        ("hooks_release_info", '{"nodeVersion": "22.16.0"}', "must be a dictionary, not a single value"),
    ],
)
def test_a_list_for_a_single_value_is_refused_and_the_reverse(name: str, value: Any, reason: str) -> None:
    """Ansible would convert one to the other; the role does not."""
    deploy = "systemd" if name.startswith("hooks_release") else "compose"
    found = variables({**hooks(deploy=deploy), name: value})
    assert checks(found, "rc1") == []
    assert list(lacking(found, "rc1")) == [f"for the hook deploy_{deploy}: {name} {reason}"]


@pytest.mark.parametrize("of_play", [False, True])
@pytest.mark.parametrize(
    ("name", "option"),
    [("hooks_compose_service", "hooks_compose_services"), ("hooks_ballancers", "hooks_balancers")],
)
def test_a_misspelt_option_is_refused(name: str, option: str, of_play: bool) -> None:
    known = {**hooks(deploy="systemd"), "_hooks_found_systemd": NOTHING, "hooks_systemd_unit": "chat"}
    found = variables(known, **{name: "x"}) if of_play else variables({**known, name: "x"})
    assert list(lacking(found, "rc1")) == [f"{name} is not an option of the ready-made hooks: write {option} instead"]


def test_variables_of_the_user_may_begin_like_options() -> None:
    known = {**hooks(deploy="systemd"), "_hooks_found_systemd": NOTHING, "hooks_systemd_unit": "chat"}
    assert list(lacking(variables({**known, "hooks_mine": "x"}), "rc1")) == []
    assert list(lacking(variables({**hooks(deploy="deploy.yml"), "hooks_compose_service": "x"}), "rc1")) == []


def test_a_host_without_a_connection_is_not_checked() -> None:
    """The missing connection is already a reason to refuse."""
    given = variables({**hooks(deploy="systemd"), "rolling_update_connection": {"unreachable": True}})
    assert (checks(given, "rc1"), list(lacking(given, "rc1"))) == ([], [])
