"""What leaves the house: the document and the kubeconfig, each written down in the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.render import render
from clusters.errors import InstallerError
from clusters.runs.documents import read_document
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models import Cluster


class NothingDelivered(InstallerError):
    """No run has delivered this yet."""


def config_export(
    *, actor: AbstractBaseUser | None, cluster: Cluster, dialect: str = "v1alpha2", with_secrets: bool = False
) -> str:
    """The `config-sample.yaml`; without secrets they are left out, so that the file can be handed on."""
    allowed(actor, cluster)
    text = render(read_document(cluster.document), dialect=dialect, secrets="show" if with_secrets else "omit")
    audited(actor, "config.export", cluster.name, cluster=cluster.pk, dialect=dialect, with_secrets=with_secrets)
    return text


def kubeconfig_export(*, actor: AbstractBaseUser | None, cluster: Cluster) -> str:
    """The admin kubeconfig. Raises NothingDelivered before an installation has succeeded so far."""
    allowed(actor, cluster)
    if not cluster.kubeconfig:
        raise NothingDelivered(
            f"There is no kubeconfig of {cluster.name} yet.", hint="It comes when the control plane stands."
        )
    audited(actor, "kubeconfig.export", cluster.name, cluster=cluster.pk)
    return cluster.kubeconfig
