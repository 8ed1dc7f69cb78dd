"""The document -> `config-sample.yaml` as KubeKey reads it, in either dialect; and what a dialect cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from clusters.config import emit
from clusters.config.finding import Finding, warning
from clusters.config.schema import Host
from clusters.config.secret import MASK, Secret
from clusters.config.secretkeys import hidden
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.schema import Document, Model

Dialect = Literal["v1alpha1", "v1alpha2"]
Secrets = Literal["mask", "show", "omit"]

_HOST = Host()


def render(document: Document, *, dialect: str = "v1alpha2", secrets: str = "mask") -> str:
    """The whole file. `secrets`: `mask` writes dots that `load` recognises, `omit` nothing, `show` the text itself.

    Raises ConfigError for an unknown dialect or way of treating secrets.
    """
    if dialect not in ("v1alpha1", "v1alpha2") or secrets not in ("mask", "show", "omit"):
        raise ConfigError(
            f"Cannot write dialect {dialect!r} with secrets {secrets!r}.",
            hint="Dialects are v1alpha1 and v1alpha2; secrets are mask, show or omit.",
        )
    return "\n".join(_Writer(dialect, secrets).lines(document)) + "\n"


class _Writer:
    """One export: the dialect, and how secrets are written."""

    def __init__(self, dialect: str, secrets: str) -> None:
        self._old = dialect == "v1alpha1"
        self._dialect = dialect
        self._secrets = secrets

    def lines(self, document: Document) -> Iterator[str]:
        yield f"# KubeKey's {self._dialect} dialect: kk create cluster -f <this file>"
        if self._secrets != "show" and any(host.password or host.private_key for host in document.hosts):
            yield "# Passwords and private keys are not in this file; fill them in before using it with KubeKey."
        yield f"apiVersion: kubekey.kubesphere.io/{self._dialect}"
        yield "kind: Cluster"
        yield "metadata:"
        yield f"  name: {emit.text(document.name)}"
        yield "spec:"
        yield from self._hosts(document)
        sections: tuple[tuple[str, Model, Callable[[Document], dict[str, Any]]], ...] = (
            ("roleGroups", document.role_groups, self._role_groups),
            ("controlPlaneEndpoint", document.control_plane_endpoint, self._endpoint),
            ("kubernetes", document.kubernetes, self._kubernetes),
            ("etcd", document.etcd, self._etcd),
            ("network", document.network, self._network),
            ("registry", document.registry, self._registry),
        )
        for key, section, content in sections:
            data = {**content(document), **self._extra(section)}
            if data:
                yield from emit.entry(key, data, 2)
        yield from emit.block({"addons": [], **self._extra(document)}, 2)
        if document.kubesphere_document:
            yield "---"
            yield from emit.block(self._plain(document.kubesphere_document))

    def _plain(self, data: dict[str, Any]) -> dict[str, Any]:
        if self._secrets == "show":
            return data
        kept: dict[str, Any] = hidden(data, mask=self._secrets == "mask")
        return kept

    def _extra(self, section: Model) -> dict[str, Any]:
        return self._plain(section.model_extra or {})

    def _number(self, value: int) -> int | str:
        return str(value) if self._old else value

    def _hosts(self, document: Document) -> Iterator[str]:
        yield "  hosts:" if document.hosts else "  hosts: []"
        for host in document.hosts:
            yield f"  - {{{', '.join(self._row(host))}}}"

    def _row(self, host: Host) -> Iterator[str]:
        """The keys of one machine, KubeKey's defaults left out."""
        yield f"name: {emit.text(host.name)}"
        if host.address:
            yield f"address: {emit.text(host.address)}"
        if host.internal_address:
            yield f"internalAddress: {emit.text(host.internal_address)}"
        if host.port != _HOST.port:
            yield f"port: {emit.quoted(str(host.port)) if self._old else host.port}"
        if host.user != _HOST.user:
            yield f"user: {emit.text(host.user)}"
        yield from self._secret("password", host.password)
        if not self._old:
            yield from self._secret("privateKey", host.private_key)
        if host.private_key_path:
            yield f"privateKeyPath: {emit.text(host.private_key_path)}"
        if host.arch != _HOST.arch:
            yield f"arch: {emit.text(host.arch)}"
        if not self._old:
            if host.timeout != _HOST.timeout:
                yield f"timeout: {host.timeout}"
            if host.labels:
                yield f"labels: {emit.flow(host.labels)}"
        for key, value in self._extra(host).items():
            yield f"{emit.text(key)}: {emit.flow(value)}"

    def _secret(self, key: str, secret: Secret | None) -> Iterator[str]:
        if secret and self._secrets != "omit":
            yield f"{key}: {emit.quoted(secret.reveal() if self._secrets == 'show' else MASK)}"

    def _role_groups(self, document: Document) -> dict[str, Any]:
        groups = document.role_groups
        merged = groups.master + groups.control_plane if self._old else groups.master
        data = {"etcd": groups.etcd, "master": merged, "worker": groups.worker}
        if groups.control_plane and not self._old:
            data["control-plane"] = groups.control_plane
        return data

    def _endpoint(self, document: Document) -> dict[str, Any]:
        endpoint = document.control_plane_endpoint
        data: dict[str, Any] = {}
        if endpoint.internal_loadbalancer and not self._old:
            data["internalLoadbalancer"] = endpoint.internal_loadbalancer
        return data | {
            "domain": endpoint.domain,
            "address": endpoint.address,
            "port": self._number(endpoint.port),
        }

    def _kubernetes(self, document: Document) -> dict[str, Any]:
        kubernetes = document.kubernetes
        data: dict[str, Any] = {"version": kubernetes.version, "clusterName": kubernetes.cluster_name}
        if not self._old:
            data["dnsDomain"] = kubernetes.dns_domain
            data["containerManager"] = kubernetes.container_manager
        data["proxyMode"] = kubernetes.proxy_mode
        data["masqueradeAll"] = kubernetes.masquerade_all
        data["maxPods"] = self._number(kubernetes.max_pods)
        data["nodeCidrMaskSize"] = self._number(kubernetes.node_cidr_mask_size)
        if kubernetes.apiserver_cert_extra_sans:
            data["apiserverCertExtraSans"] = kubernetes.apiserver_cert_extra_sans
        return data

    def _etcd(self, document: Document) -> dict[str, Any]:
        if self._old:
            return {}
        etcd, default = document.etcd, type(document.etcd)()
        data: dict[str, Any] = {"type": etcd.type}
        for key, value, usual in (
            ("port", etcd.port, default.port),
            ("peerPort", etcd.peer_port, default.peer_port),
            ("dataDir", etcd.data_dir, default.data_dir),
        ):
            if value != usual:
                data[key] = value
        return data

    def _network(self, document: Document) -> dict[str, Any]:
        network = document.network
        return {
            "plugin": network.plugin,
            "kubePodsCIDR": network.kube_pods_cidr,
            "kubeServiceCIDR": network.kube_service_cidr,
        }

    def _registry(self, document: Document) -> dict[str, Any]:
        registry = document.registry
        data: dict[str, Any] = {"privateRegistry": registry.private_registry}
        if not self._old:
            data["namespaceOverride"] = registry.namespace_override
        data["registryMirrors"] = registry.registry_mirrors
        data["insecureRegistries"] = registry.insecure_registries
        return data


