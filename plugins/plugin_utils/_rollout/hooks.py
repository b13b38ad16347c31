# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The user's hooks, read before the roll begins, to find errors that Ansible would find only during the roll.

Files and roles that a hook includes by a literal name are read too. Names that are templates are not known yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.playbook.role.include import RoleInclude

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ansible.parsing.dataloader import DataLoader

BLOCKS = ("block", "rescue", "always")
TASKS = {f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("include_tasks", "import_tasks")}
FACTS = {f"{prefix}set_fact" for prefix in ("", "ansible.builtin.")}
ROLES = {f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("include_role", "import_role")}
# Variables of the hosts that the playbook itself uses.
RESERVED = {
    f"rolling_update_{name}"
    for name in ("answer", "connection", "entry", "failed", "file", "hooks", "inner_file", "point", "turn")
}


@dataclass
class HookFiles:
    """The reader of the hooks' files. ``reasons``: why the roll cannot begin."""

    loader: DataLoader
    # The play, for the search for roles.
    play: Any
    variable_manager: Any
    reasons: list[str] = field(default_factory=list)
    # The names of the handlers of all roles.
    handlers: set[str] = field(default_factory=set)
    # By name: the handlers that the hooks notify, and the file that does so.
    notified: dict[str, str] = field(default_factory=dict)
    # Whether a role or file has a name that is a template. It may have more handlers.
    unknown: bool = False
    seen: set[str] = field(default_factory=set)

    def read(self, paths: Iterable[Path]) -> list[str]:
        for path in paths:
            self._read_tasks(path, None, ())
        if not self.unknown:
            self.reasons += [
                f"{where} notifies the handler {name}, but no role that the hooks use has a handler of that name"
                for name, where in self.notified.items()
                if name not in self.handlers
            ]
        return list(dict.fromkeys(self.reasons))

    def _read_tasks(self, path: Path, within: Path | None, collections: tuple[str, ...]) -> None:
        """Read a file of tasks. ``within``: the folder of its role. ``collections``: where it searches for modules."""
        if str(path) in self.seen:
            return
        self.seen.add(str(path))
        for task in _tasks_of(self._loaded(path)):
            self._read_task(task, path, within, collections)

    def _read_task(self, task: dict[str, Any], path: Path, within: Path | None, collections: tuple[str, ...]) -> None:
        own = [*_texts(task.get("collections")), *collections]
        try:
            action, arguments, _delegate = ModuleArgsParser(task_ds=task, collection_list=own).parse()
        except AnsibleError as error:
            self.reasons.append(f"{path}: {_first_line(error)}")
            return
        for name in sorted(RESERVED & set(_names_set_by(task, action, arguments))):
            self.reasons.append(f"{path} sets the variable {name}, which the playbook uses itself: use another name")
        for name in _texts(task.get("notify")):
            self.notified.setdefault(name, str(path))
        if action in TASKS:
            self._include(arguments.get("file") or arguments.get("_raw_params"), path, within, collections)
        elif action in ROLES:
            self._read_role(arguments.get("name") or arguments.get("role"), arguments.get("tasks_from"), path)

    def _include(self, name: object, path: Path, within: Path | None, collections: tuple[str, ...]) -> None:
        if not _is_known(name):
            self.unknown = True
            return
        found = [folder / str(name) for folder in (path.parent, *([within / "tasks"] if within else []))]
        for candidate in [one for one in found if one.is_file()][:1]:
            self._read_tasks(candidate, within, collections)

    def _read_role(self, name: object, tasks_from: object, where: Path) -> None:
        if not _is_known(name):
            self.unknown = True
            return
        folder = self._role(str(name), where)
        if folder is None:
            return
        for dependency in self._dependencies(folder):
            inner = self._role(dependency, where)
            if inner is not None:
                meta = self._loaded(_yaml(inner / "meta", "main"))
                if not (isinstance(meta, dict) and meta.get("allow_duplicates")):
                    self.reasons.append(
                        f"{where} uses the role {name}, which depends on the role {dependency}: Ansible runs a "
                        "dependency only once in a play, although each batch and each hook needs it; set "
                        f"allow_duplicates: true in meta/main.yml of {dependency}"
                    )
                self._read_parts(inner, dependency, "main", where)
        self._read_parts(folder, str(name), str(tasks_from or "main"), where)

    def _read_parts(self, folder: Path, name: str, tasks_from: str, where: Path) -> None:
        meta = self._loaded(_yaml(folder / "meta", "main"))
        declared = _texts(meta.get("collections")) if isinstance(meta, dict) else []
        own = [".".join(name.split(".")[:2])] if name.count(".") > 1 else []
        self._read_tasks(_yaml(folder / "tasks", tasks_from), folder, (*own, *declared))
        for handler in _tasks_of(self._loaded(_yaml(folder / "handlers", "main"))):
            names = [*_texts(handler.get("name")), *_texts(handler.get("listen"))]
            self.handlers |= {*names, *(f"{folder.name} : {name}" for name in names)}
            if handler.get("listen") and not handler.get("name"):
                self.reasons.append(
                    f"{where} uses the role {folder.name}, which has a handler with listen and without a name: "
                    "Ansible would run it once for each use of the role in the play; give it a name"
                )

    def _dependencies(self, folder: Path) -> Iterator[str]:
        meta = self._loaded(_yaml(folder / "meta", "main"))
        for dependency in (meta.get("dependencies") if isinstance(meta, dict) else None) or []:
            name = dependency.get("role") or dependency.get("name") if isinstance(dependency, dict) else dependency
            if _is_known(name):
                yield str(name)

    def _role(self, name: str, where: Path) -> Path | None:
        try:
            found = RoleInclude.load(
                name, play=self.play, variable_manager=self.variable_manager, loader=self.loader, collection_list=[]
            )
        except AnsibleError as error:
            self.reasons.append(f"{where}: {_first_line(error)}")
            return None
        return Path(found.get_role_path())

    def _loaded(self, path: Path) -> Any:
        if not path.is_file():
            return None
        try:
            return self.loader.load_from_file(str(path))
        except AnsibleError as error:
            self.reasons.append(f"{path}: {_first_line(error)}")
            return None


def _tasks_of(raw: Any) -> Iterator[dict[str, Any]]:
    for task in raw if isinstance(raw, list) else ():
        if not isinstance(task, dict):
            continue
        if any(part in task for part in BLOCKS):
            for part in BLOCKS:
                yield from _tasks_of(task.get(part))
        else:
            yield task


def _names_set_by(task: dict[str, Any], action: object, arguments: dict[str, Any]) -> Iterator[str]:
    """The variables that the task sets and that stay set after it, or in the tasks that it includes."""
    yield from _texts(task.get("register"))
    control = task.get("loop_control")
    if isinstance(control, dict):
        yield from (*_texts(control.get("loop_var")), *_texts(control.get("index_var")))
    if action in FACTS:
        yield from map(str, arguments)


def _yaml(folder: Path, name: str) -> Path:
    return next((p for p in (folder / f"{name}{end}" for end in (".yml", ".yaml", "")) if p.is_file()), folder / name)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one) for one in values if isinstance(one, str) and _is_known(one)]


def _is_known(name: object) -> bool:
    return isinstance(name, str) and bool(name) and "{{" not in name


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
