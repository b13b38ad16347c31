# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is printed: every surface at -vvv, against servers that fail, redirect, and repeat credentials."""

from __future__ import annotations

import html
import json
import shlex
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from markupsafe import escape

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import to_iso
from ansible_collections.rocketops.rocketchat.tests.surfaces.outside import ask_events, ask_inventory
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import (
    DEPLOYED,
    FACTS,
    HERE,
    INFO,
    TASKS,
    inventory_of,
    play,
)
from ansible_collections.rocketops.rocketchat.tests.unit.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import Run
    from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler

TOKEN = {"user_id": "rbAXPnMktTFbNpwtJ", "auth_token": "RScctEHSmLGZGywfIhWyRpyofhKOiMoUIpimhvheU3f"}
LOGIN = {"username": "gatekeeper", "password": 'correct "horse" & bätterie/7'}
# A backup code, which Rocket.Chat also accepts: six digits may appear in a time by chance.
SECOND_FACTOR = {**LOGIN, "totp_code": "kT7wQz4D"}
SESSION = "Zu7Yc0sJ3qTgVbN5xWm2KdRf8LhPa4Ee"  # the token that a login returns
SECRETS = (TOKEN["auth_token"], LOGIN["password"], SECOND_FACTOR["totp_code"], SESSION)
VARIABLES = {
    "user_id": "ROCKETCHAT_USER_ID",
    "auth_token": "ROCKETCHAT_AUTH_TOKEN",
    "username": "ROCKETCHAT_USERNAME",
    "password": "ROCKETCHAT_PASSWORD",
}
REPORTS = ("roll.html", "roll.json", "roll.md", "roll.prom", "roll.xml")
# What each member does after the deployment has broken it.
MEMBERS = {
    "rc1": "repeats it in its records",
    "rc2": "leads elsewhere",
    "rc3": "answers 500",
    "rc4": "answers 401",
    "rc5": "answers with a page",
    "rc6": "is cut off",
}


@dataclass(frozen=True)
class Way:
    """The credentials, and how they are passed. ``ways``: whether the module is shipped, for each run of a task."""

    by: str
    credentials: Mapping[str, str]
    ways: tuple[bool, ...] = (False, True)

    @property
    def name(self) -> str:
        return f"{'token' if 'auth_token' in self.credentials else 'password'} by {self.by}"


WAYS = (
    Way("options", TOKEN),
    Way("options", SECOND_FACTOR),
    Way("vault", TOKEN),
    Way("vault", SECOND_FACTOR, ways=(False,)),
    Way("environment", TOKEN, ways=(False,)),
    Way("environment", LOGIN),
)


@dataclass(frozen=True)
class Seen:
    way: Way
    run: Run
    inventory: str  # the output of ansible-inventory
    events: str
    told: str  # the credentials that the members received
    strangers: int  # requests that the target of the redirect received
    files: Mapping[str, str]  # files that the run has left


class Nodes:
    """Six members, which are healthy until the file ``broken`` exists."""

    def __init__(self, broken: Path, stranger: str) -> None:
        self.broken = broken
        self.stranger = stranger

    def answer(self, name: str, handler: Handler) -> None:
        told = _told(handler)
        doing = MEMBERS[name] if self.broken.exists() and handler.path != "/api/v1/logout" else ""
        if doing == "leads elsewhere":
            handler.reply(307, b"", Location=f"{self.stranger}/{quote(told)}?{quote(told)}#{quote(told)}")
        elif doing == "answers 500":
            handler.reply(500, f"<pre>{html.escape(told)}</pre>".encode())
        elif doing == "answers 401":
            handler.reply(401, {"status": "error", "message": told, "error": told})
        elif doing == "answers with a page":
            handler.reply(200, told.encode())
        elif doing == "is cut off":
            handler.reply(200, json.dumps({"success": True, "told": told})[:-2].encode())
        else:
            self._well(name, handler, told if doing else "")

    def _well(self, name: str, handler: Handler, told: str) -> None:
        if handler.path == "/api/v1/login":
            handler.reply(200, {"status": "success", "data": {"userId": "u1", "authToken": SESSION}})
        elif handler.path == "/api/info":
            handler.reply(200, {"success": True, "version": "7.10.0", "info": {"version": "7.10.0"}})
        elif handler.path == "/api/v1/instances.get":
            records = [_record(other, name, told) for other in MEMBERS]
            handler.reply(200, {"success": True, "instances": records}, X_RateLimit_Limit=quote(told))
        else:
            handler.reply(200, {"status": "success"})


