# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, in runs of ansible-inventory and ansible-playbook against a real server."""

from __future__ import annotations

import copy
import json
import os
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.rocketops.rocketchat.plugins.inventory import instances as plugin
from ansible_collections.rocketops.rocketchat.tests.unit.forked_inventory import forked_inventory
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.rocketops.rocketchat.tests.unit.forked_inventory import ForkedInventory

BIN = Path(sys.executable).parent
TOKEN = "RScctEHSmLGZGywfIhWyRpyofhKOiMoUIpimhvheU3f"


@dataclass
class Node:
    """A server's answers. ``down``: it answers every request with an error."""

    payload: dict[str, Any]
    version: str = "7.10.0"
    down: bool = False
    url: str = ""
    server: Server = field(init=False)

    @property
    def asked(self) -> int:
        return self.server.calls.count("GET /api/v1/instances.get")

    def answer(self, handler: Handler) -> None:
        if self.down:
            handler.reply(500, {"success": False, "error": f"down, told {handler.headers['X-Auth-Token']}"})
        elif handler.path == "/api/info":
            handler.reply(200, {"success": True, "info": {"version": self.version}})
        else:
            handler.reply(200, self.payload)


@dataclass(frozen=True)
class Listed:
    code: int
    document: dict[str, Any]
    said: str

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        return dict(self.document.get("_meta", {}).get("hostvars", {}))

    def of(self, group: str) -> list[str]:
        return sorted(self.document.get(group, {}).get("hosts", []))


class Inventory:
    """A configuration file, and Ansible to read it with."""

    def __init__(self, folder: Path, node: Node, forked: ForkedInventory) -> None:
        self.folder = folder
        self.path = folder / "rocketchat.yml"
        self.node = node
        self._forked = forked

    def write(self, **options: Any) -> None:
        config = {"plugin": "rocketops.rocketchat.instances", "user_id": "me", "auth_token": TOKEN, **options}
        if "members" not in config:
            config.setdefault("url", self.node.url)
        given = {name: value for name, value in config.items() if value is not None}
        self.path.write_text(yaml.safe_dump(given), encoding="utf-8")

    def listed(self, *arguments: str, **environment: str) -> Listed:
        given = ["--list", "-i", str(self.path), *arguments]
        return _listed(self._forked.run(given, folder=self.folder, environment=environment))

    def listed_by_a_program(self, *arguments: str) -> Listed:
        """The same with the program itself."""
        return _listed(self.run("ansible-inventory", "--list", *arguments))

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / program), "-i", str(self.path), *arguments],
            env=_environment(self.folder),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _environment(folder: Path) -> dict[str, str]:
    """An environment without the user's configuration."""
    (folder / "ansible.cfg").touch()
    ours = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    return {**os.environ, **ours}


def _listed(done: subprocess.CompletedProcess[str]) -> Listed:
    _before, brace, rest = f"\n{done.stdout}".partition("\n{")
    document = json.loads("{" + rest) if brace else {}
    return Listed(done.returncode, _plain(document), " ".join((done.stderr + done.stdout[:2000]).split()))


