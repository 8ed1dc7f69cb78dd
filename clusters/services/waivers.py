"""Warnings that somebody has read: each is acknowledged by itself, with a name and a time, and goes with the run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.config.finding import Severity
from clusters.config.rules import check
from clusters.errors import InstallerError
from clusters.models import Cluster
from clusters.runs.documents import read_document
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import AbstractBaseUser

    from clusters.config.finding import Finding


class WarningsUnread(InstallerError):
    """Nobody has said of some warnings that they are known; carries them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(
            _("Nobody has acknowledged this warning yet: %(text)s") % {"text": findings[0].message}
            if len(findings) == 1
            else _("Nobody has acknowledged these %(count)s warnings yet, the first of them: %(text)s")
            % {"count": len(findings), "text": findings[0].message},
            hint=_("The review page lists the warnings; each has a box to tick."),
        )
        self.findings = findings


def waiver_key(finding: Finding) -> str:
    """What an acknowledgement is for: this sentence. When a number or a name in it changes, it is another one."""
    told = hashlib.sha256(finding.message.encode()).hexdigest()[:12]
    return f"{finding.id}:{told}"


def warnings_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that want to be acknowledged."""
    return tuple(finding for finding in findings if finding.severity is Severity.WARNING)


def unread(cluster: Cluster, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The warnings that nobody has acknowledged."""
    given = {waiver["key"] for waiver in cluster.waivers}
    return tuple(finding for finding in warnings_of(findings) if waiver_key(finding) not in given)


@transaction.atomic
def waiver_set(*, actor: AbstractBaseUser | None, cluster: Cluster, key: str, given: bool) -> Cluster:
    """Acknowledge the warning with this key, or take that back. A key that no warning has changes nothing."""
    allowed(actor, cluster)
    cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)
    found = {waiver_key(each): each for each in warnings_of(check(read_document(cluster.document)))}
    others = [waiver for waiver in cluster.waivers if waiver["key"] != key]
    if given and key in found and len(others) == len(cluster.waivers):
        _keep(cluster, [*others, _record(actor, found[key])])
        audited(actor, "waiver.give", cluster.name, cluster=cluster.pk, id=found[key].id, text=found[key].message)
    elif not given and len(others) < len(cluster.waivers):
        _keep(cluster, others)
        audited(actor, "waiver.take_back", cluster.name, cluster=cluster.pk, id=key.partition(":")[0])
    return cluster


def waivers_for(
    *, actor: AbstractBaseUser | None, cluster: Cluster, acknowledge_all: bool = False
) -> list[dict[str, Any]]:
    """The acknowledgements that a run of the present document takes along.

    With `acknowledge_all` the actor has seen every warning and says yes to them. Raises WarningsUnread.
    """
    found = warnings_of(check(read_document(cluster.document)))
    missing = unread(cluster, found)
    if missing and not acknowledge_all:
        raise WarningsUnread(missing)
    keys = {waiver_key(finding) for finding in found}
    given = [waiver for waiver in cluster.waivers if waiver["key"] in keys]
    return given + [_record(actor, finding) for finding in missing]


def _record(actor: AbstractBaseUser | None, finding: Finding) -> dict[str, Any]:
    return {
        "key": waiver_key(finding),
        "id": finding.id,
        "text": finding.message,
        "by": actor.get_username() if actor is not None else "",
        "at": timezone.now().isoformat(),
    }


def _keep(cluster: Cluster, waivers: list[dict[str, Any]]) -> None:
    """Without `save()`: the draft itself was not edited, so its time and version stay."""
    cluster.waivers = waivers
    Cluster.objects.filter(pk=cluster.pk).update(waivers=waivers)
