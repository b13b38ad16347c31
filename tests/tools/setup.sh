#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Creates the virtual environment, and the link by which Python and Ansible find this checkout as a collection.
# Usage: setup.sh VENV REQUIREMENTS_FILE; PYTHON in the environment overrides the choice of the interpreter.
# Does nothing when the same requirements are already installed; calls that run at the same time wait for each other.
set -euo pipefail

cd "$(dirname "$0")/../.."
venv=$1
requirements=$2

# It must run, not only exist: version managers have shims for versions that are not active.
usable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

choose_python() {
  local candidate
  # The environment itself may be first on PATH; it must not be created from itself.
  PATH=${PATH#"$PWD/$venv/bin:"}
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if usable "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "No Python 3.11 to 3.14 with venv found (tried: ${PYTHON:-python3, python3.14 to python3.11})." \
    "On Debian: apt-get install python3-venv. Another interpreter: make PYTHON=/path/to/python3.13" >&2
  return 1
}

mkdir -p .cache/ansible_collections/rocketops
exec 9>".cache/setup-${venv//\//_}.lock"
if command -v flock >/dev/null; then flock 9; fi

link=.cache/ansible_collections/rocketops/rocketchat
[ -e "$link/galaxy.yml" ] || ln -sfn ../../.. "$link"

python=$(choose_python)
identity="$("$python" -VV) in $PWD"
if [ "$(cat "$venv/identity" 2>/dev/null)" != "$identity" ]; then
  if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    echo "$venv is not a virtual environment" >&2
    exit 1
  fi
  rm -rf "$venv"
  "$python" -m venv "$venv"
  echo "$identity" >"$venv/identity"
fi

wanted=$(cat tests/requirements*.txt)
stamp=$venv/installed-$(basename "$requirements")
for installed in "$stamp" "$venv/installed-requirements.txt"; do  # requirements.txt includes the others
  if [ "$(cat "$installed" 2>/dev/null)" = "$wanted" ]; then exit; fi
done

echo "Installing $requirements for $("$python" -V) in $venv"
"$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --requirement "$requirements"
echo "$wanted" >"$stamp"
