"""`manage.py serve`: all of Slipway on one machine: the pages, and a worker that is restarted when it dies."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from clusters.management.processes import Child, supervise
from clusters.runs.claims.leases import abandon
from clusters.runs.worker import name_prefix
from clusters.services import first_admin

if TYPE_CHECKING:
    from argparse import ArgumentParser


log = logging.getLogger(__name__)


def give_back(pid: int) -> None:
    """Release the runs of a dead worker process, so that the next worker need not wait for their leases."""
    try:
        if count := abandon(name_prefix(pid)):
            log.warning("Another worker takes over %s runs of the dead worker", count)
    except DatabaseError as error:
        log.warning("The runs of the dead worker wait until their leases expire: %s", error)


class Command(BaseCommand):
    """Updates the database, creates the first administrator, and starts web server and worker."""

    help = "Start Slipway: pages on --listen, and one worker beside them. Ctrl-C stops both."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command."""
        parser.add_argument("--listen", default=settings.SLIPWAY_LISTEN, help="Address and port (%(default)s).")

    def handle(self, *args: Any, listen: str, **options: Any) -> None:
        """Run until a signal stops it."""
        address, _, port = listen.rpartition(":")
        if not port.isdigit() or not address:
            raise CommandError(f"--listen is {listen!r}; expected address:port, such as 127.0.0.1:8000.")
        call_command("check")
        call_command("migrate", verbosity=0)
        if made := first_admin():
            self.stdout.write(f"First start: log in as {made[0]} with the one-time password {made[1]}")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        host = address.strip("[]")
        web = Child("web", ("-m", "daphne", "-b", host, "-p", port, "--no-server-name", settings.SLIPWAY_ASGI))
        worker = Child("worker", ("-m", "installer_site.cli", "work"), on_death=give_back)
        shown = f"[{host}]" if ":" in host else host
        self.stdout.write(f"Slipway is at http://{shown}:{port}/  (Ctrl-C stops it)")
        self.stdout.flush()
        supervise((web, worker), stop)
