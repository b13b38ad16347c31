# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's page in a real browser, read by the accessibility tree and measured by its boxes."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import report_text
from ansible_collections.rocketops.rocketchat.tests.unit import rolls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

BROWSER = shutil.which("chromium")
WIDTHS = (360, 1440)
ROLLS = {
    "good": lambda: rolls.recorded("good"),
    "stopped": lambda: rolls.recorded("stopped"),
    "fifty": rolls.fifty,
    "hostile": rolls.hostile,
}

pytestmark = pytest.mark.skipif(
    BROWSER is None and not os.environ.get("BROWSER_REQUIRED"),
    reason="the pages are read in Chromium: apt-get install chromium",
)

# Elements outside of the page, and texts that overlap. Only visible elements are measured, by the lines of each text,
# because a box may be wider than its words.
MEASURE = """() => {
  const shown = (element) =>
    element.checkVisibility({checkVisibilityCSS: true}) && !element.closest('defs, title, desc');
  const inside = (a, b) => a.left >= b.left - 0.5 && a.right <= b.right + 0.5;
  const page = {left: 0, right: document.documentElement.clientWidth};
  const outside = [...document.querySelectorAll('main *')].filter(shown)
    .filter((element) => !inside(element.getBoundingClientRect(), page))
    .map((element) => element.outerHTML.slice(0, 200));
  const lines = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.textContent.trim() || !shown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width > 1) lines.push({box, text: node.textContent.trim().slice(0, 40)});
  }
  lines.sort((a, b) => a.box.top - b.box.top);
  const overlapping = [];
  for (let i = 0; i < lines.length; i++)
    for (let j = i + 1; j < lines.length && lines[j].box.top < lines[i].box.bottom; j++) {
      const [a, b] = [lines[i].box, lines[j].box];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // The boxes of neighbouring lines touch: a font's are taller than its letters.
      if (across > 1 && down > 0.4 * Math.min(a.height, b.height)) overlapping.push([lines[i].text, lines[j].text]);
    }
  return {scroll: document.documentElement.scrollWidth, outside, overlapping, texts: lines.length};
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=ROLLS)
def roll(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name = request.param
    path = tmp_path_factory.mktemp(name) / "report.html"
    path.write_text(report_text(ROLLS[name](), "html"), encoding="utf-8")
    return name, path


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, roll: tuple[str, Path], request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page; at the end of the test it has printed no errors and requested nothing."""
    page = browser.new_page(viewport={"width": request.param, "height": 900}, color_scheme="light")
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(roll[1].as_uri())
    yield page
    page.close()
    assert (said, asked) == ([], [roll[1].as_uri()])


def test_nothing_overflows_or_overlaps(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((element) => element.open = true)")
    measured = page.evaluate(MEASURE)
    assert measured["texts"] > 50
    assert (measured["outside"], measured["overlapping"]) == ([], [])
    assert measured["scroll"] == _width(page)


def test_text_has_enough_contrast_in_light_and_dark(page: Page) -> None:
    """The contrast is at least 4.5 to 1, as WCAG AA requires, with the colours that the browser computes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours = page.evaluate(
            """() => [...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() && e.innerText)
              .map((e) => getComputedStyle(e).color).concat([getComputedStyle(document.body).backgroundColor])"""
        )
        *inks, paper = map(_luminance, colours)
        # The letter in the round sign has the colour of the page.
        ratios = {_ratio(ink, paper) for ink in inks if ink != paper}
        assert min(ratios) >= 4.5


def test_screen_readers_can_read_the_page(page: Page, roll: tuple[str, Path]) -> None:
    name, _path = roll
    tree = page.locator("body").aria_snapshot()
    headings = [line.strip() for line in tree.splitlines() if line.strip().startswith("- heading")]
    assert "[level=1]" in headings[0]
    assert [heading for heading in headings if "[level=1]" in heading] == headings[:1]
    assert page.get_by_role("img").count() == page.locator("svg[role=img]").count() > 3
    described = page.locator("svg[role=img]").evaluate_all(
        "(all) => all.map((e) => e.querySelector('title').textContent && e.querySelector('desc').textContent.trim())"
    )
    assert all(described)
    assert page.get_by_role("table", name="Version and process of each").count() == 1
    assert page.get_by_role("rowheader").count() >= 3
    assert _answer(page).startswith("Stopped at" if name in ("stopped", "hostile") else "Passed after")


def test_states_can_be_told_apart_without_colours(page: Page) -> None:
    """Each state of the timeline has a different pattern or grey."""
    fills = page.locator(".legend .span").evaluate_all("(all) => all.map((e) => getComputedStyle(e).fill)")
    greys = [fill if fill.startswith("url") else round(_luminance(fill), 1) for fill in fills]
    assert len(set(greys)) == len(greys) > 0


def _answer(page: Page) -> str:
    return page.locator(".answer").inner_text()


def _width(page: Page) -> int:
    return page.viewport_size["width"] if page.viewport_size else 0


def _luminance(colour: str) -> float:
    """Relative luminance of ``rgb(1, 2, 3)``, as WCAG defines it."""
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _ratio(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
