#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs a command and shows its output only if it fails or V is set. A second run of the same command waits.
set -euo pipefail

lock=.cache/quiet-$(basename "$1").lock
exec 9>"$lock"
if command -v flock >/dev/null; then flock 9; fi

# Processes that the command leaves behind do not hold the lock.
if [ -n "${V:-}" ]; then
  "$@" 9>&-
  exit
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" >"$log" 2>&1 9>&- || { status=$?; cat "$log"; exit "$status"; }
