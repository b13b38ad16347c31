# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a report: their content, and that no text breaks out of them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.formats import report_text
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.prometheus import VERDICTS
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import gates_from
from ansible_collections.rocketops.rocketchat.tests.unit.rolls import HOSTILE, PaperRoll, hostile, recorded
from ansible_collections.rocketops.rocketchat.tests.unit.scene import Scene

VOID = {"meta", "br"}
TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body svg defs pattern rect circle path line desc text main header p time h1 h2 h3 "
        "span dl div dt dd small section article ul li bdi strong figure figcaption details summary table caption "
        "thead tbody tr th td abbr code ol footer br",
    )
)


class Page(HTMLParser):
    """The content of a page, which must be well-formed: each element is closed by its own end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", " ".join(data.split())))

    def of(self, tag: str) -> list[str]:
        return [text for inside, text in self.texts if inside == tag]


@pytest.fixture(scope="module")
def evil() -> list[dict[str, Any]]:
    return hostile()


def test_the_page_begins_with_the_outcome() -> None:
    page = Page(report_text(recorded("stopped"), "html"))
    assert page.of("h1") == ["Rolling update stopped"]
    assert next(text for tag, text in page.texts if text.startswith("Stopped at")) == (
        "Stopped at rc2 after 38 s: not healthy after its deployment (server error); "
        "1 of 3 deployed and healthy, rc3 not touched; rc2 counted as out of rotation at the last gate. "
        "Fewest members serving in rotation: 2 of 3."
    )
    assert page.of("h2") == ["Why, and what to do", "Time line", "Members", "Links between members", "Gates"]
    assert page.of("caption") == [
        "What each member did, times in UTC",
        "Version and process of each, at the beginning and at the end",
    ]
    assert Code.SERVER_ERROR.row.remedy in " ".join(page.of("p"))
    assert page.of("figcaption") == ["Each sees all the others.", "rc2 and the others do not see each other."]


def drawn(page: Page, name: str) -> list[dict[str, str | None]]:
    """The shapes of a class in the timeline, without those of its legend."""
    return [a for tag, a in page.elements if tag == "rect" and a.get("class") == name and "%" in (a.get("width") or "")]


def test_the_page_shows_rotation_separately() -> None:
    page = Page(report_text(recorded("stopped"), "html"))
    assert len(drawn(page, "out")) == 2
    assert page.of("title")[1:5] == [
        "rc1",
        "12:10:20 to 12:10:36: counted as out of rotation",
        "rc2",
        "12:10:36 to 12:10:57: counted as out of rotation",
    ]
    rc1, rc2, rc3, capacity, *_links = page.of("desc")
    assert rc1.startswith("12:10:19 serves; 12:10:20 draining; 12:10:23 serves; 12:10:23 being deployed; ")
    assert rc1.endswith("serves as a new process; counted as out of rotation 12:10:20 to 12:10:36")
    assert rc2.endswith("; counted as out of rotation 12:10:36 to 12:10:57")
    assert rc3 == "12:10:19 serves"
    assert "12:10:20 3 of 3, 2 in rotation, 2 needed;" in capacity
    assert "How many members serve, and are in rotation" in page.of("title")
    # The drain of each, and the readmission of rc1, which only the next gate shows.
    assert len(drawn(page, "idle")) == 3
    assert ("td", "counted as out of rotation") in page.texts
    assert ("small", "counted as out of rotation at the last gate") in page.texts
    assert {"Fewest serving", "Fewest serving in rotation"} <= set(page.of("dt"))
    assert {"counted as out of rotation", "serve, but out of rotation"} <= set(page.of("li"))


@pytest.mark.parametrize("form", ["html", "markdown", "junit"])
def test_rotation_is_not_shown_without_data(form: str) -> None:
    results = [{**result, "out_of_rotation": None} for result in recorded("stopped")]
    text = report_text(results, form)
    assert "rotation" not in re.sub(r"/\*.*?\*/", "", text)
    assert "draining" not in Page(text).of("li") if form == "html" else "draining" not in text


def test_the_page_is_self_contained_and_labelled() -> None:
    page = Page(report_text(recorded("good"), "html"))
    names = {tag for tag, _attributes in page.elements}
    assert names <= TAGS
    assert not any({"href", "src", "onclick"} & set(attributes) for _tag, attributes in page.elements)
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    labels = " ".join(attributes.get("aria-labelledby") or "" for _tag, attributes in page.elements).split()
    assert labels
    assert set(labels) <= set(ids)
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.elements if tag == "th")


def test_nothing_breaks_out_of_the_page(evil: list[dict[str, Any]]) -> None:
    text = report_text(evil, "html")
    page = Page(text)
    assert {tag for tag, _attributes in page.elements} <= TAGS
    assert not any(name.startswith("on") for _tag, attributes in page.elements for name in attributes)
    assert not re.search(r"[^\n -\uffff\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    members = page.of("bdi")
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[2], "\\u202egnol-ot-thgir\\u202c", "half a pair \\ud800"} <= set(members)


def test_nothing_breaks_out_of_the_xml(evil: list[dict[str, Any]]) -> None:
    suite = ElementTree.fromstring(report_text(evil, "junit").encode()).find("testsuite")
    assert suite is not None
    assert {element.tag for element in suite.iter()} == {
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "system-out",
    }
    assert "]]><a/>&amp;\\x00\\x1b[31m\\x07" in (suite.findtext("testcase/system-out") or "")


def test_nothing_breaks_out_of_the_markdown(evil: list[dict[str, Any]]) -> None:
    """Outside of code spans there is only text of the collection."""
    text = report_text(evil, "markdown")
    assert "- `a|b'c'*d*_e_ @all #1 [x](javascript:y)` `a|b'c'*d*_e_ @all #1 [x](javascript:y)`: serves" in text
    for line in text.splitlines():
        outside = re.sub(r"`[^`]+`", "", line)
        assert "`" not in outside
        assert not re.search(r"[<>|@\[\]{}\\]", outside), line


def test_markdown_of_a_stopped_roll() -> None:
    lines = report_text(recorded("stopped"), "markdown").splitlines()
    assert lines[:5] == [
        "## ❌ Rolling update stopped",
        "",
        "`Stopped at rc2 after 38 s: not healthy after its deployment (server error); "
        "1 of 3 deployed and healthy, rc3 not touched; rc2 counted as out of rotation at the last gate.`",
        "",
        "Began 2026-11-27 12:10:19 UTC, took 38 s.",
    ]
    assert "Fewest members serving in rotation: 2 of 3." in lines
    assert "- `rc1` `7.11.0 → 7.12.0`: serves; counted as out of rotation 12:10:20 to 12:10:36" in lines
    assert "- `rc3` `7.11.0`: serves" in lines
    assert lines[-1] == (
        "- 12:10:42 after `rc2`: **gave up**, `2 of 3 members serve, 3 needed: rc2 server error (answered 503); "
        "waited 15 s, the deadline of 15 s has passed`"
    )


def test_junit_of_a_stopped_roll() -> None:
    root = ElementTree.fromstring(report_text(recorded("stopped"), "junit").encode())
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("7", "1", "0", "0")
    cases = root.findall("testsuite/testcase")
    assert [case.get("name") for case in cases] == [
        "whole cluster",
        "before rc1",
        "before rc1 (2)",
        "after rc1",
        "before rc2",
        "before rc2 (2)",
        "after rc2",
    ]
    failure = cases[-1].find("failure")
    assert failure is not None
    assert failure.get("type") == "wait"
    assert (failure.text or "").startswith("server_error:\nrc2: GET http://127.0.0.1:")
    assert (failure.text or "").endswith(f"What to do: {Code.SERVER_ERROR.row.remedy}")


def test_too_few_in_rotation_are_drawn_as_too_few() -> None:
    roll = PaperRoll(Scene.of("rc1", "rc2", "rc3"), rotates=True)
    for out in (set(), {"rc1", "rc2"}, {"rc1", "rc2"}):
        roll.out = out
        roll.gate("before", targets=["rc1"], min_serving=2)
        roll.scene.now += 60
    page = Page(report_text(roll.results, "html"))
    assert [(shape["width"], shape["height"]) for shape in drawn(page, "short")] == [("100.000%", "20.0")]
    assert [shape["height"] for shape in drawn(page, "idle")] == ["40.0"]


def test_junit_has_the_fewest_in_rotation() -> None:
    root = ElementTree.fromstring(report_text(recorded("good"), "junit").encode())
    values = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert (values["summary"] or "").endswith(
        "3 of 3 deployed and healthy. Fewest members serving in rotation: 2 of 3."
    )


def test_only_the_first_of_many_absences_are_listed() -> None:
    roll = PaperRoll(Scene.of("rc1", "rc2"), rotates=True)
    for out in ([], ["rc1"]) * 5:
        roll.out = set(out)
        roll.gate()
        roll.scene.now += 60
    lines = report_text(roll.results, "markdown").splitlines()
    assert (
        "- `rc1` `7.10.0`: serves; counted as out of rotation 00:00:00 to 00:02:00 and 00:02:00 to 00:04:00 and "
        "00:04:00 to 00:06:00 and 2 more times"
    ) in lines


def test_junit_of_a_good_roll_passes_whatever_the_preflight_was() -> None:
    preflight = {**recorded("good")[0], "verdict": "wait"}
    root = ElementTree.fromstring(report_text([preflight, *recorded("good")[1:]], "junit").encode())
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("0", "0", "1")


def test_an_unjudgeable_gate_is_an_error() -> None:
    refused = {"verdict": "refused", "phase": "after", "targets": ["rc1"], "msg": "before is missing"}
    root = ElementTree.fromstring(report_text([refused], "junit").encode())
    assert (root.get("failures"), root.get("errors")) == ("0", "1")


def test_metrics_of_the_last_gate() -> None:
    results = recorded("stopped")
    samples = metrics(results)
    last = results[-1]
    assert samples.pop("judged_timestamp_seconds") == pytest.approx(
        datetime.fromisoformat(last["began"].replace("Z", "+00:00")).timestamp() + last["elapsed"]
    )
    assert samples == {
        **{f'verdict{{phase="after",verdict="{v}"}}': float(v == last["verdict"]) for v in VERDICTS},
        **{f'member_serving{{member="{m["name"]}"}}': float(m["serving"]) for m in last["members"]},
        "serving": len(last["serving"]),
        "needed": last["needed"],
    }


def test_metrics_before_a_deployment_count_the_others() -> None:
    before = next(result for result in recorded("good") if result["phase"] == "before")
    samples = metrics([before])
    assert (samples["serving"], samples["needed"]) == (2, 2)


def test_metrics_of_a_gate_that_was_refused() -> None:
    assert metrics([]) == {}
    refused = metrics([{"verdict": "refused", "phase": "after", "msg": "before is missing"}])
    assert {name for name, value in refused.items() if value} == {'verdict{phase="after",verdict="refused"}'}
    assert all(name.startswith("verdict") for name in refused)


def test_nothing_breaks_out_of_the_metrics(evil: list[dict[str, Any]]) -> None:
    """Also with quotes, backslashes and line breaks in names, each line is one sample."""
    names = [name for name in metrics(evil) if name.startswith("member_serving")]
    assert len(names) == len(gates_from(evil)[-1].members)


def metrics(results: list[dict[str, Any]]) -> dict[str, float]:
    """The samples by name and labels; each line must be valid for Prometheus."""
    lines = [line for line in report_text(results, "prometheus").splitlines() if not line.startswith("# ")]
    label = r'[a-z]+="(?:[^"\\]|\\[\\"n])*"'
    samples = [
        re.fullmatch(rf"rocketchat_cluster_([a-z_]+(?:{{{label}(?:,{label})*}})?) ([0-9.]+)", line) for line in lines
    ]
    assert None not in samples
    return {sample[1]: float(sample[2]) for sample in samples if sample}


@pytest.mark.parametrize("form", ["html", "markdown", "junit"])
def test_stored_results_give_the_same_report(form: str, evil: list[dict[str, Any]]) -> None:
    for results in (recorded("good"), evil):
        assert report_text(json.loads(report_text(results, "json")), form) == report_text(results, form)
        assert report_text([json.dumps(result) for result in results], form) == report_text(results, form)


@pytest.mark.parametrize("form", ["html", "markdown", "junit", "json"])
def test_a_report_without_results(form: str) -> None:
    assert report_text([], form)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format must be one of html, markdown, junit, prometheus, json, not pdf"):
        report_text([], "pdf")
