# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of a cluster: correct ones, and spoiled ones that no server should send."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import (
    InvalidAnswerError,
    parse,
    to_iso,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
NAMES = ("rc1", "rc2", "rc3")
MEMBERS = tuple(Member(name, f"http://{name}:3000") for name in NAMES)
Answers = dict[str, Any]  # the payload of instances.get by the member's name

ANSWERS = Path(__file__).parents[1] / "unit" / "plugins" / "module_utils" / "answers"
DOCUMENTED = json.loads((ANSWERS / "instances.get.json").read_text(encoding="utf-8"))

texts = st.text(st.characters(codec=None), max_size=12)  # surrogates too
numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 10**400, -(10**400), 1e308, float("nan"), float("inf"), -0.0]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
anything = st.recursive(
    scalars,
    lambda children: st.one_of(st.lists(children, max_size=4), st.dictionaries(texts, children, max_size=4)),
    max_leaves=12,
)


def _nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"instanceRecord": value}
    return value


deep = st.integers(1, 300).map(_nested)
times = st.one_of(
    st.integers(-200, 200).map(lambda seconds: to_iso(EPOCH + timedelta(seconds=seconds))),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.just(timezone.utc)).map(lambda moment: moment.isoformat()),
    st.sampled_from(
        [
            "2026-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00.000-23:59",
            "2026-01-01T00:00:00.123456789Z",
            "2026-01-01T24:00:00.000Z",
            "2026-02-30T00:00:00.000Z",
            "2026-12-31T23:59:60.000Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59.999-23:59",
            "+010000-01-01T00:00:00.000Z",
            "-000001-01-01T00:00:00.000Z",
            "٢٠٢٦-01-01T00:00:00.000Z",
            "2026-01-01",
            "Invalid Date",
            1767225600000,
            {"$date": 1767225600000},
        ]
    ),
)
odd = st.one_of(anything, times, deep, st.sampled_from([*(f"{name}-1" for name in NAMES), "ddp-streamer", "undefined"]))


def well(at: float = 0.0, generation: Mapping[str, int] | None = None) -> Answers:
    """The answers of three healthy nodes ``at`` seconds after the beginning. They ping every five seconds."""
    return {asked: {"success": True, "instances": [_item(n, asked, at, generation) for n in NAMES]} for asked in NAMES}


def _item(name: str, asked: str, at: float, generation: Mapping[str, int] | None) -> dict[str, Any]:
    item: dict[str, Any] = copy.deepcopy(DOCUMENTED["instances"][0])
    number = (generation or {}).get(name, 1)
    item["currentStatus"] = {"connected": True, "lastHeartbeatTime": at}
    if name == asked:
        item["currentStatus"]["local"] = True
    item["instanceRecord"]["_id"] = f"{name}-{number}"
    item["instanceRecord"]["_createdAt"] = to_iso(EPOCH - timedelta(hours=1))
    item["instanceRecord"]["_updatedAt"] = to_iso(EPOCH + timedelta(seconds=at - at % 5))
    return item


@st.composite
def spoiled(draw: st.DrawFn, *, most: int = 4) -> Callable[[Answers], Answers]:
    """A function that makes up to ``most`` changes anywhere in answers, the same ones for all answers."""
    changes = draw(st.lists(_changes, max_size=most))

    def spoil(answers: Answers) -> Answers:
        tree: Any = copy.deepcopy(answers)
        for change in changes:
            change(tree)
        return {name: tree[name] for name in NAMES}

    return spoil


@st.composite
def _change(draw: st.DrawFn) -> Callable[[Answers], None]:
    kind = draw(st.sampled_from(["put", "put", "put", "drop", "double", "crowd", "swap"]))
    steps = draw(st.lists(st.integers(0, 2**16), min_size=2, max_size=7))
    value = draw(odd)
    many = draw(st.integers(1, 3000)) if kind == "crowd" else 0
    known = draw(st.sampled_from(["", "_id", "_updatedAt", "_createdAt", "connected", "local", "instanceRecord"]))

    def change(answers: Answers) -> None:
        parent, key = _place(answers, steps, known)
        if kind == "put":
            parent[key] = copy.deepcopy(value)
        elif kind == "drop" and parent is not answers:
            del parent[key]
        elif kind == "double" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        elif kind == "crowd":
            _crowd(answers[NAMES[steps[0] % 3]], many)
        elif kind == "swap":
            one, other = NAMES[steps[0] % 3], NAMES[steps[1] % 3]
            answers[one], answers[other] = answers[other], answers[one]

    return change


_changes = _change()


def _place(answers: Answers, steps: list[int], known: str) -> tuple[Any, Any]:
    """Walk down from a member's answer, and stop where ``known`` is a key."""
    parent: Any = answers
    key: Any = NAMES[steps[0] % 3]
    for step in steps[1:]:
        child = parent[key]
        if not isinstance(child, (dict, list)) or not child:
            break
        parent = child
        if isinstance(child, list):
            key = step % len(child)
        else:
            key = known if known in child else list(child)[step % len(child)]
            if key == known:
                break
    return parent, key


def _crowd(answer: Any, many: int) -> None:
    if isinstance(answer, dict) and isinstance(answer.get("instances"), list):
        answer["instances"] += [
            {"currentStatus": {"connected": False}, "instanceRecord": {"_id": f"old-{number}", "name": "rocket.chat"}}
            for number in range(many)
        ]


def put_anywhere(tree: Any, data: st.DataObject) -> None:
    """Replace or drop one value in a tree of JSON."""
    parent, key = data.draw(st.sampled_from(list(_places(tree))))
    if isinstance(parent, dict) and data.draw(st.booleans()):
        del parent[key]
    else:
        parent[key] = data.draw(odd)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key, child in enumerate(tree) if isinstance(tree, list) else tree.items():
        yield tree, key
        if isinstance(child, (dict, list)):
            yield from _places(child)


def observed(answers: Answers, at: float = 0.0, *, version: Mapping[str, Any] | None = None) -> Observation:
    """The observation of these answers."""
    return Observation(
        views=tuple(_view(member, answers[member.name], (version or {}).get(member.name)) for member in MEMBERS), at=at
    )


def _view(member: Member, payload: Any, version: Any) -> View:
    try:
        if not isinstance(payload, dict):
            raise InvalidAnswerError("not an object")  # the client's part
        return View(member=member, listing=parse(payload), version=version)
    except InvalidAnswerError as error:
        return View(member=member, failure=Failure(Code.NOT_ROCKETCHAT, "another shape", str(error)))
