"""Every cluster has a separate identity, which is written on its machines."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import migrations, models

if TYPE_CHECKING:
    from django.apps.registry import Apps


def give_each_its_own(apps: Apps, schema_editor: Any) -> None:
    """All rows have got the same default."""
    rows = apps.get_model("clusters", "Cluster").objects
    for key in list(rows.values_list("pk", flat=True)):
        rows.filter(pk=key).update(identity=uuid.uuid4())


class Migration(migrations.Migration):
    dependencies = [("clusters", "0016_sealed_digests")]

    operations = [
        migrations.AddField("cluster", "identity", models.UUIDField(default=uuid.uuid4, editable=False)),
        migrations.RunPython(give_each_its_own, migrations.RunPython.noop),
    ]
