"""Acknowledgements have a keyed hash of what was read in the place of its SHA-256, from which a secret is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import migrations
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from django.apps.registry import Apps

SALT = "clusters.acknowledgements"
"""As in `clusters.services.acknowledgements` when this was written."""


def seal(apps: Apps, schema_editor: Any) -> None:
    """Replace each digest by its keyed hash; nobody has to acknowledge anything again."""
    for name in ("Cluster", "Run"):
        rows = apps.get_model("clusters", name).objects.exclude(acknowledged_texts=[])
        for key, records in list(rows.values_list("pk", "acknowledged_texts")):
            sealed = [_sealed(record) for record in records]
            rows.filter(pk=key).update(acknowledged_texts=sealed)


def _sealed(record: dict[str, Any]) -> dict[str, Any]:
    record = dict(record)
    digest = record.pop("digest", None)
    if digest is not None:
        record["sealed"] = salted_hmac(SALT, digest, algorithm="sha256").hexdigest()
    return record


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0015_recipe_answers"),
    ]

    operations = [migrations.RunPython(seal, migrations.RunPython.noop)]
