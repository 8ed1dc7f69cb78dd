"""The control plane endpoint: `controlPlaneEndpoint`. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from clusters.config.keys import OURS, GivenSecret, Model, Text, key

LOAD_BALANCERS = ("haproxy", "keepalived", "kube-vip")
VIRTUAL = ("keepalived", "kube-vip")
"""Those whose address the control planes share."""
VIP_MODES = ("ARP", "BGP")


class BgpPeer(Model):
    """A router that is told of the virtual address."""

    address: Text = key("", "The router's address.", since=OURS)
    peer_as: int = key(0, "The router's autonomous system.", alias="as", since=OURS)
    password: GivenSecret = key(None, "Password of the session (TCP MD5), if it has one.", since=OURS)
    multihop: bool = key(False, "The router is not in the machines' own network.", since=OURS)


class KubeVip(Model):
    """How kube-vip tells the network where the virtual address is."""

    mode: Text = key("ARP", "ARP or BGP.", since="2.3", choices=VIP_MODES)
    interface: Text = key(
        "", "Network interface of the address; found by the machine's address when empty.", since=OURS
    )
    local_as: int = key(65000, "BGP: the machines' own autonomous system.", alias="localAS", since=OURS)
    peers: tuple[BgpPeer, ...] = key(
        (), "BGP: the routers; KubeKey names the control planes to each other.", since=OURS
    )


class ControlPlaneEndpoint(Model):
    """Where clients reach the API server. An empty address means the first control plane's."""

    internal_loadbalancer: Text = key(
        "",
        "haproxy, keepalived or kube-vip; empty for none. KubeKey knows no keepalived and takes it for none.",
        since="1.2",
        choices=("", *LOAD_BALANCERS),
    )
    domain: Text = key("lb.kubesphere.local", "The endpoint's name in every kubeconfig.", shown=True)
    external_dns: bool = key(
        False,
        "The domain is in a DNS of your own, so it goes into no /etc/hosts.",
        alias="externalDNS",
        since="3.0.8",
    )
    address: Text = key("", "A load balancer's or, for keepalived and kube-vip, the virtual address.", shown=True)
    port: int = key(6443, "The port clients use.", shown=True, quoted=True)
    kubevip: KubeVip = key(KubeVip(), "kube-vip's options.", since="2.3")
