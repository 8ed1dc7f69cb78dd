"""of_a_cluster(): whether a machine is a node already, or was chosen to be one by an earlier run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM, KUBELET_CONF
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from clusters.remote.shell import Command


def of_a_cluster(conf: str = KUBELET_CONF, claim: str = CLAIM) -> Command:
    """Succeeds on such a machine. It was checked before it was claimed; what is on it now may be Slipway's work."""
    return sh("[ -s {} ] || [ -s {} ]", conf, claim)
