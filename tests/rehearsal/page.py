# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measurements of a rehearsal, as the page docs/rehearsal.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import NODES

if TYPE_CHECKING:
    from collections import Counter

    from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import Kind, Roll
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Report

# Seconds that a node takes to start: longer than Ansible needs for all nodes. For the page, as long as a real node.
START, START_ON_THE_PAGE = 20, 30

_TEXT = """\
# Rehearsal

`make rehearsal` deploys as users do: over SSH, with the [ready-made hooks](hooks.md), to three machines that each have
systemd and an emulated Rocket.Chat, behind one machine with HAProxy and nginx. The machines are containers, so the
rehearsal needs root and some of Debian's packages; it prints which are missing. The collection is installed from its
tarball. Meanwhile, 20 browsers and eight WebSockets use the chat through the load balancer. Each test in
`tests/rehearsal` causes one fault in the middle of a roll, and checks its outcome. In one test compose runs the nodes
on the host itself: one node, then two, with images from a registry.

This page is written by `make rehearsal ARGS="--write docs/rehearsal.md"`.

## The same deployment, with and without the gate

Without the gate, the release is first installed on all nodes, then the nodes are restarted one after the other. A
request takes 0.5 s. A node answers {start} s after its restart began, like a real node without a migration. A browser's
timeout is 5 s.

| | with the gate | without the gate |
|---|---|---|
{rows}

A WebSocket ends when its node ends or is drained. Its client connects again at once, like Rocket.Chat's clients. Only a
failed attempt to connect counts as a failure.

## Timeline of the roll with the gate

Seconds since its start. Here a process must be 3 s old and stable for 3 s; the default is 30 s.

| node | out of the load balancer | restarted | gate passed | back in the load balancer |
|---|---|---|---|---|
{timeline}
"""

_KINDS: tuple[Kind, ...] = ("drained", "deployed", "passed", "readmitted")


@dataclass
class Page:
    """The page; the tests that measure set its fields."""

    start: int
    gated: tuple[Roll, Report] | None = None
    ungated: tuple[Roll, Report] | None = None

    def text(self) -> str:
        assert self.gated
        assert self.ungated
        rows = zip(_column(*self.gated), _column(*self.ungated))
        return _TEXT.format(
            start=self.start,
            rows="\n".join(f"| {title} | {with_gate} | {without} |" for (title, with_gate), (_same, without) in rows),
            timeline="\n".join(_line(self.gated[0], node) for node in NODES),
        )


def _column(roll: Roll, report: Report) -> list[tuple[str, str]]:
    return [
        ("seconds until the end of Ansible", f"{roll.lines[-1].after:.0f}"),
        ("requests", f"{report.requests:,}"),
        ("**failed requests**", _counted(report.failed)),
        ("WebSockets that ended and were opened again", str(report.closed)),
        ("**failed attempts to open a WebSocket**", _counted(report.refused)),
    ]


def _counted(failures: Counter[str]) -> str:
    if not failures:
        return "**0**"
    return f"**{failures.total():,}** ({', '.join(f'{name}: {count:,}' for name, count in failures.most_common())})"


def _line(roll: Roll, node: str) -> str:
    after = {step.kind: step.after for step in roll.steps() if step.node == node}
    return f"| {node} | {' | '.join(f'{after[kind]:.0f}' for kind in _KINDS)} |"
