"""`manage.py rotate_keys`: encrypt everything again with the first key, so that older keys can be deleted."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from clusters.models.fields import EncryptedTextField, KeyMissing
from clusters.services.audit import audited

ROWS_AT_ONCE = 100


class Command(BaseCommand):
    """Processes every encrypted field of every model."""

    help = "Encrypt everything again with the newest key of SLIPWAY_SECRET_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, all or nothing."""
        count = 0
        try:
            with transaction.atomic():
                for model in apps.get_models():
                    names = [field.name for field in model._meta.fields if isinstance(field, EncryptedTextField)]
                    if names:
                        count += rotate(model, names)
                audited(None, "keys.rotate", "database", rows=count)
        except KeyMissing as error:
            raise CommandError(f"{error.message} Nothing was changed. {error.hint}") from error
        self.stdout.write(f"{count} rows are now encrypted with the newest key; older keys are no longer needed.")


def rotate(model: type[models.Model], names: list[str]) -> int:
    """Encrypt these fields of every row again; returns the number of rows."""
    count = 0
    numbers = list(model._default_manager.values_list("pk", flat=True))
    # Not iterator(): PostgreSQL uses a cursor for it, and a row that cannot be read would leave it open.
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        for row in model._default_manager.only("pk", *names).filter(pk__in=numbers[start : start + ROWS_AT_ONCE]):
            model._default_manager.filter(pk=row.pk).update(**{name: getattr(row, name) for name in names})
            count += 1
    return count
