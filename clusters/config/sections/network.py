"""The `network` section; the options of each plugin are in `clusters.config.plugins`, and a test compares the two.

Source: the types of KubeKey 1.0 to 3.1.
"""

from __future__ import annotations

from typing import Annotated, Any

from clusters.config.keys import OURS, Cidr, Model, Switch, key, or_default
from clusters.config.plugins import names
from clusters.config.plugins.calico import Calico
from clusters.config.plugins.flannel import Flannel
from clusters.config.plugins.hybridnet import Hybridnet
from clusters.config.plugins.kube_router import KubeRouter
from clusters.config.plugins.kubeovn import KubeOvn


class Network(Model):
    """The plugin and the networks. Keys use KubeKey's spelling with CIDR in capitals."""

    plugin: Annotated[str, or_default("calico")] = key(
        "calico", "The network plugin.", always_written=True, v4="cni.type", choices=names()
    )
    kube_pods_cidr: Cidr = key(
        "10.233.64.0/18",
        "The pod network; IPv4, or `IPv4,IPv6`.",
        alias="kubePodsCIDR",
        always_written=True,
        v4="cni.pod_cidr",
    )
    kube_service_cidr: Cidr = key(
        "10.233.0.0/18",
        "The service network; IPv4, or `IPv4,IPv6`.",
        alias="kubeServiceCIDR",
        always_written=True,
        v4="cni.service_cidr",
    )
    calico: Calico = key(Calico(), "Calico's options.")
    flannel: Flannel = key(Flannel(), "Flannel's options.")
    cilium: dict[str, Any] = key(
        {}, "Values for its chart, which override Slipway's. KubeKey ignores them.", since=OURS
    )
    kubeovn: KubeOvn = key(KubeOvn(), "Kube-OVN's options.", since="1.1")
    hybridnet: Hybridnet = key(Hybridnet(), "Hybridnet's options.", since="3.1")
    kube_router: KubeRouter = key(
        KubeRouter(), "kube-router's options. KubeKey reads nothing here.", alias="kube-router", since=OURS
    )
    multus_cni: Switch = key(
        Switch(),
        "Multiple networks for a pod.",
        alias="multusCNI",
        since="2.0",
        acted=False,
        instead="Install Multus with its manifest after the run.",
    )
