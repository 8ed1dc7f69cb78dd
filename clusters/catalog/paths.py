"""Where things lie on machines. KubeKey's places where it has one, so that its users find their way."""

from __future__ import annotations

CLAIM = "/etc/slipway/cluster.json"
"""Says which cluster a machine was prepared for; tells our own leftovers from somebody else's."""

BIN = "/usr/local/bin"
ETCD_PKI = "/etc/ssl/etcd/ssl"
KUBEADM_CONFIG = "/etc/kubernetes/kubeadm-config.yaml"
ADMIN_CONF = "/etc/kubernetes/admin.conf"
INITIALISED = "/etc/slipway/control-plane-initialised"
"""There once the machine's control plane has run. From then on it may be unwell, but it is never begun anew: that would
make new authorities, and every other node would be lost."""
CA = "/etc/kubernetes/pki/ca.crt"
"""The cluster's authority, on every node."""
MANIFESTS = "/etc/kubernetes/manifests"
"""Where kubelet finds static pods."""
API_SERVER = f"{MANIFESTS}/kube-apiserver.yaml"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
LOCK = "/run/slipway-kubeadm.lock"
"""Held while kubeadm runs, so that a run that was taken over never starts a second one beside it."""
CNI_BIN = "/opt/cni/bin"
