"""The load balancer "haproxy": a proxy on each worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.load_balancers import LoadBalancer
from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


def haproxy(document: Document) -> Iterator[Finding]:
    """haproxy runs on every node, so it has no single address."""
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer == "haproxy" and endpoint.address not in ("", "127.0.0.1"):
        yield error(
            "endpoint.haproxy_address",
            "spec.controlPlaneEndpoint.address",
            f"With haproxy every node is its own load balancer, so the address {endpoint.address} has no effect.",
            hint="Remove the address or internalLoadbalancer.",
            found=endpoint.address,
            allowed="nothing",
        )


LOAD_BALANCER = LoadBalancer(
    "haproxy",
    "Internal haproxy",
    "Each worker forwards to all control planes. No extra machine, no extra address.",
    10,
    virtual=False,
    in_pods=True,
    dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4),
    rules=(haproxy,),
)
