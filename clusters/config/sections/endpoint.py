"""The `controlPlaneEndpoint` section; the options of each load balancer are in `clusters.config.load_balancers`.

Source: the types of KubeKey 1.0 to 3.1.
"""

from __future__ import annotations

from clusters.config.keys import Model, Text, key
from clusters.config.load_balancers import listed, names, names_in, virtual_names
from clusters.config.load_balancers.kube_vip import KubeVip
from clusters.config.plugins import KUBEKEY_3

_NOT_IN_KUBEKEY = listed(tuple(each for each in names() if each not in names_in(KUBEKEY_3)), "and")


class ControlPlaneEndpoint(Model):
    """Where clients reach the API server. An empty address means the first control plane's."""

    internal_loadbalancer: Text = key(
        "",
        f"{listed(names(), 'or')}; empty for none. KubeKey does not know {_NOT_IN_KUBEKEY} and treats it as none.",
        since="1.2",
        choices=("", *names()),
    )
    domain: Text = key("lb.kubesphere.local", "The endpoint's name in every kubeconfig.", always_written=True)
    external_dns: bool = key(
        False,
        "The domain is in your own DNS, so it is not added to /etc/hosts.",
        alias="externalDNS",
        since="3.0.8",
    )
    address: Text = key(
        "",
        f"A load balancer's address or, for {listed(virtual_names(), 'and')}, the virtual address.",
        always_written=True,
    )
    port: int = key(6443, "The port clients use.", always_written=True)
    kubevip: KubeVip = key(KubeVip(), "kube-vip's options.", since="2.3")
