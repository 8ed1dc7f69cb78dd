"""A downloaded kubeconfig makes kubectl run nothing, and trust or contact no other server."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.kubeconfig import rebuild_kubeconfig
from clusters.catalog.steps.finish import ready
from clusters.engine.wants import NotReached
from clusters.remote.errors import FileTooLarge
from tests.catalog.admin_conf import admin_conf, coded, pair
from tests.catalog.conftest import _everything_is_declared, archive
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["_everything_is_declared", "archive"]

SERVER = "https://10.99.0.11:6443"
ALLOWED = {
    "apiVersion", "kind", "current-context", "clusters", "contexts", "users", "name", "cluster", "context", "user",
    "server", "certificate-authority-data", "client-certificate-data", "client-key-data",
}  # fmt: skip


def made(content: bytes) -> dict[str, Any]:
    text = rebuild_kubeconfig(content, server=SERVER, cluster="cluster.local", where="admin.conf on node1").reveal()
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def keys_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for each in value.values() for key in keys_in(each)}
    return {key for each in value for key in keys_in(each)} if isinstance(value, list) else set()


def test_authority_certificate_and_key_are_those_of_the_machine() -> None:
    (authority, _), (certificate, key) = pair("kubernetes"), pair()
    found = made(admin_conf())
    cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
    assert cluster == {"certificate-authority-data": coded(authority), "server": SERVER}
    assert user == {"client-certificate-data": coded(certificate), "client-key-data": coded(key)}
    assert found["current-context"] == found["contexts"][0]["name"] == "kubernetes-admin@cluster.local"


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({}, {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "args": ["-c", "evil"]}}),
        ({}, {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/tmp/evil"}}}),
        ({}, {"tokenFile": "/home/person/.ssh/id_rsa", "token": "evil", "username": "evil", "password": "evil"}),
        ({}, {"client-certificate": "/etc/passwd", "client-key": "/etc/passwd", "as": "evil", "as-groups": ["evil"]}),
        ({"insecure-skip-tls-verify": True}, {}),
        ({"proxy-url": "http://evil.example", "tls-server-name": "evil", "disable-compression": True}, {}),
        (
            {"server": "https://evil.example", "certificate-authority": "/tmp/evil", "extensions": [{"name": "evil"}]},
            {},
        ),
    ],
)
def test_nothing_else_of_a_machines_kubeconfig_is_handed_on(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    others = [{"name": "evil", "user": {"exec": {"command": "evil"}}}]
    content = admin_conf(cluster, user, preferences={"evil": True}, extensions=others)
    found = made(content)
    assert keys_in(found) == ALLOWED
    assert "evil" not in str(found) and "/etc/passwd" not in str(found) and found == made(admin_conf())


def test_around_certificates_and_keys_nothing_is_handed_on() -> None:
    certificate, key = pair()
    dirty = {
        "client-certificate-data": coded(f"evil \x1b]52;c;ZXZpbA==\x07\n{certificate}\nexec: evil"),
        "client-key-data": coded(
            f"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{key}"
        ),
    }
    assert made(admin_conf(user=dirty)) == made(admin_conf())


CERTIFICATE, KEY = pair()
OTHER_KEY = pair("somebody else")[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it should be a mapping of keys to values"),
        (b"\xff\xfe", "not the kubeconfig"),
        (b"a: &a [*a]", "not the kubeconfig"),
        (admin_conf(user={"client-key-data": "not base64!"}), "client-key-data is not PEM in Base64"),
        (admin_conf(user={"client-key-data": coded(CERTIFICATE)}), "client-key-data has 0 private keys"),
        (admin_conf(user={"client-key-data": coded(KEY + KEY)}), "client-key-data has 2 private keys"),
        (admin_conf(user={"client-key-data": coded(OTHER_KEY)}), "its key does not belong to its certificate"),
        (admin_conf(user={"client-key-data": coded(KEY.replace("M", "N"))}), "has a key that cannot be read"),
        (admin_conf(user={"client-key-data": None, "token": "x"}), "it has no client-key-data|is not PEM"),
        (admin_conf(user={"client-certificate-data": coded(KEY)}), "client-certificate-data has 0 certificates"),
        (admin_conf(cluster={"certificate-authority-data": coded(CERTIFICATE * 21)}), "has 21 certificates"),
        (admin_conf(cluster={"certificate-authority-data": coded("x")}), "authority-data has 0 certificates"),
        (admin_conf(None, None, **{"current-context": "another"}), "its contexts do not contain the one"),
        (admin_conf(users=[]), "its users do not contain the one"),
    ],
)
def test_a_kubeconfig_that_lacks_something_is_refused_with_what_it_lacks(content: bytes, message: str) -> None:
    with pytest.raises(NotReached, match=message) as caught:
        made(content)
    assert "admin.conf on node1" in caught.value.message
    secret = base64.b64encode(KEY.encode()).decode()
    assert secret not in caught.value.message + caught.value.hint


def test_the_handover_takes_the_address_from_the_document(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    evil = {"exec": {"command": "evil"}}
    hosts["node1"].put(admin_conf({"server": "https://evil.example"}, evil), "/etc/kubernetes/admin.conf")
    found = ready.kubeconfig(cluster.machine("node1"), cluster).reveal()
    assert f"server: {SERVER}\n" in found and "evil" not in found


def test_a_kubeconfig_of_a_megabyte_is_not_read(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].put(admin_conf() + b"#" * (1 << 20), "/etc/kubernetes/admin.conf")
    with pytest.raises(FileTooLarge, match=r"admin\.conf on node1 has more than 262,144 bytes"):
        ready.kubeconfig(cluster.machine("node1"), cluster)
