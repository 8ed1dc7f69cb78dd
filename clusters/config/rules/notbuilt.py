"""The one table of what Slipway can install; a choice that is False here is refused, and only here.

The lines of load balancers, network plugins and container runtimes come from their files
(`clusters.config.load_balancers`, `.plugins`, `.runtimes`).

Implementing a choice sets its line to True; the other rules treat every choice as implemented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.load_balancers import load_balancers
from clusters.config.plugins import plugins
from clusters.config.rules.registry import rule
from clusters.config.runtimes import DEFAULT, runtimes
from clusters.config.syntax import address_of, network_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

BUILT: dict[str, dict[str, bool]] = {
    "topology": {
        "IPv6": False,
    },
    "internalLoadbalancer": {each.name: each.built for each in load_balancers()},
    "containerManager": {each.name: each.built for each in runtimes()},
    "etcd.type": {
        "kubekey": True,
        "kubeadm": True,
        "external": True,
    },
    "plugin": {each.name: each.built for each in plugins()},
    "kubernetes.type": {
        "kubernetes": True,
        "k3s": False,
        "k8e": False,
    },
    "documents": {
        "KubeSphere": False,
    },
}


def is_built(kind: str, choice: str) -> bool:
    """Whether this choice can be installed; other rules report unknown choices."""
    return BUILT[kind].get(choice, True)


def choices(kind: str) -> str:
    """The available choices as text."""
    return ", ".join(choice for choice, built in BUILT[kind].items() if built) or "nothing"


_CHOICES: tuple[tuple[str, Callable[[Document], str], str, str, str], ...] = (
    (
        "internalLoadbalancer",
        lambda document: document.control_plane_endpoint.internal_loadbalancer,
        "endpoint.load_balancer_not_built",
        "spec.controlPlaneEndpoint.internalLoadbalancer",
        "Remove it.",
    ),
    (
        "containerManager",
        lambda document: document.kubernetes.container_manager,
        "kubernetes.container_manager_not_built",
        "spec.kubernetes.containerManager",
        f"Use {DEFAULT}; images are the same.",
    ),
    (
        "etcd.type",
        lambda document: document.etcd.type,
        "etcd.type_not_built",
        "spec.etcd.type",
        "Use kubekey: etcd as a separate service.",
    ),
    (
        "plugin",
        lambda document: document.network.plugin,
        "network.plugin_not_built",
        "spec.network.plugin",
        "Use bridge (routes between machines in one network), or none and install a plugin yourself.",
    ),
    (
        "kubernetes.type",
        lambda document: document.kubernetes.type,
        "kubernetes.type_not_built",
        "spec.kubernetes.type",
        "Use kubernetes.",
    ),
)
"""Kind of choice, its reader, and the finding's id, path and hint."""


@rule
def choices_are_built(document: Document) -> Iterator[Finding]:
    """Every choice is implemented."""
    for kind, read, id, path, hint in _CHOICES:
        choice = read(document)
        if not is_built(kind, choice):
            yield error(
                id, path, f"Slipway does not support {choice} yet.", hint=hint, found=choice, allowed=choices(kind)
            )


@rule
def networks_of_one_kind(document: Document) -> Iterator[Finding]:
    """Networks are IPv4, or IPv4 and IPv6, while IPv6 alone is not implemented."""
    network = document.network
    for path, text in (
        ("spec.network.kubePodsCIDR", network.kube_pods_cidr),
        ("spec.network.kubeServiceCIDR", network.kube_service_cidr),
    ):
        parsed = network_of(text)
        if parsed is not None and parsed.version == 6 and not is_built("topology", "IPv6"):
            message = f"Slipway does not support IPv6-only networks like {text} yet."
            yield error("network.ipv6", path, message, found=text, allowed="IPv4")


@rule
def addresses_of_one_kind(document: Document) -> Iterator[Finding]:
    """Machines have an IPv4 address, with or without an IPv6 one, while IPv6 alone is not implemented."""
    new = is_built("topology", "IPv6")
    for index, host in enumerate(document.hosts):
        text = host.node_address
        path = f"spec.hosts.{index}.{'internalAddress' if host.internal_address else 'address'}"
        if ":" in text and "," not in text and not new and address_of(text) is not None:
            message = f"Slipway does not support IPv6-only machines like {text} yet."
            yield error("host.ipv6", path, message, found=text, allowed="IPv4", hosts=(host.name,))
