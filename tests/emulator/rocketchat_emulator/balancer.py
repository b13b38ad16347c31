# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A load balancer in front of one node's URL, so that several processes answer there."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, web

from rocketchat_emulator import answers
from rocketchat_emulator.exchange import mark_foreign, to_response

if TYPE_CHECKING:
    from rocketchat_emulator.roster import Roster

# The header of a forwarded request, which the receiving node answers itself.
_FORWARDED = "X-Emulated-Balancer"

# Headers that belong to one connection, or that the answering node sets itself.
_OF_CONNECTION = {"connection", "content-length", "transfer-encoding", "host"}


@dataclass
class Balancer:
    """Spreads calls over this node and all others that answer, as a balancer in front of the whole cluster does.

    Each call goes to a random node other than the last one. In a fixed order, a client that asks in rounds of as many
    calls as there are nodes would get the same node for the same call of each round.
    """

    node: str
    roster: Roster
    _last: str | None = ""

    def url(self, request: web.Request) -> str | None:
        """The URL of the node that answers this call; None if it is this node itself."""
        if _FORWARDED in request.headers:
            return None
        others = [place.url for place in self.roster.places() if place.name != self.node and place.answers]
        possible = [None, *others]
        self._last = random.choice([url for url in possible if url != self._last] or possible)
        return self._last

    async def forward(self, request: web.Request, url: str) -> web.Response:
        """Forward the request to another node; its header X-Instance-ID is kept."""
        mark_foreign(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_CONNECTION}
        headers[_FORWARDED] = self.node
        try:
            async with (
                ClientSession() as session,
                session.request(
                    request.method,
                    f"{url}{request.path_qs}",
                    headers=headers,
                    data=await request.read(),
                    allow_redirects=False,
                ) as answer,
            ):
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OF_CONNECTION}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
        except ClientError:
            return to_response(answers.failure(502, "Bad Gateway"))
