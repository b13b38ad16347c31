# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the fault matrix: ``python -m …tests.surfaces``."""

from __future__ import annotations

from ansible_collections.rocketops.rocketchat.tests.surfaces.matrix import FAULTS, SHIPPED, show_all, table
from ansible_collections.rocketops.rocketchat.tests.surfaces.surfaces import HERE, SURFACES

PAGE = HERE.parent.parent / "docs" / "fault_matrix.md"

TEXT = """\
# Fault matrix

Written by `make matrix`: {faults} deployments with a fault to rc2, one of three nodes of an emulated cluster, and the
result of each module, plugin and role, run in Ansible's own process. The first of each verdict in each column, marked
with *, was also returned by a shipped module. The columns `before` and `after` are phases of `cluster_gate`, and
`steady` is the phase without a deployment; `health_gate` is the role, with one observation. The gate after the
deployment expects 7.11.0, and the gate before it has passed. The inventory and the event source have no module to ship;
for the event source, the final verdict is shown.

`pass` continues. `wait` ends at the deadline, `fail` after two consecutive observations, `inconclusive` at once. All
three stop the deployment, and so does `failed`: the task failed or was refused. `ok` returns facts or hosts.

{table}

{cells} cells.
"""


def main() -> None:
    cells = len(SURFACES) * len(FAULTS) + len(SHIPPED)
    page = TEXT.format(faults=len(FAULTS), table=table(show_all()), cells=cells)
    PAGE.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
