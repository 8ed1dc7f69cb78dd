"""What leaves the house: the document and the kubeconfig, each written down in the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.dialects.render import files, render
from clusters.config.edit import masked
from clusters.config.load import load
from clusters.config.logins import credential_names, note_for_kubekey
from clusters.config.masks.comments import hidden_comments
from clusters.errors import ConfigError, InstallerError
from clusters.runs.access.logins import granted_credentials, known_secrets
from clusters.runs.documents import read_document
from clusters.runs.events.masking import Masks
from clusters.services.audit import allowed, audited
from clusters.services.drafts import text_with

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.config.schema import Document
    from clusters.models import Cluster


class NothingDelivered(InstallerError):
    """No run has delivered this yet."""


def config_export(
    *,
    actor: AbstractBaseUser | None,
    cluster: Cluster,
    dialect: str = "v1alpha2",
    with_secrets: bool = False,
    part: str = "",
) -> str:
    """The `config-sample.yaml`; without secrets they are masked, so that the file can be handed on.

    In the dialect in which it is stored, it is the file as it was written, comments and all. `part` is the name of one
    of the files that KubeKey 4 wants. Of a credential the file has the user on the machines, and a comment at its head
    says what KubeKey has to be given; its secrets are never in it. Raises ConfigError.
    """
    allowed(actor, cluster)
    document = read_document(cluster.document)
    stored = _with_users(actor, cluster, document)
    if part:
        text = _part(stored, dialect, part, with_secrets=with_secrets)
    else:
        text = _exported(stored, dialect, with_secrets=with_secrets)
    note = note_for_kubekey(document)
    # What was exported once, and imported again, has the note already.
    text = text if note in text else note + text
    given = {"dialect": dialect, "with_secrets": with_secrets, **({"part": part} if part else {})}
    audited(actor, "config.export", cluster.name, cluster=cluster.pk, **given)
    return text


def _with_users(actor: AbstractBaseUser | None, cluster: Cluster, document: Document) -> str:
    """The stored text with the users of credentials, as far as this person may use those: the rest KubeKey needs."""
    known = granted_credentials(credential_names(document), cluster.owner, actor)
    if not known:
        return cluster.document
    users = {name: credential.login for name, credential in known.items() if credential.login}
    hosts = tuple(
        host.model_copy(update={"user": users[host.credential]}) if host.credential in users else host
        for host in document.hosts
    )
    return text_with(cluster.document, document.model_copy(update={"hosts": hosts}))


def _part(stored: str, dialect: str, part: str, *, with_secrets: bool) -> str:
    found = files(read_document(stored), dialect=dialect, secrets="show" if with_secrets else "mask")
    if part not in found:
        raise ConfigError(f"There is no file {part} in {dialect}.", hint=f"There are {', '.join(found)}.")
    return found[part]


def _exported(stored: str, dialect: str, *, with_secrets: bool) -> str:
    document = read_document(stored)
    if load(stored).dialect != dialect:
        return render(document, dialect=dialect, secrets="show" if with_secrets else "mask")
    stored = text_with(stored, document)
    if with_secrets:
        return stored
    masks = Masks(known_secrets(stored))
    # A secret that was in use once may still stand in a comment.
    return hidden_comments(masked(stored), masks.lines)


def kubeconfig_export(*, actor: AbstractBaseUser | None, cluster: Cluster) -> str:
    """The admin kubeconfig. Raises NothingDelivered before an installation has succeeded so far."""
    allowed(actor, cluster)
    if not cluster.kubeconfig:
        raise NothingDelivered(
            f"There is no kubeconfig of {cluster.name} yet.", hint="It comes when the control plane stands."
        )
    audited(actor, "kubeconfig.export", cluster.name, cluster=cluster.pk)
    return cluster.kubeconfig
