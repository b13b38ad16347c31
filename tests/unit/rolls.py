# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of whole rolls, for tests of the report: two recorded ones, and others of scripted clusters."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import run
from ansible_collections.rocketops.rocketchat.tests.unit.scene import EPOCH, Scene

RECORDED = Path(__file__).parent / "recorded"  # by make rolls

# Hostile texts. Each is used as a member's name, as a version and as a reason.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnol-ot-thgir\u202c",
    "]]><a/>&amp;\x00\x1b[31m\x07",
    "a|b`c`*d*_e_ @all #1 [x](javascript:y)",
    "x" * 300,
    "line\nbreak\r\n\n---|---",
    "שלום-نود-\U0001f680",
    "half a pair \ud800",
)


def recorded(name: str) -> list[dict[str, Any]]:
    """The results of the gates of a real roll of an emulated cluster, ``good`` or ``stopped``."""
    results: list[dict[str, Any]] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return results


class PaperRoll:
    """A roll of a scripted cluster, gate by gate. Times are the scene's.

    ``rotates``: its results have out_of_rotation, like those of the playbook with hooks: at first all members.
    """

    def __init__(self, scene: Scene, *, rotates: bool = False) -> None:
        self.scene = scene
        self.rotates = rotates
        self.out = set(scene.nodes)
        self.results: list[dict[str, Any]] = []

    def gate(self, phase: str = "steady", *, restart: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        """Run a gate. ``restart``: members that come back a while after it began to wait."""
        scene = self.scene
        due = scene.now + 20

        def sleep(seconds: float) -> None:
            scene.now += seconds
            for name in restart if scene.now >= due and scene.now - seconds < due else ():
                scene.restart(name)

        policy = scene.policy(phase, interval=10.0, deadline=120.0, **options)
        began = EPOCH + timedelta(seconds=scene.now)
        result = run(
            scene.observe,
            policy,
            clock=lambda: scene.now,
            sleep=sleep,
            on_progress=lambda _line: None,
            began=began,
        ).to_dict()
        if self.rotates:
            result["out_of_rotation"] = sorted(self.out)
        self.results.append(result)
        return result

    def batch(self, targets: tuple[str, ...], *, broken: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        """Deploy the targets; those in ``broken`` do not come back and are not readmitted."""
        self.gate("before", targets=list(targets), **options)
        self.scene.now += 15
        self.out.update(targets)
        before = self.gate("before", targets=list(targets), **options)
        for name in targets:
            self.scene.kill(name)
        self.scene.now += 25
        well = tuple(name for name in targets if name not in broken)
        after = self.gate("after", targets=list(targets), before=before, restart=well, **options)
        self.out.difference_update(well)
        return after


def fifty(batch: int = 10) -> list[dict[str, Any]]:
    """A roll of fifty members in batches."""
    names = tuple(f"chat-node-{number:02}" for number in range(1, 51))
    roll = PaperRoll(Scene.of(*names), rotates=True)
    roll.gate()
    roll.out.clear()
    for first in range(0, len(names), batch):
        roll.batch(names[first : first + batch], min_serving="70%")
        roll.scene.remnants.clear()  # the database has removed the old records
    roll.gate()
    return roll.results


def hostile() -> list[dict[str, Any]]:
    """A stopped roll in which all names, versions and reasons are hostile texts."""
    scene = Scene.of(*HOSTILE)
    for number, name in enumerate(HOSTILE):
        scene[name].version = name
        if not name.isprintable() or len(name) > 50:  # such ids are refused in answers
            scene[name].id = f"{number}-1"
    scene.cut.add(frozenset({scene[HOSTILE[0]].id, scene[HOSTILE[1]].id}))
    scene.remnants = {node.id.removesuffix("-1"): -900.0 for node in scene.nodes.values()}
    waive = [{"code": "not_linked", "pair": list(HOSTILE[:2]), "reason": HOSTILE[4]}]
    roll = PaperRoll(scene, rotates=True)
    roll.gate(waive=waive)
    roll.out.clear()
    roll.batch(HOSTILE[2:4], broken=HOSTILE[2:3], waive=waive)
    return roll.results
