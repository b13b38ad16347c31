# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults: one row per kind, with its name, its text for --help and its behaviour.

`KINDS`, at the end, is the only list of them. A node without a fault behaves like `Behaviour()`; each field of
`Behaviour` is one thing that a kind can change. A kind that changes nothing is an error.
"""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from rocketchat_emulator import answers
from rocketchat_emulator.accounts import VIEW_STATISTICS
from rocketchat_emulator.instance import new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web

    from rocketchat_emulator.answers import Answer
    from rocketchat_emulator.exchange import Exchange
    from rocketchat_emulator.registry import Registry
    from rocketchat_emulator.roster import Place
    from rocketchat_emulator.settings import Settings


@dataclass(frozen=True)
class Behaviour:
    """What a node does; the defaults are those of a healthy node.

    | field | used by |
    | --- | --- |
    | ``responds`` | every call of /api: it returns the response, or None if none is sent |
    | ``answers`` | a call of one of these paths, once login, rate limit and permission are checked |
    | ``knows_users``, ``withholds``, ``limits_all`` | login, the permission check, the rate limit |
    | ``passes_probes`` | the check of the database in /readyz, and /health before 7.7 |
    | ``lags``, ``lags_at_start`` | the check of the event loop in /readyz: every other call, the first call |
    | ``names_itself`` | every answer: the header X-Instance-ID |
    | ``pings`` | the task that refreshes the node's record |
    | ``reaches_database`` | authentication, the tasks that read or write records, /readyz |
    | ``becomes_ready``, ``starts_late`` | the start of a process only |
    | ``crashes`` | the keeper: it kills the process this many seconds after each start, and starts it again |
    | ``begins``, ``ends`` | the command line: called when it sets this fault, and when it replaces it |
    """

    responds: Callable[[Exchange], Awaitable[web.StreamResponse | None]] | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)
    knows_users: bool = True
    withholds: frozenset[str] = frozenset()
    limits_all: bool = False
    passes_probes: bool = True
    lags: bool = False
    lags_at_start: bool = False
    names_itself: bool = True
    pings: bool = True
    reaches_database: bool = True
    becomes_ready: bool = True
    starts_late: bool = False
    crashes: bool = False
    begins: Callable[[Place, Registry, Settings], None] | None = None
    ends: Callable[[Place, Registry], None] | None = None


@dataclass(frozen=True)
class Kind:
    """One row. ``form`` is the name, with the argument if the kind has one, such as slow:SECONDS."""

    form: str
    words: str
    behaviour: Behaviour
    cured_by_restart: bool = False

    def __post_init__(self) -> None:
        if self.behaviour == Behaviour() and self.name != "none":
            names = ", ".join(each.name for each in fields(Behaviour))
            raise ValueError(
                f"fault {self.name} has no behaviour: a node with it would be healthy; its row in faults.py must change"
                f" one of {names}"
            )
        if self.argument not in _ARGUMENTS:
            raise ValueError(f"fault {self.form}: the argument must be one of {', '.join(_ARGUMENTS)[2:]}")

    @property
    def name(self) -> str:
        return self.form.partition(":")[0]

    @property
    def argument(self) -> str:
        return self.form.partition(":")[2]


@dataclass(frozen=True)
class Fault:
    """One fault, as it is written on the command line and kept in the database."""

    kind: str = "none"
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``drip`` or ``slow:1.5``; a text without the form of a kind is a ValueError."""
        name, colon, argument = text.partition(":")
        kind = KINDS.get(name)
        if kind is None:
            raise ValueError(f"unknown fault '{text}'; choose from {', '.join(each.form for each in KINDS.values())}")
        if bool(argument) != bool(kind.argument) or (colon and not argument):
            raise ValueError(f"'{text}' must have the form {kind.form}")
        problem = _ARGUMENTS[kind.argument](argument)
        if problem:
            raise ValueError(f"'{text}' must have the form {kind.form}, {problem}")
        return cls(name, argument)

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def behaviour(self) -> Behaviour:
        return KINDS[self.kind].behaviour

    @property
    def at_start_only(self) -> bool:
        """Whether it takes effect only when a process starts."""
        behaviour = self.behaviour
        return not behaviour.becomes_ready or behaviour.starts_late or behaviour.lags_at_start

    @property
    def cured_by_restart(self) -> bool:
        return KINDS[self.kind].cured_by_restart

    @property
    def seconds(self) -> float:
        """The argument of a kind with a duration; NaN if it is not a number."""
        return _number(self.argument)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


