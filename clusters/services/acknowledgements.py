"""Acknowledgements: a person has read a text of the document that runs as root, before any run does it."""

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

    from django.contrib.auth.models import AbstractBaseUser

    from clusters.config.root_texts import RootText

MOST_KEPT = 500
"""Acknowledgements of one cluster that are remembered, the newest."""
_SALT = "clusters.acknowledgements"


class TextsUnread(InstallerError):
    """The person has not acknowledged some texts that would run as root; carries them."""

    def __init__(self, texts: tuple[RootText, ...]) -> None:
        super().__init__(
            _("You have not acknowledged %(path)s yet, which runs as root or changes every machine.")
            % {"path": texts[0].path}
            if len(texts) == 1
            else _("You have not acknowledged %(count)s texts yet that run as root or change every machine: %(paths)s.")
            % {"count": len(texts), "paths": ", ".join(text.path for text in texts)},
            hint=_(
                "Read them in full on the page that starts the run, and acknowledge each; on the terminal, answer or "
                "pass --acknowledge with its digest."
            ),
        )
        self.texts = texts


def texts_unread(*, actor: AbstractBaseUser | None, cluster: Cluster) -> tuple[RootText, ...]:
    """What of the present document this person has not acknowledged word for word."""
    known = {each["sealed"] for each in _read_by(actor, cluster)}
    return tuple(text for text in root_texts(read_document(cluster.document)) if sealed(text.digest) not in known)


@transaction.atomic
def text_acknowledge(
    *,
    actor: AbstractBaseUser | None,
    cluster: Cluster,
    digest: str,
    recipe: str = "",
    answers: Mapping[str, Any] | None = None,
) -> bool:
    """Write down that this person has read the text with this digest; false when the document has no such text now.

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
    cluster.acknowledged_texts = [*cluster.acknowledged_texts, record][-MOST_KEPT:]
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
    """What is stored of a digest: a hash with the server's key, without which no secret in the text can be guessed."""
    return salted_hmac(_SALT, digest, algorithm="sha256").hexdigest()


def _digest_for_audit(texts: list[tuple[RootText, RootText]], digest: str) -> dict[str, str]:
    """The SHA-256 of a text without secrets, which everybody can check; of another one the hash with the key."""
    if any(hides(text, masked) for text, masked in texts if text.digest == digest):
        return {"hmac": sealed(digest)}
    return {"sha256": digest}


def texts_for(*, actor: AbstractBaseUser | None, cluster: Cluster) -> list[dict[str, Any]]:
    """The acknowledgements that a run of the present document takes along. Raises TextsUnread."""
    texts = root_texts(read_document(cluster.document))
    present = {sealed(text.digest): text for text in texts}
    found = [each for each in _read_by(actor, cluster) if each["sealed"] in present]
    read = {each["sealed"] for each in found}
    unread = tuple(text for seal, text in present.items() if seal not in read)
    if unread:
        raise TextsUnread(unread)
    return found


def _read_by(actor: AbstractBaseUser | None, cluster: Cluster) -> list[dict[str, Any]]:
    return [each for each in cluster.acknowledged_texts if each["by_id"] == _id_of(actor)]


def _id_of(actor: AbstractBaseUser | None) -> int:
    """0 is Slipway's own command line."""
    return actor.pk if actor is not None else 0
