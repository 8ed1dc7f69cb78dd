"""The storage provisioner "openebs": volumes in a directory of their node, which KubeKey installs with OpenEBS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.keys import Model, Text, key
from clusters.config.storage import StorageProvisioner
from clusters.config.syntax import is_absolute
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


class OpenEbs(Model):
    """OpenEBS's local volumes."""

    base_path: Text = key(
        "/var/openebs/local", "Directory of the volumes on each node.", since="3.0", v4="storage_class.local.path"
    )


def volumes(document: Document) -> Iterator[Finding]:
    """Local volumes have an absolute directory."""
    text = document.storage.openebs.base_path
    if not is_absolute(text):
        path = "spec.storage.openebs.basePath"
        message = f"{excerpt(text)} is not a valid directory for volumes."
        hint = "/var/openebs/local is usual."
        yield error("storage.path", path, message, hint=hint, found=excerpt(text), allowed="an absolute path")


PROVISIONER = StorageProvisioner(
    "openebs",
    10,
    OpenEbs,
    "Local volumes.",
    rules=(volumes,),
    built=False,
    instead="Install OpenEBS with Helm after the run.",
)
