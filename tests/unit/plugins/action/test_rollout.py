# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole rolls without Ansible: the action is called as the playbook calls it, for a scripted cluster."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.module_utils.common.collections import ImmutableDict
from jinja2 import Environment

from ansible_collections.rocketops.rocketchat.plugins.action import rollout
from ansible_collections.rocketops.rocketchat.plugins.action.rollout import ActionModule
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils import _gate
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.journal import Journal
from ansible_collections.rocketops.rocketchat.tests.unit.plugins.action.test_actions import action
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEW = "7.11.0"
HOOKS = ("drain", "deploy", "readmit")
# The result of a successful check, by a load balancer or by the host itself.
FOUND = {"results": [{"rc": 0, "stdout_lines": list[str]()}]}


class Play:
    """Stands for the playbook: calls the action and follows its answers."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.scene = Scene.of(*(names or ("rc1", "rc2", "rc3")))
        self.folder = folder
        self.hosts = list(self.scene.nodes)
        self.here = [*self.hosts, "localhost"]
        self.variables: dict[str, Any] = {
            "health_gate_user_id": "me",
            "health_gate_auth_token": "a-secret-token",
            "health_gate_expected_version": NEW,
        }
        for hook in HOOKS:
            (folder / f"{hook}.yml").touch()
        hooks = {hook: f"{hook}.yml" for hook in HOOKS}
        self.of_host: dict[str, dict[str, Any]] = {
            name: {
                "inventory_dir": str(folder),
                "rocketchat_url": f"http://{name}:3000",
                "rolling_update_hooks": dict(hooks),
            }
            for name in self.hosts
        }
        self.of_host["localhost"] = {}
        self.groups = {"rocketchat": list(self.hosts)}
        # For each hook, a function that does it on a host and returns whether it finished.
        self.does: dict[str, Callable[[str], bool]] = {"deploy": self._deploy}
        self.steps: list[str] = []
        # The turns of each host, each time that they were computed.
        self.turns: list[dict[str, list[list[str]]]] = []
        self.check = False
        # A time, and a change of the cluster at that time.
        self.later: tuple[float, Callable[[], object]] | None = None

    def pass_by(self, seconds: float) -> None:
        self.scene.now += seconds
        if self.later and self.scene.now >= self.later[0]:
            (_time, happens), self.later = self.later, None
            happens()

    def ask(self, point: str, *, batch: list[str] | None = None, host: str | None = None) -> dict[str, Any]:
        host = host or self.here[0]
        made = action(ActionModule, {}, keywords={"check_mode": self.check})
        made._task.args = {"point": point, **({} if batch is None else {"hosts": batch})}
        made._task.get_play = lambda: None  # type: ignore[method-assign]
        hostvars = {name: {**self.variables, **own} for name, own in self.of_host.items() if name != "localhost"}
        own = {"inventory_hostname": host, "groups": self.groups, "omit": "nothing"}
        play = {"ansible_play_hosts": self.here, "ansible_play_hosts_all": [*self.hosts, "localhost"]}
        mine = hostvars.get(host, {})
        return made.run(task_vars={**mine, **own, **play, "hostvars": {**hostvars, "localhost": {}}})

    def roll(self) -> dict[str, Any]:
        """Run the roll; returns the result of its end."""
        begun = self.ask("start")
        if begun.get("failed"):
            return begun
        self._turns()
        self.here = [*self.hosts, "localhost"]
        if self.ask("put_back")["next"] == "turns.yml":
            self._turns()
        return self.ask("end")

    def _turns(self) -> None:
        for _turn in range(60):
            if self._turn(self.ask("turn"), self.here):
                return
        raise AssertionError(f"no end: {self.steps}")

    def _turn(self, answer: dict[str, Any], hosts: list[str]) -> bool:
        """Do one step; returns whether the play is over. ``hosts``: the hosts that get the answer."""
        if ["stop.yml"] in answer["files"].values():
            return True
        if answer["turns"]:
            return self._batches(answer["turns"])
        self._run(answer, hosts)
        return False

    def _batches(self, turns: dict[str, list[list[str]]]) -> bool:
        """The turns in the order in which Ansible reaches them."""
        self.turns.append({name: [list(batch) for batch in own] for name, own in turns.items()})
        # The first host enters all turns, so the other hosts meet their turns in order.
        for batch in next(iter(turns.values())):
            hosts = [name for name in self.here if batch in turns.get(name, ())]
            if hosts and self._turn(self.ask("turn", batch=batch, host=hosts[0]), hosts):
                return True
        return False

    def _run(self, answer: dict[str, Any], hosts: list[str]) -> None:
        for host, (path, _flush) in answer["files"].items():
            assert host in hosts, f"{host} does not get the answer: {answer}"
            hook = path.rpartition("/")[2].removesuffix(".yml")
            if hook == "ready_made":
                (hook,) = answer["entries"][host]
            self.steps.append(f"{hook} {host}")
            does = self.does.get(hook)
            if does and not does(host):
                self.of_host[host]["rolling_update_failed"] = answer["mark"]

    def _deploy(self, host: str) -> bool:
        self.scene.restart(host, version=NEW)
        return True

    def lose(self, host: str) -> bool:
        self.here.remove(host)
        return True


def scripted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A play whose gates observe its own scene."""
    (folder / "local").mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder / "local"))
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(tags=["all"]))
    play = Play(folder)

    @contextmanager
    def observing(*_given: Any) -> Iterator[Callable[[], Any]]:
        yield play.scene.observe

    monkeypatch.setattr(_gate, "observing", observing)
    monkeypatch.setattr(_gate, "sleeper", lambda: play.pass_by)
    monkeypatch.setattr(_gate, "time", SimpleNamespace(monotonic=lambda: play.scene.now))
    return play


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return scripted(tmp_path, monkeypatch)


