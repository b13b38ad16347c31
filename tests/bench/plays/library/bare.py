# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that imports requests, asks once, and does nothing else, to measure the cost of shipping."""

from __future__ import annotations

import requests
from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule({"url": {"type": "str", "required": True}})
    headers = {"X-User-Id": "u", "X-Auth-Token": "t"}
    requests.get(f"{module.params['url']}/api/v1/instances.get", headers=headers, timeout=10).json()
    requests.get(f"{module.params['url']}/api/info", headers=headers, timeout=10).json()
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
