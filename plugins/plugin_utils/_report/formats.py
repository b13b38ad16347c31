# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The formats of a report: by name, or by file extension."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.html import page
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.junit import junit
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.prometheus import prometheus
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.results import gates_from, stored
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.rollout import Roll

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMS: Mapping[str, Callable[[Roll], str]] = {
    "html": page,
    "markdown": markdown,
    "junit": junit,
    "prometheus": prometheus,
}
ENDINGS = {".html": "html", ".htm": "html", ".md": "markdown", ".xml": "junit", ".prom": "prometheus", ".json": "json"}


def report_text(results: Any, form: str) -> str:
    """The report in this format; as ``json``, the results themselves. Raises :class:`ValueError`."""
    if form == "json":
        gates_from(results)
        return json.dumps([stored(result) for result in results], indent=1, ensure_ascii=True) + "\n"
    if form not in FORMS:
        raise ValueError(f"format must be one of {', '.join((*FORMS, 'json'))}, not {form}")
    return FORMS[form](Roll(gates_from(results)))
