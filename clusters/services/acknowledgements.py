"""Acknowledgements: a user has read a text of the document that runs as root, before any run executes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from clusters.config.root_texts import root_texts
from clusters.errors import InstallerError
from clusters.models import Cluster
from clusters.runs.documents import read_document
from clusters.services.audit import allowed, audited
from clusters.services.masked_texts import hides, texts_with_masks
from clusters.services.orders import as_ordered, for_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import User

    from clusters.config.root_texts import RootText

MOST_STORED = 500
"""How many acknowledgements of one cluster are stored; the newest are."""
_SALT = "clusters.acknowledgements"


class TextsUnread(InstallerError):
    """The user has not acknowledged some texts that would run as root; carries them."""

    def __init__(self, texts: tuple[RootText, ...]) -> None:
        super().__init__(
            _("You have not yet acknowledged %(path)s, which runs as root or changes every machine.")
            % {"path": texts[0].path}
            if len(texts) == 1
            else _("You have not yet acknowledged %(count)s texts that run as root or change every machine: %(paths)s.")
            % {"count": len(texts), "paths": ", ".join(text.path for text in texts)},
            hint=_(
                "Read them in full on the page that starts the run, and acknowledge each. In the terminal, confirm "
                "each or pass --acknowledge with its digest."
            ),
        )
        self.texts = texts


def texts_unread(*, actor: User | None, cluster: Cluster) -> tuple[RootText, ...]:
    """The texts of the current document that this user has not acknowledged word for word."""
    known = {each["sealed"] for each in _read_by(actor, cluster)}
    return tuple(text for text in root_texts(read_document(cluster.document)) if sealed(text.digest) not in known)


@transaction.atomic
def text_acknowledge(
    *,
    actor: User | None,
    cluster: Cluster,
    digest: str,
    recipe: str = "",
    answers: Mapping[str, Any] | None = None,
) -> bool:
    """Record that this user has read the text with this digest; false if the document no longer has such a text.

    The document is the cluster's, or the one that a `recipe` makes of it with these answers. Raises what `order_for`
    raises.
    """
    allowed(actor, cluster)
    cluster.acknowledged_texts = Cluster.objects.select_for_update().get(pk=cluster.pk).acknowledged_texts
    ordered = as_ordered(cluster, recipe, answers).document
    document = read_document(ordered)
    text = next((each for each in root_texts(document) if each.digest == digest), None)
    if text is None:
        return False
    seal = sealed(digest)
    if any(each["sealed"] == seal for each in _read_by(actor, cluster)):
        return True
    by = actor.get_username() if actor is not None else ""
    record = {"sealed": seal, "path": text.path, "by": by, "by_id": _id_of(actor), "at": timezone.now().isoformat()}
    cluster.acknowledged_texts = [*cluster.acknowledged_texts, record][-MOST_STORED:]
    # Without `save()`: the draft itself was not edited, so its time and version stay.
    Cluster.objects.filter(pk=cluster.pk).update(acknowledged_texts=cluster.acknowledged_texts)
    audited(
        actor,
        "text.acknowledge",
        cluster.name,
        cluster=cluster.pk,
        path=text.path,
        **_digest_for_audit(texts_with_masks(ordered, document, cluster.document), digest),
        **for_recipe(recipe),
    )
    return True


def sealed(digest: str) -> str:
    """The stored form of a digest: a hash keyed with the server's key, so that secrets in the text can't be guessed."""
    return salted_hmac(_SALT, digest, algorithm="sha256").hexdigest()


def _digest_for_audit(texts: list[tuple[RootText, RootText]], digest: str) -> dict[str, str]:
    """The SHA-256 of a text without secrets, which anyone can check; of a text with secrets the keyed hash."""
    if any(hides(text, masked) for text, masked in texts if text.digest == digest):
        return {"hmac": sealed(digest)}
    return {"sha256": digest}


def texts_for(*, actor: User | None, cluster: Cluster) -> list[dict[str, Any]]:
    """The acknowledgements for a run of the current document. Raises TextsUnread."""
    texts = root_texts(read_document(cluster.document))
    present = {sealed(text.digest): text for text in texts}
    found = [each for each in _read_by(actor, cluster) if each["sealed"] in present]
    read = {each["sealed"] for each in found}
    unread = tuple(text for seal, text in present.items() if seal not in read)
    if unread:
        raise TextsUnread(unread)
    return found


def _read_by(actor: User | None, cluster: Cluster) -> list[dict[str, Any]]:
    return [each for each in cluster.acknowledged_texts if each["by_id"] == _id_of(actor)]


def _id_of(actor: User | None) -> int:
    """0 stands for Slipway's command line."""
    return actor.pk if actor is not None else 0
