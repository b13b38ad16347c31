# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ready-made hooks without root: fake programs take the place of the real ones; and the refusals."""

from __future__ import annotations

import json
import os
import socket
import sys
import tarfile
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ansible_collections.rocketops.rocketchat.tests.surfaces.balancer import NODES, Site
from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import emulated
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import play
from emulator_driver import Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Run


def hook(entry: str, folder: Path, environment: Mapping[str, str], others: Mapping[str, Any], **given: Any) -> Run:
    """Run one hook for the host rc1 without a roll; ``others``: more hosts, by groups."""
    book, here = folder / "hook.yml", {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    role = {"name": "rocketops.rocketchat.hooks", "tasks_from": entry}
    task = {"name": "Run the hook", "ansible.builtin.include_role": role}
    book.write_text(json.dumps([{"hosts": "rc1", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    whole = {"vars": {**here, **given}, "hosts": {"rc1": {}}, "children": dict(others)}
    return play(book, {"all": whole}, folder, **environment)


# Each node is a service; its image has the version of RELEASE. Commands other than up change nothing.
DOCKER = """#!/bin/sh
for service; do :; done
echo "RELEASE=${{RELEASE-}} $*" >> {folder}/asked
case "$2" in
  version) echo Docker Compose version v2.30.0 ;;
  config) echo services:; for node in rc1 rc2 rc3; do printf '  %s:\\n    image: chat:%s\\n' $node "$RELEASE"; done
    printf '  database:\\n    image: mongo:7.11.0\\n  pinned:\\n    image: chat:%s@sha256:0\\n' "$RELEASE"
    printf 'networks:\\n  chat:\\n    driver: bridge\\n' ;;
  up)
    . ./.env
    {python} -m rocketchat_emulator stop "$service" --state-dir {cluster}
    {python} -m rocketchat_emulator start "$service" --version "$RELEASE" --no-wait --state-dir {cluster} ;;
esac
"""


def with_compose(folder: Path, cluster: Path) -> dict[str, Any]:
    """The variables of the hook, with the program on the path; ``folder`` is also the project."""
    (folder / ".env").write_text("ROOT_URL=https://chat.example.com\nRELEASE=7.10.0\n", encoding="utf-8")
    program = folder / "docker"
    program.write_text(DOCKER.format(folder=folder, python=sys.executable, cluster=cluster), encoding="utf-8")
    program.chmod(0o755)
    return {
        "rolling_update_deploy": "compose",
        "rolling_update_drain": "",
        "rolling_update_readmit": "",
        "hooks_compose_folder": str(folder),
        "hooks_compose_command": [str(program), "compose"],
        "hooks_compose_services": ["{{ inventory_hostname }}"],
    }


def test_compose_pulls_before_the_outage_and_recreates_only_the_node(tmp_path: Path) -> None:
    """The image is pulled while the node serves, and only the node's own container is created again."""
    with emulated() as cluster:
        site = Site(cluster, tmp_path, "7.11.0")
        site.await_well()
        shown = site.roll(**with_compose(tmp_path, cluster.state_dir))
    assert shown.code == 0, shown.output
    assert "the roll is done: 7.11.0 runs on rc1, rc2, rc3" in shown.output
    asked = [line for line in (tmp_path / "asked").read_text(encoding="utf-8").splitlines() if " compose " in line]
    assert [line for line in asked if "version" not in line and "config" not in line] == [
        f"RELEASE=7.11.0 compose {command} {node}"
        for node in NODES
        for command in ("pull", "up --detach --no-deps --force-recreate")
    ]
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "ROOT_URL=https://chat.example.com\nRELEASE=7.11.0\n"


@pytest.mark.parametrize("line", ["RELEASE = 7.10.0", "export RELEASE=7.10.0", "RELEASE: 7.10.0", "RELEASE='7.10.0'\r"])
def test_the_version_is_set_also_if_its_line_is_written_in_another_way(line: str, tmp_path: Path) -> None:
    """The last line is valid: a line that the hook overlooked would win when compose runs without the hook."""
    given = with_compose(tmp_path, tmp_path) | {"hooks_compose_services": ["rc9"], "hooks_version": "7.11.0"}
    text = f"RELEASE=7.9.0\n# RELEASE=7.8.0\n{line}\nROOT_URL=http://chat"
    (tmp_path / ".env").write_bytes(text.encode())
    shown = hook("deploy_compose", tmp_path, {}, {}, **given)
    assert "RELEASE=7.11.0 compose up --detach --no-deps --force-recreate rc9" in asked(tmp_path), shown.output
    assert (tmp_path / ".env").read_bytes().decode() == text.replace(line, "RELEASE=7.11.0")


def test_a_project_in_a_link_keeps_its_name(tmp_path: Path) -> None:
    """Compose takes it from PWD; with another name, it would create a second container for the node."""
    given = with_compose(tmp_path, tmp_path) | {"hooks_compose_folder": str(tmp_path / "a link"), "hooks_version": ""}
    (tmp_path / "a link").symlink_to(tmp_path)
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$PWD" > asked\n', encoding="utf-8")
    shown = hook("deploy_compose", tmp_path, {}, {}, **given)
    assert shown.code == 0, shown.output
    assert asked(tmp_path) == [str(tmp_path / "a link")]


def programs(folder: Path, **scripts: str) -> dict[str, str]:
    """Create programs that write each of their calls to ``asked``; return the environment that finds them first."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    for name, script in scripts.items():
        program = place / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >> {folder}/asked\n{script}\n', encoding="utf-8")
        program.chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


def asked(folder: Path, *beginnings: str) -> list[str]:
    """The calls of the programs that begin with one of these."""
    path = folder / "asked"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if line.startswith(beginnings or "")]


# A folder with a file for each node; each reload notes which nodes are down, and starts another worker.
NGINX = """case "$*" in
  -T) for file in {folder}/*.conf; do echo "# configuration file $file:"; done ;;
  "-s reload")
    cd {folder}
    echo reloaded without $(grep -l down *.conf) >> {asked}
    echo $RANDOM > {folder}/worker ;;
esac"""


def with_nginx(folder: Path, nodes: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The variables of the hook, and the environment; ``nodes``: their addresses."""
    place = folder / "nginx"
    place.mkdir()
    for name, address in nodes.items():
        (place / f"{name}.conf").write_text(f"server {address};\n", encoding="utf-8")
    for name in ("pid", "worker"):
        (place / name).write_text("1\n", encoding="utf-8")
    script = NGINX.format(folder=place, asked=folder / "asked")
    variables = {
        "rolling_update_drain": "nginx",
        "rolling_update_readmit": "",
        "hooks_balancers": ["lb1"],
        "hooks_nginx_folder": str(place),
        "hooks_nginx_pid": str(place / "pid"),
    }
    return variables, programs(folder, nginx=script, pgrep=f"grep . {place}/worker", ss="")


def addresses(cluster: Emulator) -> dict[str, str]:
    return {node["name"]: node["url"].removeprefix("http://") for node in cluster.document["nodes"]}


def test_nginx_is_reloaded_once_for_a_batch(tmp_path: Path) -> None:
    """The first node is a batch of its own. The hosts of a batch are deployed at the same time, in any order.

    A gate returns early for a node that is ready before its batch-mate.
    """
    with emulated(nodes=4) as cluster:
        site = Site(cluster, tmp_path, "7.11.0", {"loadbalancer": {"hosts": {"lb1": {}}}})
        site.await_well()
        variables, environment = with_nginx(tmp_path, addresses(cluster))
        shown = site.roll(environment=environment, rolling_update_serial=2, health_gate_min_serving=2, **variables)
    assert shown.code == 0, shown.output
    assert site.steps in [[f"deploy rc{number}" for number in order] for order in ((1, 2, 3, 4), (1, 3, 2, 4))]
    down = [line.split()[2:] for line in asked(tmp_path, "reloaded")]
    assert len(down) == shown.output.count("Reload nginx if the configuration has changed]")
    assert down[:4] == [[], ["rc1.conf"], [], ["rc2.conf", "rc3.conf"]]
    assert down[4:] in [[*later, [], ["rc4.conf"], []] for later in ([], [["rc2.conf"]], [["rc3.conf"]])]


def test_an_nginx_that_readmit_would_not_restore_is_refused(tmp_path: Path) -> None:
    """Otherwise a drained node would be readmitted with another port, or without its weight, or not at all."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    nodes = {"rc1": "127.0.0.1:1", "rc2": "127.0.0.1:2 weight=2", "rc3": "127.0.0.1:3 down"}
    variables, environment = with_nginx(tmp_path, nodes)
    (tmp_path / "nginx" / "worker").write_text("", encoding="utf-8")
    shown = bare.play(**{**variables, "hooks_balancers": ["rc3"], "health_gate_once": True}, environment=environment)
    assert "health_gate_once is set" in shown.output
    # The process in the file has no workers: it is not nginx any more.
    assert "nginx does not run on rc3, or its process id is not in" in shown.output, shown.output
    assert [name for name in NODES if f"{name}.conf on rc3 contains" in shown.output] == ["rc2"]
    assert "'server 127.0.0.1:2 weight=2;', and the hooks would change it to 'server 127.0.0.1:2;'" in shown.output


def test_nginx_is_reloaded_although_another_load_balancer_is_unreachable(tmp_path: Path) -> None:
    """The hook fails, and the node is in rotation again wherever that is possible."""
    variables, environment = with_nginx(tmp_path, {"rc1": "10.0.0.1:3000 down"})
    gone = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    balancers = {"loadbalancer": {"hosts": {"lb1": gone, "lb2": {}}}}
    given = {**variables, "hooks_balancers": ["lb1", "lb2"], "hooks_nginx_server": "10.0.0.1:3000"}
    shown = hook("readmit_nginx", tmp_path, environment, balancers, **given)
    assert "UNREACHABLE!" in shown.output
    assert shown.code != 0
    assert (tmp_path / "nginx" / "rc1.conf").read_text(encoding="utf-8") == "server 10.0.0.1:3000;\n"
    assert len(asked(tmp_path, "reloaded")) == 1, shown.output


@pytest.mark.parametrize(("ahead", "reloads"), [(0, 0), (60, 1)])
def test_nginx_is_reloaded_after_its_clock_was_set_back(ahead: int, reloads: int, tmp_path: Path) -> None:
    """The file is older than the last reload only by the clock."""
    variables, environment = with_nginx(tmp_path, {"rc1": "10.0.0.1:3000"})
    loaded = tmp_path / "nginx" / ".loaded"
    balancers: dict[str, Any] = {"loadbalancer": {"hosts": {"lb1": {}}}}
    given = {**variables, "hooks_nginx_server": "10.0.0.1:3000"}
    loaded.touch()
    os.utime(loaded, (time.time() + ahead,) * 2)
    shown = hook("readmit_nginx", tmp_path, environment, balancers, **given)
    assert shown.code == 0, shown.output
    assert len(asked(tmp_path, "reloaded")) == reloads


# A file for the state of each server of each load balancer; notes what has changed.
SOCAT = """cd {folder}
state() {{ cat "$BALANCER.$1" 2>/dev/null || echo ready; }}
read -r line
while IFS= read -r -d ';' command; do
  set -- $command
  case "$command" in
    *"set server"*)
      node=${{3#*/}}
      [ "$(state $node)" = "$5" ] || echo "$BALANCER: $3 $5" >> asked
      echo "$5" > "$BALANCER.$node" ;;
    *"show cli level"*) echo admin ;;
    *"show stat"*) for node in rc1 rc2 rc3; do
        case $(state $node) in ready) shown=${{READY:-UP}} ;; *) shown=MAINT ;; esac
        echo "rocketchat,$node,0,0,0,,,,,,,,,,,,,$shown,"
      done ;;
  esac
