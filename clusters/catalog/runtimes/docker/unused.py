"""cri.unused: containers of others run in Docker, and would end with its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("cri.unused", on="kubernetes", fix="Move these containers elsewhere, or waive this if they may be stopped.")
def docker_unused(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Docker runs no other containers"""
    if machine.read(CLAIM) is not None:
        return
    running = machine.ask(sh("command -v docker >/dev/null && docker ps -q 2>/dev/null")).stdout.split()
    if running:
        yield error(
            f"{machine.name} runs {len(running)} containers in a Docker that Slipway did not set up.",
            hint="Slipway replaces the settings of Docker and its containerd and restarts them.",
        )
