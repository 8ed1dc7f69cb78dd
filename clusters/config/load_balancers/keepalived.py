"""The load balancer "keepalived": a service on each control plane shares a virtual address. No KubeKey has it."""

from __future__ import annotations

from clusters.config.load_balancers import LoadBalancer

LOAD_BALANCER = LoadBalancer(
    "keepalived",
    "keepalived",
    "A virtual address moves between the control planes, managed by a service on each.",
    30,
    virtual=True,
)
