#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Unit tests on the oldest ansible-core that is supported and on the newest, each in an environment of its own.
# Usage: matrix.sh [arguments for pytest]
set -euo pipefail

cd "$(dirname "$0")/../.."

# Must run, not only exist: the shims of version managers exist for versions that are not active.
find_python() {
  local candidate
  for candidate in "$@" "$HOME"/.pyenv/versions/*/bin/python3; do
    if "$candidate" -c "import sys, venv, ensurepip; sys.exit(not $range)" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "No Python for ansible-core $core found: it needs $range" >&2
  return 1
}

while read -r core range; do
  python=$(find_python python3 python3.14 python3.13 python3.12 python3.11)
  venv=.venv-core-$core
  PYTHON=$python tests/tools/setup.sh "$venv" "tests/requirements-core-$core.txt"
  echo "ansible-core $core on $("$venv/bin/python" -V)"
  PATH="$PWD/$venv/bin:$PATH" "$venv/bin/python" -m pytest --quiet tests/unit "$@" </dev/null
done <<'CORES'
2.16 (3,10)<=sys.version_info[:2]<=(3,12)
2.21 (3,12)<=sys.version_info[:2]<=(3,14)
CORES
