"""kubeadm's configuration files, by the dialect each Kubernetes version speaks."""

from __future__ import annotations

from clusters.catalog.kubeadm.documents import init_configuration, join_configuration

__all__ = ["init_configuration", "join_configuration"]
