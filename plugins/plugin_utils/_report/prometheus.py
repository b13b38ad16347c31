# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The report as metrics of the last gate in Prometheus' text format, for the textfile collector of node exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Gate
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Roll

VERDICTS = ("pass", "wait", "fail", "inconclusive", REFUSED)
PREFIX = "rocketchat_cluster"


def prometheus(roll: Roll) -> str:
    """The gauges of the last gate; empty without a gate. Their age is ``time()`` minus the timestamp."""
    return "".join(f"{line}\n" for gate in roll.gates[-1:] for line in _gauges(gate))


def _gauges(gate: Gate) -> Iterator[str]:
    verdicts = {_labels(phase=gate.phase, verdict=verdict): gate.verdict == verdict for verdict in VERDICTS}
    yield from _gauge("verdict", "1 for the verdict of the last gate, 0 for the others.", verdicts)
    if gate.members:
        serving = {_labels(member=member.name): member.serving for member in gate.members.values()}
        yield from _gauge("member_serving", "Whether the member serves.", serving)
        gone = gate.targets if gate.phase == "before" else ()
        counted = sum(member.serving for member in gate.members.values() if member.name not in gone)
        yield from _gauge("serving", "Members that serve, without those about to be deployed.", {"": counted})
        yield from _gauge("needed", "How many of these must serve.", {"": gate.needed})
    if gate.ended:
        yield from _gauge("judged_timestamp_seconds", "When the last gate ended.", {"": gate.ended.timestamp()})


def _gauge(name: str, explanation: str, values: Mapping[str, float]) -> Iterator[str]:
    """The lines of a gauge. ``values``: by their labels in braces. A bool is 1 or 0."""
    yield f"# HELP {PREFIX}_{name} {explanation}"
    yield f"# TYPE {PREFIX}_{name} gauge"
    for labels, value in values.items():
        yield f"{PREFIX}_{name}{labels} {float(value):.15g}"


def _labels(**labels: str) -> str:
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in labels.items()}
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
