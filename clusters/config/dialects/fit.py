"""What a dialect cannot express: as findings, and the document after a round trip through the dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.dialects.lost_keys import losses, without
from clusters.config.dialects.shape import NEW, newer_keys
from clusters.config.dialects.v4 import fit
from clusters.config.document_masks.findings import without_secrets_in
from clusters.config.finding import Finding, info, warning
from clusters.config.keys import OWN
from clusters.config.load_balancers import names_in
from clusters.config.logins import not_in_the_file
from clusters.config.paths import joined
from clusters.config.plugins import KUBEKEY_4, plugins
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.keys import Key
    from clusters.config.schema import Document

_REMOVED = {"imageRepo": "1.1"}
"""Key -> the KubeKey release that no longer reads it."""


def what_does_not_fit(document: Document, dialect: str) -> tuple[Finding, ...]:
    """What an export to this dialect would lose, or what KubeKey would do differently."""
    makers = {"v1alpha1": _lost_in_the_old, "v4": fit.findings}
    found = (*makers.get(dialect, _ignored_by_the_new)(document), *_strange(document, dialect))
    return without_secrets_in(found, document)


def fitted(document: Document, dialect: str) -> Document:
    """The document after an export to this dialect and an import."""
    if dialect == "v1alpha1":
        return _old(document)
    return fit.fitted(document) if dialect == "v4" else document


def _ignored_by_the_new(document: Document) -> Iterator[Finding]:
    """v1alpha2 can express everything; some keys have an effect only in Slipway or older releases."""
    if document.kubernetes.image_repo:
        message = "Only KubeKey 1.0 reads imageRepo; it stays in the file."
        yield info("dialect.ignored", "spec.kubernetes.imageRepo", message, hint="Use namespaceOverride instead.")
    yield from not_in_the_file(document)
    for path, own in losses(document, "spec", lambda key, _: key.since >= OWN):
        if own.name == "credential":
            continue  # reported above, with what must be filled in
        message = f"Only Slipway uses {own.name}; it stays in the file."
        yield info("dialect.ignored", path, message)
    for path, name, hosts in _rest_of_kubekey_4(document):
        message = f"Only KubeKey 4 uses {name}; it stays in the file."
        yield info("dialect.ignored", path, message, hosts=hosts)


def _strange(document: Document, dialect: str) -> Iterator[Finding]:
    """Values that only Slipway has or that this KubeKey does not have: they are written unchanged."""
    words = (
        ("spec.network.plugin", document.network.plugin, _plugins(dialect), "network plugin", "installs none"),
        (
            "spec.controlPlaneEndpoint.internalLoadbalancer",
            document.control_plane_endpoint.internal_loadbalancer,
            ("", *names_in(dialect)),
            "internal load balancer",
            "installs none",
        ),
        (
            "spec.kubernetes.proxyMode",
            document.kubernetes.proxy_mode,
            _PROXY_MODES,
            "proxy mode",
            "prepares machines only for iptables and ipvs",
        ),
    )
    for path, text, known, what, instead in words:
        if text not in known:
            message = f"KubeKey does not know the {what} {excerpt(text)}: it {instead}. It stays in the file."
            allowed = ", ".join(word for word in known if word)
            yield warning("dialect.value", path, message, found=excerpt(text), allowed=allowed)


def _plugins(dialect: str) -> tuple[str, ...]:
    """KubeKey 4 has an additional value for a plugin that it does not install; it is listed before the last, none."""
    known = [each.name for each in plugins() if dialect in each.dialects]
    return (*known[:-1], "other", known[-1]) if dialect == KUBEKEY_4 else tuple(known)


_PROXY_MODES = ("", "iptables", "ipvs")


def _too_new(key: Key, path: str) -> bool:
    return key.since >= NEW and not any(each == path or each.startswith(f"{path}.") for each in _ELSEWHERE)


_ELSEWHERE = (
    "spec.roleGroups.control-plane",
    "spec.kubernetes.dnsDomain",
    *(f"spec.network.{each.name}.{place}" for each in plugins() for place in each.moved.values()),
)
"""Newer keys that v1alpha1 has in another place, or that are checked separately."""


def _old(document: Document) -> Document:
    found: Document = without(document, "spec", _too_new)
    groups = found.role_groups
    merged = groups.model_copy(update={"master": groups.master + groups.control_plane, "control_plane": ()})
    kubernetes = found.kubernetes.model_copy(update={"dns_domain": found.kubernetes.cluster_name})
    etcd = type(found.etcd).model_construct(**{key: getattr(found.etcd, key) for key in type(found.etcd).model_fields})
    update = {"role_groups": merged, "kubernetes": kubernetes, "etcd": etcd, "config_v4": {}, "inventory_v4": {}}
    return found.model_copy(update=update)


def _lost_in_the_old(document: Document) -> Iterator[Finding]:
    """Source: the types of KubeKey 1.0 to 1.2."""
    for path, key in losses(document, "spec", _too_new):
        yield _lost(document, path, key.name, key.since)
    if document.role_groups.control_plane:
        message = "v1alpha1 has no group control-plane; its machines are written to master."
        yield warning("dialect.renamed", "spec.roleGroups.control-plane", message)
    for name in document.role_groups.model_extra or {}:
        message = f"KubeKey reads custom groups from 2.0 on; {name} stays in the file."
        yield info("dialect.ignored", joined("spec.roleGroups", name), message)
    kubernetes = document.kubernetes
    if kubernetes.dns_domain != kubernetes.cluster_name:
        yield _lost(document, "spec.kubernetes.dnsDomain", "dnsDomain", (2, 0))
    for name in document.etcd.model_extra or {}:
        yield _lost(document, joined("spec.etcd", name), name, (2, 1))
    for path, name, hosts in _rest_of_kubekey_4(document):
        message = f"v1alpha1 has no place for {name}, which was added in KubeKey 4.0; it is left out."
        yield warning("dialect.lost", path, message, hint="Export as v4 or v1alpha2 to keep it.", hosts=hosts)
    if newer := newer_keys(document):
        message = f"Only KubeKey 1.1 and 1.2 use {', '.join(newer)}; 1.0 ignores such keys."
        yield info("dialect.newer", "spec", message)


def _rest_of_kubekey_4(document: Document) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What is kept of KubeKey 4's files without effect: path, name, and the machines that have it.

    The keys of machines are listed once for all machines.
    """
    for key in document.config_v4:
        yield joined("config", key), key, ()
    of_machines: dict[tuple[str, ...], list[str]] = {}
    for key, value in document.inventory_v4.items():
        if key == "hosts" and isinstance(value, dict):
            for host, variables in value.items():
                for place in _leaves(variables):
                    of_machines.setdefault(place, []).append(host)
        else:
            yield joined("inventory", key), key, ()
    for place, hosts in of_machines.items():
        path = joined("inventory", "hosts", hosts[0], *place)
        yield path, joined("hosts", hosts[0] if len(hosts) == 1 else "*", *place), tuple(hosts)


def _leaves(data: Any) -> Iterator[tuple[str, ...]]:
    """The paths of the values in nested mappings."""
    if not isinstance(data, dict) or not data:
        yield ()
        return
    for key, value in data.items():
        yield from ((key, *place) for place in _leaves(value))


def _lost(document: Document, path: str, key: str, since: tuple[int, ...]) -> Finding:
    release = ".".join(str(part) for part in since)
    came = "which only Slipway has" if since >= OWN else f"which was added in KubeKey {release}"
    parts = path.split(".")
    hosts = (document.hosts[int(parts[2])].name,) if parts[:2] == ["spec", "hosts"] else ()
    message = f"v1alpha1 has no key {key}, {came}; it is left out."
    return warning("dialect.lost", path, message, hint="Export as v1alpha2 to keep it.", hosts=hosts)
