"""The `kubernetes` section. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from clusters.config import runtimes
from clusters.config.keys import OURS, Arguments, Model, Names, Switch, Text, key, or_default, text_of
from clusters.config.kubernetes_versions import newest_proven, spelled

PROXY_MODES = ("iptables", "ipvs", "nftables")
DISTRIBUTIONS = ("kubernetes", "k3s", "k8e")

KUBEKEY_TAKES = "v1.23.17"
"""The version that KubeKey installs if a Cluster has none. Source: KubeKey 3.1's defaults."""


def _version(value: Any) -> Any:
    """Normalize the spelling for all parts of Slipway; an empty version means the newest proven one."""
    text = text_of(value)
    return spelled(text) or newest_proven() if isinstance(text, str) else text


class Audit(Switch):
    """The API server's audit log."""

    policy: dict[str, Any] = key({}, "A Policy (audit.k8s.io/v1) that replaces Slipway's.", since=OURS)


class Kubernetes(Model):
    """Version, names, sizes and the arguments of every component."""

    type: Annotated[str, or_default("kubernetes")] = key(
        "kubernetes", "The distribution.", since="1.1", choices=DISTRIBUTIONS, acted=False
    )
    version: Annotated[str, BeforeValidator(_version)] = key(
        newest_proven(),
        "Like v1.37.2. The default is the newest version proven by Slipway; in KubeKey, it is v1.23.17.",
        always_written=True,
        v4="kubernetes.kube_version",
    )
    image_repo: Text = key(
        "",
        "Project of the images in KubeKey 1.0; superseded by namespaceOverride.",
        acted=False,
        instead="Use registry.privateRegistry and registry.namespaceOverride.",
        kubekey_default="kubesphere",
    )
    cluster_name: Text = key("cluster.local", "The cluster's name.", always_written=True, v4="kubernetes.cluster_name")
    dns_domain: Text = key(
        "cluster.local", "The cluster's DNS domain.", since="2.0", always_written=True, v4="dns.domain"
    )
    container_manager: Text = key(
        "docker",
        "The container runtime.",
        since="1.1",
        always_written=True,
        v4="cri.container_manager",
        choices=runtimes.names(),
    )
    container_runtime_endpoint: Text = key(
        "", "The runtime's socket, if it is not the usual one.", since="1.1", v4="cri.cri_socket"
    )
    proxy_mode: Text = key(
        "",
        "kube-proxy's mode. The default depends on the version and the machines; in KubeKey, it is ipvs.",
        v4="kubernetes.kube_proxy.mode",
        choices=PROXY_MODES,
    )
    masquerade_all: bool = key(
        False,
        "Masquerade all traffic to services.",
        always_written=True,
        v4="kubernetes.kube_proxy.config.iptables.masqueradeAll",
    )
    max_pods: int = key(110, "Maximum number of pods on a node.", always_written=True, v4="kubernetes.kubelet.max_pods")
    pod_pids_limit: int = key(
        10000, "Maximum number of processes in a pod.", since="2.3", v4="kubernetes.kubelet.pod_pids_limit"
    )
    node_cidr_mask_size: int = key(
        24, "Bits of each node's part of the pod network.", always_written=True, v4="cni.ipv4_mask_size"
    )
    node_cidr_mask_size_ipv6: int = key(
        120,
        "The same for IPv6.",
        alias="nodeCidrMaskSizeIPv6",
        since="3.1.8",
        v4="cni.ipv6_mask_size",
    )
    apiserver_cert_extra_sans: Names = key(
        (), "Additional names and addresses in the API server's certificate.", v4="kubernetes.apiserver.certSANs"
    )
    disable_kube_proxy: bool = key(False, "No kube-proxy; Cilium replaces it.", since="2.2.2")
    auto_renew_certs: bool = key(
        False,
        "Renew certificates with a weekly timer.",
        since="2.1",
        acted=False,
        v4="kubernetes.certs.renew",
        instead="Kubernetes' certificates are valid for a year. Before that, run `kubeadm certs renew all` on each "
        "control plane and restart its static pods. Nodes renew their own.",
    )
    nodelocaldns: bool | None = key(
        None,
        "A DNS cache on every node. Off by default; on by default in KubeKey.",
        since="1.2",
        v4="dns.nodelocaldns.enabled",
    )
    node_feature_discovery: Switch = key(
        Switch(),
        "Label nodes by their hardware.",
        since="2.0",
        acted=False,
        instead="Install node-feature-discovery with Helm after the run.",
    )
    kata: Switch = key(
        Switch(), "Kata containers.", since="2.0", acted=False, instead="Install kata-deploy with Helm after the run."
    )
    nvidia_runtime: bool = key(
        False,
        "containerd starts containers with NVIDIA's runtime.",
        since="3.1.10",
        acted=False,
        instead="Install NVIDIA's GPU operator with Helm after the run.",
    )
    audit: Audit = key(Audit(), "The API server's audit log.", since="3.0.8", v4="audit")
    apiserver_args: Arguments = key((), "name=value; overrides Slipway's arguments.", since="1.1")
    controller_manager_args: Arguments = key((), "name=value; overrides Slipway's arguments.", since="1.1")
    scheduler_args: Arguments = key((), "name=value; overrides Slipway's arguments.", since="1.1")
    kubelet_args: Arguments = key((), "name=value; overrides Slipway's arguments.", since="1.1")
    kube_proxy_args: Arguments = key(
        (), "name=value; becomes part of kube-proxy's configuration, if it has a field for it.", since="1.1"
    )
    feature_gates: dict[str, bool] = key({}, "Feature gates of all components.", since="2.0")
    kubelet_configuration: dict[str, Any] = key(
        {},
        "A KubeletConfiguration, merged over the defaults.",
        since="1.1",
        v4="kubernetes.kubelet.extra_config",
    )
    kube_proxy_configuration: dict[str, Any] = key(
        {}, "A KubeProxyConfiguration, merged over the defaults.", since="1.1"
    )
