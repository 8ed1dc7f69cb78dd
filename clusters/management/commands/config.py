"""`manage.py config check|show|schema`: check or convert a config-sample.yaml without a cluster."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from clusters.config.dialects.render import files, render, what_does_not_fit
from clusters.config.file_sets import joined
from clusters.config.finding import format_finding
from clusters.config.json_schema import json_schema_text
from clusters.config.load import DIALECTS, LIMIT, load
from clusters.config.report import findings_of, report
from clusters.errors import InstallerError
from clusters.management.document_files import text_of
from clusters.plaintext import plain_block, plain_text

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Collection


class Command(BaseCommand):
    """Check a file, rewrite it in one of KubeKey's dialects, or print the JSON Schema."""

    help = "Check config-sample.yaml files, or show one in one of KubeKey's dialects. '-' is standard input."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="report errors with line and column; exit code 1 on errors")
        check.add_argument("files", nargs="+", metavar="FILE")
        check.add_argument("--waive", action="append", default=[], metavar="ID", help="waive this finding")
        check.add_argument("--json", action="store_true", help="print the findings as JSON")
        show = verbs.add_parser("show", help="rewrite the document, secrets masked")
        show.add_argument("files", nargs="+", metavar="FILE", help="one file, or KubeKey 4's two")
        show.add_argument("--as", dest="dialect", choices=DIALECTS, help="the dialect; default: that of the file")
        show.add_argument("--with-secrets", action="store_true", help="write passwords and keys in plain text")
        show.add_argument("--to", metavar="DIRECTORY", help="write files there: for v4 inventory.yaml and config.yaml")
        verbs.add_parser("schema", help="print the JSON Schema (draft 2020-12), for editors and other programs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "check":
            self._check(options["files"], options.get("waive", ()), as_json=options.get("json", False))
        elif options["verb"] == "schema":
            self.stdout.write(json_schema_text(), ending="")
        else:
            self._show(options["files"], options["dialect"], options["with_secrets"], options.get("to"))

    def _check(self, files: list[str], waivers: Collection[str], *, as_json: bool) -> None:
        result = report(((_display_name(file), _text_or_error(file)) for file in files), waivers)
        lines = (json.dumps(result.data, indent=2, ensure_ascii=False),) if as_json else result.lines
        for line in lines:
            self.stdout.write(plain_text(line))
        if result.failed:
            sys.exit(1)

    def _show(self, names: list[str], dialect: str | None, with_secrets: bool, directory: str | None) -> None:
        sources = joined((_display_name(name), _text(name)) for name in names)
        loaded = load(sources.text)
        if loaded.document is None:
            raise CommandError("\n".join(map(format_finding, sources.placed(findings_of(loaded)))))
        wanted = dialect or loaded.dialect
        for finding in what_does_not_fit(loaded.document, wanted):
            self.stderr.write(plain_block(format_finding(finding)))
        secrets = "show" if with_secrets else "mask"
        if directory is None:
            self.stdout.write(render(loaded.document, dialect=wanted, secrets=secrets), ending="")
            return
        for name, text in files(loaded.document, dialect=wanted, secrets=secrets).items():
            self.stdout.write(str(_write(Path(directory) / name, text)))


def _write(path: Path, text: str) -> Path:
    """Write a new file, readable only by its owner. An existing file is never overwritten."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as problem:
        raise CommandError(f"{path} already exists; choose another directory.") from problem
    except OSError as problem:
        raise CommandError(f"Cannot write {path}: {problem.strerror}.") from problem
    return path


def _display_name(file: str) -> str:
    return "stdin" if file == "-" else file


def _text(file: str) -> str:
    try:
        return text_of(file, LIMIT)
    except InstallerError as problem:
        raise CommandError(problem.with_hint) from problem


def _text_or_error(file: str) -> str | InstallerError:
    try:
        return text_of(file, LIMIT)
    except InstallerError as problem:
        return problem
