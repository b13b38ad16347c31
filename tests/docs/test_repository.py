# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts that the repository has in more than one place are the same."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from ansible_collections.rocketops.rocketchat.tests.docs.pages import PAGES, ROOT

HEADER = (
    "Copyright (c) 2026, Rocketops contributors",
    "GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "SPDX-License-Identifier: GPL-3.0-or-later",
)
# Prose, data without comments, and what becomes the changelog.
NO_HEADER = re.compile(r"LICENSE|.*[.](md|json|jsonl|png|svg)|changelogs/(changelog[.]yaml|fragments/.*)")


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def loaded(path: str) -> Any:
    return yaml.safe_load(text_of(path))


def test_every_file_has_its_licence() -> None:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    files = [path for path in listed.stdout.decode().splitlines() if not NO_HEADER.fullmatch(path)]
    assert len(files) > 100
    texts = {path: text for path in files if (text := text_of(path))}  # without empty files such as __init__.py
    without = [path for path, text in texts.items() if any(line not in text[:600] for line in HEADER)]
    assert without == []


def test_the_action_group_has_all_modules_that_talk_to_a_node() -> None:
    runtime = loaded("meta/runtime.yml")
    modules = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
    talking = [name for name in modules if "rocketchat._connection" in text_of(f"plugins/modules/{name}.py")]
    assert sorted(runtime["action_groups"]["rocketchat"]) == talking
    assert modules == sorted(path.stem for path in (ROOT / "plugins/action").glob("*.py"))


def test_versions_are_the_same_everywhere() -> None:
    oldest = loaded("meta/runtime.yml")["requires_ansible"].removeprefix(">=").removesuffix(".0")
    matrix = re.findall(r"^(\d+[.]\d+) \(", text_of("tests/tools/matrix.sh"), re.MULTILINE)
    assert matrix[0] == oldest == loaded("roles/health_gate/meta/main.yml")["galaxy_info"]["min_ansible_version"]
    readme = text_of("README.md")
    assert f"{oldest} and newer; {matrix[0]}, {matrix[1]} and {matrix[2]} are tested" in readme
    requests = text_of("requirements.txt").split("requests>=")[1].strip()
    assert f"`requests` {requests} and newer" in readme
    assert f"requests >= {requests}" in text_of("plugins/doc_fragments/_connection.py")
    assert f"requests=={requests}" in text_of("tests/tools/matrix.sh")


def test_the_makefile_is_the_only_list_of_checks() -> None:
    """CI, the workflows and pre-commit only call make."""
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    jobs = [job for path in ("test", "docs") for job in loaded(f".github/workflows/{path}.yml")["jobs"].values()]
    called = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    called += [hook["entry"] for hook in loaded(".pre-commit-config.yaml")["repos"][0]["hooks"]]
    assert all(command.startswith("make ") for command in called)
    words = [word for command in called for word in command.partition(" ARGS=")[0].split()[1:]]
    assert set(words) <= targets
    assert "make test" in called
    assert text_of(".ci/run").rstrip().endswith("exec make test")


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_links_have_a_target(page: Any) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target
    # Galaxy shows only the README, so its links are absolute.
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.MULTILINE))
    for target in defined.values():
        path = re.fullmatch(
            r"https://(?:raw[.])?github\S*[.]com/rocketops/rocketchat/(?:(?:blob|tree)/)?main/(.+)", target
        )
        assert path, target
        assert (ROOT / path[1]).exists(), target
    used = re.findall(r"\]\[([^\]]+)\]", text) if defined else []
    assert set(used) == set(defined)
