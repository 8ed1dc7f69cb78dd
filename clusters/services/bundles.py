"""Downloads of a run: its log, its events, and the support bundle, which holds no known secrets."""

from __future__ import annotations

import json
import platform
import sys
import zipfile
from functools import partial
from importlib import metadata
from typing import IO, TYPE_CHECKING, Any

from clusters.config.dialects.render import render
from clusters.config.secrets.finder import hidden, hidden_text, secrets_in
from clusters.errors import InstallerError
from clusters.models import Event
from clusters.numbers import next_page
from clusters.runs.access.logins import known_secrets
from clusters.runs.documents import read_document
from clusters.runs.events.batches import plain
from clusters.runs.events.masking import Masks
from clusters.selectors import run_facts, run_findings
from clusters.selectors.log import lines_in
from clusters.selectors.log_text import line_as_text
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from clusters.models import Run

FIRST_PAGE, PAGE = 10, 2000
"""Events in one read of a download, at first and at most."""
PAGE_BYTES = 256 * 1024
"""Roughly how much of a log each download keeps in memory; its client may take hours to read it."""
PACKAGES = ("Django", "channels", "daphne", "django-htmx", "fabric", "paramiko", "cryptography", "pydantic", "PyYAML")
README = """\
Support bundle of run {run} of {cluster}.

document.yaml   the document of the run, secrets masked
run.json        the run: state, times, failures, waivers
plan.json       the steps and their dependencies
steps.json      each step on each machine: state, seconds, messages
facts.json      the facts of the machines
findings.json   the findings of the prechecks
events.jsonl    every event, one per line
log.txt         every line of output
versions.json   versions of Slipway's environment

Passwords, keys and tokens that Slipway knew of are replaced by dots. Machine names, addresses and the output of
programs are unchanged: check the files before you share them.
"""


def run_bundle(*, actor: User | None, run: Run) -> Callable[[IO[bytes]], None]:
    """A function that writes the bundle, a zip file, into a file; the run may still be active."""
    allowed(actor, run.cluster)
    audited(actor, "run.bundle", run.cluster.name, run=run.pk)
    return partial(_write_bundle, run)


def run_log(*, actor: User | None, run: Run, times: bool = True) -> Iterator[str]:
    """The log as text, page by page, for a download."""
    allowed(actor, run.cluster)
    audited(actor, "run.log", run.cluster.name, run=run.pk)
    return text_pages(run, times=times)


def run_events(*, actor: User | None, run: Run) -> Iterator[str]:
    """Every event as a line of JSON, page by page, for a download."""
    allowed(actor, run.cluster)
    audited(actor, "run.events", run.cluster.name, run=run.pk)
    return event_pages(run)


def _write_bundle(run: Run, into: IO[bytes]) -> None:
    masks = _masks(run)
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("README.txt", README.format(run=run.pk, cluster=masks.text(run.cluster.name)))
        bundle.writestr("document.yaml", _document(run, masks))
        for name, content in _tables(run).items():
            content = plain(json.loads(json.dumps(content, default=str)))
            text = json.dumps(hidden(masks.value(content), mask=True), indent=1, ensure_ascii=False)
            bundle.writestr(name, text)
        with bundle.open("events.jsonl", "w", force_zip64=True) as file:
            for page in event_pages(run, lambda data: hidden(masks.value(data), mask=True)):
                file.write(page.encode())
        with bundle.open("log.txt", "w", force_zip64=True) as file:
            for page in text_pages(run):
                file.write(hidden_text(masks.text(page)).encode())


def event_pages(run: Run, masked: Callable[[Any], Any] = lambda data: data) -> Iterator[str]:
    """Every event as a line of JSON, page by page, with its data passed through `masked`."""

    def as_text(row: dict[str, Any]) -> str:
        # Plain again: events stored by older versions may contain terminal codes.
        plainly = row | {"data": masked(plain(row["data"]))}
        return json.dumps(plainly, ensure_ascii=False, default=str) + "\n"

    return _pages(Event.objects.filter(run_id=run.pk), ("at", "kind", "host", "step", "first_line", "data"), as_text)


def text_pages(run: Run, *, times: bool = True) -> Iterator[str]:
    """The log as text, page by page."""

    def as_text(row: dict[str, Any]) -> str:
        lines = lines_in(row["first_line"], row["host"], row["step"], row["data"])
        return "".join(line_as_text(line, times=times) for line in lines)

    output = Event.objects.filter(run_id=run.pk, kind="output")
    return _pages(output, ("first_line", "host", "step", "data"), as_text)


def _pages(events: QuerySet[Event], columns: Sequence[str], as_text: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    """The text of these events. No cursor stays open between two pages."""
    seq, count = 0, FIRST_PAGE
    while rows := list(events.filter(seq__gt=seq).order_by("seq").values("seq", *columns)[:count]):
        page = "".join(map(as_text, rows))
        seq, count = rows[-1]["seq"], next_page(count, len(page), most=PAGE, most_bytes=PAGE_BYTES)
        del rows
        if page:
            yield page


def _masks(run: Run) -> Masks:
    """All secrets known now, including those of the cluster's current document and kubeconfig."""
    masks = Masks()
    for text in dict.fromkeys((run.document, run.cluster.document)):
        try:
            for secret in known_secrets(text):
                masks.add(secret)
        except InstallerError:
            # An unreadable document was never read by a run either; the other one is still used.
            continue
    if run.cluster.kubeconfig:
        for secret in secrets_in(run.cluster.kubeconfig):
            masks.add(secret)
    return masks


def _document(run: Run, masks: Masks) -> str:
    try:
        return masks.text(render(read_document(run.document), secrets="mask"))
    except InstallerError as error:
        return f"# The document of this run cannot be read: {masks.text(error.message)}\n"


def _tables(run: Run) -> dict[str, Any]:
    fields: tuple[str, ...]
    fields = ("id", "recipe", "answers", "state", "part", "only", "attempt", "retry_of_id", "waivers", "acknowledged")
    fields += (
        "accepted",
        "created_at",
        "started_at",
        "finished_at",
        "worker",
        "takeovers",
        "last_seq",
        "last_line",
        "message",
        "failures",
    )
    steps = run.steps.order_by("position", "pk").values(
        "step", "title", "phase", "host", "state", "started_at", "seconds", "expected", "measured", "message"
    )
    findings = [{name: getattr(found, name) for name in found.__slots__} for found in run_findings(run)]
    return {
        "run.json": {"cluster": run.cluster.name, **{name: getattr(run, name) for name in fields}},
        "plan.json": run.plan,
        "steps.json": list(steps),
        "facts.json": dict(run_facts(run)),
        "findings.json": findings,
        "versions.json": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0], "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
