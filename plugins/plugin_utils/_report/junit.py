# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The report as JUnit XML, for CI servers: each gate is a test case."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import to_iso
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Outcome, title_of
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.timeline import time_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import Gate
    from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Roll

JUDGED = frozenset({"wait", "fail"})


def junit(roll: Roll) -> str:
    """The report. A gate that stopped the roll is a failure, or an error if it could not judge.

    A gate that did not pass and did not stop the roll, such as the first look at a cluster that needs repair, is
    skipped: a roll that succeeded must not be red.
    """
    cases = [_case(gate, roll, titles) for gate, titles in zip(roll.gates, _titles(roll))]
    kinds = [child.tag for case in cases for child in case if child.tag != "system-out"]
    counts = {
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{roll.took or sum(gate.elapsed for gate in roll.gates):.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": "rocketops.rocketchat", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "rolling update", **counts, **_timestamp(roll)})
    properties = ElementTree.SubElement(suite, "properties")
    line = time_line(roll)
    summary = " ".join(filter(None, (roll.sentence, line.summary if line else "")))
    for name, value in (("outcome", roll.outcome.value), ("summary", summary)):
        ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    suite.extend(cases)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _timestamp(roll: Roll) -> Mapping[str, str]:
    return {"timestamp": (to_iso(roll.began) or "").removesuffix("Z")} if roll.began else {}


def _titles(roll: Roll) -> list[str]:
    """The titles of the gates, made unique: CI servers treat two cases with the same name as one."""
    seen: dict[str, int] = {}
    titles = []
    for gate in roll.gates:
        title = title_of(gate)
        seen[title] = seen.get(title, 0) + 1
        titles.append(f"{title} ({seen[title]})" if seen[title] > 1 else title)
    return titles


def _case(gate: Gate, roll: Roll, title: str) -> ElementTree.Element:
    attributes = {"classname": f"cluster_gate.{gate.phase}", "name": title, "time": f"{gate.elapsed:.3f}"}
    case = ElementTree.Element("testcase", attributes)
    if gate in roll.stops and roll.outcome is Outcome.STOPPED:
        kind = "failure" if gate.verdict in JUDGED else "error"
        shut = ElementTree.SubElement(case, kind, {"type": gate.verdict, "message": gate.message})
        shut.text = _advice(roll)
    elif not gate.passed:
        ElementTree.SubElement(case, "skipped", {"message": gate.message})
    lines = [f"{change.at:g} s: {change.verdict}: {change.message}" for change in gate.history]
    ElementTree.SubElement(case, "system-out").text = "\n".join([*lines, gate.message])
    return case


def _advice(roll: Roll) -> str:
    blocking = [advice for advice in roll.advice if advice.blocking]
    return "\n\n".join(
        "\n".join([f"{advice.code}:", *advice.messages, advice.cause, f"What to do: {advice.remedy}"])
        for advice in blocking
    )