def _plain(value: Any) -> Any:
    """The value without Ansible's marks of strings that are not templates."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: _plain(v) for k, v in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def payload(scene: Scene | None = None, asked: str = "rc1") -> dict[str, Any]:
    """The answer of a node of the scripted cluster."""
    scene = scene or Scene.of("rc1", "rc2", "rc3")
    return {"success": True, "instances": [scene._item(scene[asked], node) for node in scene.nodes.values()]}


def hosts_of(answer: dict[str, Any], *hosts: str | None) -> dict[str, Any]:
    changed = copy.deepcopy(answer)
    for item, host in zip(changed["instances"], hosts):
        item["instanceRecord"]["extraInformation"]["host"] = host
    return changed


@contextmanager
def running(node: Node) -> Iterator[Node]:
    with serving(node.answer) as server:
        node.server, node.url = server, server.url
        yield node


@pytest.fixture
def node() -> Iterator[Node]:
    with running(Node(payload())) as node:
        yield node


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedInventory]:
    with forked_inventory(_environment(tmp_path_factory.mktemp("forked"))) as forked:
        yield forked


@pytest.fixture
def inventory(tmp_path: Path, node: Node, forked: ForkedInventory) -> Inventory:
    inventory = Inventory(tmp_path, node, forked)
    inventory.write()
    return inventory


def test_hosts_with_their_variables_and_groups(inventory: Inventory) -> None:
    listed = inventory.listed_by_a_program()
    assert listed.code == 0, listed.said
    assert sorted(listed.hosts) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    mine = listed.hosts["10.0.0.0"]
    assert (mine["ansible_host"], mine["rocketchat_id"], mine["rocketchat_port"]) == ("10.0.0.0", "rc1-1", 3000)
    assert (mine["rocketchat_local"], mine["rocketchat_state"], mine["rocketchat_version"]) == (True, "alive", "7.10.0")
    assert listed.hosts["10.0.0.1"]["rocketchat_version"] is None
    assert listed.of("rocketchat_alive") == sorted(listed.hosts)
    assert listed.document["rocketchat"]["children"][0] == "rocketchat_alive"
    assert "WARNING" not in listed.said


def test_a_vaulted_token_is_decrypted_and_never_printed(inventory: Inventory, node: Node, tmp_path: Path) -> None:
    """The node gets the token itself; the output does not have it, even if the node repeats it."""
    password = tmp_path / "password"
    password.write_text("of the vault", encoding="utf-8")
    inventory.write(auth_token=None)
    vault = VaultLib([("default", VaultSecret(b"of the vault"))])
    lines = vault.encrypt(TOKEN.encode()).decode().splitlines()
    with (tmp_path / "rocketchat.yml").open("a", encoding="utf-8") as file:
        file.write("".join(["auth_token: !vault |\n", *(f"  {line}\n" for line in lines)]))
    listed = inventory.listed_by_a_program("--vault-password-file", str(password), "-vvv")
    assert listed.code == 0, listed.said
    assert len(listed.hosts) == 3
    assert {headers.get("X-Auth-Token") for _method, _path, headers, _body in node.server.seen} == {TOKEN}
    node.down = True
    told = inventory.listed_by_a_program("--vault-password-file", str(password), "-vvv")
    assert "down, told ********" in told.said
    assert [secret for secret in (TOKEN, "of the vault") if secret in listed.said + told.said] == []


def test_all_members_are_asked(inventory: Inventory, node: Node) -> None:
    with running(Node(payload(asked="rc2"), version="7.11.0")) as other, running(Node({}, down=True)) as third:
        names = {"rc1": node, "rc2": other, "rc3": third}
        inventory.write(
            members=[{"name": name, "url": one.url} for name, one in names.items()],
            keyed_groups=[{"key": "rocketchat_version", "prefix": "version"}],
        )
        listed = inventory.listed()
    assert listed.of("version_7_10_0") == ["10.0.0.0"]
    assert listed.of("version_7_11_0") == ["10.0.0.1"]
    assert "rc3 does not answer: GET http" in listed.said
    assert TOKEN not in listed.said


def test_dead_instances_are_listed_only_on_request(inventory: Inventory, node: Node) -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.now = 100.0
    scene.observe()
    scene["rc2"].pinged = 0.0
    scene["rc2"].error, scene["rc2"].pings = "unreachable", False
    scene["rc3"].pinged = 10_000.0
    node.payload = payload(scene)
    assert sorted(inventory.listed().hosts) == ["10.0.0.0"]
    inventory.write(states=["expired", "ghost"])
    listed = inventory.listed()
    assert (listed.of("rocketchat_expired"), listed.of("rocketchat_ghost")) == (["10.0.0.1"], ["10.0.0.2"])


@pytest.mark.parametrize(
    ("filters", "hosts"),
    [
        ([{"include": "host == '10.0.0.1'"}, {"exclude": "true"}], ["10.0.0.1"]),
        ([{"exclude": "local"}, {"include": True}], ["10.0.0.1", "10.0.0.2"]),
        ([{"exclude": "port == 3000"}, {"include": "local"}], []),
    ],
)
def test_the_first_filter_that_is_true_decides(inventory: Inventory, filters: list[Any], hosts: list[str]) -> None:
    inventory.write(filters=filters)
    assert sorted(inventory.listed().hosts) == hosts


def test_instances_on_one_machine_get_different_names(inventory: Inventory, node: Node) -> None:
    node.payload = hosts_of(node.payload, "10.0.0.7", "10.0.0.7", "10.0.0.7")
    node.payload["instances"][1]["instanceRecord"]["extraInformation"]["port"] = "3001"
    inventory.write(hostnames=["host", "host ~ '-' ~ port"])
    listed = inventory.listed()
    assert sorted(listed.hosts) == ["10.0.0.7-3001", "rc1-1", "rc3-1"]
    assert {variables["ansible_host"] for variables in listed.hosts.values()} == {"10.0.0.7"}
    assert "10.0.0.7 is the name of 3 instances" in listed.said
    assert "10.0.0.7-3000 is the name of 2 instances" in listed.said


def test_instances_without_a_usable_host_get_another_name(inventory: Inventory, node: Node) -> None:
    node.payload = hosts_of(node.payload, "localhost", "undefined", None)
    inventory.write(hostnames=["host", "'chat-' ~ host", "missing"])
    listed = inventory.listed()
    assert sorted(listed.hosts) == ["chat-localhost", "chat-undefined", "rc3-1"]
    assert "'localhost' of 1 instance is not a usable host name" in listed.said
    assert all("ansible_host" not in variables for variables in listed.hosts.values())


def test_a_host_with_a_port_or_a_url_is_reduced_to_the_host(inventory: Inventory, node: Node) -> None:
    node.payload = hosts_of(node.payload, "10.0.0.1:3000", "http://[fd00::2]:3000/", "localhost:3000")
    node.payload["instances"][2]["address"] = "rc3.example.com:3000"
    inventory.write(compose={"url": "rocketchat_host ~ '|' ~ rocketchat_port"})
    hosts = inventory.listed().hosts
    assert {name: variables.get("ansible_host") for name, variables in hosts.items()} == {
        "10.0.0.1": "10.0.0.1",
        "fd00::2": "fd00::2",
        "rc3-1": "rc3.example.com",
    }
    assert {name: variables["url"] for name, variables in hosts.items()} == {
        "10.0.0.1": "10.0.0.1|3000",
        "fd00::2": "fd00::2|3000",
        "rc3-1": "localhost|3000",
    }


@pytest.mark.parametrize(
    "host", ["a b", "rc1:port", "fe80::1%eth0", "[fe80::1%eth0]:3000", "http://", "{{ 1 }}:3000", ""]
)
def test_a_host_that_cannot_be_reached_is_not_set(inventory: Inventory, node: Node, host: str) -> None:
    node.payload = hosts_of(node.payload, host)
    node.payload["instances"][0].pop("address", None)
    hosts = inventory.listed().hosts
    (variables,) = (variables for variables in hosts.values() if variables["rocketchat_id"] == "rc1-1")
    assert "ansible_host" not in variables
    assert variables["rocketchat_host"] == host


def test_constructed_options_work(inventory: Inventory) -> None:
    inventory.write(
        prefix="chat_",
        group="chat",
        compose={"rocketchat_url": "'http://' ~ chat_host ~ ':' ~ chat_port"},
        groups={"asked": "chat_local", "broken": "missing"},
    )
    listed = inventory.listed()
    assert listed.hosts["10.0.0.1"]["rocketchat_url"] == "http://10.0.0.1:3000"
    assert listed.of("asked") == ["10.0.0.0"]
    assert listed.of("chat_alive") == sorted(listed.hosts)
    inventory.write(groups={"broken": "missing"}, strict=True)
    assert "Could not add host" in inventory.listed().said


def test_options_from_templates_and_the_environment(inventory: Inventory, node: Node) -> None:
    inventory.write(url=None, user_id="{{ who }}", auth_token="{{ lookup('ansible.builtin.env', 'CHAT_TOKEN') }}")
    listed = inventory.listed("-e", "who=me", ROCKETCHAT_URL=node.url, CHAT_TOKEN=TOKEN)
    assert listed.code == 0, listed.said
    _method, _path, headers, _body = node.server.seen[0]
    assert (headers["X-User-Id"], headers["X-Auth-Token"]) == ("me", TOKEN)
    inventory.write(user_id=None, auth_token=None)
    assert inventory.listed(ROCKETCHAT_USER_ID="me", ROCKETCHAT_AUTH_TOKEN=TOKEN).code == 0


def test_options_of_all_types_from_templates(inventory: Inventory, node: Node) -> None:
    inventory.write(members="{{ nodes }}", timeout="{{ 4 + 1 }}", ping_interval="{{ pings }}")
    nodes = json.dumps({"nodes": [{"name": "rc1", "url": node.url}], "pings": 10.5})
    listed = inventory.listed("-e", nodes)
    assert listed.code == 0, listed.said
    assert sorted(listed.hosts) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize("validate_certs", [True, "yes", "{{ true }}", "{{ check }}"])
def test_certificates_are_checked(inventory: Inventory, node: Node, validate_certs: object) -> None:
    """Ansible itself converts unknown values of a boolean option to false."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    node.server.socket = context.wrap_socket(node.server.socket, server_side=True)
    inventory.write(url=node.url.replace("http:", "https:"), validate_certs=validate_certs)
    listed = inventory.listed("-e", '{"check": true}')
    assert listed.code != 0
    assert "certificate" in listed.said
    assert node.server.seen == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"auth_token": None}, "auth_token is missing"),
        ({"url": "ftp://rc1"}, "must begin with http:// or https://"),
        ({"ping_interval": 10, "max_record_age": 5}, "max_record_age (5 s) is shorter than ping_interval (10 s)"),
        ({"filters": [{"include": "true", "exclude": "false"}]}, "each entry needs either include or exclude"),
        ({"filters": [{"only": "true"}]}, "each entry needs either include or exclude, not only"),
        ({"filters": [{}]}, "each entry needs either include or exclude, not nothing"),
        ({"validate_certs": "ture"}, "validate_certs"),
        ({"validate_certs": "{{ 'perhaps' }}"}, "validate_certs"),
        ({"auth_token": "{{ missing }}"}, "missing"),
        ({"filters": [{"include": "missing > 3"}]}, "filters: include: missing > 3:"),
        ({"filters": [{"include": "host"}]}, "filters: include: host:"),
        ({"hostnames": ["missing"], "strict": True}, "hostnames or ansible_host: missing: "),
        ({"fallback_to_cache": True}, "fallback_to_cache needs a cache_plugin that keeps data after the run"),
    ],
)
def test_wrong_options_are_refused(inventory: Inventory, options: dict[str, Any], said: str) -> None:
    inventory.write(**options)
    listed = inventory.listed()
    assert listed.code != 0
    assert said in listed.said
    assert TOKEN not in listed.said