done <<<"$line;"
"""


def with_haproxy(folder: Path, *balancers: str) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """The variables of the hook, the environment, and the load balancers, which their Python identifies."""
    path = folder / "socket"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    hosts = {}
    for name in balancers:
        python = folder / f"python-{name}"
        python.write_text(f'#!/bin/sh\nBALANCER={name} exec {sys.executable} "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        hosts[name] = {"ansible_python_interpreter": str(python)}
    variables = {
        "rolling_update_drain": "haproxy",
        "rolling_update_readmit": "",
        "hooks_haproxy_socket": str(path),
        "hooks_drain_seconds": 1,
    }
    environment = programs(folder, socat=SOCAT.format(folder=folder))
    return variables, environment, {"loadbalancer": {"hosts": hosts}}


def test_a_node_is_drained_on_both_load_balancers(tmp_path: Path) -> None:
    """It is drained before it is stopped, and readmitted on both before the next node is drained."""
    variables, environment, balancers = with_haproxy(tmp_path, "lb1", "lb2")
    with emulated() as cluster:
        site = Site(cluster, tmp_path, "7.11.0", balancers)
        site.await_well()
        shown = site.roll(environment=environment, **variables)
    assert shown.code == 0, shown.output
    assert asked(tmp_path, "lb1:", "lb2:") == [
        f"{balancer}: rocketchat/{node} {state}"
        for node in NODES
        for state in ("maint", "ready")
        for balancer in ("lb1", "lb2")
    ]


@pytest.mark.parametrize(("ready", "code"), [("UP", 0), ("no check", 0), ("UP 1/2", 2), ("DOWN", 2)])
def test_a_node_is_readmitted_when_haproxy_sends_it_requests(ready: str, code: int, tmp_path: Path) -> None:
    """A server without health checks gets requests at once."""
    variables, environment, balancers = with_haproxy(tmp_path, "lb1")
    given = {**variables, "hooks_readmit_seconds": 1}
    shown = hook("readmit_haproxy", tmp_path, {**environment, "READY": ready}, balancers, **given)
    assert shown.code == code, shown.output


def with_systemd(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    archive, release = folder / "release.tgz", folder / "chat-7.10.0"
    archive.touch()
    release.mkdir()
    (folder / "chat").symlink_to(release)
    variables = {
        "rolling_update_deploy": "systemd",
        "rolling_update_drain": "",
        "rolling_update_readmit": "",
        "hooks_systemd_link": str(folder / "chat"),
        "hooks_systemd_install": [],
        "hooks_release_archive": str(archive),
        "hooks_release_info": {"nodeVersion": "22.16.0"},
    }
    show = 'case "$*" in *--value*) echo loaded ;; show*) echo LoadState=loaded; echo ActiveState=active ;; esac'
    return variables, programs(folder, systemctl=show, node="echo v22.16.0")


# The node of the unit, with an npm beside it, is not the first of the path.
NPM = """#!/bin/sh
echo "$(node --version) $PWD" > asked
"""


def with_release(folder: Path, top: str = "bundle/", node: str = "own node") -> tuple[dict[str, Any], dict[str, str]]:
    """A release to install, in a folder with a space; ``top``: where its files are in the archive."""
    place = folder / "two words"
    (place / node).mkdir(parents=True)
    for name, script in {"node": "#!/bin/sh\necho v22.16.0\n", "npm": NPM}.items():
        (place / node / name).write_text(script, encoding="utf-8")
        (place / node / name).chmod(0o755)
    (place / "chat-7.10.0").mkdir()
    (place / "chat").symlink_to("chat-7.10.0")
    with tarfile.open(place / "release.tgz", "w:gz") as archive:
        for name in ("main.js", "programs/server/boot.js"):
            archive.addfile(tarfile.TarInfo(f"{top}{name}"))
    given = {
        "hooks_version": "7.11.0",
        "hooks_systemd_link": str(place / "chat"),
        "hooks_systemd_node": str(place / node / "node"),
        "hooks_systemd_install": ["npm", "install"],
        "hooks_release_archive": str(place / "release.tgz"),
    }
    show = 'case "$*" in *--property=User*) id -un ;; show*) echo LoadState=loaded; echo ActiveState=active ;; esac'
    return given, programs(folder, systemctl=show, node="echo v18.0.0")


def test_a_release_is_installed_with_the_node_of_the_unit(tmp_path: Path) -> None:
    """Packages for another version of Node.js would not be loaded."""
    given, environment = with_release(tmp_path)
    shown = hook("deploy_systemd", tmp_path, environment, {}, **given)
    assert shown.code == 0, shown.output
    place = tmp_path / "two words"
    assert sorted(path.name for path in place.glob("chat*")) == ["chat", "chat-7.10.0", "chat-7.11.0"]
    assert (place / "chat").resolve() == place / "chat-7.11.0"
    done = (place / "chat" / "programs" / "server" / "asked").read_text(encoding="utf-8")
    assert done == f"v22.16.0 {place}/chat-7.11.0.part/programs/server\n"
    assert asked(tmp_path, "systemctl restart") == ["systemctl restart rocketchat"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change an owner")
def test_files_outside_the_release_keep_their_owner(tmp_path: Path) -> None:
    """The archive has a link to a folder of another user."""
    given, environment = with_release(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    os.chown(outside / "file", 12345, 12345)
    link = tarfile.TarInfo("bundle/link")
    link.type, link.linkname = tarfile.SYMTYPE, str(outside)
    with tarfile.open(given["hooks_release_archive"], "w:gz") as archive:
        for name in ("main.js", "programs/server/boot.js"):
            archive.addfile(tarfile.TarInfo(f"bundle/{name}"))
        archive.addfile(link)
    shown = hook("deploy_systemd", tmp_path, environment, {}, **given)
    assert shown.code == 0, shown.output
    assert (outside / "file").stat().st_uid == 12345


@pytest.mark.parametrize("top", ["", "./bundle/"])
def test_an_archive_that_is_not_a_release_is_not_installed(top: str, tmp_path: Path) -> None:
    """It does not get the final name, so the next deployment unpacks the right archive."""
    given, environment = with_release(tmp_path, top)
    shown = hook("deploy_systemd", tmp_path, environment, {}, **{**given, "hooks_systemd_install": []})
    assert shown.code != 0
    assert "Check that the archive has a file main.js in its folder" in shown.output, shown.output
    place = tmp_path / "two words"
    assert not (place / "chat-7.11.0").exists()
    assert (place / "chat").resolve() == place / "chat-7.10.0"
    assert asked(tmp_path, "systemctl restart") == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        # The current folder has it, but the deployment searches other folders.
        ({"hooks_release_archive": "release.tgz"}, "hooks_release_archive is not the absolute path of a file"),
        (
            {"hooks_release_archive": "", "hooks_release_checksum": "0" * 64},
            "set hooks_release_checksum (of the download",
        ),
    ],
)
def test_an_archive_that_would_be_found_wrong_after_the_drain_is_refused(
    given: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    variables, environment = with_systemd(tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = bare.play(**{**variables, **given}, environment=environment)
    assert shown.code != 0
    assert f"rc1, rc2, rc3: {says}" in shown.output, shown.output
    assert "nothing was done" in shown.output


@pytest.mark.parametrize("used", ["compose and nginx", "systemd and haproxy"])
def test_check_mode_changes_nothing(used: str, tmp_path: Path) -> None:
    with emulated() as cluster:
        if used == "compose and nginx":
            balancer, environment = with_nginx(tmp_path, addresses(cluster))
            others: dict[str, Any] = {"loadbalancer": {"hosts": {"lb1": {}}}}
            variables = {**with_compose(tmp_path, cluster.state_dir), **balancer}
        else:
            balancer, environment, others = with_haproxy(tmp_path, "lb1")
            deployment, more = with_systemd(tmp_path)
            variables, environment = {**deployment, **balancer}, {**more, **environment}
        site = Site(cluster, tmp_path, "7.11.0", others)
        site.await_well()
        before = content(tmp_path)
        shown = site.roll("--check", environment=environment, **variables)
    assert shown.code == 0, shown.output
    assert "check mode: nothing was deployed" in shown.output
    assert content(tmp_path) == before
    changes = (" pull ", " up ", " restart ", "-s reload", "lb1: ")
    assert [line for line in asked(tmp_path) if any(change in line for change in changes)] == []


def content(folder: Path) -> list[tuple[str, int]]:
    """The files that a hook would write, with the times at which they were written."""
    files = (folder / ".env", *sorted(folder.glob("nginx/*.conf")))
    written = [(path.read_text(encoding="utf-8"), path.stat().st_mtime_ns) for path in files if path.exists()]
    return [*written, (str((folder / "chat").resolve()), 0)]


def test_missing_requirements_are_refused_in_one_message(tmp_path: Path) -> None:
    """The message has all of them and the other reasons, and nothing was done."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    wrong = {
        "rolling_update_drain": "haproxy",
        "hooks_balancers": ["rc3"],
        "hooks_haproxy_socket": str(tmp_path / "socket"),
        "hooks_compose_services": ["chat", "rc1"],
        "hooks_compose_variable": "VERSION",
        "health_gate_once": True,
    }
    shown = bare.play(**{**with_compose(tmp_path, tmp_path), **wrong})
    assert shown.code != 0
    (message,) = {line for line in shown.output.splitlines() if "nothing was done" in line and '"msg"' in line}
    for reason in (
        f"rc1, rc2, rc3: rc3 has no socket {tmp_path}/socket: set hooks_haproxy_socket",
        f"{tmp_path} has no service chat: set hooks_compose_services",
        "the image of rc1 does not have its version from $VERSION: set hooks_compose_variable",
        "health_gate_once is set",
    ):
        assert reason in message, shown.output


