"""What KubeKey 4's Inventory and Config cannot express, and the document after a round trip through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config import topology
from clusters.config.dialects.lost_keys import bare, losses, unknown_keys, without
from clusters.config.dialects.v4 import mapping
from clusters.config.finding import Finding, info, warning
from clusters.config.load_balancers import load_balancers
from clusters.config.paths import keys_in
from clusters.config.plugins import plugins
from clusters.config.schema import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.keys import Key
    from clusters.config.schema import Document, Registry, RoleGroups

_HELD = (
    "spec.hosts",
    "spec.roleGroups.etcd",
    "spec.roleGroups.master",
    "spec.roleGroups.worker",
    "spec.roleGroups.control-plane",
    "spec.roleGroups.registry",
    "spec.controlPlaneEndpoint.domain",
    "spec.controlPlaneEndpoint.address",
    "spec.controlPlaneEndpoint.port",
    "spec.controlPlaneEndpoint.internalLoadbalancer",
    *(f"spec.controlPlaneEndpoint.{each.key}.{option}" for each in load_balancers() for option in each.v4_options),
    "spec.kubernetes.audit.enabled",
    "spec.network.multusCNI.enabled",
    "spec.registry.privateRegistry",
    "spec.registry.namespaceOverride",
    "spec.registry.auths",
    "spec.dns.dnsEtcHosts",
)
_KEEPS = "Export as v1alpha2 to keep it."
_HOST_KEYS = ("name", "internalAddress", "labels", "arch", *mapping.CONNECTOR)
_ARCH = Host.model_fields["arch"].default
_ITSELF = {
    "addons": "Install them with Helm after the cluster is installed.",
    "preInstall": "KubeKey 4 has hook playbooks.",
    "postInstall": "KubeKey 4 has hook playbooks.",
    "credential": "Add user, and password or private_key_content, to the machine's connector.",
    "postClusterInstall": "KubeKey 4 has hook playbooks.",
}
"""Key -> the alternative. Source: KubeKey 4's page on migrating a configuration."""


def _lost(document: Document) -> Callable[[Key, str], bool]:
    kubernetes = document.kubernetes

    def is_lost(key: Key, path: str) -> bool:
        if key.v4 or path in _HELD or path == "spec.name":
            return False
        if path.startswith("spec.hosts."):
            return key.name not in _HOST_KEYS
        if path.startswith("spec.registry.auths."):
            return key.name not in mapping.AUTH
        if path == "spec.etcd.type":
            return document.etcd.type not in mapping.ETCD_TYPES
        if path.startswith("spec.kubernetes.") and key.name in mapping.ARGS:
            return not _are_args(getattr(kubernetes, key.attribute))
        return key.kind != "model" or path == "spec.etcd.external"

    return is_lost


def _are_args(items: tuple[str, ...]) -> bool:
    names = [item.partition("=")[0] for item in items]
    return all("=" in item for item in items) and len(set(names)) == len(names)


def findings(document: Document) -> Iterator[Finding]:
    """What is left out or changed, in the order of the document."""
    for path, key in losses(document, "spec", _lost(document)):
        parts = path.split(".")
        hosts = (document.hosts[int(parts[2])].name,) if parts[1] == "hosts" else ()
        hint = _ITSELF.get(key.name) or _of_a_plugin(path) or _KEEPS
        named = key.name if hosts else path.removeprefix("spec.")
        message = f"KubeKey 4 does not support {named}; it is left out."
        yield warning("dialect.lost", path, message, hint=hint, hosts=hosts)
    for path in unknown_keys(document, "spec"):
        if not path.startswith("spec.roleGroups."):
            message = f"The key {keys_in(path)[-1]} is unknown; KubeKey 4's files are written without it."
            yield warning("dialect.lost", path, message, hint=_KEEPS)
    if document.kubesphere_document is not None:
        message = "KubeKey 4 does not install KubeSphere; its document is left out."
        hint = f"Install KubeSphere with Helm after the cluster is installed. {_KEEPS}"
        yield warning("dialect.lost", "kubesphere", message, hint=hint)
    yield from _changed(document)
    yield from _spelled(document)


