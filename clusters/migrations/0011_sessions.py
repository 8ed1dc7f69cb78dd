"""Sessions are found by a hash; wrong passwords are counted here; one-time passwords expire.

Everybody signs in again: the old table holds what cookies hold, so its rows are deleted. So are the tables of
django-axes, which counted wrong passwords before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import StateApps

AXES = ("axes_accessattemptexpiration", "axes_accessattempt", "axes_accesslog", "axes_accessfailurelog")


def forget(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What was kept in clear of sessions, and of people who signed in."""
    using = schema_editor.connection.alias
    apps.get_model("sessions", "Session").objects.using(using).all().delete()
    there = set(schema_editor.connection.introspection.table_names())
    for table in AXES:
        if table in there:
            schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(table)}")
    account = apps.get_model("clusters", "Account").objects.using(using)
    account.filter(must_change_password=True).update(one_time_since=timezone.now())


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0010_audit"),
        ("sessions", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="one_time_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="PasswordLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("account", "Account"),
                            ("address", "Address"),
                            ("both", "Account from an address"),
                            ("browser", "Account from a known browser"),
                        ],
                        max_length=16,
                    ),
                ),
                ("subject", models.CharField(max_length=255)),
                ("failures", models.FloatField(default=0)),
                ("last_at", models.DateTimeField(db_index=True, default=timezone.now)),
                ("until", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("-last_at",),
                "constraints": [models.UniqueConstraint(fields=("kind", "subject"), name="one_count_each")],
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("session_key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=timezone.now)),
                ("seen_at", models.DateTimeField(db_index=True, default=timezone.now)),
                ("address", models.CharField(blank=True, default="", max_length=45)),
                ("browser", models.CharField(blank=True, default="", max_length=200)),
                (
                    "user",
                    models.ForeignKey(
                        null=True, on_delete=models.CASCADE, related_name="sessions", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-seen_at",),
            },
        ),
        migrations.RunPython(forget, migrations.RunPython.noop),
    ]
