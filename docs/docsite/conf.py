# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx makes the site, from what tests/tools/docs.sh has put beside this file."""

from __future__ import annotations

project = "rocketops.rocketchat"
copyright = "2026, Rocketops contributors"
html_title = "rocketops.rocketchat"
html_theme = "furo"
html_copy_source = False
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
highlight_language = "YAML+Jinja"
pygments_style = "ansible"
nitpicky = True
# Ansible's own pages: links to them would need the inventory of another site while this one is built.
nitpick_ignore_regex = [
    ("envvar", "ANSIBLE_.*"),
    ("ref", "action_plugins|ansible_configuration_settings|common_return_values"),
    ("ref", "ansible_collections[.]ansible[.]builtin[.].*"),
]
