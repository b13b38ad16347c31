# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rehearsal has measured, as the page docs/rehearsal.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.tests.rehearsal.lab import NODES

if TYPE_CHECKING:
    from collections import Counter

    from ansible_collections.rocketops.rocketchat.tests.rehearsal.roll import Kind, Roll
    from ansible_collections.rocketops.rocketchat.tests.rehearsal.traffic import Report

# Seconds that a node takes to start: longer than Ansible needs for all nodes. On the page, as long as a real one.
START, START_ON_THE_PAGE = 20, 30

_TEXT = """\
# Rehearsal

`make rehearsal` deploys where users do: to three machines with systemd and an emulated Rocket.Chat each, and one with
HAProxy and nginx in front of them, all reached by SSH, with the [ready-made hooks](hooks.md). They are containers, so
it needs root and some of Debian's packages, and says which. The collection is installed from its tarball. 20 browsers
and eight WebSockets use the chat through the load balancer meanwhile. Each story in `tests/rehearsal` is one fault in
the middle of a roll, and what must become of it. In one story compose runs the nodes, on the host itself: one node,
then two, whose images come from a registry.

This page is written by `make rehearsal ARGS="--write docs/rehearsal.md"`.

## The same deployment, with the gate and without

Without the gate the same release is installed first; then one node after the other is restarted. A request takes
0.5 s; a node answers {start} s after its restart began, as a real one does that has nothing to migrate. A browser gives
up after 5 s.

| | with the gate | without |
|---|---|---|
{rows}

A WebSocket ends when its node does, or is led away from it; its client comes back at once, as Rocket.Chat's do. It
counts as failed only if that fails.

## Time line of the roll with the gate

Seconds since its start. The gate wants a process of 3 s here, stable for 3 s; by default it is 30 s.

| node | out of the load balancer | restarted | passed by the gate | back in the load balancer |
|---|---|---|---|---|
{timeline}
"""

_KINDS: tuple[Kind, ...] = ("drained", "deployed", "passed", "readmitted")


@dataclass
class Page:
    """Filled by the stories that measure."""

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
        ("seconds until Ansible has ended", f"{roll.lines[-1].after:.0f}"),
        ("requests", f"{report.requests:,}"),
        ("**requests that failed**", _counted(report.failed)),
        ("WebSockets that ended and came back", str(report.closed)),
        ("**attempts to open one that failed**", _counted(report.refused)),
    ]


def _counted(failures: Counter[str]) -> str:
    if not failures:
        return "**0**"
    return f"**{failures.total():,}** ({', '.join(f'{name}: {count:,}' for name, count in failures.most_common())})"


def _line(roll: Roll, node: str) -> str:
    after = {step.kind: step.after for step in roll.steps() if step.node == node}
    return f"| {node} | {' | '.join(f'{after[kind]:.0f}' for kind in _KINDS)} |"
