#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Checks the coverage of the unit tests: every line and branch of the judgement, the wait and the rollout, and nearly
# all of the rest.
set -euo pipefail

cd "$(dirname "$0")/../.."
judgement="plugins/module_utils/_cluster/records.py,plugins/module_utils/_judgement/*.py"
judgement+=",plugins/module_utils/_gate/wait.py,plugins/module_utils/_rollout/*.py"

report() { python -m coverage report --show-missing --skip-covered --precision 1 "$@"; }

# Processes that a test has killed may have left incomplete files.
python -W ignore -m coverage combine --quiet
rm -f .cache/coverage.*
report --include="$judgement" --fail-under=100
report --include="plugins/*,extensions/*" --omit="$judgement" --fail-under=95
