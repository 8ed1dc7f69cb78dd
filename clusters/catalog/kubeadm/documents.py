"""The files that `kubeadm init` and `kubeadm join` read: the document's settings, in the API version of its release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.adapt import ignored_preflight_errors
from clusters.catalog.images import image_ref, repository_of
from clusters.catalog.kubeadm import audit
from clusters.catalog.kubeadm.components import kubelet_configuration, proxy_configuration
from clusters.catalog.kubeadm.dialect import (
    API_SERVER_WAIT,
    api_version,
    arguments,
    gates_argument,
    is_list_dialect,
    parsed,
)
from clusters.catalog.kubeadm.etcd import etcd_section
from clusters.catalog.runtimes import runtime_of
from clusters.config.kubernetes_versions import Version, facts_of, parse_version
from clusters.config.matrix import DUAL_STACK_SINCE
from clusters.config.topology import api_port, api_server_sans, is_dual_stack

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.config.secret import Secret
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

WATCH_SHUTDOWN_SINCE = Version(1, 27, 0)
WATCH_SHUTDOWN_WITHIN = "5s"

HEAD = "# Written by Slipway; changes are overwritten by its next run.\n"


def init_configuration(machine: Machine, cluster: Cluster) -> str:
    """The configuration for `kubeadm init`. It contains no secret: the bootstrap token is created at each join."""
    init: dict[str, Any] = {
        "apiVersion": api_version(cluster.document),
        "kind": "InitConfiguration",
        "localAPIEndpoint": _local_endpoint(machine, cluster),
        "nodeRegistration": _registration(machine, cluster),
        **_timeouts(cluster.document),
    }
    documents = [init, cluster_configuration(cluster), kubelet_configuration(cluster), proxy_configuration(cluster)]
    return HEAD + _dumped(documents)


def cluster_configuration(cluster: Cluster) -> dict[str, Any]:
    """The configuration that kubeadm stores for the whole cluster."""
    document = cluster.document
    facts, kubernetes = facts_of(document.kubernetes.version), document.kubernetes
    mask = {"node-cidr-mask-size": str(kubernetes.node_cidr_mask_size)}
    if is_dual_stack(document):
        sizes = {"ipv4": kubernetes.node_cidr_mask_size, "ipv6": kubernetes.node_cidr_mask_size_ipv6}
        mask = {f"node-cidr-mask-size-{family}": str(size) for family, size in sizes.items()}
    return {
        "apiVersion": api_version(document),
        "kind": "ClusterConfiguration",
        "clusterName": kubernetes.cluster_name,
        "kubernetesVersion": str(facts.version),
        "controlPlaneEndpoint": _endpoint(document),
        "imageRepository": repository_of(image_ref(document, facts.pause_image)),
        **_dns(document),
        **_gates(document),
        "networking": {
            "dnsDomain": kubernetes.dns_domain,
            "podSubnet": document.network.kube_pods_cidr,
            "serviceSubnet": document.network.kube_service_cidr,
        },
        "etcd": etcd_section(cluster),
        "apiServer": _api_server(document),
        "controllerManager": _component(document, mask, kubernetes.controller_manager_args),
        "scheduler": _component(document, {}, kubernetes.scheduler_args),
    }


def _gates(document: Document) -> dict[str, Any]:
    """kubeadm's own feature gates: up to 1.20 it accepts two networks only with this one."""
    wanted = is_dual_stack(document) and parse_version(document.kubernetes.version).minor < DUAL_STACK_SINCE
    return {"featureGates": {"IPv6DualStack": True}} if wanted else {}


def _dns(document: Document) -> dict[str, Any]:
    """Where CoreDNS's image is in a private registry: its project differs there."""
    if not document.registry.private_registry:
        return {}
    facts = facts_of(document.kubernetes.version)
    kind = {"type": "CoreDNS"} if facts.kubeadm_api == "v1beta2" else {}
    return {"dns": {**kind, "imageRepository": repository_of(image_ref(document, facts.coredns_image))}}


