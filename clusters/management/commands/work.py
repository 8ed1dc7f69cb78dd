"""`manage.py work`: one worker process; start as many as you need, on any number of machines."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from clusters.gc_freeze import settle
from clusters.runs.worker import Worker

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Claims and executes runs and connection tests."""

    help = "Execute runs and connection tests until stopped (SIGTERM hands the work over to another worker)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command."""
        parser.add_argument("--until-idle", action="store_true", help="Stop when no work is left.")

    def handle(self, *args: Any, until_idle: bool, **options: Any) -> None:
        """Work."""
        worker = Worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        settle()
        worker.run(until_idle=until_idle)
