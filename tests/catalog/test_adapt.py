"""What is chosen by what machines can do: control groups, kubeadm's own check, kube-proxy's mode."""

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
def test_old_control_groups_are_tolerated_in_both_places_or_in_none(
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


def test_one_machine_with_old_control_groups_is_enough_for_the_kubelets_of_all(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": "v1.36.3"}), node3=OLD_GROUPS)
    init, _, kubelet, _ = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert init["nodeRegistration"]["ignorePreflightErrors"] == []
    assert kubelet["failCgroupV1"] is False


def silent(archive: Path, monkeypatch: pytest.MonkeyPatch, version: str, **facts: dict[str, Any]) -> Cluster:
    """A cluster whose document says nothing of kube-proxy's mode."""
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
        ("v1.36.3", {"kernel": "of its own"}, "iptables"),
        ("v1.36.3", {"modules": ()}, "iptables"),
        ("v1.36.3", {"modules": (("nf_tables", "loadable"),)}, "nftables"),
    ],
)
def test_a_silent_document_has_nftables_where_version_and_every_kernel_allow_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch, version: str, node2: dict[str, Any], mode: str
) -> None:
    assert adapt.proxy_mode(silent(archive, monkeypatch, version, node2=node2)) == mode


def test_what_the_document_says_of_kube_proxy_holds(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("iptables", "ipvs"):
        document = seed(kubernetes={"version": "v1.36.3", "proxyMode": mode})
        assert adapt.proxy_mode(pretend(monkeypatch, archive, document)[0]) == mode


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ({"proxyMode": "iptables", "kubeProxyArgs": ["proxy-mode=ipvs"]}, "ipvs"),
        ({"kubeProxyArgs": ["proxy-mode=ipvs"], "kubeProxyConfiguration": {"mode": "nftables"}}, "nftables"),
        ({"kubeProxyArgs": ["proxy-mode=ipvs", "v=4", "proxy-mode=iptables"]}, "iptables"),
        ({"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": None}}, "iptables"),
        ({"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": ""}}, "iptables"),
        ({"proxyMode": "ipvs", "kubeProxyArgs": ["proxy-mode="]}, "iptables"),
    ],
)
def test_the_mode_is_the_one_that_kube_proxy_reads_in_the_end(
    archive: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], mode: str
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": "v1.36.3"} | said))
    *_, proxy = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert adapt.proxy_mode(cluster) == mode
    assert (proxy.get("mode") or "iptables") == mode, "blank is iptables to kube-proxy"


@pytest.mark.parametrize(
    ("manager", "bundled", "threshold"),
    [("containerd", True, None), ("docker", True, 100), ("docker", False, None), ("crio", True, 100)],
)
def test_images_that_cannot_be_pinned_nor_come_back_are_not_collected(
    archive: Path, monkeypatch: pytest.MonkeyPatch, manager: str, bundled: bool, threshold: int | None
) -> None:
    document = seed(kubernetes={"version": "v1.23.17", "containerManager": manager})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    monkeypatch.setattr(cluster.source, "has_image", lambda ref, arch: bundled)
    _, _, kubelet, _ = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert kubelet.get("imageGCHighThresholdPercent") == threshold


@pytest.mark.parametrize(("mode", "section"), [("nftables", "nftables"), ("iptables", "iptables")])
def test_masquerading_everything_is_said_where_the_mode_reads_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch, mode: str, section: str
) -> None:
    document = seed(kubernetes={"version": "v1.36.3", "proxyMode": mode, "masqueradeAll": True})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    *_, proxy = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))
    assert proxy[section]["masqueradeAll"] is True
