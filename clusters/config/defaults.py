"""What a new draft starts with, where that is better than KubeKey's own default."""

from __future__ import annotations

from clusters.config import runtimes
from clusters.config.schema import ControlPlaneEndpoint, Document, Kubernetes, Network
from clusters.config.versions import newest_proven

STARTER_KUBERNETES = newest_proven()
"""The newest version that is proven on machines; whoever knows what can be installed passes another one in."""


def starter_document(kubernetes_version: str = STARTER_KUBERNETES) -> Document:
    """A document without machines: what is chosen for somebody who has not chosen yet.

    Other than in KubeKey the runtime is containerd (docker needs a shim since 1.24) and the network plugin is bridge
    (it needs no image). kube-proxy's mode is left to what the machines can do.
    """
    return Document(
        name="sample",
        control_plane_endpoint=ControlPlaneEndpoint(domain="lb.kubesphere.local", address="", port=6443),
        kubernetes=Kubernetes(version=kubernetes_version, container_manager=runtimes.DEFAULT),
        network=Network(plugin="bridge"),
    )
