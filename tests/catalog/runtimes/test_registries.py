"""Registries: the document's settings of each, and the files written from them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.runtimes import kind, registries, runtime_of
from clusters.config.secret import Secret
from clusters.engine.events import SecretMade
from clusters.engine.wants import FileWant
from clusters.errors import PlanError
from tests.catalog.pretend import pretend, seed
from tests.catalog.runtimes.documents import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

KEY = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"


def test_logins_are_written_as_docker_does() -> None:
    content = registries.login_file(seed(registry=REGISTRY))
    assert content is not None
    auths = json.loads(content.reveal())["auths"]
    assert base64.b64decode(auths["hub.example.com:5000"]["auth"]).decode() == 'robot:pass"word'
    assert auths["docker.io"] == auths["https://index.docker.io/v1/"]
    assert "plain.example.com" not in auths
    assert registries.login_file(seed()) is None


def test_the_log_masks_logins_in_the_form_they_have_in_files(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, sink = pretend(monkeypatch, archive, seed(registry=REGISTRY))
    wants = list(registries.login_wants(cluster.machine("node2"), cluster.document))
    secrets = {event.content.reveal() for event in sink.events if isinstance(event, SecretMade) and event.content}
    assert base64.b64encode(b"someone:hub-password").decode() in secrets
    assert all(want.mode == 0o600 for want in wants if isinstance(want, FileWant))


def test_named_files_are_linked_and_a_key_is_written_for_root_only() -> None:
    auths = {
        "hub.example.com": {"caFile": "/ca.pem", "certsPath": "/etc/ssl/hub", "certFile": "me.crt", "keyFile": KEY}
    }
    wants = list(registries.certificate_wants(seed(registry={"auths": auths}), "/etc/docker/certs.d"))
    titles = [want.what for want in wants]
    assert "/etc/docker/certs.d/hub.example.com/ca.crt leads to /ca.pem" in titles
    assert "/etc/docker/certs.d/hub.example.com/client.cert leads to /etc/ssl/hub/me.crt" in titles
    (key,) = [want for want in wants if isinstance(want, FileWant)]
    assert key.path.endswith("client.key") and key.mode == 0o600 and key.secret


def test_plain_http_of_kubekey_2_0_is_for_the_private_registry() -> None:
    found = registries.accesses(seed(registry={"privateRegistry": "hub.example.com/lib", "plainHTTP": True}))
    assert found["hub.example.com"].urls == ("http://hub.example.com",)


def test_settings_of_one_registry_in_two_places_are_merged() -> None:
    found = registries.accesses(
        seed(
            registry={
                "insecureRegistries": ["a.example.com"],
                "auths": {"a.example.com": {"username": "me", "password": "x"}},
            }
        )
    )
    assert found["a.example.com"].insecure and found["a.example.com"].password == Secret("x")


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(PlanError, match="'isula' is not a supported container runtime"):
        runtime_of(seed(kubernetes={"containerManager": "isula"}))


@pytest.mark.parametrize(
    ("manager", "usual"),
    [
        ("containerd", "/run/containerd/containerd.sock"),
        ("crio", "/var/run/crio/crio.sock"),
        ("docker", "/run/cri-dockerd.sock"),
    ],
)
def test_a_runtime_is_reached_at_the_documents_socket_or_its_usual_one(manager: str, usual: str) -> None:
    choice = {"containerManager": manager, "version": "v1.34.2"}
    assert runtime_of(seed(kubernetes=choice)).socket == usual
    other = seed(kubernetes={**choice, "containerRuntimeEndpoint": "unix:///run/other.sock"})
    assert runtime_of(other).socket == kind.socket_of(other, usual) == "/run/other.sock"


def test_an_insecure_registry_may_be_written_with_its_scheme() -> None:
    hosts = ("http://reg.example:5000", "reg.example:5001")
    document = seed(registry={"insecureRegistries": hosts})
    assert [(each, access.insecure) for each, access in registries.accesses(document).items()] == [
        ("reg.example:5000", True),
        ("reg.example:5001", True),
    ]
