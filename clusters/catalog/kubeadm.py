"""kubeadm's configuration files, by the dialect each Kubernetes version speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.adapt import cgroup_driver, conntrack_settable, ignored_preflight_errors
from clusters.catalog.images import image_ref, repository_of
from clusters.catalog.paths import ETCD_PKI
from clusters.catalog.runtimes import runtime_of
from clusters.catalog.steps.etcd.certificates import CLIENT
from clusters.catalog.steps.etcd.start import endpoints
from clusters.config.topology import api_port, api_server_sans, load_balancer
from clusters.config.versions import facts_of

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.config.secret import Secret
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def init_configuration(machine: Machine, cluster: Cluster) -> str:
    """What `kubeadm init` is told. It contains no secret: the bootstrap token is made at each join."""
    document, facts = cluster.document, facts_of(cluster.document.kubernetes.version)
    kubernetes, api = document.kubernetes, f"kubeadm.k8s.io/{facts_of(document.kubernetes.version).kubeadm_api}"
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "localAPIEndpoint": _local_endpoint(machine, cluster),
            "nodeRegistration": _registration(machine, cluster),
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "clusterName": kubernetes.cluster_name,
            "kubernetesVersion": str(facts.version),
            "controlPlaneEndpoint": f"{document.control_plane_endpoint.domain}:{document.control_plane_endpoint.port}",
            "imageRepository": repository_of(image_ref(document, facts.pause_image)),
            **_dns(document),
            "networking": {
                "dnsDomain": kubernetes.dns_domain,
                "podSubnet": document.network.kube_pods_cidr,
                "serviceSubnet": document.network.kube_service_cidr,
            },
            "etcd": _etcd(cluster),
            "apiServer": {"certSANs": list(api_server_sans(document))},
            "controllerManager": {
                "extraArgs": _arguments(api, {"node-cidr-mask-size": str(kubernetes.node_cidr_mask_size)})
            },
        },
        _kubelet_configuration(cluster),
        _proxy_configuration(cluster),
    ]
    return "# Written by Slipway; changes are overwritten by its next run.\n" + yaml.safe_dump_all(
        documents, sort_keys=False
    )


def join_configuration(machine: Machine, cluster: Cluster, *, token: Secret, ca_hash: str) -> str:
    """What `kubeadm join` is told; contains the bootstrap token, so it lies on the machine only while joining."""
    document = cluster.document
    control_plane = {"controlPlane": {"localAPIEndpoint": _local_endpoint(machine, cluster)}}
    return yaml.safe_dump(
        {
            "apiVersion": f"kubeadm.k8s.io/{facts_of(document.kubernetes.version).kubeadm_api}",
            "kind": "JoinConfiguration",
            "nodeRegistration": _registration(machine, cluster),
            "discovery": {
                "bootstrapToken": {
                    "apiServerEndpoint": (
                        f"{document.control_plane_endpoint.domain}:{document.control_plane_endpoint.port}"
                    ),
                    "token": token.reveal(),
                    "caCertHashes": [ca_hash],
                }
            },
            **(control_plane if "master" in machine.roles else {}),
        },
        sort_keys=False,
    )


def _local_endpoint(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    return {"advertiseAddress": machine.address, "bindPort": api_port(cluster.document)}


def _dns(document: Document) -> dict[str, Any]:
    """Where CoreDNS's image is, when a private registry has it: its project is another one there."""
    if not document.registry.private_registry:
        return {}
    coredns = image_ref(document, facts_of(document.kubernetes.version).coredns_image)
    kind = {"type": "CoreDNS"} if facts_of(document.kubernetes.version).kubeadm_api == "v1beta2" else {}
    return {"dns": {**kind, "imageRepository": repository_of(coredns)}}


def _etcd(cluster: Cluster) -> dict[str, Any]:
    """Where the cluster's state is. The same file names on every control plane: kubeadm keeps one configuration."""
    client = f"{ETCD_PKI}/{CLIENT}"
    return {
        "external": {
            "endpoints": list(endpoints(cluster)),
            "caFile": f"{ETCD_PKI}/ca.pem",
            "certFile": f"{client}.pem",
            "keyFile": f"{client}-key.pem",
        }
    }


def _registration(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    # kubeadm with dockershim (to 1.23) hands the bare path to crictl; later ones want an address.
    bare = facts_of(cluster.document.kubernetes.version).dockershim
    socket = runtime_of(cluster.document).socket
    return {
        "name": machine.name,
        "criSocket": socket if bare else f"unix://{socket}",
        "ignorePreflightErrors": list(ignored_preflight_errors(machine)),
    }


def _arguments(api: str, values: dict[str, str]) -> Any:
    """v1beta4 wants a list of names and values where earlier dialects want a mapping."""
    return [{"name": name, "value": value} for name, value in values.items()] if api.endswith("v1beta4") else values


def _kubelet_configuration(cluster: Cluster) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": cgroup_driver(cluster),
        "maxPods": cluster.document.kubernetes.max_pods,
        "rotateCertificates": True,
        "containerLogMaxSize": "5Mi",
        "containerLogMaxFiles": 3,
    }


def _proxy_configuration(cluster: Cluster) -> dict[str, Any]:
    kubernetes = cluster.document.kubernetes
    configuration: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": kubernetes.proxy_mode,
        "clusterCIDR": cluster.document.network.kube_pods_cidr,
        "iptables": {"masqueradeAll": kubernetes.masquerade_all},
    }
    if load_balancer(cluster.document) in ("keepalived", "kube-vip"):
        # In ipvs mode kube-proxy would take a virtual address for a leftover of its own and remove it.
        configuration["ipvs"] = {"excludeCIDRs": [cluster.endpoint + ("/128" if ":" in cluster.endpoint else "/32")]}
    if not conntrack_settable(cluster):
        configuration["conntrack"] = {"maxPerCore": 0, "min": 0}
    return configuration
