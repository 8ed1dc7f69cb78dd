"""A pretend cluster for catalog tests: the seed's three machines, with the facts and answers that a test sets."""

from __future__ import annotations

import base64
import functools
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog import pki
from clusters.config.schema import Document
from clusters.engine.cluster import Cluster
from clusters.engine.source import Artifact
from clusters.remote.facts import Address, MachineFacts
from clusters.remote.host import Cancel
from tests.catalog.admin_conf import admin_conf
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from clusters.engine.events import Event
    from clusters.engine.source import Asker
    from tests.fake_host import Ran

ADDRESSES = {"node1": "10.99.0.11", "node2": "10.99.0.12", "node3": "10.99.0.13"}

GOOD = MachineFacts(
    hostname="node",
    os_id="debian",
    os_name="Debian GNU/Linux 12",
    kernel="6.1.0-13-amd64",
    arch="amd64",
    cpus=4,
    memory_mb=8000,
    var_free_mb=50_000,
    systemd=True,
    init="systemd",
    cgroup_version=2,
    cgroup_controllers=("cpuset", "cpu", "io", "memory", "pids"),
    default_interface="eth0",
    mtus=(("eth0", 1500),),
    modules=(("overlay", "active"), ("br_netfilter", "loadable"), ("nf_conntrack", "active")),
    can_lower_oom=True,
    can_raise_nofile=True,
    conntrack_writable=True,
    kernel_config="/boot/config",
    resolvers=(("/etc/resolv.conf", ("10.99.0.1",)),),
)

NODES = {
    "items": [
        {
            "metadata": {"name": name, "labels": {"node-role.kubernetes.io/worker": ""}},
            "spec": {"podCIDR": f"10.233.{64 + number}.0/24"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": "v1.20.2", "containerRuntimeVersion": "x", "osImage": "y"},
                "addresses": [{"type": "InternalIP", "address": address}],
            },
        }
        for number, (name, address) in enumerate(ADDRESSES.items())
    ]
}


class Kept:
    """A sink that stores all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Store it."""
        self.events.append(event)


class PretendSource:
    """A source whose every file is one small archive."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """Always the same."""
        return kubernetes_version if component == "kubernetes" else "v1.0.0"

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> Artifact:
        """The archive."""
        return Artifact(component, version, self.archive, "0" * 64)

    def look_for(self, component: str, version: str, name: str, arch: str) -> None:
        """It exists."""

    def has_image(self, ref: str, arch: str) -> bool:
        """None."""
        return False

    def name_of(self, ref: str) -> str:
        """The name itself."""
        return ref

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> Artifact | None:
        """None: machines pull."""
        return None

    def kubernetes_versions(self) -> tuple[str, ...]:
        """One."""
        return ("v1.20.2",)


def seed(**changes: Any) -> Document:
    """The seed example, with sections changed."""
    hosts = [{"name": name, "address": at, "user": "ubuntu", "password": "x"} for name, at in ADDRESSES.items()]
    roles = {"etcd": ["node1"], "master": ["node1"], "worker": ["node2", "node3"]}
    return Document.model_validate(
        {
            "hosts": hosts,
            "roleGroups": roles,
            "network": {"plugin": "bridge"},
            **changes,
            "kubernetes": {
                "version": "v1.20.2",
                "proxyMode": "iptables",
                "containerManager": "containerd",
                **changes.get("kubernetes", {}),
            },
        }
    )


def answers_dials(
    refuses: frozenset[str] = frozenset(ADDRESSES.values()), /, **otherwise: str
) -> Callable[[Ran], Answer]:
    """The output of a machine that dials: the others refuse, all other addresses connect; `otherwise` has exceptions.

    A key is `address/port`, `/port` or an address, a value is bash's output, or "" for no answer.
    """

    def reply(ran: Ran) -> Answer:
        lines = []
        for address, port in re.findall(r"(\S+)/(\d+)(?=\s|$)", ran.command.rpartition(" bash ")[2]):
            keys = (f"{address}/{port}", f"/{port}", address)
            usual = "connect: Connection refused" if address in refuses else "connected"
            output = next((otherwise[key] for key in keys if key in otherwise), usual)
            lines += [f"{address}/{port} {output}"] if output else []
        return Answer("\n".join(lines))

    return reply


def manifest(name: str, *arguments: str) -> bytes:
    """A static pod's manifest, as kubeadm might write it."""
    probe = {"httpGet": {"host": "127.0.0.1", "path": "/healthz", "port": 10259, "scheme": "HTTPS"}}
    container = {"name": name, "command": [name, *arguments], "livenessProbe": probe}
    return yaml.safe_dump({"kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}).encode()


@functools.cache
def manifests(*arguments: str) -> str:
    """The output of a machine when kubeadm prints the manifests of a control plane."""
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    return "\n".join(base64.b64encode(manifest(name, *arguments)).decode() for name in names)


@functools.cache
def etcds_authority() -> pki.KeyPair:
    """The same for all tests of a process: creating a key takes time, and there are hundreds of tests."""
    return pki.make_authority("etcd-ca")


def pretend(
    monkeypatch: pytest.MonkeyPatch,
    archive: Path,
    document: Document | None = None,
    leaders: dict[str, str] | None = None,
    /,
    **facts: dict[str, Any],
) -> tuple[Cluster, dict[str, FakeHost], Kept]:
    """A cluster of pretend machines; `facts` changes those of a machine by its name."""
    document = document or seed()
    hosts = {host.name: FakeHost(host.name) for host in document.hosts}
    authority = etcds_authority()
    for host in hosts.values():
        host.answer("exec 3<>", answers_dials())
        host.answer("init phase control-plane all", manifests("--port=0"))
        # No etcd runs yet, and none has before.
        host.answer("systemctl is-active --quiet etcd", 3)
        host.answer("test -d /var/lib/etcd/member", 1)
    first = hosts[document.hosts[0].name]
    first.answer("get nodes -o json", json.dumps(NODES))
    first.put(admin_conf(), "/etc/kubernetes/admin.conf")
    seen = {
        host.name: replace(
            GOOD,
            **{
                "machine_id": host.name,
                "addresses": (Address("eth0", host.first_address),),
                **facts.get(host.name, {}),
            },
        )
        for host in document.hosts
    }
    monkeypatch.setattr("clusters.engine.machine.read_facts", lambda host: seen[host.name])
    first.put(authority.certificate, "/etc/ssl/etcd/ssl/ca.pem")
    first.put(authority.key.reveal().encode(), "/etc/ssl/etcd/ssl/ca-key.pem")
    sink = Kept()
    cluster = Cluster(
        document,
        open_host=lambda spec: hosts[spec.name],
        source=PretendSource(archive),
        sink=sink,
        cancel=Cancel(),
        leaders=leaders,
    )
    return cluster, hosts, sink
