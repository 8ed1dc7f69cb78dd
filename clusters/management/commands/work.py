"""`manage.py work`: one worker process; start as many as there is work for, on as many machines."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from clusters.gc_freeze import settle
from clusters.runs.worker import Worker

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Claims runs and connection tests, and carries them out."""

    help = "Carry out runs and connection tests until told to stop (SIGTERM gives the work to another worker)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What can be said on the command line."""
        parser.add_argument("--until-idle", action="store_true", help="Stop when nothing is left to do.")

    def handle(self, *args: Any, until_idle: bool, **options: Any) -> None:
        """Work."""
        worker = Worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        settle()
        worker.run(until_idle=until_idle)
