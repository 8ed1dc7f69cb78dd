"""What people have acknowledged to run as root."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clusters", "0011_sessions")]

    operations = [
        migrations.AddField("cluster", "acknowledged_texts", models.JSONField(blank=True, default=list)),
        migrations.AddField("run", "acknowledged_texts", models.JSONField(blank=True, default=list)),
    ]
