"""containerd: its two versions of configuration, its registries, and the protection of logins."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.runtimes import containerd
from clusters.engine.wants import FileWant
from tests.catalog.pretend import pretend, seed
from tests.catalog.runtimes.documents import REGISTRY, SECRETS
from tests.catalog.runtimes.reading import golden

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster


def cluster_with(
    monkeypatch: pytest.MonkeyPatch, archive: Path, version: str, document: Document | None = None
) -> Cluster:
    """A pretend cluster whose source has this containerd."""
    cluster, _, _ = pretend(monkeypatch, archive, document)
    monkeypatch.setattr(cluster.source, "version_of", lambda component, kubernetes: version)
    return cluster


@pytest.mark.parametrize(
    ("version", "kubernetes", "name"),
    [
        ("v1.6.20", "v1.20.2", "containerd-1.6-plain.toml"),
        ("v1.7.34", "v1.35.0", "containerd-1.7-plain.toml"),
        ("v2.3.4", "v1.36.0", "containerd-2.3-plain.toml"),
        ("v2.4.2", "v1.36.0", "containerd-2.4-plain.toml"),
    ],
)
def test_the_configuration_has_the_version_that_containerd_reads(
    version: str, kubernetes: str, name: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_with(monkeypatch, archive, version, seed(kubernetes={"version": kubernetes}))
    text = containerd.config(cluster.machine("node1"), cluster)
    golden(name, text)
    parsed = tomllib.loads(text)
    assert parsed["version"] == (3 if version.startswith("v2") else 2)
    runtime = "io.containerd.cri.v1.runtime" if parsed["version"] == 3 else "io.containerd.grpc.v1.cri"
    runc = parsed["plugins"][runtime]["containerd"]["runtimes"]["runc"]
    assert runc["options"]["SystemdCgroup"] is True


@pytest.mark.parametrize(
    ("version", "programs"),
    [
        ("v1.7.34", {"bin_dir": "/opt/cni/bin"}),
        ("v2.0.5", {"bin_dir": "/opt/cni/bin"}),
        ("v2.1.0", {"bin_dirs": ["/opt/cni/bin"]}),
        ("v2.4.2", {"bin_dirs": ["/opt/cni/bin"]}),
    ],
)
def test_the_key_for_network_plugins_fits_the_version_of_containerd(
    version: str, programs: dict[str, Any], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_with(monkeypatch, archive, version)
    plugins = tomllib.loads(containerd.config(cluster.machine("node1"), cluster))["plugins"]
    cni = plugins["io.containerd.cri.v1.runtime" if version >= "v2" else "io.containerd.grpc.v1.cri"]["cni"]
    assert cni == {**programs, "conf_dir": "/etc/cni/net.d"}


@pytest.mark.parametrize("version", ["v1.7.34", "v2.3.4", "v2.4.2"])
def test_logins_and_custom_paths_reach_the_configuration(
    version: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(
        registry={**REGISTRY, "containerdDataDir": "/data/containerd"},
        kubernetes={"containerRuntimeEndpoint": "unix:///run/other/containerd.sock"},
    )
    cluster = cluster_with(monkeypatch, archive, version, document)
    text = containerd.config(cluster.machine("node1"), cluster)
    golden(f"containerd-{version[1:4]}-registries.toml", text)
    parsed = tomllib.loads(text)
    images = parsed["plugins"]["io.containerd.cri.v1.images" if version >= "v2" else "io.containerd.grpc.v1.cri"]
    logins = images["registry"]["configs"]
    assert logins["hub.example.com:5000"]["auth"] == {"username": "robot", "password": 'pass"word'}
    assert logins["registry-1.docker.io"] == logins["docker.io"]
    assert "mirrors" not in images["registry"], "containerd refuses it beside config_path"
    assert parsed["root"] == "/data/containerd" and parsed["grpc"]["address"] == "/run/other/containerd.sock"


def test_every_registry_has_its_hosts_file() -> None:
    hosts = containerd.registry_hosts(seed(registry=REGISTRY))
    golden("hosts.toml", "\n".join(f"# {host}\n{text}" for host, text in sorted(hosts.items())))
    read = {host: tomllib.loads(text) for host, text in hosts.items()}
    assert list(read["docker.io"]["host"]) == ["https://mirror.example.com"]
    assert read["docker.io"]["server"] == "https://registry-1.docker.io"
    assert list(read["old.example.com"]["host"]) == ["https://old.example.com", "http://old.example.com"]
    assert list(read["plain.example.com"]["host"]) == ["http://plain.example.com"]
    assert read["quay.io"]["host"]["https://self.example.com/quay"]["skip_verify"] is True
    hub = read["hub.example.com:5000"]["host"]["https://hub.example.com:5000"]
    assert hub["ca"] == "/etc/containerd/certs.d/hub.example.com:5000/ca.crt" and "skip_verify" not in hub


@pytest.mark.parametrize(
    ("mirror", "override"),
    [
        ("https://harbor.example.com/v2/cache", True),
        ("https://harbor.example.com/v2/cache/", True),
        ("https://harbor.example.com/v2", False),
        ("https://harbor.example.com/quay", False),
        ("https://harbor.example.com/v2ray", False),
        ("https://harbor.example.com", False),
    ],
)
def test_a_mirror_below_the_apis_root_does_not_get_that_root_twice(mirror: str, override: bool) -> None:
    hosts = containerd.registry_hosts(seed(registry={"registryMirrors": [mirror]}))
    read = tomllib.loads(hosts["docker.io"])["host"][mirror.rstrip("/")]
    assert read.get("override_path", False) is override


def test_a_mirror_is_not_given_the_login_of_the_registry_it_mirrors(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_with(monkeypatch, archive, "v2.4.2", seed(registry=REGISTRY))
    parsed = tomllib.loads(containerd.config(cluster.machine("node1"), cluster))
    logins = parsed["plugins"]["io.containerd.cri.v1.images"]["registry"]["configs"]
    assert set(logins) == {"hub.example.com:5000", "docker.io", "registry-1.docker.io"}
    assert "https://mirror.example.com" in containerd.registry_hosts(cluster.document)["docker.io"]


def test_the_pull_command_contains_no_login() -> None:
    pull = containerd.runtime(seed(registry=REGISTRY)).pull("hub.example.com:5000/library/pause:3.2")
    assert str(pull) == "crictl pull hub.example.com:5000/library/pause:3.2"


@pytest.mark.parametrize("version", ["v1.7.34", "v2.4.2"])
def test_a_file_with_logins_is_readable_by_root_only_and_never_shown(
    version: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_with(monkeypatch, archive, version, seed(registry=REGISTRY))
    machine = cluster.machine("node2")
    with_secret: list[Any] = []
    for want in containerd.containerd(machine, cluster):
        if isinstance(want, FileWant) and any(word.encode() in want.content for word in ("hub-password", "cm9ib3Q6")):
            with_secret.append(want)
            assert want.mode == 0o600 and want.secret, want.path
            assert not want.seen(machine).diff
    assert {want.path for want in with_secret} == {
        "/etc/containerd/config.toml",
        "/etc/slipway/registries/config.json",
        "/var/lib/kubelet/config.json",
    }
    assert len(SECRETS) == 2


@pytest.mark.parametrize("version", ["v1.7.34", "v2.4.2"])
def test_without_logins_the_configuration_is_readable(
    version: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_with(monkeypatch, archive, version)
    files = [want for want in containerd.containerd(cluster.machine("node2"), cluster) if isinstance(want, FileWant)]
    assert {want.mode for want in files} == {0o644}
    assert not [want for want in files if "config.json" in want.path]
