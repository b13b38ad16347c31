#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the collection, checks that the tarball has only what users need, installs it into an empty folder, reads the
# documentation of all its parts (ansible-doc fails for a part that it cannot read), and imports it as Galaxy does.
set -euo pipefail

cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The checkout must not be found, or it counts as installed.
unset PYTHONPATH
export ANSIBLE_COLLECTIONS_PATH=$scratch

ansible-galaxy collection build --output-path "$scratch"
wanted='^((FILES|MANIFEST)\.json|LICENSE|(README|CHANGELOG)\.md|requirements\.txt|changelogs/(changelog|config)\.yaml'
wanted+='|docs/[^/]*\.(md|json|yml)|docs/images/.*\.png|docs/docsite/[^/]*\.yml|docs/docsite/rst/.*\.rst|extensions/eda/.*|meta/.*\.yml'
wanted+='|playbooks/.*\.yml|plugins/.*\.(py|css|j2)|roles/.*\.(yml|md)|tests/config\.yml)$'
files=$(tar --list --file "$scratch"/*.tar.gz | grep --invert-match '/$')
unwanted=$(grep --invert-match --extended-regexp "$wanted" <<<"$files" || true)
[ -z "$unwanted" ] || { echo "These files do not belong into the tarball:"; echo "$unwanted"; exit 1; }
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

# Warnings of Galaxy stay with a published version permanently.
export PATH=$PWD/.venv-release/bin:$PATH GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true GALAXY_IMPORTER_REQUIRE_V1_OR_GREATER=true
(cd "$scratch" && python -m galaxy_importer.main "$scratch"/*.tar.gz) | tee "$scratch/import.log"
if grep --extended-regexp '^(WARNING|ERROR)' "$scratch/import.log"; then exit 1; fi
