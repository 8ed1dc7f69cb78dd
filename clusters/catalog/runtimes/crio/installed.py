"""cri.crio_there: CRI-O is installed where the document wants it and goes with Kubernetes; Slipway installs none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.catalog.runtimes.crio import RUNTIME
from clusters.config.matrix import numbers, runtime_refused
from clusters.config.versions import parse_version
from clusters.engine.check import error, precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

_VERSION = re.compile(r"crio version v?(\S+)")
"""The first line of `crio --version`: `crio version 1.34.1`."""


@precheck(
    "cri.crio_there",
    on="kubernetes",
    waivable=False,
    when=RUNTIME.chosen,
    fix="Install CRI-O of the same minor version as Kubernetes from its packages, or choose containerd.",
)
def crio_there(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """CRI-O is installed, where it is chosen"""
    if not machine.ask(sh("command -v crio >/dev/null && systemctl cat crio.service >/dev/null 2>&1")).ok:
        yield error(f"{machine.name} has no CRI-O, or no service of that name; Slipway does not install it.")
        return
    printed = _VERSION.search(machine.ask(sh("crio --version 2>/dev/null")).stdout)
    found = numbers(printed[1]) if printed else None
    if printed is None or found is None:
        machine.note("crio --version prints no version, so it is not compared with Kubernetes")
        return
    version = parse_version(cluster.document.kubernetes.version)
    if allowed := runtime_refused(RUNTIME.name, found, version.minor):
        yield error(f"{machine.name} has CRI-O {printed[1]}; the kubelet of {version} works only with CRI-O {allowed}.")
    elif found[:2] != (1, version.minor):
        yield warning(
            f"{machine.name} has CRI-O {printed[1]}; its project tests each minor version only with the same one of "
            f"Kubernetes, here {version}."
        )
