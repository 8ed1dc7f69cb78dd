"""`manage.py audit verify`: whether the audit's chain is intact, else the first broken entry and its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from clusters.models import append_only
from clusters.places import command_line
from clusters.plaintext import plain_block
from clusters.selectors.audit import verify_audit

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Reads every entry and computes its hash; changes nothing."""

    help = "Verify the chain of the audit; exit code 1 when it, or what protects it in the database, is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="Report the first broken entry and what is wrong with it.")
        verify.add_argument("--count", type=int, default=0, metavar="N", help="The recorded number of entries.")
        verify.add_argument("--hash", default="", metavar="HASH", help="The recorded hash of entry N.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the chain and report its state."""
        if options["hash"] and not options["count"]:
            raise CommandError("--hash is the hash of entry --count; name both.")
        found = verify_audit(count=options["count"], digest=options["hash"].strip().lower())
        unprotected = _unprotected()
        if found.broken:
            if unprotected:
                self.stderr.write(unprotected)
            raise CommandError(plain_block(found.broken))
        older = f", {found.before_chain} of them from before the chain" if found.before_chain else ""
        self.stdout.write(f"The audit is intact: {found.count} entries{older}.")
        self.stdout.write("Record these outside Slipway; next time they show whether entries are missing at the end:")
        self.stdout.write(f"  --count {found.count} --hash {found.hash}")
        if unprotected:
            raise CommandError(unprotected)


def _unprotected() -> str:
    """A message if the database no longer refuses changes; empty if it does."""
    missing = append_only.missing_from(connection)
    if not missing:
        return ""
    return (
        f"The database does not refuse changes of entries: the triggers {', '.join(missing)} are missing or were "
        f"changed. `{command_line('migrate')}` creates them again. Meanwhile the whole chain could have been "
        "recomputed: compare it with the values recorded outside."
    )
