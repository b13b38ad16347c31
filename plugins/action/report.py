# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of report: writes the report in Ansible's worker, without connection, interpreter and become."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import REPORT
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.files import files_of, write_report
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated


class ActionModule(ActionBase):  # type: ignore[misc, unused-ignore]
    """Writes the report. If it cannot be written, the task warns, since a report must not stop a roll."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        try:
            params = validated(REPORT, self._task.args, set())
        except OptionsError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        paths = files_of(params["dest"])
        if self._task.check_mode:
            return {"changed": True, "paths": [], "msg": "nothing is written in check mode"}
        problems = [write_report(params["results"], path) for path in paths]
        warnings = [problem for problem in problems if problem]
        done = [str(path) for path, problem in zip(paths, problems) if not problem]
        msg = f"written: {', '.join(done) or 'nothing'}"
        return {"changed": bool(done), "paths": done, "msg": msg, **({"warnings": warnings} if warnings else {})}
