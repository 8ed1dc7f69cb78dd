"""runtime/binaries: containerd, runc, the CNI plugins and crictl from the artifact source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import BIN
from clusters.engine.artifacts import binary, unpacked
from clusters.engine.step import step
from clusters.engine.wants import directory, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
CNI = ("bridge", "host-local", "loopback", "portmap")
CNI_BIN = "/opt/cni/bin"


@step("runtime/binaries", on="kubernetes", needs=("os/claim",), expected=6, timeout=900)
def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Put containerd, runc, CNI plugins and crictl in place"""
    kubernetes, arch, source = cluster.document.kubernetes.version, machine.facts.arch, cluster.source

    def release(component: str, name: str) -> tuple[str, str]:
        version = source.version_of(component, kubernetes)
        return version, name.format(plain=version.removeprefix("v"), version=version, arch=arch)

    version, name = release("containerd", "containerd-{plain}-linux-{arch}.tar.gz")
    yield unpacked(
        source.file("containerd", version, name, arch), {f"bin/{each}": f"{BIN}/{each}" for each in CONTAINERD}
    )
    version, name = release("runc", "runc.{arch}")
    yield binary(source.file("runc", version, name, arch), "/usr/local/sbin/runc")
    yield directory(CNI_BIN)
    version, name = release("cni-plugins", "cni-plugins-linux-{arch}-{version}.tgz")
    yield unpacked(source.file("cni-plugins", version, name, arch), {each: f"{CNI_BIN}/{each}" for each in CNI})
    version, name = release("crictl", "crictl-{version}-linux-{arch}.tar.gz")
    yield unpacked(source.file("crictl", version, name, arch), {"crictl": f"{BIN}/crictl"})
    yield file("/etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\ntimeout: 10\n")
