"""The output of machines in the example runs, in the style of systemd, apt, containerd and kubeadm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.config.schema import Document

Line = tuple[str, str]

PRINTED: dict[str, tuple[str, ...]] = {
    "os/packages": (
        "Reading package lists...",
        "Building dependency tree...",
        "The following NEW packages will be installed:",
        "  conntrack ebtables ipset ipvsadm socat",
        "Setting up conntrack (1:1.4.7-1+b2) ...",
        "Setting up socat (1.7.4.4-2) ...",
    ),
    "os/kernel": ("net.ipv4.ip_forward = 1", "net.bridge.bridge-nf-call-iptables = 1", "vm.max_map_count = 262144"),
    "os/swap": ("swapoff /swapfile",),
    "runtime/containerd": (
        "Created symlink /etc/systemd/system/multi-user.target.wants/containerd.service",
        'level=info msg="containerd successfully booted in 0.061502s"',
    ),
    "images/load": (
        "unpacking registry.k8s.io/kube-proxy:{version} (sha256:1f4b…)...done",
        "unpacking registry.k8s.io/coredns:1.7.0 (sha256:73ca…)...done",
        "unpacking registry.k8s.io/pause:3.2 (sha256:927d…)...done",
    ),
    "etcd/start": (
        "etcd-{host} is healthy: successfully committed proposal: took = 9.71ms",
        "member {host} started, peers agree on term 2",
    ),
    "kubernetes/init": (
        "[init] Using Kubernetes version: {version}",
        "[preflight] Running pre-flight checks",
        '[certs] Generating "apiserver" certificate and key',
        '[kubeconfig] Writing "admin.conf" kubeconfig file',
        '[control-plane] Creating static Pod manifest for "kube-apiserver"',
        "[wait-control-plane] Waiting for the kubelet to boot up the control plane",
        "[apiclient] All control plane components are healthy after 14.003561 seconds",
        "[addons] Applied essential addon: CoreDNS",
        "Your Kubernetes control-plane has initialized successfully!",
    ),
    "kubernetes/join": (
        "[preflight] Reading configuration from the cluster...",
        "[kubelet-start] Starting the kubelet",
        "[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap...",
        "This node has joined the cluster:",
    ),
    "finish/ready": ("waiting for node {host} to become Ready", "all nodes are Ready", "CoreDNS answers"),
}


def lines_of(step: str, host: str, document: Document | None) -> list[Line]:
    """Stream and text of each line that a step prints on a machine."""
    version = document.kubernetes.version if document is not None else "v1.20.2"
    return [("out", text.format(version=version, host=host)) for text in PRINTED.get(step, ())]
