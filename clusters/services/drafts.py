"""Drafts: created, saved page by page, imported and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, F
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.config.defaults import starter_document
from clusters.config.document_masks.comments import covered_comments, replaced_secrets, without_secrets
from clusters.config.edit import edit
from clusters.config.load import LIMIT, load
from clusters.config.logins import without_credentials
from clusters.config.secrets.finder import secrets_in
from clusters.config.secrets.ordinary_words import ORDINARY
from clusters.errors import ConfigError, InstallerError
from clusters.models import Cluster, Probe, Run
from clusters.runs.artifact_source import starter_version
from clusters.runs.documents import read_document, write_document
from clusters.runs.events.log_masks import Masks
from clusters.services.audit import allowed, audited
from clusters.services.columns import columns_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


class DraftRefused(InstallerError):
    """The draft was not saved."""


class DraftConflict(DraftRefused):
    """The draft was saved by another user, or in another tab, since it was read."""


class DraftUnreadable(DraftRefused):
    """The result could not be read again: it exceeds a limit for documents. `finding` has the limit."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message, hint=finding.hint)
        self.finding = finding


class DraftBusy(DraftRefused):
    """A run is using this cluster."""

    retryable = True


def document_of(thing: Cluster | Run) -> Document:
    """The document of a draft, or the frozen one of a run. Raises ConfigError when it cannot be read."""
    return read_document(thing.document)


def text_with(original: str, document: Document, *, limit: int = LIMIT) -> str:
    """The text of a document that replaces `original`, with secrets: unchanged parts stay as they were written.

    The only place that decides how a draft is written.
    """
    try:
        return edit(original, document, limit=limit)
    except ConfigError:
        return write_document(document)


def _text_to_store(original: str, document: Document, *, text: str = "") -> str:
    """The text to store for a document that replaces `original`; `text` is what a user typed.

    A secret that is no longer in the document is masked in comments: later nothing would find it there.
    Raises DraftUnreadable.
    """
    written = _check_readable(text_with(text or original, document))
    before = load(original).document
    if before is None or before == document or "#" not in written:
        return written
    gone = replaced_secrets(secrets_in(before), secrets_in(document), ORDINARY)
    masks = Masks(gone)
    covered = covered_comments(written, lambda lines: without_secrets(gone, masks.lines(lines))) if gone else written
    return covered if covered == written else _check_readable(covered)


def _check_readable(text: str) -> str:
    """Return the text. Raises DraftUnreadable when the draft could not be opened again after saving it."""
    loaded = load(text)
    if loaded.document is None:
        raise DraftUnreadable(next(finding for finding in loaded.findings if finding.blocking))
    return text


def refuse_while_busy(cluster: Cluster) -> None:
    """Raises DraftBusy while a run of this cluster is active: its document must not change."""
    run = cluster.active_run
    if run is not None:
        raise DraftBusy(
            _("Run %(run)s is using %(name)s, so nothing in it can be changed now.")
            % {"run": run.pk, "name": cluster.name},
            hint=_("Wait until it ends, or cancel it."),
        )


def refuse_other_version(cluster: Cluster, seen: int | None) -> None:
    """Raises DraftConflict when a person was shown another version of the document than the cluster has now."""
    if seen is not None and seen != cluster.version:
        raise DraftConflict(
            _("The document of %(name)s was changed since this page was opened.") % {"name": cluster.name},
            hint=_("Nothing was started. Look at what it changes now, and start it again."),
        )


def draft_create(*, actor: User | None, name: str, document: Document | None = None, original: str = "") -> Cluster:
    """A new draft; without a document it starts from the defaults, with a version that can be installed.

    If `original` is the text of a similar document, equal parts stay as they were written, including comments.
    Raises DraftUnreadable for a document that exceeds a limit.
    """
    # The artifact source may be far away: it is queried before the database is locked.
    start = document or starter_document(starter_version())
    named = start.model_copy(update={"name": name or start.name})
    text = _text_to_store(original, named) if original else _check_readable(write_document(named))
    with transaction.atomic():
        cluster = Cluster.objects.create(owner=actor, name=name or start.name, document=text, **columns_of(start))
        audited(actor, "draft.create", cluster.name, cluster=cluster.pk)
    return cluster


