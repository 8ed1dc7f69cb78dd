"""Downloads of the document and the kubeconfig, each recorded in the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from django.contrib.auth.models import User

    from clusters.config.schema import Document
    from clusters.models import Cluster


class NothingDelivered(InstallerError):
    """No run has delivered this yet."""


def config_export(
    *,
    actor: User | None,
    cluster: Cluster,
    dialect: str = "v1alpha2",
    with_secrets: bool = False,
    part: str = "",
) -> str:
    """The `config-sample.yaml`; unless `with_secrets`, they are masked, so that the file can be shared.

    In the dialect in which it is stored, it is the file as written, with comments. `part` is the name of one of the
    files that KubeKey 4 needs. For a credential the file has the user on the machines, and a comment at its top lists
    what KubeKey needs; its secrets are never in the file. Raises ConfigError.
    """
    allowed(actor, cluster)
    document = read_document(cluster.document)
    stored = _with_users(actor, cluster, document)
    if part:
        text = _part(stored, dialect, part, with_secrets=with_secrets)
    else:
        text = _whole_file(stored, dialect, with_secrets=with_secrets)
    note = note_for_kubekey(document)
    # A file that was exported and imported again already has the note.
    text = text if note in text else note + text
    given: dict[str, Any] = {"dialect": dialect, "with_secrets": with_secrets, **({"part": part} if part else {})}
    audited(actor, "config.export", cluster.name, cluster=cluster.pk, **given)
    return text


def _with_users(actor: User | None, cluster: Cluster, document: Document) -> str:
    """The stored text with the users of those credentials that this user may use, for KubeKey."""
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
        raise ConfigError(f"The dialect {dialect} has no file {part}.", hint=f"It has {', '.join(found)}.")
    return found[part]


def _whole_file(stored: str, dialect: str, *, with_secrets: bool) -> str:
    document = read_document(stored)
    if load(stored).dialect != dialect:
        return render(document, dialect=dialect, secrets="show" if with_secrets else "mask")
    stored = text_with(stored, document)
    if with_secrets:
        return stored
    masks = Masks(known_secrets(stored))
    # A comment may still contain a secret that was used earlier.
    return hidden_comments(masked(stored), masks.lines)


def kubeconfig_export(*, actor: User | None, cluster: Cluster) -> str:
    """The admin kubeconfig. Raises NothingDelivered before an installation has created it."""
    allowed(actor, cluster)
    if not cluster.kubeconfig:
        raise NothingDelivered(
            f"{cluster.name} has no kubeconfig yet.", hint="It is available once the control plane is running."
        )
    audited(actor, "kubeconfig.export", cluster.name, cluster=cluster.pk)
    return cluster.kubeconfig
