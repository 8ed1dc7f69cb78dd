"""Where OVN's database runs, and the ports and modules that Kube-OVN needs.

Ports are those that its pods open in a node's own network.
Sources: the pods that helm renders from the pinned charts; for what these do not name, "Prerequisites" of Kube-OVN's
documentation, and `dist/images/start-db.sh` at the pinned tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import TUNNEL_PORTS
from clusters.catalog.plugins import Between, Needs
from clusters.config.kubernetes_versions import MASTER_KEY, WORKER_KEY, facts_of
from clusters.config.topology import roles as roles_of

if TYPE_CHECKING:
    from clusters.config.schema import Document


def database_label(document: Document) -> str:
    """The label of the nodes OVN's database runs on: the document's, or its name in this Kubernetes version."""
    label = document.network.kubeovn.label
    known = facts_of(document.kubernetes.version).control_plane_labels
    return known[-1] if label.rstrip("=") == MASTER_KEY and MASTER_KEY not in known else label


def has_database(document: Document, name: str) -> bool:
    """Whether OVN's database runs on the machine of that name: it has the label, and the label's value is the same.

    A label without a value means the empty one: the chart's monitor, which reads the database's files, selects its
    nodes in the same way.
    """
    labels = dict.fromkeys(_roles(document, name), "")
    labels |= next((each.labels for each in document.hosts if each.name == name), {})
    key, _, value = database_label(document).partition("=")
    return labels.get(key) == value


def _roles(document: Document, name: str) -> tuple[str, ...]:
    """The labels that a node gets for its roles."""
    roles = roles_of(document, name)
    found: tuple[str, ...] = (WORKER_KEY,) if "worker" in roles else ()
    if "master" in roles:
        found += facts_of(document.kubernetes.version).control_plane_labels
    return found


def needs(document: Document, machine: str) -> Needs:
    """What the plugin needs of the machine of that name."""
    tunnel = document.network.kubeovn.tunnel_type
    database = (6641, 6642, 6643, 6644, 10661) if has_database(document, machine) else ()
    return Needs(
        # The controller runs on any node.
        tcp=(10660, 10665, *database, *((7471,) if tunnel == "stt" else ())),
        udp=(TUNNEL_PORTS[tunnel],) if tunnel in TUNNEL_PORTS else (),
        modules=("openvswitch", tunnel) if tunnel in TUNNEL_PORTS else ("openvswitch",),
    )


def between(document: Document) -> Between:
    """The two databases, to which every node connects, and the traffic between their copies."""
    stt = (7471,) if document.network.kubeovn.tunnel_type == "stt" else ()
    return Between(nodes=stt, central=(6641, 6642), among_central=(6643, 6644))
