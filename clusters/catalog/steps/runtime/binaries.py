"""runtime/binaries: containerd, runc, the CNI plugins and crictl from the artifact source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.components import artifact
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
    yield unpacked(artifact(machine, cluster, "containerd"), {f"bin/{each}": f"{BIN}/{each}" for each in CONTAINERD})
    yield binary(artifact(machine, cluster, "runc"), "/usr/local/sbin/runc")
    yield directory(CNI_BIN)
    yield unpacked(artifact(machine, cluster, "cni-plugins"), {each: f"{CNI_BIN}/{each}" for each in CNI})
    yield unpacked(artifact(machine, cluster, "crictl"), {"crictl": f"{BIN}/crictl"})
    yield file("/etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\ntimeout: 10\n")