@pytest.mark.parametrize(
    ("services", "says"),
    [
        # Compose would then create the container of the database again.
        ([], "hooks_compose_services is empty: set it to the services of this node"),
        # The project has a network with this name, and the database an image with this version.
        (["chat"], "has no service chat: set hooks_compose_services"),
        (["pinned"], "the image of pinned has a digest, so its version has no effect"),
    ],
)
def test_a_service_that_would_not_get_the_version_is_refused(services: list[str], says: str, tmp_path: Path) -> None:
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    shown = bare.play(**{**with_compose(tmp_path, tmp_path), "hooks_compose_services": services})
    assert shown.code != 0
    assert f"{says}" in shown.output, shown.output
    assert "nothing was done" in shown.output


@pytest.mark.parametrize(("version", "refused"), [("1.3.0", True), ("1.4.0", False), ("1.10.1", False)])
def test_an_old_podman_compose_is_refused(version: str, refused: bool, tmp_path: Path) -> None:
    """It always creates the services again that the node depends on."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    given = with_compose(tmp_path, tmp_path)
    program = tmp_path / "docker"
    text = program.read_text(encoding="utf-8").replace(
        "Docker Compose version v2.30.0", f"podman-compose version {version}"
    )
    program.write_text(text, encoding="utf-8")
    shown = bare.play(**given, health_gate_once=True)
    assert "health_gate_once is set" in shown.output
    assert (f"podman-compose {version} would recreate the database's container" in shown.output) == refused


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"hooks_balancers": []}, "hooks_balancers is empty"),
        ({"hooks_drain_seconds": "soon"}, "for the hook drain_haproxy: "),
        (
            {"hooks_balancers": "lb1"},
            "for the hook drain_haproxy: hooks_balancers must be a list, not a single value",
        ),
        (
            {"hooks_balancer": ["lb1"]},
            "hooks_balancer is not an option of the ready-made hooks: write hooks_balancers instead",
        ),
    ],
)
def test_wrong_options_of_a_hook_are_refused(given: dict[str, Any], says: str, tmp_path: Path) -> None:
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    shown = bare.play(**{"rolling_update_drain": "haproxy", "rolling_update_readmit": "", **given})
    assert shown.code != 0
    assert f"rc1, rc2, rc3: {says}" in shown.output, shown.output
    assert "nothing was done" in shown.output


def test_an_unknown_name_of_a_hook_is_taken_as_a_path(tmp_path: Path) -> None:
    """The message lists the names of the ready-made hooks."""
    bare = Site(Emulator(tmp_path / "none", requests.Session()), tmp_path, "7.11.0")
    shown = bare.play(rolling_update_deploy="docker")
    assert shown.code != 0
    assert f"not a file: {tmp_path}/docker; give its absolute path" in shown.output
    assert "or the name of a ready-made one: compose, systemd" in shown.output