# The arguments of kinds, each with a check that returns what is wrong with a text; "" if it is valid.
_ARGUMENTS: dict[str, Callable[[str], str]] = {
    "": lambda _: "",
    "SECONDS": lambda text: "" if 0 < _number(text) < math.inf else "with a number greater than 0",
    "URL": lambda text: "with a URL without line breaks" if "\r" in text or "\n" in text else "",
}

_DRIP_EVERY = 1.0

_HUGE = 17 * 1024 * 1024

_WRONG_SHAPE = {"instances": [{"name": "rocket.chat", "connected": True}], "success": True}


async def _server_error(exchange: Exchange) -> web.StreamResponse:
    return exchange.reply(answers.server_error())


async def _html(exchange: Exchange) -> web.StreamResponse:
    return exchange.reply_page()


async def _truncated(exchange: Exchange) -> web.StreamResponse:
    response = await exchange.healthy()
    stream = await exchange.begin_like(response)
    body = exchange.body_of(response)
    await stream.write(body[: len(body) // 2])
    exchange.close()
    return stream


async def _not_json(exchange: Exchange) -> web.StreamResponse:
    return exchange.reply_text("this is not JSON")


async def _wrong_shape(exchange: Exchange) -> web.StreamResponse:
    return exchange.reply_text(json.dumps(_WRONG_SHAPE))


async def _slow(exchange: Exchange) -> web.StreamResponse:
    await asyncio.sleep(exchange.fault.seconds)
    return await exchange.healthy()


async def _drip(exchange: Exchange) -> web.StreamResponse:
    response = await exchange.healthy()
    stream = await exchange.begin_like(response)
    for byte in exchange.body_of(response):
        await stream.write(bytes([byte]))
        await asyncio.sleep(_DRIP_EVERY)
    return stream


async def _drip_headers(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Padding: ")
    while exchange.write(b"x"):
        await asyncio.sleep(_DRIP_EVERY)


async def _reset(exchange: Exchange) -> None:
    exchange.reset()


async def _redirect(exchange: Exchange) -> web.StreamResponse:
    return exchange.redirect(exchange.fault.argument)


async def _several_processes(exchange: Exchange) -> web.StreamResponse:
    return await exchange.reply_balanced()


async def _huge(exchange: Exchange) -> web.StreamResponse:
    """Valid JSON, but more than a client should read."""
    response = await exchange.healthy()
    stream = await exchange.begin({"Content-Type": "application/json"}, status=response.status)
    await stream.write(b'{"padding":"')
    for _unused in range(_HUGE // 2**16):
        await stream.write(b"x" * 2**16)
    await stream.write(b'",' + exchange.body_of(response).lstrip(b"{"))
    return stream


def _add_ghost(place: Place, registry: Registry, settings: Settings) -> None:
    extra = {"host": settings.host_of(place), "port": settings.port_of(place)}
    registry.add_ghost(node=place.name, instance_id=new_id(place.version), extra=extra)


def _remove_ghost(place: Place, registry: Registry) -> None:
    registry.remove_ghost(place.name)


def _by_name(*kinds: Kind) -> dict[str, Kind]:
    table = {kind.name: kind for kind in kinds}
    if len(table) != len(kinds):
        raise ValueError("two rows of faults.py have the same name")
    return table


KINDS = _by_name(
    Kind("none", "healthy", Behaviour()),
    Kind("unauthorized", "accepts no token and no password: 401", Behaviour(knows_users=False)),
    Kind(
        "forbidden",
        "grants no user the permission view-statistics: 403",
        Behaviour(withholds=frozenset({VIEW_STATISTICS})),
    ),
    Kind("rate_limited", "429 to every call of /api/v1", Behaviour(limits_all=True)),
    Kind(
        "broker_down",
        "400 \"Service '$node.list' is not available.\" for instances.get; cured by a restart only",
        # Issue 31354 of Rocket.Chat's tracker.
        Behaviour(
            answers={"/api/v1/instances.get": answers.failure(400, "Service '$node.list' is not available.")},
        ),
        cured_by_restart=True,
    ),
    Kind(
        "database_error",
        "400 with the text of a database error for instances.get, as in a failover; authentication works",
        # Any exception inside the endpoint is a 400 with its text.
        Behaviour(
            answers={"/api/v1/instances.get": answers.failure(400, "connection 7 to 10.0.0.21:27017 closed")},
        ),
    ),
    Kind(
        "no_database",
        "its database is unavailable: authentication hangs for 30 s (three pings), then 500; it does not ping",
        Behaviour(reaches_database=False),
    ),
    Kind("server_error", "500 to every call of /api", Behaviour(responds=_server_error)),
    Kind("html", "200 and a web page, like a login proxy", Behaviour(responds=_html)),
    Kind("truncated", "the connection closes in the middle of the answer", Behaviour(responds=_truncated)),
    Kind("not_json", "200 with the content type of JSON, but the body is not JSON", Behaviour(responds=_not_json)),
    Kind(
        "wrong_shape",
        "200 and JSON of another shape: an item without _id, and no version",
        Behaviour(responds=_wrong_shape),
    ),
    Kind("slow:SECONDS", "the right answer, this much later", Behaviour(responds=_slow)),
    Kind("drip", "the right answer, one byte of the body per second", Behaviour(responds=_drip)),
    Kind("drip_headers", "headers that never end, one byte per second", Behaviour(responds=_drip_headers)),
    Kind("reset", "resets the connection instead of answering", Behaviour(responds=_reset)),
    Kind("redirect:URL", "302 to URL", Behaviour(responds=_redirect)),
    Kind("huge", "an answer of more than 16 MiB", Behaviour(responds=_huge)),
    Kind(
        "no_header", "no answer carries X-Instance-ID, as behind a proxy that strips it", Behaviour(names_itself=False)
    ),
    Kind(
        "several_processes",
        "a load balancer answers: each call of /api goes to a random node other than the last one",
        Behaviour(responds=_several_processes),
    ),
    Kind(
        "not_ready",
        "its database does not answer pings: 503 from /readyz (since 7.11), 500 from /health (before 7.7)",
        Behaviour(passes_probes=False),
    ),
    Kind("loaded", "every other call of /readyz answers 503: the event loop lags", Behaviour(lags=True)),
    Kind(
        "slow_start",
        "the first call of /readyz after each start answers 503: the event loop lagged; takes effect only at a start",
        Behaviour(lags_at_start=True),
    ),
    Kind(
        "ghost",
        "a record of the year 2257 is in the database until the fault is changed",
        Behaviour(begins=_add_ghost, ends=_remove_ghost),
    ),
    Kind("stale_ping", "answers, but no longer pings its record", Behaviour(pings=False)),
    Kind(
        "crash_loop:SECONDS",
        "dies this long after each start, and is started again at once, with a new id",
        Behaviour(crashes=True),
    ),
    Kind(
        "starting:SECONDS",
        "for this long after each start 400 \"Service '$node.list' is not found.\", and no record;"
        " takes effect only at a start",
        Behaviour(starts_late=True),
    ),
    Kind(
        "never_ready",
        "listens, answers 503 to every call of /api, never registers; takes effect only at a start",
        Behaviour(becomes_ready=False),
    ),
)
