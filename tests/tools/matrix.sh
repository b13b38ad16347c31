#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Checks with the other supported releases of ansible-core, in parallel and each in a separate environment: unit tests,
# sanity of shipped files without style, rolling updates of an emulated cluster, and the modules on a host with the
# oldest Python. A release that no Python of this machine can run is skipped, unless MATRIX_REQUIRED is set.
# Usage: matrix.sh, or matrix.sh setup to create only the environments
set -euo pipefail

cd "$(dirname "$0")/../.."

# It must run, not only exist: version managers have shims for versions that are not active.
find_python() {
  local range=$1 candidate
  for candidate in python3 python3.{14,13,12,11,10,9} "$HOME"/.pyenv/versions/*/bin/python3; do
    if "$candidate" -c "import sys, venv, ensurepip; sys.exit(not $range)" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

missing() {
  [ "$only" = setup ] || echo "$1 is NOT CHECKED: no Python with $2 on this machine"
  [ -z "${MATRIX_REQUIRED:-}" ]
}

# The environment of a target host: the oldest Python with the oldest requests.
make_target() {
  local venv=.venv-target wanted="requests==2.25.1"
  [ "$(cat "$venv/installed" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$venv"
  "$1" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check "$wanted"
  echo "$wanted" >"$venv/installed"
}

check() {
  local core=$1 venv=.venv-core-$1
  PYTHON=$2 tests/tools/setup.sh "$venv" "tests/requirements-core-$core.txt"
  [ "$only" != setup ] || return 0
  local python=$PWD/$venv/bin/python units=(tests/unit)
  # Tests that do not import Ansible have already run with this Python.
  [ "$("$python" -V)" != "$(.venv/bin/python -V)" ] || units+=(--ignore=tests/unit/plugins/module_utils)
  export PATH=$PWD/$venv/bin:$PATH
  "$python" -m pytest --quiet --numprocesses=2 "${units[@]}"
  # A whole roll, and each way in which a hook can end: then releases treat hosts, handlers and plays differently. Which
  # of the hooks it is makes no difference to Ansible.
  "$python" -m pytest --quiet --numprocesses=2 tests/surfaces/test_rolling_update.py \
    -k "one_by_one or handlers or after_a_hook_failed and drain"
  "$python" tests/tools/sanity.py --python "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
    --exclude tests/ --exclude extensions/molecule/ --skip-test pep8 --skip-test pylint --skip-test yamllint
  [ ! -e .venv-target/installed ] || TARGET_PYTHON=$PWD/.venv-target/bin/python "$python" -m pytest --quiet tests/target
}

only=${1:-}
target="sys.version_info[:2]==(3,9)"
if python=$(find_python "$target"); then make_target "$python"; else missing "A target with Python 3.9" "$target"; fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
declare -A running
own=$(ansible --version | sed -n '1s/.*core \([0-9]*\.[0-9]*\)\..*/\1/p')
while read -r core range; do
  if [ "$core" = "$own" ]; then
    [ "$only" = setup ] || echo "ansible-core $core is that of all other checks"
  elif python=$(find_python "$range"); then
    check "$core" "$python" >"$logs/$core" 2>&1 </dev/null &
    running[$core]=$!
  else
    missing "ansible-core $core" "$range"
  fi
done <<'CORES'
2.16 (3,10)<=sys.version_info[:2]<=(3,12)
2.19 (3,11)<=sys.version_info[:2]<=(3,13)
2.21 (3,12)<=sys.version_info[:2]<=(3,14)
CORES

status=0
for core in "${!running[@]}"; do
  if wait "${running[$core]}"; then
    [ "$only" = setup ] || echo "ansible-core $core on $(".venv-core-$core/bin/python" -V): $(grep -E '^[0-9]+ passed' "$logs/$core" | tr '\n' ' ')"
  else
    status=1
    cat "$logs/$core"
    echo "ansible-core $core FAILED, see above"
  fi
done
exit "$status"
