# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users, their permissions and their tokens; shared by all nodes, as in Rocket.Chat."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rocketchat_emulator.database import Database

VIEW_STATISTICS = "view-statistics"
BYPASS_RATE_LIMIT = "api-bypass-rate-limit"

# Permissions and roles of the four users of every cluster.
_USERS: dict[str, tuple[list[str], list[str]]] = {
    "admin": ([VIEW_STATISTICS, BYPASS_RATE_LIMIT], ["admin"]),
    "viewer": ([VIEW_STATISTICS], ["user", "monitor"]),
    "guest": ([], ["user"]),
    "twofactor": ([VIEW_STATISTICS], ["user", "monitor"]),
}


@dataclass(frozen=True)
class User:
    """One user, without secrets."""

    id: str
    username: str
    permissions: frozenset[str]
    roles: list[str]

    def to_dict(self) -> dict[str, Any]:
        """The document that login and /api/v1/me show."""
        return {
            "_id": self.id,
            "name": self.username.capitalize(),
            "username": self.username,
            "emails": [{"address": _email(self.username), "verified": True}],
            "roles": self.roles,
            "status": "offline",
            "active": True,
        }


@dataclass(frozen=True)
class Session:
    user: User
    token: str


LoginFailure = Literal["Unauthorized", "totp-required", "totp-invalid"]


class Accounts:
    """The users and tokens in the database. Secrets are kept as hashes only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self) -> dict[str, dict[str, str]]:
        """Create the users; returns their credentials, of which only hashes are stored."""
        return {username: self._create(username, *grants) for username, grants in _USERS.items()}

    def _create(self, username: str, permissions: list[str], roles: list[str]) -> dict[str, str]:
        user_id, password = random_id(), _random(24)
        credentials = {"user_id": user_id, "username": username, "password": password}
        totp_hash = None
        if username == "twofactor":
            # The code never changes: the emulator has no authenticator app.
            credentials["totp_code"] = f"{secrets.randbelow(10**6):06}"
            totp_hash = _hash(credentials["totp_code"])
        self._database.execute(
            "INSERT INTO users (id, username, password_hash, permissions, roles, totp_hash) VALUES (?, ?, ?, ?, ?, ?)",
            user_id,
            username,
            _hash(password),
            json.dumps(permissions),
            json.dumps(roles),
            totp_hash,
        )
        return {**credentials, "auth_token": self._issue(user_id, kind="personal")}

    def caller(self, *, user_id: str | None, token: str | None) -> User | None:
        """The user of these two headers; None unless they belong together."""
        if not user_id or not token:
            return None
        if not self._database.row("SELECT 1 FROM tokens WHERE hash = ? AND user_id = ?", _hash(token), user_id):
            return None
        return self._user(user_id)

    def log_in(self, *, name: str, password: str, code: str | None) -> Session | LoginFailure:
        """Check a password and, where two-factor is on, a code. Each success adds a token, as in Rocket.Chat."""
        row = self._database.row(
            "SELECT * FROM users WHERE username = ? AND password_hash = ?",
            name.removesuffix(_email("")),
            _hash(password),
        )
        if row is None:
            return "Unauthorized"
        if row["totp_hash"] and not code:
            return "totp-required"
        if row["totp_hash"] and _hash(code or "") != row["totp_hash"]:
            return "totp-invalid"
        user = self._user(row["id"])
        return Session(user, self._issue(user.id, kind="session"))

    def log_out(self, token: str) -> None:
        self._database.execute("DELETE FROM tokens WHERE hash = ?", _hash(token))

    def sessions(self) -> int:
        """The number of logins without a logout."""
        return int(self._database.rows("SELECT COUNT(*) FROM tokens WHERE kind = 'session'")[0][0])

    def _issue(self, user_id: str, *, kind: Literal["personal", "session"]) -> str:
        token = _random(43)
        self._database.execute("INSERT INTO tokens (hash, user_id, kind) VALUES (?, ?, ?)", _hash(token), user_id, kind)
        return token

    def _user(self, user_id: str) -> User:
        row = self._database.rows("SELECT * FROM users WHERE id = ?", user_id)[0]
        return User(row["id"], row["username"], frozenset(json.loads(row["permissions"])), json.loads(row["roles"]))


def random_id() -> str:
    """17 characters, like the ids of Meteor's documents."""
    return _random(17)


def _random(length: int) -> str:
    letters = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
    return "".join(secrets.choice(letters) for _unused in range(length))


def _email(username: str) -> str:
    return f"{username}@example.com"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
