# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peers that a process knows and connects to, which depends on its release.

| release | knows the peers in | after a record is removed |
| --- | --- | --- |
| up to 6.2.6 | all records, at any time | nothing changes |
| 6.2.7 to 7.2 | all records, at any time | all processes, its own included, forget its process until that restarts |
| 7.3 to 7.8 | the records at its start, connections from peers, messages of peers | nothing changes |
| 7.9 and newer | all records, at any time | nothing changes |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rocketchat_emulator.instance import Instance
    from rocketchat_emulator.registry import Registry


@dataclass(frozen=True)
class Contact:
    """Where a process accepts peers: its node, whose address it listens on, and its port."""

    node: str
    port: int


class AddressBook:
    """``forgotten``: processes that are not shown or connected to again, although they may run and register."""

    def __init__(self, instance: Instance, registry: Registry) -> None:
        self._instance = instance
        self._registry = registry
        self._contacts: dict[str, Contact] = {}
        self._recorded: set[str] = set()
        self._seen_removals = registry.last_removal()
        self.forgotten: set[str] = set()

    @property
    def knows_itself(self) -> bool:
        """False once this process's own record was removed, with a release that then forgets itself."""
        return self._instance.id not in self.forgotten

    @property
    def contacts(self) -> Mapping[str, Contact]:
        return {peer: contact for peer, contact in self._contacts.items() if peer not in self.forgotten}

    def read(self) -> None:
        """Read all records; a process does this once, before it writes its own."""
        self._recorded = set()
        for peer, (node, port) in self._registry.peer_ports().items():
            self._recorded.add(peer)
            if node and port:
                self.meet(peer, Contact(node, port))

    def refresh(self) -> None:
        """Read what has changed in the database since the last call."""
        if self._instance.version.watches_records:
            self.read()
        else:
            self._recorded = set(self._registry.peer_ports())
        removed = self._registry.removals_after(self._seen_removals)
        if removed:
            self._seen_removals = max(removed)
            if self._instance.version.forgets_removed:
                self.forgotten.update(removed.values())

    def meet(self, peer: str, contact: Contact) -> None:
        if peer != self._instance.id:
            self._contacts[peer] = contact

    def drop(self, peer: str) -> bool:
        """Remove a process that is not connected, unless it has a record."""
        if peer in self._recorded:
            return False
        self._contacts.pop(peer, None)
        return True
