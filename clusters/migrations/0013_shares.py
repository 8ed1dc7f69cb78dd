"""Machine tests are found by their state: a worker asks twice a second whose wait."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0012_acknowledged"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="probe",
            index=models.Index(fields=["state"], name="probes_by_state"),
        ),
    ]
