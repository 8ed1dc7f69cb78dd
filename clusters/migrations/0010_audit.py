"""The audit becomes a chain: entries carry their author's name, and those that exist are brought into it and marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django.utils.timezone
from django.db import migrations, models

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import StateApps

GENESIS = "0" * 64
AT_ONCE = 500


def chain(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Number the entries in the order in which they were written, name their authors, and chain them."""
    from clusters.models import append_only
    from clusters.models.audit_chain import FIELDS, digest_of

    # There are none, unless somebody went back to an earlier version meanwhile.
    append_only.remove(schema_editor.connection)
    alias = schema_editor.connection.alias
    entries = apps.get_model("clusters", "AuditEntry").objects.using(alias)
    number, digest = 0, GENESIS
    numbers = list(entries.order_by("id").values_list("pk", flat=True))
    for start in range(0, len(numbers), AT_ONCE):
        rows = entries.filter(pk__in=numbers[start : start + AT_ONCE]).select_related("user").order_by("id")
        for row in rows:
            number += 1
            row.number, row.previous, row.before_chain, row.outcome = number, digest, True, "done"
            if row.user is not None:
                row.actor_name, row.actor_id = row.user.username, str(row.user.pk)
            row.hash = digest = digest_of({name: getattr(row, name) for name in FIELDS})
            row.save()
    heads = apps.get_model("clusters", "AuditHead").objects.using(alias)
    heads.create(pk=1, count=number, hash=digest)


def text(length: int, **more: Any) -> models.CharField[str, str]:
    return models.CharField(max_length=length, **more)


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0009_credentials"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditForward",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "way",
                    models.CharField(
                        choices=[("syslog", "Syslog"), ("webhook", "Webhook")], max_length=16, unique=True
                    ),
                ),
                ("position", models.PositiveBigIntegerField(default=0)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("given_up", models.BooleanField(default=False)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("worked_at", models.DateTimeField(blank=True, null=True)),
                ("failed_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("hash", models.CharField(default=GENESIS, max_length=64)),
            ],
        ),
        migrations.AddField("auditentry", "number", models.PositiveBigIntegerField(null=True)),
        migrations.AddField("auditentry", "actor_name", text(254, blank=True, default=""), preserve_default=False),
        migrations.AddField("auditentry", "actor_id", text(64, blank=True, default=""), preserve_default=False),
        migrations.AddField("auditentry", "address", text(64, blank=True, default=""), preserve_default=False),
        migrations.AddField("auditentry", "session", text(64, blank=True, default=""), preserve_default=False),
        migrations.AddField(
            "auditentry",
            "outcome",
            text(16, choices=[("done", "Done"), ("failed", "Failed"), ("refused", "Refused")], default="done"),
        ),
        migrations.AddField("auditentry", "before_chain", models.BooleanField(default=False)),
        migrations.AddField("auditentry", "previous", text(64, default=""), preserve_default=False),
        migrations.AddField("auditentry", "hash", text(64, default=""), preserve_default=False),
        # The time is an ordinary field from here on: saving a row must not move it, not even in this migration.
        migrations.AlterField(
            "auditentry", "at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)
        ),
        migrations.RunPython(chain, migrations.RunPython.noop),
        migrations.RemoveField("auditentry", "user"),
        migrations.AlterField("auditentry", "number", models.PositiveBigIntegerField(unique=True)),
        migrations.AlterModelOptions("auditentry", {"ordering": ("-number",)}),
        migrations.AddIndex("auditentry", models.Index(fields=["deed", "at"], name="audit_by_deed")),
    ]
