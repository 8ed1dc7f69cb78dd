"""Runs store the answers to their recipe's questions, and may be previews; clusters are installed or worked on."""

from __future__ import annotations

from django.db import migrations, models

PARTS = [("", "Everything"), ("step", "One step"), ("rest", "What was left"), ("preview", "Preview")]

STATES = [
    ("draft", "Draft"),
    ("installing", "Installing"),
    ("working", "Working"),
    ("ready", "Ready"),
    ("failed", "Failed"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0014_workers_seen"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="answers",
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name="run",
            name="cluster_before",
            field=models.CharField(blank=True, db_default="", default="", max_length=16),
        ),
        migrations.AlterField(
            model_name="run",
            name="part",
            field=models.CharField(blank=True, choices=PARTS, default="", max_length=8),
        ),
        migrations.AlterField(
            model_name="cluster",
            name="state",
            field=models.CharField(choices=STATES, default="draft", max_length=16),
        ),
    ]
