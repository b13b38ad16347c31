#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the collection, installs the tarball where nothing else is, and reads the documentation of all that it brings.
# ansible-doc fails if any of it cannot be read.
set -euo pipefail

cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The checkout must not be found, or it counts as installed.
unset PYTHONPATH
export ANSIBLE_COLLECTIONS_PATH=$scratch

ansible-galaxy collection build --output-path "$scratch"
tar --list --file "$scratch"/*.tar.gz
ansible-galaxy collection install --offline --collections-path "$scratch" "$scratch"/*.tar.gz

installed=$scratch/ansible_collections/rocketops/rocketchat
documentation=$scratch/documentation.json
ansible-doc --metadata-dump rocketops.rocketchat >"$documentation"
for path in plugins/{modules,inventory,filter}/*.* roles/*; do
  name=$(basename "${path%.*}")
  [ -e "$path" ] || continue
  [ -e "$installed/$path" ] || { echo "$path is not in the tarball"; exit 1; }
  grep --quiet --fixed-strings "\"rocketops.rocketchat.$name\":" "$documentation" || { echo "$path has no documentation"; exit 1; }
done