def _of_a_plugin(path: str) -> str:
    """What to do instead of an option of a network plugin, or of all of them."""
    return next((each.instead for each in plugins() if f"{path}.".startswith(f"spec.network.{each.name}.")), "")


def _changed(document: Document) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, host in enumerate(document.hosts):
        if host.name in seen:
            message = f"The second machine named {host.name} is left out: names are keys in the Inventory."
            yield warning("dialect.lost", f"spec.hosts.{index}.name", message, hosts=(host.name,))
        seen.add(host.name)
    groups = document.role_groups
    if groups != _expanded(groups):
        message = "Ranges like node[1:3] are expanded, and control-plane becomes kube_control_plane."
        yield info("dialect.renamed", "spec.roleGroups", message)
    for data, known, part in (
        (document.config_v4, mapping.places(), "config"),
        (document.inventory_v4, _names_of(document), "inventory"),
    ):
        if data and part == "config" and mapping.strip(data, known) != data:
            yield warning("dialect.lost", part, "Settings that occur twice in the Config are written once.")


def _spelled(document: Document) -> Iterator[Finding]:
    """Values that are spelled differently after an import."""
    for index, host in enumerate(document.hosts):
        if _with_address(host) != host:
            message = f"{host.name} gets its effective address; without one KubeKey 4 would connect to its name."
            yield info("dialect.renamed", f"spec.hosts.{index}.address", message, hosts=(host.name,))
        if host.arch != _ARCH:
            message = f"KubeKey 4 detects the architecture of {host.name} itself; arch stays in the file."
            yield info("dialect.ignored", f"spec.hosts.{index}.arch", message, hosts=(host.name,))
    if _project(document.registry) != document.registry:
        message = "The part after the registry's first / becomes its project, as in namespaceOverride."
        yield info("dialect.renamed", "spec.registry.privateRegistry", message)
    if _lines(document.dns.dns_etc_hosts) != document.dns.dns_etc_hosts:
        yield info(
            "dialect.renamed",
            "spec.dns.dnsEtcHosts",
            "KubeKey 4 has a list of lines, so each line ends with a line break.",
        )


def _names_of(document: Document) -> tuple[tuple[str, ...], ...]:
    return tuple(("hosts", host.name) for host in document.hosts)


def _expanded(groups: RoleGroups) -> RoleGroups:
    def names(items: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for item in items for name in (topology.expand(item).names or (item,)))

    update: dict[str, Any] = {each: names(getattr(groups, each)) for each in ("etcd", "worker", "registry")}
    update["master"] = names(groups.master + groups.control_plane)
    return groups.model_copy(update={**update, "control_plane": ()})


def fitted(document: Document) -> Document:
    """The document as KubeKey 4's files express it."""
    groups = _expanded(document.role_groups)
    hosts: dict[str, Host] = {}
    for host in document.hosts:
        hosts.setdefault(host.name, _with_address(host))
    held: Document = bare(
        without(document.model_copy(update={"hosts": tuple(hosts.values())}), "spec", _lost(document))
    )
    endpoint = held.control_plane_endpoint
    balancer = mapping.BALANCERS.get(endpoint.internal_loadbalancer, endpoint.internal_loadbalancer)
    return held.model_copy(
        update={
            "role_groups": groups,
            "registry": _project(held.registry),
            "control_plane_endpoint": endpoint.model_copy(update={"internal_loadbalancer": balancer}),
            "kubesphere_document": None,
            "dns": held.dns.model_copy(update={"dns_etc_hosts": _lines(held.dns.dns_etc_hosts)}),
            "config_v4": mapping.strip(document.config_v4, mapping.places()),
            "inventory_v4": document.inventory_v4,
        }
    )


def _project(registry: Registry) -> Registry:
    """KubeKey 4 has registry and project in one text, separated by the first slash."""
    both = registry.private_registry
    if registry.namespace_override:
        both = f"{both}/{registry.namespace_override}"
    private, _, namespace = both.partition("/")
    return registry.model_copy(update={"private_registry": private, "namespace_override": namespace})


def _lines(text: str) -> str:
    """KubeKey 4 has a list of lines, so each line ends with a line break."""
    body = text.rstrip("\n")
    return f"{body}\n" if body else ""


def _with_address(host: Host) -> Host:
    return host.model_copy(update={"address": host.ssh_address or host.name})
