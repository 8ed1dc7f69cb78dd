"""The network plugin "none": Slipway installs none, and reports what the user has to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.plugins import AFTER, Plugin
from clusters.catalog.rollout import all_ready
from clusters.config.finding import Severity
from clusters.engine.events import CheckFound
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

ID = "network.none"
FIX = "Install a plugin with this cluster's kubeconfig; nodes then become ready by themselves. Then run this again."

PLUGIN = Plugin("none", is_yours=True)


@step("network/none", on="first-control-plane", needs_all=AFTER, when=PLUGIN.chosen, expected=1)
def none(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Leave the pods' network to your own plugin"""
    wanted = {each.name for each in cluster.members("master") + cluster.members("worker")}
    yield Wanted("the pods' network is left to your own plugin", lambda here: Sight(True), lambda here: None)
    waiting = sorted(name for name in wanted if not all_ready(machine, {name}).so)
    if waiting:
        message = (
            f"{', '.join(waiting)} will not be Ready, and pods that need an address will not start, until a network "
            f"plugin is installed: network.plugin is none, so you have to install one for "
            f"{cluster.document.network.kube_pods_cidr}."
        )
        machine.note(f"warning: {message} {FIX}")
        machine.emit(
            CheckFound(
                host=machine.name, step=machine.step, check=ID, severity=Severity.WARNING, message=message, fix=FIX
            )
        )