def test_an_error_of_the_server_is_shown_without_secrets(inventory: Inventory, node: Node) -> None:
    node.down = True
    listed = inventory.listed_by_a_program("-vvv")
    assert listed.code != 0
    assert f"no node answers: GET {node.url}/api/v1/instances.get answered 500: " in listed.said
    assert "down, told ********" in listed.said
    assert TOKEN not in listed.said


def cached(inventory: Inventory, **options: Any) -> dict[str, Any]:
    kept = {"cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(inventory.folder / "kept")}
    inventory.write(**kept, **options)
    return kept


def test_the_cache_is_read_before_any_request(inventory: Inventory, node: Node) -> None:
    cached(inventory, cache=True, cache_timeout=600)
    first = inventory.listed()
    node.down = True
    assert inventory.listed().hosts == first.hosts
    assert node.asked == 1
    files = [path.read_text(encoding="utf-8") for path in (inventory.folder / "kept").iterdir()]
    assert len(files) == 1
    assert "rc1-1" in files[0]
    assert TOKEN not in files[0]


def test_the_cache_belongs_to_the_asked_members(inventory: Inventory, node: Node) -> None:
    cached(inventory, url="{{ chat }}", cache=True, cache_timeout=600, fallback_to_cache=True)
    with running(Node(hosts_of(payload(), "10.9.0.1", "10.9.0.2", "10.9.0.3"))) as staging:
        first = inventory.listed("-e", f"chat={node.url}")
        assert sorted(inventory.listed("-e", f"chat={staging.url}").hosts) == ["10.9.0.1", "10.9.0.2", "10.9.0.3"]
        assert inventory.listed("-e", f"chat={node.url}").hosts == first.hosts
        assert (node.asked, staging.asked) == (1, 1)
    with running(Node({}, down=True)) as down:
        assert inventory.listed("-e", f"chat={down.url}").code != 0


def test_a_list_without_the_node_asked_is_not_kept(inventory: Inventory, node: Node) -> None:
    whole = node.payload
    node.payload = {"success": True, "instances": []}
    cached(inventory, cache=True, cache_timeout=600, fallback_to_cache=True)
    said = inventory.listed().said
    assert "does not list itself: its list is not complete" in said
    node.payload = whole
    assert len(inventory.listed().hosts) == 3
    assert node.asked == 2


def test_the_record_of_a_dead_process_takes_no_name(inventory: Inventory, node: Node) -> None:
    scene = Scene.of("rc1", "rc2", "rc3")
    scene.now = 100.0
    scene.observe()
    scene.restart("rc2")
    node.payload = payload(scene)
    old = copy.deepcopy(node.payload["instances"][1])
    old["currentStatus"]["connected"] = False
    old["instanceRecord"]["_id"] = "rc2-1"
    node.payload["instances"].append(old)
    listed = inventory.listed()
    assert sorted(listed.hosts) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert listed.hosts["10.0.0.1"]["rocketchat_id"] == "rc2-2"


def test_no_host_has_the_name_of_a_group(inventory: Inventory, node: Node) -> None:
    node.payload = hosts_of(node.payload, "all", "chat", "rc3")
    inventory.write(group="chat")
    listed = inventory.listed()
    assert sorted(listed.hosts) == ["rc1-1", "rc2-1", "rc3"]
    assert "all of 1 instance is also the name or id of another instance, or of a group" in listed.said


def test_flush_cache_removes_the_last_answer(inventory: Inventory, node: Node) -> None:
    cached(inventory, cache=True, cache_timeout=600, fallback_to_cache=True)
    inventory.listed()
    play = inventory.folder / "play.yml"
    play.write_text("[{hosts: all, gather_facts: false, tasks: []}]", encoding="utf-8")
    assert inventory.run("ansible-playbook", str(play)).returncode == 0
    assert node.asked == 1
    node.payload["instances"].pop()
    assert inventory.run("ansible-playbook", "--flush-cache", str(play)).returncode == 0
    assert node.asked == 2
    assert len(inventory.listed().hosts) == 2
    node.down = True
    flushed = inventory.run("ansible-playbook", "--flush-cache", str(play))
    assert "no node answers" in " ".join((flushed.stdout + flushed.stderr).split())
    assert flushed.returncode != 0


@pytest.mark.parametrize("cache", [True, False])
def test_the_last_answer_is_used_if_no_node_answers(inventory: Inventory, node: Node, *, cache: bool) -> None:
    cached(inventory, cache=cache, cache_timeout=1, fallback_to_cache=True)
    first = inventory.listed()
    assert "WARNING" not in first.said
    for path in (inventory.folder / "kept").iterdir():
        os.utime(path, (0, 0))
    node.down = True
    again = inventory.listed()
    assert again.hosts == first.hosts
    assert again.code == 0
    assert "no node answers" in again.said
    assert "Using the cached answer from 20" in again.said
    for path in (inventory.folder / "kept").iterdir():
        path.write_text('{"observation": {"views": 1}}', encoding="utf-8")
    assert inventory.listed().code != 0


def test_an_unreadable_cache_entry_is_ignored(inventory: Inventory, node: Node) -> None:
    cached(inventory, cache=True, cache_timeout=600)
    first = inventory.listed()
    (path,) = (inventory.folder / "kept").iterdir()
    path.write_text('{"asked_at": "long ago"}', encoding="utf-8")
    assert inventory.listed().hosts == first.hosts
    assert node.asked == 2


def test_a_token_that_the_server_repeats_is_masked(inventory: Inventory, node: Node) -> None:
    node.payload = hosts_of(node.payload, TOKEN, f"x{TOKEN}", "rc3")
    cached(inventory, cache=True)
    listed = inventory.listed("-vvv")
    assert "rc3" in listed.hosts
    assert TOKEN not in json.dumps(listed.document) + listed.said
    assert all(TOKEN not in path.read_text(encoding="utf-8") for path in (inventory.folder / "kept").iterdir())


def test_a_microservices_deployment_is_reported(inventory: Inventory, node: Node) -> None:
    for item in node.payload["instances"]:
        item["currentStatus"] = {"connected": False}
        item["instanceRecord"]["name"] = "ddp-streamer"
    assert "the servers run as microservices" in inventory.listed().said


@pytest.mark.parametrize("name", ["production.rocketchat.yml", "rocketchat.yaml", "instances.yml"])
def test_only_files_with_its_suffix_are_read(inventory: Inventory, name: str) -> None:
    inventory.path = inventory.path.rename(inventory.folder / name)
    listed = inventory.listed()
    assert [listed.code == 0, "10.0.0.0" in listed.hosts] == ["rocketchat" in name] * 2, listed.said


@pytest.mark.parametrize("number", [0, 1])
def test_the_documented_examples_work(inventory: Inventory, node: Node, number: int) -> None:
    config = list(yaml.safe_load_all(plugin.EXAMPLES))[number]
    with running(Node(payload(asked="rc2"))) as other:
        if "members" in config:
            for member, one in zip(config["members"], (node, other)):
                member["url"] = one.url
        else:
            config["url"] = node.url
        if "cache_connection" in config:
            config["cache_connection"] = str(inventory.folder / "kept")
        inventory.write(**config)
        listed = inventory.listed(CHAT_USER_ID="me", CHAT_TOKEN=TOKEN)
    assert listed.code == 0, listed.said
    names = ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert sorted(listed.hosts) == ([f"{name}-3000" for name in names] if number else names)
    assert listed.of("version_7_10_0") == (["10.0.0.0-3000", "10.0.0.1-3000"] if number else [])


HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch PLACE') }}"


def test_strings_from_the_server_are_never_templates(inventory: Inventory, node: Node) -> None:
    """In all fields, and in all places where they are used."""

    def hostile(place: str) -> str:
        return HOSTILE.replace("PLACE", str(inventory.folder / f"executed_{place}"))

    first, second, third = (item["instanceRecord"] for item in node.payload["instances"])
    first["name"] = hostile("variable")
    first["extraInformation"]["os"] = {"type": hostile("nested"), "arch": "{{ lookup('ansible.builtin.pipe', "}
    first["extraInformation"]["nodeVersion"] = f"'touch {inventory.folder}/executed_split') }}}}"
    second["extraInformation"]["host"] = hostile("host")
    third["_id"] = hostile("id")
    third["extraInformation"]["host"] = None
    node.payload["instances"][1]["address"] = hostile("address")
    inventory.write(
        hostnames=["host", "name", "'x' ~ name"],
        ansible_host=["address", "name", "host"],
        filters=[{"exclude": "name == 'absent' or host == 'absent'"}],
        compose={"composed": "rocketchat_name", "joined": "rocketchat_os.arch ~ rocketchat_node_version"},
        groups={"named": "rocketchat_name | length > 3"},
        keyed_groups=[{"key": "rocketchat_name", "prefix": "n"}, {"key": "rocketchat_os"}],
    )
    listed = inventory.listed()
    assert listed.code == 0, listed.said
    assert len(listed.hosts) == 3
    play = inventory.folder / "play.yml"
    tasks = [
        {"debug": {"var": "hostvars[inventory_hostname]"}},
        {"debug": {"msg": "{{ rocketchat_name }} {{ composed | default('') }} {{ joined | default('') }}"}},
        {"set_fact": {"copied": "{{ rocketchat_os }}", "again": "{{ rocketchat_name }}"}},
        {"debug": {"msg": "{{ copied }} {{ again }} {{ inventory_hostname }} {{ ansible_host | default('') }}"}},
    ]
    variables = {"ansible_connection": "local"}
    play.write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}]), encoding="utf-8"
    )
    done = inventory.run("ansible-playbook", str(play))
    assert done.returncode == 0, done.stdout
    assert "touch" in done.stdout
    assert [path.name for path in inventory.folder.glob("executed_*")] == []


def test_the_hostile_strings_are_executed_as_templates(inventory: Inventory) -> None:
    """The same strings are executed if they are templates, so the test above proves something."""
    play = inventory.folder / "play.yml"
    words = HOSTILE.replace("PLACE", str(inventory.folder / "executed_play"))
    play.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [{"debug": {"msg": words}}]}]),
        encoding="utf-8",
    )
    inventory.run("ansible-playbook", str(play))
    assert (inventory.folder / "executed_play").exists()
