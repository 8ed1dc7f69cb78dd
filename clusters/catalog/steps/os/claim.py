"""os/claim: record on the machine for which cluster it is prepared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from clusters.engine.step import step
from clusters.engine.wants import directory, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


@step("os/claim", on="all", needs_all=("before/scripts",), expected=0.5)
def claim(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Record which cluster this machine belongs to"""
    yield directory("/etc/slipway")
    yield file(CLAIM, json.dumps({"cluster": cluster.document.name, "node": machine.name}) + "\n")
