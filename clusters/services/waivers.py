"""Acknowledgements of findings: each one separately, with user and time, and saved with the run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.config.finding import Severity
from clusters.config.rules import check
from clusters.engine.check import waiver
from clusters.errors import InstallerError
from clusters.models import Cluster
from clusters.runs.documents import read_document
from clusters.services.audit import allowed, audited
from clusters.services.orders import as_ordered, for_recipe
from clusters.services.reasons import counts, given_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.contrib.auth.models import User

    from clusters.config.finding import Finding

PRECHECK = "precheck:"
"""The prefix of the key of an acknowledgement for a finding of a precheck."""


class WarningsUnread(InstallerError):
    """Some warnings have not been acknowledged; carries them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(
            _("This warning has not been acknowledged yet: %(text)s") % {"text": findings[0].message}
            if len(findings) == 1
            else _("%(count)s warnings have not been acknowledged yet, the first of them: %(text)s")
            % {"count": len(findings), "text": findings[0].message},
            hint=_("The page that starts the run lists the warnings, each with a checkbox."),
        )
        self.findings = findings


def waiver_key(finding: Finding) -> str:
    """The key of an acknowledgement, which is for this message: if a number or name in it changes, so does the key."""
    digest = hashlib.sha256(finding.message.encode()).hexdigest()[:12]
    return f"{finding.id}:{digest}"


def warnings_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that must be acknowledged."""
    return tuple(finding for finding in findings if finding.severity is Severity.WARNING)


def answerable(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that can be waived or acknowledged: every warning, and errors that may be waived."""
    return tuple(each for each in findings if each.severity is Severity.WARNING or each.waivable)


def judged(cluster: Cluster, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same findings; an error that may be waived, and was waived with this message, is `waived`."""
    given = {each["key"] for each in cluster.waivers if counts(each)}
    return tuple(
        replace(each, waived=True) if each.waivable and waiver_key(each) in given else each for each in findings
    )


def unread(cluster: Cluster, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The warnings that have not been acknowledged."""
    given = {each["key"] for each in cluster.waivers}
    return tuple(finding for finding in warnings_of(findings) if waiver_key(finding) not in given)


@transaction.atomic
def waiver_set(
    *,
    actor: User | None,
    cluster: Cluster,
    key: str,
    given: bool,
    reason: str = "",
    recipe: str = "",
    answers: Mapping[str, Any] | None = None,
) -> Cluster:
    """Waive or acknowledge the finding with this key, or withdraw that. An unknown key changes nothing.

    Neither does the key of an error that may not be waived. The findings are those of the cluster's document, or of
    the one that a `recipe` makes of it with these answers. Raises ReasonMissing for an error without a reason, and what
    `order_for` raises.
    """
    allowed(actor, cluster)
    cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)
    document = read_document(as_ordered(cluster, recipe, answers).document)
    found = {waiver_key(each): each for each in answerable(check(document))}
    there = any(each["key"] == key and counts(each) for each in cluster.waivers)
    if given and key in found and not there:
        finding = found[key]
        why = given_reason(reason, finding.id) if finding.severity is Severity.ERROR else ""
        others = [each for each in cluster.waivers if each["key"] != key]
        save_waivers(cluster, [*others, record(actor, finding, why)])
        about = {"id": finding.id, "text": finding.message, **({"reason": why} if why else {}), **for_recipe(recipe)}
        audited(actor, "waiver.give", cluster.name, cluster=cluster.pk, **about)
    elif not given and there:
        withdraw(actor, cluster, key, recipe)
    return cluster


def waivers_for(*, actor: User | None, cluster: Cluster, acknowledge_all: bool = False) -> list[dict[str, Any]]:
    """The acknowledgements for a run of the current document, including those of prechecks.

    With `acknowledge_all` the actor has seen every warning and acknowledges them all. Raises WarningsUnread.
    """
    document = read_document(cluster.document)
    found = check(document)
    missing = unread(cluster, found)
    if missing and not acknowledge_all:
        raise WarningsUnread(missing)
    keys = {waiver_key(finding) for finding in answerable(found)}
    given = [each for each in cluster.waivers if each["key"] in keys and counts(each)]
    return (
        given
        + [record(actor, finding) for finding in missing]
        + _of_prechecks(cluster, {host.name for host in document.hosts})
    )


def ids_of(records: Iterable[dict[str, Any]]) -> set[str]:
    """The ids of acknowledgements in `Run.waivers`."""
    found: set[str] = set()
    for each in records:
        if each["key"].startswith(PRECHECK):
            found |= {waiver(each["id"], host, each["severity"]) for host in each["hosts"]}
        else:
            found.add(each["id"])
    return found


def _of_prechecks(cluster: Cluster, names: set[str]) -> list[dict[str, Any]]:
    """The acknowledgements of precheck findings, each with the machines that are still in the document."""
    given = [each for each in cluster.waivers if each["key"].startswith(PRECHECK) and counts(each)]
    present = [{**each, "hosts": [host for host in each["hosts"] if host in names]} for each in given]
    return [each for each in present if each["hosts"]]


def record(actor: User | None, finding: Finding, reason: str = "") -> dict[str, Any]:
    """An acknowledgement of a finding of the document's rules."""
    about = {"key": waiver_key(finding), "id": finding.id, "severity": finding.severity.value, "text": finding.message}
    return about | ({"reason": reason} if reason else {}) | signature(actor)


def signature(actor: User | None) -> dict[str, str]:
    """The user and the time."""
    return {"by": actor.get_username() if actor is not None else "", "at": timezone.now().isoformat()}


def withdraw(actor: User | None, cluster: Cluster, key: str, recipe: str = "") -> None:
    """Delete the acknowledgement with this key, and audit that."""
    save_waivers(cluster, [each for each in cluster.waivers if each["key"] != key])
    id = key.removeprefix(PRECHECK).partition(":")[0]
    audited(actor, "waiver.take_back", cluster.name, cluster=cluster.pk, id=id, **for_recipe(recipe))


def save_waivers(cluster: Cluster, waivers: list[dict[str, Any]]) -> None:
    """Without `save()`: the draft itself was not edited, so its time and version stay."""
    cluster.waivers = waivers
    Cluster.objects.filter(pk=cluster.pk).update(waivers=waivers)
