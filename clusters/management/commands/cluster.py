"""`manage.py cluster VERB -f FILE`: run a recipe from the terminal, with the same engine as the browser."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction

from clusters import catalog
from clusters.catalog.recipes import recipes
from clusters.config.carried_files import carry
from clusters.config.dialects.v4.words import in_words_of
from clusters.config.file_sets import joined
from clusters.config.finding import locate
from clusters.config.load import LIMIT, load
from clusters.config.rules import UNUSED, check
from clusters.engine.check import CHECKS
from clusters.engine.recipe import as_it_is
from clusters.engine.step import discover
from clusters.errors import InstallerError
from clusters.management.document_files import text_of
from clusters.management.prepared import changed_values, machines_of, new_findings
from clusters.management.recipe_options import add_questions, answers_of_options, recipe_of_verb
from clusters.management.root_texts import is_named, lines_of
from clusters.models import Cluster, Run
from clusters.plaintext import plain_block
from clusters.runs.access.key_files import TerminalKeys
from clusters.runs.access.logins import logins_for
from clusters.runs.access.pinned_host_keys import OtherKey
from clusters.runs.claims.leases import claim_run
from clusters.runs.events.terminal import TerminalProgress, duration
from clusters.runs.jobs.host_key_scan import one_key_per_place, scan_host_keys
from clusters.runs.supervise import preview_counts, supervise
from clusters.runs.worker import fresh_name
from clusters.selectors.timeline import run_timeline
from clusters.services import (
    NotPossible,
    Order,
    document_of,
    draft_create,
    draft_update,
    given_reason,
    host_keys_pin,
    order_for,
    run_cancel,
    run_preview,
    run_start,
    text_acknowledge,
    texts_unread,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.recipe import Recipe
    from clusters.selectors.timeline import Timeline


WORTH_A_LINE = 1.0
"""Steps of the critical path that took at least this many seconds are listed in the terminal."""


class Command(BaseCommand):
    """Runs a recipe on the cluster that a document describes; each recipe has its own verb."""

    help = "Work on the cluster that FILE describes; running it again changes only what is not yet correct."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb with options for each recipe."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        for recipe in recipes():
            parser = verbs.add_parser(recipe.verb, help=recipe.summary.replace("%", "%%"))
            _add_options(parser)
            add_questions(parser, recipe)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, check, ask, run, and report the result: exit code 0 or 1."""
        # This may be the first command on a new data directory, before `serve` has created the tables.
        call_command("migrate", verbosity=0)
        self._recipe, self._preview = recipe_of_verb(options["verb"]), options["preview"]
        self._answers = answers_of_options(self._recipe, options)
        try:
            if options["waive"]:
                given_reason(options["reason"], ", ".join(options["waive"]))
            paths = [Path(each) for each in options["filename"]]
            document = self._document = self._read(paths, options["waive"])
            owner = self._owner(options["owner"])
            cluster = self._cluster(owner, document)
            self._key_files = TerminalKeys(paths[0].parent)
            order = self._order(cluster, document, options["waive"])
            if not self._preview:
                self._texts(cluster, order, owner, options["acknowledge"])
            part = machines_of(order)
            self._keys(cluster, owner, part, named=options["host_key"], accept=options["accept_host_keys"])
            if not options["yes"] and not self._preview:
                self._warn_of(self._recipe)
                self._ask(self._recipe.fill(self._recipe.confirm, part), "--yes")
            run = self._run(cluster, owner, options["waive"], options["reason"])
        except InstallerError as error:
            raise CommandError(f"{error.message}\n{error.hint}".rstrip()) from error
        if run.state != Run.State.SUCCEEDED:
            sys.exit(1)

    def _warn_of(self, recipe: Recipe) -> None:
        if recipe.warning:
            self._warn(recipe.warning)

    def _read(self, paths: list[Path], waivers: list[str]) -> Document:
        try:
            files = joined((str(path), text_of(str(path), LIMIT)) for path in paths)
        except InstallerError as error:
            raise CommandError(error.with_hint) from error
        loaded = load(files.text)
        self._show(files.name, files.placed(in_words_of(loaded.dialect, loaded.findings)))
        if loaded.document is None:
            raise CommandError(f"{files.name} is not a valid document.")
        # The user of this terminal may read these files; a user with only a browser must not be able to.
        document = carry(loaded.document, paths[0].parent)
        found = check(document, [each for each in waivers if not _of_a_precheck(each)])
        prepares = self._recipe.prepare is not as_it_is
        # What is waived may be found in the recipe's document alone, which is checked later.
        shown = locate((each for each in found if not (prepares and each.id == UNUSED)), loaded.positions)
        self._show(files.name, files.placed(in_words_of(loaded.dialect, shown)))
        if any(finding.blocking for finding in found):
            raise CommandError("Fix the errors first.")
        return document

    def _show(self, name: str, findings: Iterable[Finding]) -> None:
        for found in findings:
            file = found.file or name
            place = f"{file}:{found.line}:{found.column}" if found.line else f"{file} {found.path}".rstrip()
            weight = "waived" if found.waived else found.severity
            self._warn(f"{place}: {weight}: {found.message}" + (f" {found.hint}" if found.hint else ""))

    def _owner(self, name: str | None) -> Any:
        users = get_user_model().objects
        if name is None:
            return users.filter(is_superuser=True).order_by("pk").first()
        owner = users.filter(username=name).first()
        if owner is None:
            raise CommandError(f"User {name!r} does not exist.")
        return owner

    def _cluster(self, owner: Any, document: Document) -> Cluster:
        cluster = Cluster.objects.filter(name=document.name, owner=owner).order_by("pk").first()
        if cluster is None:
            return draft_create(actor=owner, name=document.name, document=document)
        if cluster.active_run is not None:
            raise CommandError(f"A run of {cluster.name} is still active; watch or cancel it in the browser.")
        if self._preview or document_of(cluster) == document:
            return cluster
        return draft_update(actor=owner, cluster=cluster, document=document, version=cluster.version)

    def _order(self, cluster: Cluster, document: Document, waivers: list[str]) -> Order:
        """Show what the recipe changes in the document, and what is found in that; errors end the command."""
        order = order_for(cluster, self._recipe.name, self._answers, document if self._preview else None)
        for line in changed_values(order, cluster.document):
            self._line(line)
        found = new_findings(order, [each for each in waivers if not _of_a_precheck(each)])
        self._show(f"document of {self._recipe.verb}", found)
        if any(finding.blocking for finding in found):
            raise CommandError("Fix the errors first.")
        return order

    def _texts(self, cluster: Cluster, order: Order, owner: Any, digests: list[str]) -> None:
        """Show texts that run as root in full, and ask about each that this user has not acknowledged word for word.

        `--yes` acknowledges none of them: a user who passes it has not read the text.
        """
        named: dict[str, Any]
        named = {"recipe": order.recipe.name, "answers": order.answers} if order.has_own_document else {}
        for text in texts_unread(actor=owner, cluster=order.cluster):
            for line in lines_of(text):
                self._line(line)
            if not is_named(text, digests):
                self._ask(f"Have you read {text.path}, and may it run?", f"--acknowledge {text.digest}")
            text_acknowledge(actor=owner, cluster=cluster, digest=text.digest, **named)

    def _keys(self, cluster: Cluster, owner: Any, document: Document, *, named: list[str], accept: bool) -> None:
        """Show new keys, and ask; a changed key, or a machine that does not answer, ends the command.

        Once a jump host's key is accepted, the machines behind it are checked.
        """
        while self._new_keys(cluster, owner, document, named, accept=accept):
            pass

    def _new_keys(self, cluster: Cluster, owner: Any, document: Document, named: list[str], *, accept: bool) -> bool:
        """Check all keys once; returns whether machines behind a jump host can be checked now."""
        logins = logins_for(document, cluster, owner, self._key_files)
        logins.require_all()
        seen = scan_host_keys(cluster.pk, logins.document)
        for sight in seen:
            if sight.trouble:
                self._warn(f"{sight.host.name}: {sight.trouble}")
        if any(sight.trouble for sight in seen):
            raise CommandError("Some machines are unreachable; nothing was done.")
        unknown = one_key_per_place(seen)
        for sight, key in unknown:
            place = f"{sight.address}:{sight.port}" if sight.port != 22 else sight.address
            who = f"The jump host {place}" if sight.of_jump_host else f"{sight.host.name} ({sight.address})"
            self._line(f"{who} presents the new key {key.fingerprint}")
            if named and key.fingerprint not in named and not accept:
                raise OtherKey(place, " or ".join(named), key.fingerprint)
        if unknown and not (accept or named):
            self._ask("Are these the keys of your machines?", "--host-key FINGERPRINT for each, or --accept-host-keys")
        host_keys_pin(actor=owner, cluster=cluster, keys=[(sight.address, sight.port, key) for sight, key in unknown])
        return any(sight.of_jump_host for sight, _key in unknown)

    def _ask(self, question: str, option: str) -> None:
        if not sys.stdin.isatty():
            raise CommandError(f"{question} No terminal to prompt on; pass {option}.")
        self.stdout.write(f"{plain_block(question)} [yes/no] ", ending="")
        self.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was done.")

    def _run(self, cluster: Cluster, owner: Any, waivers: list[str], reason: str) -> Run:
        """Execute the run in this process; created and claimed in one transaction, so that no other worker gets it."""
        name = fresh_name()
        with transaction.atomic():
            run = self._start(cluster, owner, waivers, reason)
            if claim_run(run.pk, name) is None:
                raise CommandError(f"Another worker is executing run {run.pk} of {cluster.name}.")
        progress = TerminalProgress(self._write)
        thread = threading.Thread(target=self._run_claimed, args=(run.pk, name, progress), name=f"run {run.pk}")
        with _Interrupts() as interrupts:
            thread.start()
            while thread.is_alive():
                thread.join(0.2)
                if interrupts.take():
                    self._cancel(run, owner)
        run.refresh_from_db()
        self._summary(run, progress)
        return run

    def _start(self, cluster: Cluster, owner: Any, waivers: list[str], reason: str) -> Run:
        """The run of the recipe, or its preview."""
        order = {"actor": owner, "cluster": cluster, "recipe": self._recipe.name, "answers": self._answers}
        if self._preview:
            return run_preview(**order, waivers=waivers, at_terminal=True, document=self._document)
        return run_start(**order, waivers=waivers, reason=reason, acknowledge_all=True, at_terminal=True)

    def _cancel(self, run: Run, owner: Any) -> None:
        try:
            run.refresh_from_db()
            run_cancel(actor=owner, run=run)
        except NotPossible as error:
            self._line(error.with_hint)
        else:
            self._line("Cancelling; steps that can't be interrupted safely finish first.")

    def _run_claimed(self, pk: int, name: str, progress: TerminalProgress) -> None:
        try:
            supervise(pk, worker_name=name, extra_sink=progress, key_files=self._key_files)
        finally:
            connections.close_all()

    def _line(self, line: str) -> None:
        self._write(plain_block(line))

    def _write(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _warn(self, line: str) -> None:
        self.stderr.write(plain_block(line))

    def _summary(self, run: Run, progress: TerminalProgress) -> None:
        took = ((run.finished_at or run.created_at) - (run.started_at or run.created_at)).total_seconds()
        counts = f"{progress.changed} wanted states changed, {progress.same} same"
        if run.state == Run.State.SUCCEEDED and not progress.changed:
            counts = f"nothing changed, all {progress.same} wanted states were already reached"
        if self._preview:
            counts = f"nothing was changed; {preview_counts(progress.changed, progress.same, progress.unforeseen)}"
        self._line(f"{run.cluster.name}: {run.get_state_display().lower()} in {duration(took)}: {counts}.")
        if run.state == Run.State.SUCCEEDED and not self._preview:
            for line in critical_path(run_timeline(run), took):
                self._line(line)


def _add_options(parser: ArgumentParser) -> None:
    """The options that every recipe has."""
    parser.add_argument(
        "-f", "--filename", required=True, action="append", metavar="FILE",
        help="A config-sample.yaml; for KubeKey 4's two files, give it twice. Paths in both are relative to the first.",
    )  # fmt: skip
    parser.add_argument("--preview", action="store_true", help="Show what would change; change nothing on machines.")
    parser.add_argument("--owner", help="The owner of the cluster; default: the first administrator.")
    parser.add_argument("--waive", action="append", default=[], metavar="ID", help="Waive this finding.")
    parser.add_argument("--reason", default="", help="Why the waived findings are acceptable here; saved with the run.")
    parser.add_argument(
        "--acknowledge", action="append", default=[], metavar="SHA256",
        help="You have read the text with this digest, which runs as root or changes every machine.",
    )  # fmt: skip
    parser.add_argument(
        "--host-key", action="append", default=[], metavar="SHA256:…",
        help="Accept a new host key with this fingerprint; once for each machine.",
    )  # fmt: skip
    parser.add_argument(
        "--accept-host-keys", action="store_true",
        help="Accept all new host keys; only on a network where nobody can intercept connections.",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="Start without asking.")


def critical_path(timeline: Timeline, took: float) -> Iterator[str]:
    """Lines on the critical path of a run that took so many seconds, with its longest steps."""
    listed = [bar for bar in timeline.chain if bar.seconds >= WORTH_A_LINE]
    if timeline.chain:
        yield f"critical path: {timeline.critical_seconds:.1f} s of {took:.1f} s, in {len(timeline.chain)} steps"
        yield from (f"  {bar.seconds:6.1f} s  {bar.host}  {bar.title}" for bar in listed)


def _of_a_precheck(waiver: str) -> bool:
    """Whether a waiver is for a finding on machines, not in the document."""
    discover(catalog)
    return waiver.partition("@")[0] in CHECKS.checks


class _Interrupts:
    """Ctrl-C during a run: the first one cancels the run, a second one exits at once."""

    def __init__(self) -> None:
        self._pressed = self._handled = False

    def __enter__(self) -> _Interrupts:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, *_: object) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True

    def take(self) -> bool:
        """Whether it was pressed since the last call; true once."""
        fresh = self._pressed and not self._handled
        self._handled = self._pressed
        return fresh
