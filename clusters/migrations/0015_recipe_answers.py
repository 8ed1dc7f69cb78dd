"""Runs store the answers to their recipe's questions, and may be previews."""

from __future__ import annotations

from django.db import migrations, models

PARTS = [("", "Everything"), ("step", "One step"), ("rest", "What was left"), ("preview", "Preview")]


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0014_workers_seen"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="answers",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name="run",
            name="part",
            field=models.CharField(blank=True, choices=PARTS, default="", max_length=8),
        ),
    ]
