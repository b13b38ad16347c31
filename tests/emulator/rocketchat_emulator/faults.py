# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways in which a node can be made to fail: their names, their arguments, one line of help for each."""

from __future__ import annotations

import math
from dataclasses import dataclass

KINDS = {
    "none": "healthy",
    "unauthorized": "knows no token and no password: 401",
    "forbidden": "grants nobody the permission view-statistics: 403",
    "rate_limited": "429 to every call of /api/v1",
    "broker_down": "400 \"Service '$node.list' is not available.\" for instances.get; cured by a restart only",
    "server_error": "500 to every call of /api",
    "html": "200 and a web page, as a login proxy answers",
    "truncated": "the connection closes in the middle of the answer",
    "not_json": "200, said to be JSON, but is not",
    "wrong_shape": "200 and JSON of another shape: an item without _id, no version",
    "slow:SECONDS": "the right answer, so much later",
    "drip": "the right answer, a byte of the body a second",
    "drip_headers": "never gets through its headers, a byte a second",
    "reset": "resets the connection instead of answering",
    "redirect:URL": "302 to URL",
    "huge": "an answer of more than 16 MiB",
    "not_ready": "/readyz answers 503 (since 7.11), /health 500 (before)",
    "ghost": "a record of the year 2257 stands in the database until the fault is changed",
    "stale_ping": "answers, but no longer pings its record",
    "crash_loop:SECONDS": "dies so long after each start, and is started again at once, with a new id",
    "never_ready": "listens, answers 503 to every call of /api, never registers; takes effect at a start only",
}

_FORMS = {form.partition(":")[0]: form for form in KINDS}


@dataclass(frozen=True)
class Fault:
    """One fault, as it is written on the command line and kept in the database."""

    kind: str = "none"
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``drip`` or ``slow:1.5``; anything that is not one of the forms in KINDS is a ValueError."""
        kind, colon, argument = text.partition(":")
        form = _FORMS.get(kind)
        if form is None:
            raise ValueError(f"unknown fault '{text}'; there are: {', '.join(KINDS)}")
        if bool(argument) != (":" in form) or (colon and not argument):
            raise ValueError(f"'{text}' must have the form {form}")
        fault = cls(kind, argument)
        if form.endswith(":SECONDS") and not 0 < fault.seconds < math.inf:
            raise ValueError(f"'{text}' must have the form {form}, with a number greater than 0")
        if form.endswith(":URL") and ("\r" in argument or "\n" in argument):
            raise ValueError("a URL has no line breaks")
        return fault

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def seconds(self) -> float:
        """The argument of the kinds that take a duration; NaN if it is no number."""
        try:
            return float(self.argument)
        except ValueError:
            return math.nan
