# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This doc fragment is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The options of all plugins that connect to a node."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  user_id:
    description:
      - Id of the user that O(auth_token) belongs to.
      - When left out, the environment variable E(ROCKETCHAT_USER_ID) is used, unless O(username) or O(password) is
        given.
    type: str
  auth_token:
    description:
      - Personal access token. The best choice for automation, since it needs no login and no second factor.
      - Its user needs the permission C(view-statistics).
      - When left out, the environment variable E(ROCKETCHAT_AUTH_TOKEN) is used, unless O(username) or O(password) is
        given.
    type: str
  username:
    description:
      - Name or e-mail address of a user to log in, instead of O(user_id) and O(auth_token). The session
        is logged out at the end.
      - When left out, the environment variable E(ROCKETCHAT_USERNAME) is used, unless O(user_id) or O(auth_token) is
        given.
    type: str
  password:
    description:
      - Password of O(username).
      - When left out, the environment variable E(ROCKETCHAT_PASSWORD) is used, unless O(user_id) or O(auth_token) is
        given.
    type: str
  totp_code:
    description:
      - Two-factor code for the login with O(username) and O(password).
      - When left out, none is sent, and the server refuses users with a second factor.
    type: str
  validate_certs:
    description:
      - Whether the certificates of C(https) URLs are verified. With V(false), an attacker on the network can read the
        credentials.
    type: bool
    default: true
  ca_path:
    description:
      - File or folder with the certificates to trust.
      - When left out, E(REQUESTS_CA_BUNDLE) is used, or the certificates that come with Python's C(requests).
    type: path
  client_cert:
    description:
      - File with the client certificate, and with its key unless O(client_key) is given.
      - When left out, no client certificate is sent.
    type: path
  client_key:
    description:
      - File with the key of O(client_cert), without a passphrase.
      - When left out, the key is read from O(client_cert).
    type: path
  timeout:
    description:
      - Seconds that one request may take, from the connection to the last byte of the answer. At most 3600.
      - If the host name has several addresses, each gets a share of this time to accept the connection.
    type: float
    default: 10.0
  http_agent:
    description:
      - Value of the header C(User-Agent).
    type: str
    default: rocketops.rocketchat
  proxy:
    description:
      - URL of the proxy to use for all requests, with one of the schemes C(http), C(https), C(socks4), C(socks4a),
        C(socks5) and C(socks5h). A SOCKS proxy needs the Python library C(PySocks) on the host that sends the requests.
      - When left out, the environment variables E(HTTP_PROXY), E(HTTPS_PROXY), E(ALL_PROXY) and E(NO_PROXY) are used.
    type: str
requirements:
  - requests >= 2.25.1
notes:
  - Credentials are either O(user_id) with O(auth_token), or O(username) with O(password). Options override environment
    variables.
  - An environment variable is looked up in the task's keyword O(ignore:environment), then on the controller, and last
    on the host where the module runs. A module named in C(FACTS_MODULES) uses only those of its host.
  - Redirects are not followed, because the credentials would be sent along. A redirect is an error that names the
    address it leads to.
"""
