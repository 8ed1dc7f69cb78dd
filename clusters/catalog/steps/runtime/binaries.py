"""runtime/binaries: the container runtime's programs, the CNI plugins and crictl from the artifact source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.components import artifact
from clusters.catalog.paths import BIN, CNI_BIN
from clusters.catalog.runtimes import runtime_of
from clusters.engine.artifacts import unpacked
from clusters.engine.step import step
from clusters.engine.wants import directory, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CNI = ("bridge", "host-local", "loopback", "portmap")


@step("runtime/binaries", on="kubernetes", needs=("os/claim",), expected=6, timeout=900)
def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Install the container runtime, CNI plugins and crictl"""
    runtime = runtime_of(cluster.document)
    yield from runtime.binaries(machine, cluster)
    yield directory(CNI_BIN)
    yield unpacked(artifact(machine, cluster, "cni-plugins"), {each: f"{CNI_BIN}/{each}" for each in CNI})
    yield unpacked(artifact(machine, cluster, "crictl"), {"crictl": f"{BIN}/crictl"})
    yield file("/etc/crictl.yaml", f"runtime-endpoint: unix://{runtime.socket}\ntimeout: 10\n")
