#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints what a rehearsal needs and this machine does not have; exits with 1 if anything is missing.
# Usage: needs.sh, or needs.sh packages to print only the packages
set -euo pipefail

here=$(dirname "$0")
mapfile -t packages < <(grep --invert-match '^#\|^$' "$here/packages.txt")

if [ "${1:-}" = packages ]; then
  echo "${packages[@]}"
  exit
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done

if ! command -v dpkg-query >/dev/null; then
  echo "A rehearsal needs Debian or a derivative, with these packages: ${packages[*]}"
  exit 1
fi
if [ "${#missing[@]}" -gt 0 ]; then
  echo "A rehearsal needs packages that are not installed: apt-get install --no-install-recommends ${missing[*]}"
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "A rehearsal needs root: it starts containers with their own network."
  exit 1
fi