def steps_of_batches(play: Play) -> list[str]:
    """The steps without the readmission of all members at the start."""
    return [step for i, step in enumerate(play.steps) if not step.startswith("readmit") or i >= len(play.hosts)]


def test_a_roll_deploys_all_nodes_one_by_one(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    end = play.roll()
    assert end == {
        "changed": False,
        "failed": False,
        "msg": "the roll is done: 7.11.0 runs on rc1, rc2, rc3. Running the same command again changes nothing.",
    }
    assert steps_of_batches(play) == [f"{hook} {host}" for host in play.hosts for hook in HOOKS]
    said = capsys.readouterr().err
    lines = [line for line in said.splitlines() if "rc2" in line and "waiting" not in line]
    assert lines[2:5] == [
        "[roll] before rc2: passed at once: 2 of 2 other members serve, 2 needed",
        "[roll] before rc2, again: passed at once: 2 of 2 other members serve, 2 needed",
        "[roll] after rc2: passed: 3 of 3 members serve, 3 needed; waited 30 s",
    ]


def test_a_ready_target_is_readmitted_before_a_late_one(play: Play) -> None:
    """The first batch is one node, because the version changes. A ready target does not wait for the other one."""
    play.variables.update(rolling_update_serial=2, health_gate_min_serving=1)
    born: dict[str, float] = {}

    def deploy(host: str) -> bool:
        play._deploy(host)
        born[host] = play.scene.now
        if host == "rc3":
            play.scene.kill(host)
            play.later = (play.scene.now + 100, lambda: play._deploy(host))
        return True

    readmitted: dict[str, float] = {}

    def readmit(host: str) -> bool:
        readmitted[host] = play.scene.now
        return True

    play.does = {"deploy": deploy, "readmit": readmit}
    assert not play.roll()["failed"]
    assert [step for step in play.steps if "deploy" in step] == ["deploy rc1", "deploy rc2", "deploy rc3"]
    assert readmitted["rc2"] - born["rc2"] < 60
    assert readmitted["rc3"] - born["rc3"] > 100


@pytest.mark.parametrize("lost", [False, True])
def test_a_failed_hook_stops_the_roll(play: Play, lost: bool) -> None:
    play.does["drain"] = lambda host: play.lose(host) if lost else False
    end = play.roll()
    assert end["failed"]
    why = "Ansible lost rc1 during the drain hook" if lost else "the drain hook failed on rc1: see its error above"
    assert end["msg"].startswith(f"the roll stopped at rc1; {why}. Fix the cause")
    assert steps_of_batches(play) == ["drain rc1", "readmit rc1"]


def test_a_roll_ends_if_all_hosts_are_lost(play: Play) -> None:
    """Then the conductor asks, which has no variables of the group."""

    def drain(_host: str) -> bool:
        play.here = ["localhost"]
        return True

    play.does["drain"] = drain
    assert play.roll()["msg"].startswith("the roll stopped at rc1; Ansible lost rc1 during the drain hook. ")
    assert steps_of_batches(play) == ["drain rc1", "readmit rc1"]


def test_each_host_enters_the_turn_of_its_batch(play: Play) -> None:
    """A host enters only the turn of its batch; the first host enters all turns, and asks."""
    play.roll()
    one, two, three = [["rc1"]], [["rc2"]], [["rc3"]]
    assert play.turns == [{"rc1": [*one * 3, *two * 3, *three * 3], "rc2": two * 3, "rc3": three * 3}]


def test_a_batch_other_than_expected_uses_the_turn_of_all_hosts(play: Play) -> None:
    """Hosts that expected other turns get the batch in a turn of all hosts."""

    def deploy(host: str) -> bool:
        play.scene.restart(host, version=NEW)
        if host == "rc1":
            play.scene.kill("rc3")
        return True

    play.does["deploy"] = deploy
    play.variables.update(health_gate_min_serving=1, health_gate_restart_confirmed=True)
    assert not play.roll()["failed"]
    assert [step for step in play.steps if "deploy" in step] == ["deploy rc1", "deploy rc3", "deploy rc2"]


def test_a_host_that_is_not_drained_waits_for_the_deployment(play: Play) -> None:
    """A host in keep_out is not drained, but is deployed with its batch."""
    play.variables.update(rolling_update_keep_out=["rc2"], rolling_update_serial=[1, 2], health_gate_min_serving=0)
    assert not play.roll()["failed"]
    assert steps_of_batches(play)[3:] == ["drain rc3", "deploy rc3", "deploy rc2", "readmit rc3"]


def test_a_play_that_ended_in_a_hook_counts_as_a_failed_hook(play: Play) -> None:
    """The hook that was running counts as not finished."""
    assert not play.ask("start").get("failed")
    play._turn(play.ask("turn"), play.here)
    assert play.ask("turn")["files"] == {name: ["batches.yml"] for name in play.hosts}
    assert list(play.ask("turn", batch=["rc1"])["files"]) == ["rc1"]
    assert play.ask("put_back")["next"] == "turns.yml"
    play._turns()
    assert play.ask("end")["msg"].startswith("the roll stopped at rc1; the drain hook failed on rc1. ")


def test_ready_made_hooks_run_from_the_role(play: Play) -> None:
    """The playbook's own file includes the role. The program that drained the node readmits it."""
    for host in play.hosts:
        hooks = {"drain": "haproxy", "deploy": "systemd", "readmit": ""}
        play.of_host[host].update(rolling_update_hooks=hooks, _hooks_found_haproxy=FOUND, _hooks_found_systemd=FOUND)
    play.does["deploy_systemd"] = play._deploy
    assert play.ask("start")["hooks"] == []
    assert not play.roll()["failed"]
    entries = ("drain_haproxy", "deploy_systemd", "readmit_haproxy")
    assert steps_of_batches(play) == [f"{entry} {host}" for host in play.hosts for entry in entries]


def test_ready_made_hooks_are_checked_on_each_reachable_host(play: Play) -> None:
    """Hooks that are files of the user are not checked."""
    assert play.ask("checks")["files"] == {}
    play.of_host["rc1"]["rolling_update_hooks"] = {"drain": "nginx", "deploy": "compose"}
    play.of_host["rc2"].update(
        rolling_update_hooks={"deploy": "systemd"}, rolling_update_connection={"unreachable": True}
    )
    answer = play.ask("checks")
    assert answer["entries"] == {"rc1": ["check_nginx", "check_compose"]}
    assert {host: [path.rpartition("/")[2] for path in files] for host, files in answer["files"].items()} == {
        "rc1": ["ready_made.yml"]
    }


def test_missing_requirements_of_ready_made_hooks_are_one_message(play: Play) -> None:
    """What several hosts lack is listed once."""
    for host in play.hosts:
        play.of_host[host].update(
            rolling_update_hooks={"drain": "haproxy", "deploy": "systemd"},
            _hooks_found_haproxy={"results": [{"rc": 0, "stdout_lines": ["socat is not installed on lb1"]}]},
            _hooks_found_systemd={"rc": 0, "stdout_lines": [f"{host} has no tar"]},
        )
    begun = play.ask("start")
    assert begun["failed"]
    assert begun["msg"] == (
        "nothing was done: rc1, rc2, rc3: socat is not installed on lb1 | rc1: rc1 has no tar | rc2: rc2 has no tar | "
        "rc3: rc3 has no tar"
    )


def test_a_check_that_cannot_be_read_is_refused_at_the_start(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal has the reason."""

    def unreadable(*_given: Any) -> None:
        raise AnsibleError("no such file")

    monkeypatch.setattr(rollout, "checks", unreadable)
    assert play.ask("checks")["files"] == {}


def test_the_playbook_is_small() -> None:
    """Decisions belong into Python."""
    playbooks = Path(__file__).parents[4] / "playbooks"
    lines = [line for path in playbooks.rglob("*.yml") for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(bool(line.strip()) and not line.lstrip().startswith(("#", "---")) for line in lines) <= 120


def test_a_lost_journal_is_named(play: Play) -> None:
    """A hook may have cleaned Ansible's folders."""
    for point in ("turn", "put_back"):
        answer = play.ask(point)
        assert (answer["files"], answer["next"], answer["failed"]) == ({"rc1": ["stop.yml"]}, "nothing.yml", False)
    assert play.ask("end")["failed"]
    assert "(local_tmp) is gone" in play.ask("end")["msg"]


def test_a_node_that_dies_after_its_deployment_stops_the_roll(play: Play) -> None:
    """The roll stops even if min_serving allows the loss."""
    play.variables.update(health_gate_min_serving=1)

    def readmit(host: str) -> bool:
        if host == "rc1" and play.scene["rc1"].version == NEW:
            play.scene.kill("rc1")
        return True

    play.does["readmit"] = readmit
    end = play.roll()
    assert end["msg"].startswith("the roll stopped after 1 batch; rc1 served after the deployment and no longer does")
    assert [step for step in play.steps if "deploy" in step] == ["deploy rc1"]


def test_the_end_of_an_interrupted_roll_names_all_members_that_are_out(play: Play) -> None:
    """Here the play that puts members back is interrupted too."""
    play.ask("start")
    end = play.ask("end")
    assert end["failed"]
    assert " | the play that readmits members ended early; out of rotation: rc1, rc2, rc3. " in end["msg"]


def test_a_token_that_can_no_longer_be_read_stops_the_roll(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_given: Any, **_more: Any) -> None:
        raise AnsibleError("no such file")

    def drain(_host: str) -> bool:
        monkeypatch.setattr(ActionModule, "ask", unreadable)
        return True

    play.does["drain"] = drain
    assert play.roll()["msg"].startswith("the roll stopped at rc1; no such file. ")
    assert steps_of_batches(play) == ["drain rc1", "readmit rc1"]


def test_check_mode_deploys_nothing(play: Play) -> None:
    play.check, play.does = True, {}
    play.scene.kill("rc3")
    end = play.roll()
    assert (end["failed"], play.scene["rc1"].version) == (False, "7.10.0")
    assert end["msg"] == "check mode: nothing was deployed. Run the same command without check mode to deploy."
    play.variables.update(rolling_update_check_strict=True, health_gate_min_serving=3)
    assert play.roll()["failed"]


def test_hooks_are_found_beside_the_folder_of_the_inventory(play: Play) -> None:
    """In the folder itself Ansible would read them as inventories; a hook in that folder has precedence."""
    inventory = play.folder / "inventory"
    inventory.mkdir()
    (inventory / "drain.yml").touch()
    for host in play.hosts:
        play.of_host[host]["inventory_dir"] = str(inventory)
    assert play.ask("start")["hooks"] == [
        str(play.folder / "deploy.yml"),
        str(inventory / "drain.yml"),
        str(play.folder / "readmit.yml"),
    ]


def test_the_report_has_all_gates(play: Play) -> None:
    path = play.folder / "roll.json"
    play.variables["health_gate_report"] = str(path)
    assert not play.roll()["failed"]
    results = json.loads(path.read_text(encoding="utf-8"))
    assert [result["phase"] for result in results] == ["steady", *["before", "before", "after"] * 3, "steady"]
    assert [result["out_of_rotation"] for result in results[:4]] == [["rc1", "rc2", "rc3"], [], ["rc1"], ["rc1"]]
    assert results[-1]["out_of_rotation"] == []


def test_the_report_is_written_after_each_gate(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interruption, it has the nodes that were about to be deployed, and those that are out of rotation."""
    written: list[int] = []
    monkeypatch.setattr(rollout, "write_report", lambda results, _path: written.append(len(results)))
    play.variables["health_gate_report"] = str(play.folder / "roll.json")
    play.does["drain"] = lambda host: host != "rc3"
    assert play.roll()["failed"]
    assert written == list(range(1, 10))


def test_the_template_of_the_report_is_compiled_once_per_roll(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gate writes the report in a new process of Ansible; compiling took most of the time of a gate."""
    compiled: list[str] = []
    compile_template = Environment.compile

    def note(self: Environment, source: Any, name: Any = None, *others: Any) -> Any:
        compiled.append(name)
        return compile_template(self, source, name, *others)

    monkeypatch.setattr(Environment, "compile", note)
    play.variables["health_gate_report"] = str(play.folder / "roll.html")
    assert not play.roll()["failed"]
    assert sorted(name for name in compiled if name) == ["page.css", "page.html.j2"]


def test_a_report_that_cannot_be_written_does_not_stop_the_roll(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    (play.folder / "file").touch()
    play.variables["health_gate_report"] = [str(play.folder / "file" / "roll.html")]
    assert not play.roll()["failed"]
    assert "could not be written" in " ".join(capsys.readouterr().err.split())


def test_restart_confirmed_of_a_hook_counts_for_its_host_only(play: Play) -> None:
    """A node that was silent needs it; it does not count for other nodes."""
    play.scene.kill("rc2")

    def deploy(host: str) -> bool:
        play._deploy(host)
        play.scene[host].version = "7.10.0"
        play.of_host[host]["health_gate_restart_confirmed"] = host == "rc2"
        return True

    play.variables.update(health_gate_expected_version="7.10.0", health_gate_min_serving=1)
    play.does["deploy"] = deploy
    assert not play.roll()["failed"]
    assert steps_of_batches(play) == ["drain rc2", "deploy rc2", "readmit rc2"]


def test_restart_required_false_accepts_the_same_process(play: Play) -> None:
    play.variables["health_gate_restart_required"] = "false"

    def deploy(host: str) -> bool:
        play.scene[host].version = NEW
        return True

    play.does["deploy"] = deploy
    assert not play.roll()["failed"]
    assert [step for step in play.steps if "deploy" in step] == ["deploy rc1", "deploy rc2", "deploy rc3"]


def test_the_secret_is_not_in_the_journal(play: Play) -> None:
    play.ask("start")
    play.ask("turn")
    texts = [path.read_text(encoding="utf-8") for path in (play.folder / "local").iterdir()]
    assert texts
    assert not [text for text in texts if "a-secret-token" in text]


def test_a_second_roll_in_one_run_starts_again(play: Play) -> None:
    assert not play.roll()["failed"]
    before = Journal.load()
    assert not play.roll()["failed"]
    after = Journal.load()
    assert before
    assert after
    assert before.run != after.run
    assert len([step for step in play.steps if "deploy" in step]) == 3


# Refusals


@pytest.mark.parametrize(
    ("variables", "reasons"),
    [
        (
            {"rolling_update_keep_out": ["rc4"]},
            ["rolling_update_keep_out has unknown members: rc4; the members are rc1, rc2, rc3"],
        ),
        (
            {"rolling_update_in_rotation": "rc1, rc4"},
            ["rolling_update_in_rotation has unknown members: rc4; the members are rc1, rc2, rc3"],
        ),
        ({"rolling_update_batches": 0}, ["rolling_update_batches is 0, it must be at least 1"]),
        (
            {"rolling_update_batches": 1, "health_gate_any_version": True},
            [
                "rolling_update_batches needs health_gate_expected_version: without it, each run "
                "starts at the first node"
            ],
        ),
        ({"rolling_update_soak": -1}, ["rolling_update_soak is -1, it must be a finite number of seconds, at least 0"]),
        (
            {"rolling_update_serial": "0", "health_gate_once": "yes", "health_gate_expected_version": ""},
            [
                "health_gate_deadline is 0, or health_gate_once is set: remove it, because "
                "each gate of a roll must wait",
                "in the variables rolling_update_*: rolling_update_serial must be a number of hosts, a percentage of "
                "them, or a list of these, not 0",
                "in the variables health_gate_*: expected_version must be a full version such as 7.11.0, not empty",
            ],
        ),
        ({"health_gate_stable_for": "soon"}, ["in the variables health_gate_*: argument 'stable_for' is of type"]),
        ({"health_gate_deadline": "soon"}, ["in the variables health_gate_*: argument 'deadline' is of type"]),
        ({"health_gate_report": "roll.pdf"}, ["in health_gate_report: "]),
        ({"health_gate_members": []}, ["health_gate_members is empty: list the members"]),
        ({"health_gate_members": ["rc1"]}, ["dictionary requested, could not parse JSON or key=value"]),
        ({"health_gate_url_variable": "url"}, ["url is not set for rc1, rc2, rc3: set it to the node's own URL"]),
        (
            {"health_gate_restart_required": "perhaps"},
            ["health_gate_restart_required must be true or false, not perhaps"],
        ),
    ],
)
def test_contradicting_options_are_refused(play: Play, variables: dict[str, Any], reasons: list[str]) -> None:
    play.variables.update(variables)
    refused = play.roll()
    assert refused["failed"]
    said = refused["msg"].removeprefix("nothing was done: ").split(" | ")
    assert len(said) == len(reasons)
    assert all(one.startswith(reason) for one, reason in zip(said, reasons)), said
    assert play.steps == []


def test_a_variable_that_cannot_be_templated_is_refused(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_self: Any) -> None:
        raise AnsibleError("no such lookup")

    monkeypatch.setattr(
        "ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.variables.Variables.members", unreadable
    )
    assert play.roll() == {"changed": False, "failed": True, "msg": "nothing was done: no such lookup"}


def test_an_omitted_variable_is_left_out(play: Play) -> None:
    """``omit`` is a plain string in older releases."""
    play.variables["health_gate_timeout"] = "nothing"
    assert not play.roll()["failed"]


def test_a_secret_in_a_reason_is_masked(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_given: Any, **_more: Any) -> None:
        raise AnsibleError("cannot read a-secret-token")

    def drain(_host: str) -> bool:
        monkeypatch.setattr(ActionModule, "_wait", unreadable)
        return True

    play.does["drain"] = drain
    assert "cannot read ****" in play.roll()["msg"]


def test_options_of_the_roll_come_from_the_first_host(play: Play) -> None:
    """Whichever host asks. A variable of the play has precedence."""
    play.of_host["rc1"]["health_gate_stable_for"] = 60
    play.of_host["rc2"]["health_gate_stable_for"] = 90
    play.here = ["rc2", "rc3", "rc1", "localhost"]
    assert not play.roll()["failed"]
    assert play.scene.now == 60 * 3


def test_members_outside_the_inventory_are_not_hosts(play: Play) -> None:
    """Members that are not in the inventory are never deployed."""
    play.variables["health_gate_members"] = [
        {"name": name, "url": f"http://{name}:3000"} for name in ("rc1", "rc2", "rc3")
    ]
    play.hosts = ["rc1", "rc2"]
    play.here = ["rc1", "rc2", "localhost"]
    play.groups = {"rocketchat": ["rc1", "rc2"]}
    play.variables["rolling_update_in_rotation"] = ["rc3"]
    assert not play.roll()["failed"]
    assert [step for step in play.steps if "deploy" in step] == ["deploy rc1", "deploy rc2"]


@pytest.mark.parametrize(
    ("given", "value"), [("tags", ["deploy"]), ("skip_tags", ["untagged", "x"]), ("start_at_task", "Deploy")]
)
def test_a_part_of_a_roll_is_refused(play: Play, given: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({"tags": ["all"], given: value}))
    named = given.replace("_", "-")
    assert (
        play.roll()["msg"]
        == f"nothing was done: --{named} is given, but a roll cannot be run in part: run the command without it"
    )


def test_a_part_of_a_roll_is_refused_even_without_its_first_task(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that refuses it is skipped as well."""
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(tags=["all"], skip_tags=["always"]))
    end = play.ask("end")
    assert (end["failed"], end["msg"]) == (
        True,
        "--skip-tags is given, but a roll cannot be run in part: run the command without it",
    )


def test_a_database_without_writes_stops_the_roll(play: Play) -> None:
    """All last pings are equally old, so none looks old; but none has changed since the previous gate."""

    def drain(_host: str) -> bool:
        for node in play.scene.nodes.values():
            node.pings = False
        play.scene.now += 40
        return True

    play.does["drain"] = drain
    end = play.roll()
    assert end["msg"].startswith(
        "the roll stopped at rc1; 0 of 2 other members serve, 2 needed: rc2 stalled (no ping for"
    )
    assert "; out of rotation: rc1. " in end["msg"]
    assert steps_of_batches(play) == ["drain rc1"]


def test_tags_of_the_hooks_may_be_skipped(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Molecule does this in each of its runs."""
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(tags=["all"], skip_tags=["molecule-notest", "notest"]))
    assert not play.roll()["failed"]
