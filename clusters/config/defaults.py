"""The initial contents of a new draft, where Slipway's defaults are better than KubeKey's."""

from __future__ import annotations

from clusters.config import runtimes
from clusters.config.kubernetes_versions import newest_proven
from clusters.config.schema import ControlPlaneEndpoint, Document, Kubernetes, Network

STARTER_KUBERNETES = newest_proven()
"""The newest version that is proven on machines; callers that know the artifact source pass another one."""


def starter_document(kubernetes_version: str = STARTER_KUBERNETES) -> Document:
    """A document with defaults and without machines.

    Unlike in KubeKey, the runtime is containerd (docker needs a shim since 1.24) and the network plugin is bridge
    (it needs no image). kube-proxy's mode depends on what the machines support.
    """
    return Document(
        name="sample",
        control_plane_endpoint=ControlPlaneEndpoint(domain="lb.kubesphere.local", address="", port=6443),
        kubernetes=Kubernetes(version=kubernetes_version, container_manager=runtimes.DEFAULT),
        network=Network(plugin="bridge"),
    )
