"""Golden files: the files that are written to machines, for every Kubernetes series, so that a change is noticed.

`python -m tests.catalog.golden` writes them again; review the difference before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.catalog import kubeadm
from clusters.catalog.load_balancers import kube_vip
from clusters.catalog.networks import bridge
from clusters.config.secret import Secret
from tests.catalog.pretend import ADDRESSES, pretend, seed
from tests.plans import newest_patches

if TYPE_CHECKING:
    import pytest

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster

FOLDER = Path(__file__).parent
THREE = ["node1", "node2", "node3"]
TOKEN = Secret("abcdef.0123456789abcdef")
SERIES = {re.sub(r"\.\d+$", "", version): version for version in newest_patches()}
"""`v1.20` -> its last patch."""
NEWEST = max(SERIES, key=lambda text: int(text[3:]))
BY_MACHINES = ("v1.32", "v1.33", NEWEST)
"""Series with a golden file without proxyMode: before and since nftables became stable, and the newest."""
CAN_NFTABLES = {"kernel": "6.1.0-13-amd64", "modules": (("nf_tables", "active"),)}
"""Facts of a machine on which kube-proxy can work with nftables."""


def plain(version: str, **changes: Any) -> Document:
    """Only the required settings: etcd as a service, one control plane."""
    return seed(kubernetes={"version": version, "proxyMode": "iptables"}, **changes)


def silent(version: str) -> Document:
    """Without kube-proxy's mode: version and machines decide."""
    return seed(kubernetes={"version": version, "proxyMode": ""})


def rich(version: str) -> Document:
    """All settings that reach kubeadm: its own etcd on three control planes, arguments, gates, audit."""
    return seed(
        roleGroups={"etcd": THREE, "master": THREE, "worker": ["node3"]},
        controlPlaneEndpoint={"internalLoadbalancer": "keepalived", "address": "10.99.0.200", "port": 7443},
        kubernetes={
            "version": version,
            "proxyMode": "ipvs",
            "maxPods": 200,
            "podPidsLimit": 4096,
            "nodelocaldns": True,
            "audit": {"enabled": True},
            "apiserverCertExtraSans": ["api.example.com"],
            "apiserverArgs": ["event-ttl=2h0m0s", "audit-log-maxage=7"],
            "controllerManagerArgs": ["node-monitor-grace-period=20s"],
            "schedulerArgs": ["v=4"],
            "kubeProxyArgs": ["ipvs-scheduler=lc", "metrics-bind-address=0.0.0.0:10249"],
            "featureGates": {"GracefulNodeShutdown": True, "TTLAfterFinished": True},
            "kubeletConfiguration": {"containerLogMaxFiles": 5, "systemReserved": {"memory": "250Mi"}},
            "kubeProxyConfiguration": {"ipvs": {"strictARP": True}},
        },
        etcd={"type": "kubeadm", "dataDir": "/data/etcd", "quotaBackendBytes": 4294967296, "extraArgs": ["ETCD_X=1"]},
    )


def dual_stack(version: str) -> Document:
    """IPv4 and IPv6 for machines, pods and services."""
    hosts = [
        {"name": name, "address": at, "internalAddress": f"{at},fd99::{at.rpartition('.')[2]}", "password": "x"}
        for name, at in ADDRESSES.items()
    ]
    pods, services = "10.233.64.0/18,fd85:ee78::/112", "10.233.0.0/18,fd85:ee79::/112"
    network = {"plugin": "bridge", "kubePodsCIDR": pods, "kubeServiceCIDR": services}
    return plain(version, hosts=hosts, network=network)


def kubeadm_files(monkeypatch: pytest.MonkeyPatch, archive: Path) -> dict[str, str]:
    """File name below `kubeadm/` -> text."""
    found: dict[str, str] = {}
    for series, version in SERIES.items():
        cluster = _cluster(monkeypatch, archive, plain(version))
        found[f"{series}-init-external.yaml"] = kubeadm.init_configuration(cluster.machine("node1"), cluster)
        cluster = _cluster(monkeypatch, archive, rich(version))
        found[f"{series}-init-stacked.yaml"] = kubeadm.init_configuration(cluster.machine("node1"), cluster)
        found[f"{series}-join-control-plane.yaml"] = kubeadm.join_configuration(
            cluster.machine("node2"), cluster, token=TOKEN, ca_hash=f"sha256:{'0' * 64}"
        )
        cluster = _cluster(monkeypatch, archive, dual_stack(version))
        found[f"{series}-init-dual-stack.yaml"] = kubeadm.init_configuration(cluster.machine("node1"), cluster)
    for series in BY_MACHINES:
        cluster = pretend(monkeypatch, archive, silent(SERIES[series]), **dict.fromkeys(THREE, CAN_NFTABLES))[0]
        found[f"{series}-init-by-machines.yaml"] = kubeadm.init_configuration(cluster.machine("node1"), cluster)
    return found


def kube_vip_files(monkeypatch: pytest.MonkeyPatch, archive: Path) -> dict[str, str]:
    """File name below `kube-vip/` -> text; for the series around the change of the administrator's file."""
    found: dict[str, str] = {}
    modes: dict[str, dict[str, Any]] = {
        "arp": {"mode": "ARP"},
        "bgp": {
            "mode": "BGP",
            "localAS": 65010,
            "peers": [{"address": "10.99.0.1", "as": 65001}, {"address": "10.99.0.2", "as": 65001, "multihop": True}],
        },
    }
    for series in ("v1.20", "v1.28", "v1.29", NEWEST):
        for name, kubevip in modes.items():
            endpoint = {"internalLoadbalancer": "kube-vip", "address": "10.99.0.200", "kubevip": kubevip}
            roles = {"etcd": THREE, "master": THREE, "worker": ["node3"]}
            document = plain(SERIES[series], controlPlaneEndpoint=endpoint, roleGroups=roles)
            cluster = _cluster(monkeypatch, archive, document)
            first = cluster.machine("node1")
            found[f"{series}-{name}.yaml"] = kube_vip.manifest(first, cluster)
            if kube_vip.needs_super_admin(document):
                found[f"{series}-{name}-before-init.yaml"] = kube_vip.manifest(first, cluster, before_init=True)
    return found


def _cluster(monkeypatch: pytest.MonkeyPatch, archive: Path, document: Document) -> Cluster:
    return pretend(monkeypatch, archive, document)[0]


def bridge_files(monkeypatch: pytest.MonkeyPatch, archive: Path) -> dict[str, str]:
    """File name below `bridge/` -> text: a node's files with one network for pods, and with two."""
    ipv4 = {"10.99.0.11": "10.233.64.0/24", "10.99.0.13": "10.233.66.0/24"}
    ipv6 = {"fd99::11": "fd85:ee78::/120", "fd99::13": "fd85:ee78::200/120"}
    one = (bridge.Family("10.233.65.0/24", "10.233.64.0/18", ipv4),)
    both = (*one, bridge.Family("fd85:ee78::100/120", "fd85:ee78::/112", ipv6))
    found: dict[str, str] = {}
    for name, families in (("ipv4", one), ("dual-stack", both)):
        found[f"{name}.sh"] = bridge.script(families)
        found[f"{name}.conflist"] = bridge.conflist(tuple(family.own for family in families))
    return found


FILES = {"kubeadm": kubeadm_files, "kube-vip": kube_vip_files, "bridge": bridge_files}
"""Folder -> the function that makes its files."""