def join_configuration(machine: Machine, cluster: Cluster, *, token: Secret, ca_hash: str) -> str:
    """The configuration for `kubeadm join`. It contains the bootstrap token, so it is only there while joining."""
    document = cluster.document
    control_plane = {"controlPlane": {"localAPIEndpoint": _local_endpoint(machine, cluster)}}
    discovery: dict[str, Any] = {
        "bootstrapToken": {
            "apiServerEndpoint": _endpoint(document),
            "token": token.reveal(),
            "caCertHashes": [ca_hash],
        }
    }
    if not is_list_dialect(document):
        discovery["timeout"] = API_SERVER_WAIT
    join = {
        "apiVersion": api_version(document),
        "kind": "JoinConfiguration",
        "nodeRegistration": _registration(machine, cluster),
        "discovery": discovery,
        **(control_plane if "master" in machine.roles else {}),
        **_timeouts(document),
    }
    return _dumped([join])


def _dumped(documents: list[dict[str, Any]]) -> str:
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False)


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full: an alias in a configuration file surprises people."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def _endpoint(document: Document) -> str:
    return f"{document.control_plane_endpoint.domain}:{document.control_plane_endpoint.port}"


def _local_endpoint(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    return {"advertiseAddress": machine.address, "bindPort": api_port(cluster.document)}


def _timeouts(document: Document) -> dict[str, Any]:
    """From v1beta4 on timeouts have a separate section; before, they are in the sections that use them."""
    if not is_list_dialect(document):
        return {}
    return {
        "timeouts": {
            "controlPlaneComponentHealthCheck": API_SERVER_WAIT,
            "kubeletHealthCheck": API_SERVER_WAIT,
            "etcdAPICall": "2m0s",
            "tlsBootstrap": API_SERVER_WAIT,
            "discovery": API_SERVER_WAIT,
        }
    }


def _api_server(document: Document) -> dict[str, Any]:
    audited = document.kubernetes.audit.enabled
    ours = _watch_shutdown(document) | (audit.ARGUMENTS if audited else {})
    found: dict[str, Any] = {
        "certSANs": list(api_server_sans(document)),
        **_component(document, ours, document.kubernetes.apiserver_args),
    }
    if audited:
        found["extraVolumes"] = audit.VOLUMES
    if not is_list_dialect(document):
        found["timeoutForControlPlane"] = API_SERVER_WAIT
    return found


def _watch_shutdown(document: Document) -> dict[str, str]:
    """The argument that lets an API server close its watches when it shuts down. Without it, it waits for clients to
    close them, and kubelet kills it after 30 s. Source: kubernetes/kubernetes#114925, released with 1.27."""
    if parse_version(document.kubernetes.version) < WATCH_SHUTDOWN_SINCE:
        return {}
    return {"shutdown-watch-termination-grace-period": WATCH_SHUTDOWN_WITHIN}


def _component(document: Document, ours: dict[str, str], theirs: tuple[str, ...]) -> dict[str, Any]:
    """A component's arguments: ours, the feature gates, the document's; of several with one name the last counts."""
    values = ours | gates_argument(document) | parsed(theirs)
    return {"extraArgs": arguments(document, values)} if values else {}


def _registration(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    # kubeadm with dockershim (up to 1.23) passes the bare path to crictl; later ones expect an address.
    facts, socket = facts_of(cluster.document.kubernetes.version), runtime_of(cluster.document).socket
    found: dict[str, Any] = {
        "name": machine.name,
        "criSocket": socket if facts.dockershim else f"unix://{socket}",
        "ignorePreflightErrors": list(ignored_preflight_errors(machine, cluster)),
    }
    if "master" in machine.roles:
        # Set here instead of by kubeadm, so that a machine that also runs pods never rejects them at first.
        keys = () if "worker" in machine.roles else facts.control_plane_taints
        found["taints"] = [{"key": key, "effect": "NoSchedule"} for key in keys]
    return found
