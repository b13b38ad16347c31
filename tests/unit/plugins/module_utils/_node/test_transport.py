# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS with a private authority, a client certificate, and files that are replaced meanwhile."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from ansible_collections.rocketops.rocketchat.plugins.module_utils._node import transport
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.client import Client
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.errors import ClientError
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.server import Handler, Server, naming, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.access import Access


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _as_on_first_use() -> None:
    transport._context.cache_clear()


def answer(handler: Handler) -> None:
    handler.reply(200, {"success": True, "instances": []})


@contextmanager
def speaking_tls(authority: trustme.CA, name: str = "127.0.0.1", *, asks: bool = False) -> Iterator[Server]:
    """A TLS server. ``asks``: it requires a client certificate of the same authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    with serving(answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server


def trusting(authority: trustme.CA, path: Path, **access: Any) -> Access:
    authority.cert_pem.write_to_path(str(path))
    return access_with(user_id="me", auth_token="t0ken", ca_path=str(path), timeout=5, **access)


def outcome(server: Server, access: Access) -> tuple[str, str]:
    """Code and reason of the error; empty if there is none."""
    client = Client(server.url.replace("http:", "https:"), access)
    try:
        client.instances()
    except ClientError as error:
        return error.code, error.reason
    finally:
        client.close()
    return "", ""


def test_a_private_authority_needs_ca_path(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking_tls(authority) as server:
        given = trusting(authority, tmp_path / "ca.pem")
        assert outcome(server, given) == ("", "")
        unknown = access_with(user_id="me", auth_token="t0ken", timeout=5)
        assert outcome(server, unknown) == (
            "tls",
            "TLS: certificate not accepted (unable to get local issuer certificate)",
        )
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert outcome(server, unknown) == ("", "")


def test_ca_path_may_be_a_folder(authority: trustme.CA, tmp_path: Path) -> None:
    access = trusting(authority, tmp_path / "0a0b0c0d.0")  # not the hash of the subject that OpenSSL expects
    with speaking_tls(authority) as server:
        code, _reason = outcome(server, access_with(user_id="me", auth_token="t0ken", ca_path=str(tmp_path)))
        assert code == "tls"
        assert outcome(server, access) == ("", "")


def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    with speaking_tls(authority, "rc1.example.com") as server:
        code, reason = outcome(server, trusting(authority, tmp_path / "ca.pem"))
        assert code == "tls"
        assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in reason


def test_the_certificate_is_checked_for_the_name_not_the_address(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    naming(monkeypatch, "rc1.example.com", "127.0.0.3", "127.0.0.1")
    with speaking_tls(authority, "rc1.example.com") as server:
        client = Client(f"https://rc1.example.com:{server.server_port}", trusting(authority, tmp_path / "ca.pem"))
        client.instances()
        client.close()


def test_validate_certs_false_accepts_any_certificate(authority: trustme.CA) -> None:
    access = access_with(user_id="me", auth_token="t0ken", validate_certs=False)
    with speaking_tls(authority, "rc1.example.com") as server:
        assert outcome(server, access) == ("", "")


def test_a_client_certificate_is_sent(authority: trustme.CA, tmp_path: Path) -> None:
    certificate = authority.issue_cert("gate@example.com")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    key, one = str(tmp_path / "key.pem"), str(tmp_path / "both.pem")
    with speaking_tls(authority, asks=True) as server:
        ca_path = tmp_path / "ca.pem"
        two = trusting(authority, ca_path, client_cert=str(tmp_path / "cert.pem"), client_key=key)
        assert outcome(server, two) == ("", "")
        assert outcome(server, trusting(authority, ca_path, client_cert=one)) == ("", "")
        assert outcome(server, trusting(authority, ca_path))[0] in ("tls", "unreachable")


def test_replaced_files_are_read_again(authority: trustme.CA, tmp_path: Path) -> None:
    """Certificates may be valid for a day, and an event source may run for months."""
    access = trusting(trustme.CA(), tmp_path / "ca.pem")
    with speaking_tls(authority) as server:
        assert outcome(server, access)[0] == "tls"
        (tmp_path / "ca.pem").unlink()
        assert outcome(server, access) == ("tls", "TLS: certificates cannot be read")
        trusting(authority, tmp_path / "ca.pem")
        assert outcome(server, access) == ("", "")


def test_a_bundle_is_read_once(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with many nodes and observations: reading takes longer than the rest of a request."""
    loads: list[str] = []
    load = ssl.SSLContext.load_verify_locations

    def counting(context: ssl.SSLContext, cafile: str | None = None, *more: Any) -> None:
        loads.append(str(cafile))
        load(context, cafile, *more)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counting)
    access = trusting(authority, tmp_path / "ca.pem")
    with speaking_tls(authority) as one, speaking_tls(authority) as other:
        clients = [Client(server.url.replace("http:", "https:"), access) for server in (one, other)]
        for _time in range(2):
            for client in clients:
                client.instances()
                client.close()
        assert len(one.connections) == len(other.connections) == 2
    assert loads == [str(tmp_path / "ca.pem")]