def _told(handler: Handler) -> str:
    _method, _path, headers, body = handler.server.seen[-1]
    words = [value for name, value in headers.items() if name.startswith("X-")]
    return " ".join([*words, *map(str, (body or {}).values())])


def _record(name: str, asked: str, told: str) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    return {
        "address": told or None,
        "currentStatus": {"connected": True, "local": name == asked},
        "instanceRecord": {
            "_id": f"{name}-1",
            "name": told or "rocket.chat",
            "_createdAt": to_iso(now - timedelta(hours=1)),
            "_updatedAt": to_iso(now),
            "extraInformation": {"host": told or name, "port": "3000", "tcpPort": 4000, "nodeVersion": told or "v22"},
        },
    }


def see(way: Way) -> Seen:
    """Break all members, and run all surfaces."""
    with ExitStack() as stack:
        folder, given = (Path(stack.enter_context(TemporaryDirectory())) for _name in ("folder", "given"))
        stranger = stack.enter_context(serving(lambda handler: handler.reply(200, {"success": True})))
        nodes = Nodes(given / "broken", stranger.url)
        servers = {name: stack.enter_context(serving(partial(nodes.answer, name))) for name in MEMBERS}
        inventory = _inventory(way, {name: server.url for name, server in servers.items()}, nodes.broken, folder)
        run = play(
            HERE / "deploy_and_ask.yml",
            inventory,
            folder,
            "-vvv",
            *_arguments(way, given),
            **_environment(way),
            ANSIBLE_CACHE_PLUGIN="jsonfile",
            ANSIBLE_CACHE_PLUGIN_CONNECTION=str(folder / "facts"),
            ANSIBLE_LOG_PATH=str(folder / "ansible.log"),
            TMPDIR=str(folder),
        )
        asking = {**inventory["all"]["vars"]["connection"], **({} if way.by == "environment" else way.credentials)}
        outside = {**_environment(way), "TMPDIR": str(folder)}
        _listed, output = ask_inventory(asking, folder, **outside)
        _watched, more = ask_events({**asking, **inventory["all"]["vars"]["waiting"]}, **outside)
        told = json.dumps([server.seen for server in servers.values()], ensure_ascii=False)
        files = {
            str(path.relative_to(folder)): path.read_bytes().decode(errors="replace")
            for path in folder.rglob("*")
            if path.is_file()
        }
        return Seen(way, run, output, more, told, len(stranger.seen), files)


def _inventory(way: Way, urls: Mapping[str, str], broken: Path, folder: Path) -> dict[str, Any]:
    hosts: dict[str, list[str]] = {"deployed": [DEPLOYED], "rocketchat": list(urls)}
    hostvars: dict[str, dict[str, Any]] = {DEPLOYED: {"deadline": 10}}
    for surface in TASKS:
        for shipped in way.ways:
            cell = surface.cell(shipped=shipped)
            hosts.setdefault(f"role{'_shipped' * shipped}" if surface.play == "role" else surface.play, []).append(cell)
            hostvars[cell] = {**surface.variables, "shipped": shipped, "deadline": 3}
    return inventory_of(
        hosts,
        hostvars,
        deployed=DEPLOYED,
        deployment=[f"touch {shlex.quote(str(broken))}"],
        shows_after=0,
        expected_version="7.11.0",
        asking="{{ connection | combine(credentials) }}",
        connection={"timeout": 2, "members": [{"name": name, "url": url} for name, url in urls.items()]},
        waiting={"interval": 1, "stable_for": 1, "ping_interval": 1, "link_memory": 1},
        health_gate_report=[str(folder / "reports" / name) for name in REPORTS],
    )


