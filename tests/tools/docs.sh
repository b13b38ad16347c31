#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the documentation site in .cache/docs/html: a page for each plugin and role by antsibull-docs, the guides of
# docs/docsite with the tables of findings, and the pages of docs. A warning is an error. A table that was out of date
# is written, and is an error too.
set -euo pipefail

cd "$(dirname "$0")/../.."
site=.cache/docs
rm -rf "$site"
mkdir -p "$site/rst/collection"

python -m ansible_collections.rocketops.rocketchat.tests.docs.tables
# antsibull-docs uses a temporary folder whose name is in each page: a name that ends with an underscore would be a link.
python - lint-collection-docs --plugin-docs --validate-collection-refs self . <<'END'
import sys, tempfile
tempfile._RandomNameSequence.characters = "abcdefghijklmnopqrstuvwxyz"
from antsibull_docs.cli.antsibull_docs import main
sys.exit(main())
END
antsibull-docs collection --use-current --squash-hierarchy --dest-dir "$site/rst/collection" rocketops.rocketchat
cp docs/docsite/{conf.py,index.rst} docs/*.{md,yml,json} "$site/rst"
sphinx-build --fail-on-warning --keep-going --nitpicky --quiet --jobs auto -b html "$site/rst" "$site/html"
echo "$site/html/index.html"
