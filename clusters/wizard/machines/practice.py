"""Practice machines into a draft: the machines, roles when there are none yet, and a version that is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.schema import RoleGroups
from clusters.errors import ConfigError
from clusters.runs.artifact_source import available_versions, starter_version
from clusters.services import practice_machines

if TYPE_CHECKING:
    from clusters.config.schema import Document


def with_practice_machines(document: Document) -> Document:
    """The document with the practice machines in place of its own. Raises ConfigError when there are none."""
    hosts = practice_machines()
    if not hosts:
        raise ConfigError("There are no practice machines.", hint="`make demo` starts some.")
    names = tuple(host.name for host in hosts)
    known = {name for group in (document.role_groups.etcd, document.role_groups.worker) for name in group}
    groups = document.role_groups
    if not known <= set(names) or not groups.master + groups.control_plane:
        groups = RoleGroups(etcd=names[:1], master=names[:1], worker=names[1:] or names[:1])
    versions, kubernetes = available_versions(), document.kubernetes
    if versions and kubernetes.version not in versions:
        kubernetes = kubernetes.model_copy(update={"version": starter_version()})
    return document.model_copy(update={"hosts": hosts, "role_groups": groups, "kubernetes": kubernetes})
