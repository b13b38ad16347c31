# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The surfaces that are not tasks of a play: the inventory and the event source, each in a separate process."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate import watch
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import EVENTS, INVENTORY, LIMIT, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(watch.__file__).parents[3] / "extensions" / "eda" / "plugins" / "event_source" / "instances.py"
LOOKING = 3.5  # seconds until the event source has its final verdict


def ask_inventory(options: Mapping[str, Any], folder: Path, **environment: str) -> tuple[Outcome, str]:
    """The outcome, and the whole output."""
    path = folder / "rocketchat.yml"
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(folder / "inventory")}
    config = {"plugin": "rocketops.rocketchat.instances", **kept, **options}
    path.write_text(json.dumps(config), encoding="utf-8")
    path.chmod(0o600)
    ours = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    command = ["ansible-inventory", "-vvv", "--list", "-i", str(path)]
    began = time.monotonic()
    done = _run(command, **ours, **environment)
    path.unlink()
    said = " ".join((done.stderr or done.stdout).split())
    outcome = Outcome(INVENTORY.title, time.monotonic() - began, done.returncode != 0, {"msg": said})
    return outcome, done.stdout + done.stderr


def ask_events(args: Mapping[str, Any], **environment: str) -> tuple[Outcome, str]:
    """The last event, after the final verdict."""
    began = time.monotonic()
    done = _run([sys.executable, "-m", __spec__.name], text=json.dumps(args), **environment)
    event = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"msg": done.stderr, "verdict": "failed"}
    return Outcome(EVENTS.title, time.monotonic() - began, event["verdict"] != "pass", event), done.stdout + done.stderr


def _run(command: list[str], *, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


async def _watch_until_settled(args: dict[str, Any]) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    source = asyncio.create_task(runpy.run_path(str(SOURCE))["main"](queue, args))
    end = time.monotonic() + LOOKING
    verdict = "wait"
    while verdict == "wait" and not source.done():
        try:
            event = await asyncio.wait_for(queue.get(), end - time.monotonic())
        except asyncio.TimeoutError:
            break
        verdict = event["verdict"]
        print(json.dumps(event))
    source.cancel()
    with suppress(asyncio.CancelledError):
        await source


if __name__ == "__main__":
    asyncio.run(_watch_until_settled(json.load(sys.stdin)))
