"""identity_of(): what distinguishes a cluster of the database from others on machines."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from clusters.catalog.identity import pin_of
from clusters.config.yaml.values import read_value
from clusters.engine.identity import Identity
from clusters.errors import InstallerError

if TYPE_CHECKING:
    from clusters.models import Cluster


def identity_of(cluster: Cluster) -> Identity:
    """The cluster's UUID, and the hash of the authority in its kubeconfig, if an installation has delivered one."""
    return Identity(str(cluster.identity), _authority_in(cluster.kubeconfig))


def _authority_in(kubeconfig: str) -> str:
    """The hash of the authority that a kubeconfig trusts, empty where it has none that can be read."""
    try:
        value = read_value(kubeconfig, "The cluster's kubeconfig")
        return pin_of(base64.b64decode(value["clusters"][0]["cluster"]["certificate-authority-data"]))
    except (InstallerError, ValueError, TypeError, LookupError, binascii.Error):
        return ""