@transaction.atomic
def draft_copy(*, actor: User | None, cluster: Cluster) -> Cluster:
    """A new draft with the same document, including secrets, under a name that this user has not used yet.

    A copy of another user's cluster has no credentials: the copy's owner could log in to machines that the cluster's
    owner chose.
    """
    allowed(actor, cluster)
    taken = set(Cluster.objects.filter(owner=actor).values_list("name", flat=True))
    names = (f"{cluster.name[:50]}-copy{number if number > 1 else ''}" for number in range(1, 10_000))
    name = next(name for name in names if name not in taken)
    document = read_document(cluster.document)
    if actor is None or cluster.owner_id != actor.pk:
        document = without_credentials(document)
    copy = draft_create(actor=actor, name=name, document=document, original=cluster.document)
    audited(actor, "draft.copy", cluster.name, cluster=cluster.pk, copy=copy.pk)
    return copy


@transaction.atomic
def draft_update(*, actor: User | None, cluster: Cluster, document: Document, version: int, text: str = "") -> Cluster:
    """Save the draft as version + 1. `text` is what a user typed, if the document comes from text.

    Raises DraftConflict unless `version` is the one in the database, DraftBusy while a run is active, DraftUnreadable
    for a document that exceeds a limit.
    """
    allowed(actor, cluster)
    active = Run.objects.filter(cluster=cluster, state__in=Run.ACTIVE)
    mine = Cluster.objects.filter(pk=cluster.pk, version=version).filter(~Exists(active))
    name = document.name or cluster.name
    written = _text_to_store(cluster.document, document, text=text)
    gone = _removed_machines(cluster, document)
    fields = {"document": written, "name": name, "updated_at": timezone.now(), **columns_of(document)}
    if not mine.update(version=F("version") + 1, **fields):
        refuse_while_busy(cluster)
        raise DraftConflict(
            f"This page shows version {version} of {cluster.name}, which has changed since then.",
            hint="Nothing was overwritten.",
        )
    if gone:
        Probe.objects.filter(cluster=cluster, host__in=gone).delete()
    # What the update wrote is known. The rest changes without a new version, in another tab or by a run, and the answer
    # shows it: only that is read again, and not the text.
    for field, value in {**fields, "version": version + 1}.items():
        setattr(cluster, field, value)
    cluster.refresh_from_db(fields=["waivers", "acknowledged_texts", "state"])
    audited(actor, "draft.update", cluster.name, cluster=cluster.pk, version=cluster.version)
    return cluster


def _removed_machines(cluster: Cluster, document: Document) -> set[str]:
    """Names of machines that the stored draft has and this document does not."""
    before = load(cluster.document).document
    return {host.name for host in before.hosts} - {host.name for host in document.hosts} if before else set()


@transaction.atomic
def draft_delete(*, actor: User | None, cluster: Cluster) -> bool:
    """Delete the cluster, its runs and its keys; the machines don't change. Raises DraftBusy while a run is active.

    False when it was already deleted.
    """
    allowed(actor, cluster)
    if not Cluster.objects.select_for_update().filter(pk=cluster.pk).exists():
        return False
    if cluster.active_run is not None:
        raise DraftBusy(f"A run of {cluster.name} is still active.", hint="Cancel it, wait until it ends, then delete.")
    name, pk = cluster.name, cluster.pk
    cluster.delete()
    audited(actor, "draft.delete", name, cluster=pk)
    return True


def draft_import(*, actor: User | None, text: str) -> tuple[Cluster | None, tuple[Finding, ...]]:
    """A draft from a `config-sample.yaml`; None, and the findings with the reasons, when it cannot be read."""
    loaded = load(text)
    if loaded.document is None:
        return None, loaded.findings
    try:
        cluster = draft_create(actor=actor, name=loaded.document.name, document=loaded.document)
    except DraftUnreadable as error:  # a text with aliases may be much shorter than its expanded form
        return None, (*loaded.findings, error.finding)
    # As it was received, with comments; without a name for the draft and anything that is not part of the document.
    cluster.document = text_with(text, read_document(cluster.document))
    cluster.save(update_fields=["document"])
    return cluster, loaded.findings
