"""kubeadm's configuration files, in the API version of each Kubernetes version."""

from __future__ import annotations

from clusters.catalog.kubeadm.documents import init_configuration, join_configuration

__all__ = ["init_configuration", "join_configuration"]
