# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the README's pictures of the recorded rolls' reports in Chromium: ``make pictures``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import sync_playwright

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import report_text
from ansible_collections.rocketops.rocketchat.tests.unit.rolls import recorded

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TAKEN: tuple[tuple[str, Literal["light", "dark"]], ...] = (("good", "light"), ("stopped", "dark"))


def main() -> None:
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("Chromium is needed: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for name, scheme in TAKEN:
            path = Path(folder) / f"{name}.html"
            path.write_text(report_text(recorded(name), "html"), encoding="utf-8")
            page = chromium.new_page(viewport={"width": 1000, "height": 888}, color_scheme=scheme)
            page.goto(path.as_uri())
            page.screenshot(path=IMAGES / f"report_{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
