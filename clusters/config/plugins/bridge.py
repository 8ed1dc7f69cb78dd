"""The network plugin "bridge": a bridge on each node, routes between nodes. KubeKey has none like it."""

from __future__ import annotations

from clusters.config.plugins import NetworkPlugin

PLUGIN = NetworkPlugin("bridge", "bridge (built in)", 60)
