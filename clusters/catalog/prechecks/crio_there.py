"""cri.crio_there: CRI-O is installed where the document wants it, because Slipway does not install it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.runtimes.crio import chosen
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "cri.crio_there",
    on="kubernetes",
    waivable=False,
    when=chosen,
    fix="Install CRI-O of the same minor version as Kubernetes from its packages, or choose containerd.",
)
def crio_there(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """CRI-O is installed, where it is chosen"""
    if not machine.ask(sh("command -v crio >/dev/null && systemctl cat crio.service >/dev/null 2>&1")).ok:
        yield error(f"{machine.name} has no CRI-O, or no service of that name; Slipway does not install it.")