def _arguments(way: Way, given: Path) -> list[str]:
    """The credentials as variables of the play, or nothing if they come from the environment."""
    secrets = {} if way.by == "environment" else dict(way.credentials)
    path, password = given / "credentials.yml", given / "vault_password"
    if way.by != "vault":
        path.write_text(yaml.safe_dump({"credentials": secrets}), encoding="utf-8")
        return ["--extra-vars", f"@{path}"]
    password.write_text("of the vault", encoding="utf-8")
    vault = VaultLib([("default", VaultSecret(b"of the vault"))])
    lines = ["credentials:"]
    for name, value in secrets.items():
        encrypted = vault.encrypt(value.encode()).decode().splitlines()
        lines += [f"  {name}: !vault |", *(f"    {line}" for line in encrypted)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return ["--extra-vars", f"@{path}", "--vault-password-file", str(password)]


def _environment(way: Way) -> dict[str, str]:
    if way.by != "environment":
        return {}
    return {VARIABLES[name]: value for name, value in way.credentials.items()}


def spellings(secret: str) -> Iterator[str]:
    """The secret as it is, and as programs quote or encode it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    yield str(escape(secret))  # as Jinja writes it
    yield quote(secret)
    yield quote(secret, safe="")
    yield b64encode(secret.encode()).decode().rstrip("=")


def leaks(text: str) -> list[str]:
    """The text around each secret."""
    found = ((spelling, text.find(spelling)) for secret in SECRETS for spelling in spellings(secret))
    return [text[max(0, at - 200) : at + len(spelling) + 40] for spelling, at in found if at >= 0]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way.name)
def seen(request: pytest.FixtureRequest) -> Seen:
    return see(request.param)


def test_no_secret_is_printed_or_written(seen: Seen) -> None:
    assert leaks(seen.run.output + seen.inventory + seen.events) == []
    assert {name: found for name, text in seen.files.items() if (found := leaks(text))} == {}
    assert seen.strangers == 0


def test_the_searched_output_is_complete(seen: Seen) -> None:
    way = seen.way
    assert set(seen.run.outcomes) >= {surface.cell(shipped=shipped) for surface in TASKS for shipped in way.ways}
    for surface in TASKS:
        for shipped in way.ways:
            outcome = seen.run.outcomes[surface.cell(shipped=shipped)]
            assert outcome.failed == (surface not in (INFO, FACTS)), outcome.result
    assert seen.run.output.count("********") > 10  # members have repeated secrets
    for name in REPORTS:  # the metrics of a refused gate have no members
        assert ("rocketchat_cluster" if name.endswith(".prom") else "rc1") in seen.files[f"reports/{name}"]
    for name in ("ansible.log", *(FACTS.cell(shipped=shipped) for shipped in way.ways)):
        assert any(path.endswith(name) and "rocketchat" in text for path, text in seen.files.items()), name
    assert "rocketchat_alive" in seen.inventory
    assert "******" in seen.inventory
    assert "******" in seen.events
    assert any(path.startswith("inventory/") and "rc1-1" in text for path, text in seen.files.items())
    assert [name for name in seen.files if name.startswith(("local/", "remote/", "tmp"))] == []
    told = [way.credentials[name] for name in ("auth_token", "password", "totp_code") if name in way.credentials]
    assert all(json.dumps(secret, ensure_ascii=False)[1:-1] in seen.told for secret in told)
    assert (SESSION in seen.told) == ("password" in way.credentials)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_leak_is_found(secret: str) -> None:
    for spelling in spellings(secret):
        assert leaks(f"answered 401: {spelling} is wrong")