def what_does_not_fit(document: Document, dialect: str) -> tuple[Finding, ...]:
    """What an export to this dialect would lose or what KubeKey would do otherwise. Nothing for v1alpha2."""
    return tuple(_lost_in_the_old(document)) if dialect == "v1alpha1" else ()


def _lost_in_the_old(document: Document) -> Iterator[Finding]:
    """Source: the types of KubeKey 1.0."""
    for index, host in enumerate(document.hosts):
        has: dict[str, object] = {"privateKey": host.private_key, "labels": host.labels, "timeout": host.timeout != 30}
        for key in has:
            if has[key]:
                yield _lost(f"spec.hosts.{index}.{key}", key, (host.name,))
    if document.role_groups.control_plane:
        yield warning(
            "dialect.renamed",
            "spec.roleGroups.control-plane",
            "v1alpha1 has no group control-plane; its machines are written below master.",
        )
    kubernetes, etcd = document.kubernetes, document.etcd
    lost_keys: dict[str, object] = {
        "controlPlaneEndpoint.internalLoadbalancer": document.control_plane_endpoint.internal_loadbalancer,
        "kubernetes.dnsDomain": kubernetes.dns_domain != kubernetes.cluster_name,
        "kubernetes.containerManager": kubernetes.container_manager != "docker",
        "etcd.type": etcd.type != "kubekey",
        "etcd.port": etcd.port != 2379,
        "etcd.peerPort": etcd.peer_port != 2380,
        "etcd.dataDir": etcd.data_dir != "/var/lib/etcd",
        "registry.namespaceOverride": document.registry.namespace_override,
    }
    for key in lost_keys:
        if lost_keys[key]:
            yield _lost(f"spec.{key}", key.rpartition(".")[2], ())


def _lost(path: str, key: str, hosts: tuple[str, ...]) -> Finding:
    hint = "KubeKey 1 always installs docker." if key == "containerManager" else "Export as v1alpha2 to keep it."
    return warning("dialect.lost", path, f"v1alpha1 has no key {key}; it is left out.", hint=hint, hosts=hosts)
