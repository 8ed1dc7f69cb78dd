"""The configurations of kubelet and kube-proxy, which kubeadm passes on; the document's settings override ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.adapt import cgroup_driver, conntrack_settable, proxy_mode, tolerates_cgroups_v1
from clusters.catalog.images import image_ref
from clusters.catalog.kubeadm.dialect import known_gates, merged, parsed
from clusters.catalog.runtimes import runtime_of
from clusters.config.component_settings.proxy_flags import as_configuration
from clusters.config.kubernetes_versions import facts_of
from clusters.config.load_balancers import has_virtual_address
from clusters.config.topology import NODE_DNS_ADDRESS

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster


def kubelet_configuration(cluster: Cluster) -> dict[str, Any]:
    """kubelet's configuration for all nodes. `kubeletConfiguration` wins over the keys of the document beside it."""
    kubernetes = cluster.document.kubernetes
    ours: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": cgroup_driver(cluster),
        "maxPods": kubernetes.max_pods,
        "podPidsLimit": kubernetes.pod_pids_limit,
        "rotateCertificates": True,
        "containerLogMaxSize": "5Mi",
        "containerLogMaxFiles": 3,
    }
    if known_gates(cluster.document):
        ours["featureGates"] = known_gates(cluster.document)
    if tolerates_cgroups_v1(cluster):
        ours["failCgroupV1"] = False
    if _images_would_be_lost(cluster):
        ours["imageGCHighThresholdPercent"] = 100
    if kubernetes.nodelocaldns:
        ours["clusterDNS"] = [NODE_DNS_ADDRESS]
    return merged(ours, kubernetes.kubelet_configuration)


def _images_would_be_lost(cluster: Cluster) -> bool:
    """Whether images come from archives and the runtime cannot protect them from kubelet's garbage collection, which
    is then switched off (100 % does that). Source: Kubernetes' documentation, "Garbage Collection"."""
    if runtime_of(cluster.document).pin is not None:
        return False
    pause = image_ref(cluster.document, facts_of(cluster.document.kubernetes.version).pause_image)
    members = cluster.members("master") + cluster.members("worker")
    return any(cluster.source.has_image(pause, machine.facts.arch) for machine in members)


def proxy_configuration(cluster: Cluster) -> dict[str, Any]:
    """kube-proxy's configuration. `kubeProxyArgs` override our settings, `kubeProxyConfiguration` overrides both."""
    kubernetes = cluster.document.kubernetes
    ours: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": proxy_mode(cluster),
        "clusterCIDR": cluster.document.network.kube_pods_cidr,
        "iptables": {"masqueradeAll": kubernetes.masquerade_all},
    }
    if ours["mode"] == "nftables" and kubernetes.masquerade_all:
        # The setting of the same name above counts in iptables mode only.
        ours["nftables"] = {"masqueradeAll": True}
    if has_virtual_address(cluster.document):
        # In ipvs mode kube-proxy would treat a virtual address as its own leftover and remove it.
        ours["ipvs"] = {"excludeCIDRs": [cluster.endpoint + ("/128" if ":" in cluster.endpoint else "/32")]}
    if known_gates(cluster.document):
        ours["featureGates"] = known_gates(cluster.document)
    if not conntrack_settable(cluster):
        ours["conntrack"] = {"maxPerCore": 0, "min": 0}
    from_arguments = merged(ours, as_configuration(parsed(kubernetes.kube_proxy_args)))
    return merged(from_arguments, kubernetes.kube_proxy_configuration)
