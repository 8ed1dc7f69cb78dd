"""`manage.py retention`: list logs that are older than their retention time, and delete them on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from clusters.plaintext import plain_block
from clusters.runs.retention import forget, preview
from clusters.services.audit import audited

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Shows which logs expire; workers delete them automatically once an hour."""

    help = "Show the runs whose logs are older than SLIPWAY_KEEP_LOG_DAYS; with --apply delete these logs now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command."""
        parser.add_argument("--apply", action="store_true", help="Delete the logs now.")

    def handle(self, *args: Any, apply: bool, **options: Any) -> None:
        """Show the logs, and delete them with --apply."""
        rows = preview()
        self.stdout.write(f"Logs are kept for {settings.SLIPWAY_KEEP_LOG_DAYS:g} days (SLIPWAY_KEEP_LOG_DAYS).")
        for row in rows:
            ended = f"{row.run.finished_at:%Y-%m-%d}"
            whose = plain_block(f"run {row.run.pk} of {row.run.cluster}")
            self.stdout.write(f"  {whose}, {row.run.state} {ended}: {row.lines} lines")
        lines = sum(row.lines for row in rows)
        self.stdout.write(f"{len(rows)} runs with {lines} lines are older. The runs themselves stay listed.")
        if apply:
            audited(None, "logs.delete", "events", runs=[row.run.pk for row in rows])
            self.stdout.write(f"{forget()} events were deleted.")
        elif rows:
            self.stdout.write("Nothing was deleted; pass --apply to delete them now.")
