# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probes outside of the API: /livez and /readyz since 7.11, and /health since 5.3, which is constant since 7.7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from rocketchat_emulator import answers
from rocketchat_emulator.exchange import mark_foreign, to_response

if TYPE_CHECKING:
    from rocketchat_emulator.faults import Behaviour
    from rocketchat_emulator.version import Version


@dataclass
class Probes:
    """The probes of one process. ``never_ready``: its database check always fails, also with another fault later."""

    version: Version
    never_ready: bool
    _asked: int = 0

    def answer(self, request: web.Request, behaviour: Behaviour) -> web.Response | None:
        """The answer to a probe; None if the path is not a probe of this release."""
        respond = {"/livez": self._live, "/readyz": self._ready, "/health": self._health}.get(request.path)
        exists = self.version.has_health if request.path == "/health" else self.version.has_probes
        if respond is None or not exists:
            return None
        # Whether a real probe has X-Instance-ID depends on the order in which the server's parts are loaded.
        mark_foreign(request)
        return respond(behaviour)

    def _live(self, _behaviour: Behaviour) -> web.Response:
        return to_response(answers.probe())

    def _ready(self, behaviour: Behaviour) -> web.Response:
        """503 when a check fails.

        The event loop's check measures the lag since the last call. So its first call includes the start, and under
        load two calls in a row differ.
        """
        self._asked += 1
        first, odd = self._asked == 1, self._asked % 2 == 1
        lags = (behaviour.lags_at_start and first) or (behaviour.lags and odd)
        return to_response(answers.probe(event_loop=not lags, mongo=self._mongo(behaviour)))

    def _health(self, behaviour: Behaviour) -> web.Response:
        if self.version.has_probes:
            return to_response(answers.health())
        healthy = self.version.health_is_constant or self._mongo(behaviour)
        return web.Response(status=200 if healthy else 500, text="ok" if healthy else "not healthy")

    def _mongo(self, behaviour: Behaviour) -> bool:
        return behaviour.passes_probes and behaviour.reaches_database and not self.never_ready
