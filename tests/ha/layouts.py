"""The layouts of roles that are installed here, as documents for the lab's hosts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.lab import bundle, kubernetes_1_20

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost


NEWEST, BEFORE = bundle.NEWEST.kubernetes.version, bundle.BEFORE.kubernetes.version
SEED_ERA = kubernetes_1_20.VERSION


@dataclass(frozen=True, slots=True)
class Layout:
    """The roles of machines. `shared_address` is the last number of an address that the control planes share, or that
    an external load balancer has."""

    name: str
    etcd: tuple[str, ...]
    master: tuple[str, ...]
    worker: tuple[str, ...]
    load_balancer: str = ""
    shared_address: int = 0
    port: int = 6443
    etcd_section: dict[str, Any] = field(default_factory=dict)
    kubernetes_section: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    runtime: str = "containerd"
    version: str = NEWEST
    registry: dict[str, Any] = field(default_factory=dict)
    dual_stack: bool = False
    beside: dict[str, str] = field(default_factory=dict)
    """Files that the document names, by name."""

    @property
    def machines(self) -> int:
        """The number of hosts that it needs."""
        return len({*self.etcd, *self.master, *self.worker})

    @property
    def api_port(self) -> int:
        """The port of API servers: behind an external load balancer it is the usual one."""
        return 6443 if self.shared_address and not self.load_balancer else self.port

    def address(self, hosts: list[LabHost]) -> str:
        """The shared address in the network of these hosts, or nothing."""
        prefix = hosts[0].address.rpartition(".")[0]
        return f"{prefix}.{self.shared_address}" if self.shared_address else ""

    def write(self, hosts: list[LabHost], path: Path) -> Path:
        """The document as a file."""
        rows = [
            {"name": host.name, "address": host.address, "user": host.user, "password": host.password} for host in hosts
        ]
        pods, services = "10.233.64.0/18", "10.233.0.0/18"
        if self.dual_stack:
            pods, services = f"{pods},fd85:ee78::/112", f"{services},fd85:ee79::/112"
            rows = [
                row | {"internalAddress": f"{at.address},{exploded(at.address6)}"}
                for row, at in zip(rows, hosts, strict=True)
            ]
        endpoint: dict[str, Any] = {"domain": "lb.kubesphere.local", "address": self.address(hosts), "port": self.port}
        if self.load_balancer:
            endpoint["internalLoadbalancer"] = self.load_balancer
        spec = {
            "hosts": rows,
            "roleGroups": {"etcd": list(self.etcd), "master": list(self.master), "worker": list(self.worker)},
            "controlPlaneEndpoint": endpoint,
            "kubernetes": {
                "version": self.version,
                "clusterName": "cluster.local",
                "containerManager": self.runtime,
                **self.kubernetes_section,
            },
            "network": {"plugin": "bridge", "kubePodsCIDR": pods, "kubeServiceCIDR": services},
        }
        if self.etcd_section:
            spec["etcd"] = self.etcd_section
        spec |= self.more
        if self.registry:
            spec["registry"] = self.registry
        document = {
            "apiVersion": "kubekey.kubesphere.io/v1alpha2",
            "kind": "Cluster",
            "metadata": {"name": self.name},
            "spec": spec,
        }
        for name, content in self.beside.items():
            path.with_name(name).write_text(content)
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path


def exploded(address6: str) -> str:
    """An IPv6 address in full, as some people write it, but machines do not."""
    return ipaddress.ip_address(address6).exploded.upper()


NOTICED_EARLY = "node-monitor-grace-period=20s"
"""A silent machine is noticed after 20 seconds instead of 40, because tests wait for that."""
THREE = ("node1", "node2", "node3")
PROXIES = Layout("proxies", THREE, THREE, ("node4", "node5"), load_balancer="haproxy", port=7443)
"""Three control planes with etcd, two workers with a proxy each; on a custom port."""
STACKED_ETCD = Layout(
    "stacked-etcd",
    (),
    THREE,
    THREE,
    load_balancer="keepalived",
    shared_address=201,
    etcd_section={"type": "kubeadm", "dataDir": "/var/lib/etcd-of-kubeadm", "extraArgs": ["ETCD_LOG_LEVEL=info"]},
    kubernetes_section={
        "audit": {"enabled": True},
        "podPidsLimit": 4096,
        "apiserverArgs": ["event-ttl=2h0m0s"],
        "controllerManagerArgs": [NOTICED_EARLY],
        "kubeletArgs": ["max-pods=99", "node-labels=from=kubelet-args"],
        "kubeProxyArgs": ["metrics-bind-address=127.0.0.1:10249"],
        "featureGates": {"CPUManagerPolicyAlphaOptions": True},
        "kubeletConfiguration": {"containerLogMaxFiles": 4},
    },
    more={
        "dns": {"dnsEtcHosts": "10.9.8.7 hub.example", "nodeEtcHosts": "10.9.8.7 hub.example"},
        "system": {
            "preInstall": [{"name": "first", "bash": "cat words.txt > /root/first", "materials": ["words.txt"]}],
            "postInstall": [{"name": "last", "bash": "date >> /root/last", "role": "master"}],
        },
    },
    beside={"words.txt": "read by cluster create\n"},
)
"""etcd in kubeadm's static pods on three machines with all roles, and many other settings of a document."""
ETCD_APART = Layout(
    "etcd-apart",
    ("node3", "node4", "node5"),
    ("node1", "node2"),
    ("node2",),
    load_balancer="keepalived",
    shared_address=201,
    kubernetes_section={"controllerManagerArgs": [NOTICED_EARLY]},
)
"""etcd on separate machines; two control planes share an address, since none of them is needed for a quorum."""
THREE_MACHINES = Layout("three-machines", ("node1",), ("node1",), ("node2", "node3"))
"""etcd and the control plane on one machine, pods on two others: the most common first document."""
ALL_IN_ONE = Layout("all-in-one", ("node1",), ("node1",), ("node1",))
"""One machine with all roles."""
DUAL_STACK = Layout(
    "dual-stack",
    ("node1",),
    ("node1",),
    ("node1", "node2"),
    dual_stack=True,
)
"""IPv4 and IPv6 on two machines."""
DOCKER = Layout("docker", (), ("node1",), ("node2",), shared_address=13, port=8443, runtime="docker", version=SEED_ERA)
"""A control plane and a worker with Docker, which Kubernetes 1.20 uses through dockershim; an external etcd and load
balancer are on the lab's third host."""
