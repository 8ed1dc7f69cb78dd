"""The network plugin "bridge": a bridge on each node, routes between nodes. KubeKey does not have it."""

from __future__ import annotations

from clusters.config.plugins import NetworkPlugin

PLUGIN = NetworkPlugin("bridge", "bridge (built in)", 60)
