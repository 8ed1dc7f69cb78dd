"""The `storage` section; the options of each provisioner are in `clusters.config.storage`, and a test compares the two.

Source: the types of KubeKey 3.0 and 3.1.
"""

from __future__ import annotations

from clusters.config.keys import Model, key
from clusters.config.storage import openebs
from clusters.config.storage.openebs import OpenEbs


class Storage(Model):
    """Storage for volumes."""

    openebs: OpenEbs = key(OpenEbs(), openebs.PROVISIONER.help, since="3.0", acted=openebs.PROVISIONER.built)
