# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The base of actions that do their module's work inside Ansible's worker if they can, and ship the module otherwise.

Inside the worker, a task takes a tenth of the time of a shipped module.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.plugins.action import ActionBase

# Imported here, in Ansible's parent process, so that the workers that it forks need not import requests again.
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.transport import IMPORT_ERROR
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import spelled_out
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._masking import masked
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._signals import terminable
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import plain, validated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Action(ActionBase):  # type: ignore[misc, unused-ignore]
    """The base class. Errors are returned as results: an exception would bypass ``until`` and ``failed_when``.

    ``secrets``: the values that are masked in the result. Code that gets another secret adds it.
    """

    _supports_check_mode = True
    _supports_async = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secrets: set[str] = set()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        del tmp  # Ansible no longer uses it
        task_vars = task_vars or {}
        super().run(None, task_vars)
        return self.work(task_vars)

    @abstractmethod
    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The task's result."""

    @property
    def runs_here(self) -> bool:
        """Whether the task runs on this host, as this user and in this environment."""
        return (
            IMPORT_ERROR is None
            and self._connection.transport == "local"
            and self._connection.become is None
            and not self._task.async_val
            and not any(self._task.environment or [])
        )

    def spelled_out(self, spec: Mapping[str, Any], args: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arguments to ship, with values from the environment here, and the validated options for them.

        Raises :class:`OptionsError`.
        """
        with self._environment():
            params = validated(spec, args, self.secrets)
            shipped = {**plain(args), **spelled_out(params)}
            return shipped, {**params, "url": shipped.get("url")}

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Set the task's environment over the controller's, as the strings that Ansible makes of its values."""
        before = dict(os.environ)
        own: dict[str, Any] = {}
        self._compute_environment_string(own)  # type: ignore[no-untyped-call, unused-ignore]
        os.environ.update({name: str(value) for name, value in own.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def guarded(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of work in this worker: it cleans up on signals, returns refusals, and masks secrets."""
        outcome: dict[str, Any] = {"failed": True, "msg": "stopped by a signal"}
        with terminable():
            try:
                outcome = work()
            except OptionsError as error:
                outcome = {"failed": True, "changed": False, "msg": str(error)}
        return masked(outcome, self.secrets)


class ModuleAction(Action):
    """An action that does the same as its module."""

    argument_spec: ClassVar[Mapping[str, Any]]

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        if self.runs_here:
            return self.guarded(lambda: self.in_process(validated(self.argument_spec, self._task.args, self.secrets)))
        return self._shipped(task_vars)

    @abstractmethod
    def in_process(self, params: dict[str, Any]) -> dict[str, Any]:
        """The result for validated options. May raise :class:`OptionsError`."""

    def _shipped(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        try:
            args, _params = self.spelled_out(self.argument_spec, self._task.args)
        except OptionsError as error:
            return masked({"failed": True, "changed": False, "msg": str(error)}, self.secrets)
        result: dict[str, Any] = self._execute_module(
            module_args=args, task_vars=task_vars, wrap_async=self._task.async_val
        )
        return result
