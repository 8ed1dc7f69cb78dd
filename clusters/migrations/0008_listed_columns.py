"""What the list of clusters shows of their documents becomes columns; those of stored clusters are filled in once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.db import migrations, models

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import StateApps


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Read each stored document once; of one that cannot be read the columns stay empty, as the list showed it."""
    # Here, so that Django can list migrations without the rest of the product.
    from clusters.config.load import load
    from clusters.config.topology import endpoint_address
    from clusters.errors import InstallerError

    table = apps.get_model("clusters", "Cluster").objects.using(schema_editor.connection.alias)
    for pk in list(table.values_list("pk", flat=True)):
        try:
            text = table.values_list("document", flat=True).get(pk=pk)
        except (InstallerError, ImproperlyConfigured):  # the key is missing: nothing else of the cluster works either
            continue
        document = load(text or "").document
        if document is not None:
            address = endpoint_address(document)
            endpoint = f"{address}:{document.control_plane_endpoint.port}" if address else ""
            table.filter(pk=pk).update(
                kubernetes_version=document.kubernetes.version[:64],
                endpoint=endpoint[:300],
                machine_count=len(document.hosts),
            )


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0007_uncut_parts"),
    ]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="kubernetes_version",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="cluster",
            name="endpoint",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.AddField(
            model_name="cluster",
            name="machine_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
