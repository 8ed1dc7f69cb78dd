"""Adds practice machines to a draft, with roles if there are none yet, and an available version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.schema import RoleGroups
from clusters.errors import ConfigError
from clusters.runs.artifact_source import available_versions, starter_version
from clusters.services import practice_machines

if TYPE_CHECKING:
    from clusters.config.schema import Document


def with_practice_machines(document: Document) -> Document:
    """The document with the practice machines instead of its machines. Raises ConfigError when there are none."""
    hosts = practice_machines()
    if not hosts:
        raise ConfigError("No practice machines are running.", hint="Start some with `make demo`.")
    names = tuple(host.name for host in hosts)
    known = {name for group in (document.role_groups.etcd, document.role_groups.worker) for name in group}
    groups = document.role_groups
    if not known <= set(names) or not groups.master + groups.control_plane:
        groups = RoleGroups(etcd=names[:1], master=names[:1], worker=names[1:] or names[:1])
    versions, kubernetes = available_versions(), document.kubernetes
    if versions and kubernetes.version not in versions:
        kubernetes = kubernetes.model_copy(update={"version": starter_version()})
    return document.model_copy(update={"hosts": hosts, "role_groups": groups, "kubernetes": kubernetes})
