# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The upgrade path: whether the expected version can run on the database of the versions that run now.

The first node with a newer version migrates the database. An older version does not start on it afterwards, and a newer
version has only the migrations since the major release before its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import FULL_VERSION
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

# One identifier of a pre-release, in an order in which numbers come before words.
_Identifier = tuple[bool, int, str]


@dataclass(frozen=True, order=True)
class Version:
    """A full version such as 7.11.0 or 7.11.0-rc.2, ordered as in Semantic Versioning. Build metadata is ignored."""

    major: int
    minor: int
    patch: int
    is_final: bool
    pre_release: tuple[_Identifier, ...]

    @classmethod
    def of(cls, text: str) -> Version:
        """The version in a text that matches ``FULL_VERSION``."""
        release, dash, pre_release = text.partition("+")[0].partition("-")
        major, minor, patch = map(int, release.split("."))
        identifiers = re.split(r"[.-]", pre_release) if dash else []
        words = tuple((not i.isdecimal(), int(i) if i.isdecimal() else 0, i) for i in identifiers)
        return cls(major, minor, patch, not dash, words)


def upgrade_path(running: Iterable[str | None], wanted: str | None) -> list[Finding]:
    """The findings about a deployment of ``wanted`` while the versions ``running`` run.

    Compared with the newest version that is known in full. Empty if none is.
    """
    now = max((v for v in running if v and FULL_VERSION.fullmatch(v)), key=Version.of, default=None)
    if now is None or wanted is None:
        return []
    old, new = Version.of(now), Version.of(wanted)
    if new.major > old.major + 1:
        text = (
            f"{wanted} is more than one major release ahead of {now}: deploy the latest {old.major + 1}.x release first"
        )
        return [Finding(Code.MAJOR_SKIPPED, text, expected=wanted, actual=now)]
    if new >= old:
        return []
    if (new.major, new.minor) == (old.major, old.minor) and old.is_final and new.is_final:
        text = f"{wanted} is an older patch release than {now}"
        return [Finding(Code.OLDER_PATCH, text, expected=wanted, actual=now)]
    text = f"{wanted} is older than {now}, which runs and has migrated the database: deploy {now} or a later version"
    return [Finding(Code.DOWNGRADE, text, expected=wanted, actual=now)]
