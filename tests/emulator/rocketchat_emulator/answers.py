# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents that Rocket.Chat answers with, from its API documentation and typings; without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rocketchat_emulator.accounts import LoginFailure, Session, User
    from rocketchat_emulator.instance import Instance
    from rocketchat_emulator.links import Link, View
    from rocketchat_emulator.registry import Record
    from rocketchat_emulator.version import Version


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


class RefusedError(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def success(**fields: Any) -> Answer:
    return Answer(200, {**fields, "success": True})


def failure(status: int, error: str, **fields: Any) -> Answer:
    return Answer(status, {"success": False, "error": error, **fields})


def unauthorized(version: Version) -> Answer:
    message = "You must be logged in to do this."
    newest = {"success": False, "error": message} if version.says_401_twice else {}
    return Answer(401, {"status": "error", "message": message, **newest})


def forbidden(version: Version) -> Answer:
    if version.has_terse_403:
        return failure(403, "unauthorized")
    return failure(403, "User does not have the permissions required for this action [error-unauthorized]")


def statistics_forbidden(_version: Version) -> Answer:
    """The only endpoint that answers 400 for a missing permission, not 403."""
    return failure(400, "Not allowed [error-not-allowed]", errorType="error-not-allowed")


def too_many_requests(seconds: int) -> Answer:
    return failure(
        429,
        "Error, too many requests. Please slow down."
        f" You must wait {seconds} seconds before trying this endpoint again. [error-too-many-requests]",
    )


def server_error() -> Answer:
    return failure(500, "Internal server error")


def unavailable() -> Answer:
    return failure(503, "Service unavailable")


def not_found() -> Answer:
    return failure(404, "Not Found")


def login_failed(reason: LoginFailure) -> Answer:
    messages = {"totp-required": "TOTP Required [totp-required]", "totp-invalid": "TOTP Invalid [totp-invalid]"}
    return Answer(401, {"status": "error", "error": reason, "message": messages.get(reason, reason)})


def logged_in(session: Session) -> Answer:
    data = {"userId": session.user.id, "authToken": session.token, "me": session.user.to_dict()}
    return Answer(200, {"status": "success", "data": data})


def logged_out() -> Answer:
    return Answer(200, {"status": "success", "data": {"message": "You've been logged out!"}})


def me(user: User) -> Answer:
    return success(**user.to_dict())


def info(version: Version, *, privileged: bool) -> Answer:
    """Major and minor for every caller, the full version for callers with the permission view-statistics."""
    if not privileged:
        return success(version=version.public)
    details = {
        "version": str(version),
        "build": {"nodeVersion": version.node_js, "arch": "x64", "platform": "linux"},
        "commit": {"branch": "HEAD", "tag": str(version)},
    }
    return success(version=str(version), info=details)


def probe(*, event_loop: bool = True, mongo: bool = True) -> Answer:
    """/livez and /readyz: 503 if one of the checks fails. The keys inside a check changed between builds."""
    checks = {"memory": True, "eventLoop": event_loop, "mongo": mongo}
    words = {name: {"status": "ok" if passed else "error"} for name, passed in checks.items()}
    passed = all(checks.values())
    return Answer(200 if passed else 503, {"status": "ok" if passed else "error", "checks": words})


def health() -> Answer:
    """/health since 7.11, which is always ok."""
    return Answer(200, {"status": "ok"})


def instances(records: Sequence[Record], *, instance: Instance, view: View) -> Answer:
    """The answer of instances.get: all records, and the links of the process whose view it is."""
    if instance.version.lists_raw_records:
        return success(instances=[_raw(record, records, instance, view.links) for record in records])
    return success(instances=[_described(record, view) for record in records])


def _described(record: Record, view: View) -> dict[str, Any]:
    """The shape of 6.0 and later. broadcastAuth is a constant there."""
    link = view.links.get(record.id)
    address = {"address": record.extra.get("host")}
    status: dict[str, Any] = {"connected": True}
    if record.id == view.local:
        # Observed with Moleculer: a process has no heartbeat of itself after its start.
        status |= {"lastHeartbeatTime": 0, "local": True}
    elif link and link.connected:
        status |= {"lastHeartbeatTime": round(link.last_heard), "local": False}
    else:
        address, status = {}, {"connected": False}
    return {**address, "currentStatus": status, "instanceRecord": record.to_dict(), "broadcastAuth": True}


def _raw(record: Record, records: Sequence[Record], instance: Instance, links: Mapping[str, Link]) -> dict[str, Any]:
    """The shape before 6.0: the record itself, and the connection to its host and port, not to its process.

    So the old record of a restarted node shows the connection to the new process. The answering node's own records have
    no connection, and neither have those of peers that it never reached.
    """
    at_place = [links[other.id] for other in records if other.place == record.place and other.id in links]
    known = [link for link in at_place if link.ever_connected]
    if record.place == (instance.host, instance.port) or not known:
        return record.to_dict()
    connected = any(link.connected for link in known)
    status: dict[str, Any] = {
        "connected": connected,
        "status": "connected" if connected else "waiting",
        "retryCount": 0 if connected else 1,
    }
    if not connected:
        status["retryTime"] = round(record.updated_at * 1000)
    address = f"{record.extra.get('host')}:{record.extra.get('port')}"
    connection = {"address": address, "currentStatus": status, "broadcastAuth": connected}
    return {**record.to_dict(), "connection": connection}
