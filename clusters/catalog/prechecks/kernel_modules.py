"""os.kernel_modules: what routing and containers need is in the kernel or can be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.adapt import proxy_mode
from clusters.catalog.steps.os.kernel import PROXY_MODULES, modules_of
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("os.kernel_modules", on="kubernetes", fix="Install the kernel's module package, or load them on the host.")
def kernel_modules(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel has the modules that are needed"""
    missing = [name for name in modules_of(cluster) if machine.facts.module(name) == "missing"]
    if missing:
        for_proxy = PROXY_MODULES.get(proxy_mode(cluster), ())
        hint = "Or choose kube-proxy's mode iptables." if set(missing) & set(for_proxy) else ""
        yield error(f"{machine.name}'s kernel has no {', '.join(missing)}.", hint=hint)
