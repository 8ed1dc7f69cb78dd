"""What leaves the house: the document and the kubeconfig, each written down in the audit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.edit import masked
from clusters.config.load import load
from clusters.config.render import render
from clusters.config.secretkeys import hidden_comment
from clusters.errors import InstallerError
from clusters.runs.documents import read_document
from clusters.runs.masking import Masks, secrets_in
from clusters.services.audit import allowed, audited
from clusters.services.drafts import text_with

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models import Cluster

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.M)


class NothingDelivered(InstallerError):
    """No run has delivered this yet."""


def config_export(
    *, actor: AbstractBaseUser | None, cluster: Cluster, dialect: str = "v1alpha2", with_secrets: bool = False
) -> str:
    """The `config-sample.yaml`; without secrets they are masked, so that the file can be handed on.

    In the dialect in which it is stored, it is the file as it was written, comments and all. Raises ConfigError.
    """
    allowed(actor, cluster)
    text = _exported(cluster.document, dialect, with_secrets=with_secrets)
    audited(actor, "config.export", cluster.name, cluster=cluster.pk, dialect=dialect, with_secrets=with_secrets)
    return text


def _exported(stored: str, dialect: str, *, with_secrets: bool) -> str:
    document = read_document(stored)
    if load(stored).dialect != dialect:
        return render(document, dialect=dialect, secrets="show" if with_secrets else "mask")
    if with_secrets:
        return text_with(stored, document)
    masks = Masks(secrets_in(document))
    # A secret that was in use once may still stand in a comment.
    return _COMMENT.sub(lambda comment: hidden_comment(masks.text(comment[0])), masked(stored))


def kubeconfig_export(*, actor: AbstractBaseUser | None, cluster: Cluster) -> str:
    """The admin kubeconfig. Raises NothingDelivered before an installation has succeeded so far."""
    allowed(actor, cluster)
    if not cluster.kubeconfig:
        raise NothingDelivered(
            f"There is no kubeconfig of {cluster.name} yet.", hint="It comes when the control plane stands."
        )
    audited(actor, "kubeconfig.export", cluster.name, cluster=cluster.pk)
    return cluster.kubeconfig
