"""Settings that follow from what machines can do: control groups, kubeadm's own check, kube-proxy's mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import adapt, kubeadm
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster

OLD_GROUPS = {"cgroup_version": 1}
NF_TABLES = {"kernel": "6.1.0-13-amd64", "modules": (("nf_tables", "active"),)}


@pytest.mark.parametrize(
    ("version", "facts", "ignored", "tolerates"),
    [
        ("v1.34.4", OLD_GROUPS, [], False),
        ("v1.35.4", OLD_GROUPS, ["SystemVerification"], True),
        ("v1.36.3", OLD_GROUPS, ["SystemVerification"], True),
        ("v1.36.3", {}, [], False),
        ("v1.36.3", {"kernel_config": ""}, ["SystemVerification"], False),
    ],
)
def test_cgroups_v1_is_tolerated_in_both_places_or_in_none(
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    facts: dict[str, Any],
    ignored: list[str],
    tolerates: bool,
) -> None:
    document = seed(kubernetes={"version": version})
    cluster, _, _ = pretend(monkeypatch, archive, document, node1=facts, node2=facts, node3=facts)
    init, _, kubelet, _ = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert init["nodeRegistration"]["ignorePreflightErrors"] == ignored
    assert kubelet.get("failCgroupV1", True) is not tolerates


def test_one_machine_with_cgroups_v1_decides_for_all_kubelets(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": "v1.36.3"}), node3=OLD_GROUPS)
    init, _, kubelet, _ = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert init["nodeRegistration"]["ignorePreflightErrors"] == []
    assert kubelet["failCgroupV1"] is False


def silent(archive: Path, monkeypatch: pytest.MonkeyPatch, version: str, **facts: dict[str, Any]) -> Cluster:
    """A cluster whose document does not set kube-proxy's mode."""
    every = {name: NF_TABLES | facts.get(name, {}) for name in ("node1", "node2", "node3")}
    document = seed(kubernetes={"version": version, "proxyMode": ""})
    return pretend(monkeypatch, archive, document, **every)[0]


@pytest.mark.parametrize(
    ("version", "node2", "mode"),
    [
        ("v1.36.3", {}, "nftables"),
        ("v1.33.0", {}, "nftables"),
        ("v1.32.0", {}, "iptables"),
        ("v1.36.3", {"kernel": "5.12.19"}, "iptables"),
        ("v1.36.3", {"kernel": "5.13.0-rc1"}, "nftables"),
        ("v1.36.3", {"kernel": "unreadable"}, "iptables"),
        ("v1.36.3", {"modules": ()}, "iptables"),
        ("v1.36.3", {"modules": (("nf_tables", "loadable"),)}, "nftables"),
    ],
)
def test_the_default_is_nftables_if_version_and_every_kernel_support_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch, version: str, node2: dict[str, Any], mode: str
) -> None:
    assert adapt.proxy_mode(silent(archive, monkeypatch, version, node2=node2)) == mode


def test_the_documents_mode_of_kube_proxy_wins(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("iptables", "ipvs"):
        document = seed(kubernetes={"version": "v1.36.3", "proxyMode": mode})
        assert adapt.proxy_mode(pretend(monkeypatch, archive, document)[0]) == mode


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({"proxyMode": "iptables", "kubeProxyArgs": ["proxy-mode=ipvs"]}, "ipvs"),
        ({"kubeProxyArgs": ["proxy-mode=ipvs"], "kubeProxyConfiguration": {"mode": "nftables"}}, "nftables"),
        ({"kubeProxyArgs": ["proxy-mode=ipvs", "v=4", "proxy-mode=iptables"]}, "iptables"),
        ({"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": None}}, "iptables"),
        ({"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": ""}}, "iptables"),
        ({"proxyMode": "ipvs", "kubeProxyArgs": ["proxy-mode="]}, "iptables"),
    ],
)
def test_the_mode_is_the_one_that_kube_proxy_finally_reads(
    archive: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], mode: str
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": "v1.36.3"} | settings))
    *_, proxy = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert adapt.proxy_mode(cluster) == mode
    assert (proxy.get("mode") or "iptables") == mode, "for kube-proxy an empty mode is iptables"


@pytest.mark.parametrize(
    ("manager", "bundled", "threshold"),
    [("containerd", True, None), ("docker", True, 100), ("docker", False, None), ("crio", True, 100)],
)
def test_images_that_cannot_be_pinned_or_pulled_are_not_collected(
    archive: Path, monkeypatch: pytest.MonkeyPatch, manager: str, bundled: bool, threshold: int | None
) -> None:
    document = seed(kubernetes={"version": "v1.23.17", "containerManager": manager})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    monkeypatch.setattr(cluster.source, "has_image", lambda ref, arch: bundled)
    _, _, kubelet, _ = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert kubelet.get("imageGCHighThresholdPercent") == threshold


@pytest.mark.parametrize(("mode", "section"), [("nftables", "nftables"), ("iptables", "iptables")])
def test_masquerade_all_is_set_in_the_section_of_the_mode(
    archive: Path, monkeypatch: pytest.MonkeyPatch, mode: str, section: str
) -> None:
    document = seed(kubernetes={"version": "v1.36.3", "proxyMode": mode, "masqueradeAll": True})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    *_, proxy = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert proxy[section]["masqueradeAll"] is True
