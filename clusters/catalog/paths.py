"""Paths on machines. They are KubeKey's where it has one, so that its users know them."""

from __future__ import annotations

CLAIM = "/etc/slipway/cluster.json"
"""States which cluster a machine was prepared for; distinguishes Slipway's own leftovers from other software's."""

BIN = "/usr/local/bin"
ETCD_PKI = "/etc/ssl/etcd/ssl"
KUBEADM_CONFIG = "/etc/kubernetes/kubeadm-config.yaml"
ADMIN_CONF = "/etc/kubernetes/admin.conf"
INITIALISED = "/etc/slipway/control-plane-initialised"
"""Exists once the machine's control plane has run. From then on it may be unhealthy, but it is never initialised again:
that would create new authorities and cut off every other node."""
CA = "/etc/kubernetes/pki/ca.crt"
"""The cluster's authority, on every node."""
CA_KEY = "/etc/kubernetes/pki/ca.key"
"""Its key, on control planes only."""
MANIFESTS = "/etc/kubernetes/manifests"
"""Where kubelet finds static pods."""
API_SERVER = f"{MANIFESTS}/kube-apiserver.yaml"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
LOCK = "/run/slipway-kubeadm.lock"
"""Held while kubeadm runs, so that a run that another worker resumes never starts a second kubeadm beside it."""
CNI_BIN = "/opt/cni/bin"
