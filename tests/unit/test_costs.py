# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Costs that must not grow: the function calls of a judgement, and the requests of an observation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member, Observation, View
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import READINESS, VERSION, Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene, params
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access


def calls(work: Callable[[], object]) -> int:
    """The number of functions that ``work`` calls, Python's own included."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


PLUGINS = "ansible_collections.rocketops.rocketchat.plugins"
IMPORTED_LATER = f"""
import sys
import {PLUGINS}.action.cluster_gate
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from {PLUGINS}.module_utils._gate.wait import judge_once
from {PLUGINS}.module_utils._cluster.observation import Member
from {PLUGINS}.module_utils._cluster.observer import READINESS, VERSION, Observer
from {PLUGINS}.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params
before = set(sys.modules)
members = [Member("rc1", sys.argv[1])]
with Observer(members, access_with(user_id="u", auth_token="t"), gather=frozenset({{VERSION, READINESS}})) as observer:
    result = judge_once(observer.observe(), policy_from(params(), members)).to_dict()
print(result["members"][0]["version"], *(set(sys.modules) - before))
"""


IMPORTED_BY_A_ROLL = """
import sys
import ansible.playbook.handler  # a real play has imported it
import pytest
from pathlib import Path
from ansible_collections.rocketops.rocketchat.tests.unit.plugins.action.test_rollout import scripted
folder = Path(sys.argv[1])
with pytest.MonkeyPatch.context() as monkeypatch:
    play = scripted(folder, monkeypatch)
    play.variables["health_gate_report"] = [str(folder / f"roll{ending}") for ending in (".html", ".md", ".xml")]
    before = set(sys.modules)
    end = play.roll()
    print("failed" if end["failed"] else "done", *(set(sys.modules) - before))
"""


def scene(size: int) -> Scene:
    return Scene.of(*(f"n{number:04}" for number in range(size)))


def judged_through_one(size: int) -> Callable[[], object]:
    cluster = scene(size)
    observation = Observation(views=(cluster._view(cluster["n0000"]),), at=0.0)
    policy = policy_from(params(expected=size), cluster.members[:1])
    return lambda: judge(observation, policy, Memory())


def judged_by_all(size: int, phase: str) -> Callable[[], object]:
    cluster = scene(size)
    policy = cluster.policy(phase, **({"targets": ["n0000"]} if phase == "before" else {}))
    observation = cluster.observe()
    return lambda: judge(observation, policy, Memory())


def test_a_judgement_is_linear_in_the_instances() -> None:
    small, large = (calls(judged_through_one(size)) for size in (100, 1000))
    assert large < 11 * small


@pytest.mark.parametrize("phase", ["steady", "before"])
def test_a_judgement_is_linear_in_the_links(phase: str) -> None:
    """Every member's view of every other is read: twice the members have four times the links."""
    small, large = (calls(judged_by_all(size, phase)) for size in (20, 40))
    assert large < 4.4 * small


def answer(handler: Handler) -> None:
    if handler.path == "/api/v1/login":
        handler.reply(200, {"status": "success", "data": {"userId": "u", "authToken": "t"}})
    elif handler.path == "/api/v1/instances.get":
        handler.reply(200, {"success": True, "instances": []})
    else:
        handler.reply(200, {"success": True, "status": "success", "info": {"version": "7.11.0"}})


@pytest.mark.parametrize(
    ("gather", "paths"),
    [
        ((), ["/api/v1/instances.get"]),
        ((VERSION,), ["/api/v1/instances.get", "/api/info"]),
        ((VERSION, READINESS), ["/api/v1/instances.get", "/api/info", "/readyz"]),
    ],
)
@pytest.mark.parametrize("access", [access_with(user_id="u", auth_token="t"), access_with(username="u", password="p")])
def test_the_requests_of_an_observation(access: Access, gather: tuple[str, ...], paths: list[str]) -> None:
    """One request of each kind to each member, and one login in total."""
    with serving(answer) as first, serving(answer) as second:
        members = [Member("rc1", first.url), Member("rc2", second.url)]
        with Observer(members, access, gather=frozenset(gather)) as observer:
            for _time in range(3):
                observer.observe()
        for server in (first, second):
            asked = [call.split()[1] for call in server.calls]
            login = ["/api/v1/login"] if access.username else []
            logout = ["/api/v1/logout"] if access.username else []
            assert asked == [*login, *paths * 3, *logout]


def test_a_view_does_not_search_all_records() -> None:
    """Reading an answer costs the same for each record, whatever their number."""
    cluster = scene(300)
    view = cluster._view(cluster["n0000"])
    fresh = View(member=view.member, listing=view.listing)
    assert calls(lambda: Observation(views=(fresh,), at=0.0).ids) < 1000


def test_a_gate_imports_nothing_in_the_worker() -> None:
    """Workers inherit the imports of Ansible's parent process; later imports would be repeated for every task."""
    with serving(answer) as server:
        command = [sys.executable, "-c", IMPORTED_LATER, server.url]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found.split() == ["7.11.0"]


def test_a_roll_imports_nothing_in_the_worker(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORTED_BY_A_ROLL, str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found.split() == ["done"]


def test_the_tests_of_the_core_import_nothing_of_ansible_but_the_argument_spec_does() -> None:
    """So tests/tools/matrix.sh skips these tests with other releases of ansible-core on the same Python."""
    here = Path(__file__).parent
    tests = [path.relative_to(here).with_suffix("") for path in (here / "plugins" / "module_utils").rglob("test_*.py")]
    names = [".".join([__name__.rpartition(".")[0], *path.parts]) for path in tests]
    program = (
        f"import sys, {PLUGINS}.module_utils._argument_spec; spec = set(sys.modules); import {', '.join(names)};"
        "print(*[name for name in set(sys.modules) - spec if name.startswith('ansible.')])"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert len(names) > 5
    assert found.split() == []
