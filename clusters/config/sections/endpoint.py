"""The control plane endpoint: `controlPlaneEndpoint`. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from clusters.config.keys import OURS, GivenSecret, Model, Text, key

LOAD_BALANCERS = ("haproxy", "keepalived", "kube-vip")
VIRTUAL = ("keepalived", "kube-vip")
"""Load balancers with an address shared by the control planes."""
VIP_MODES = ("ARP", "BGP")


class BgpPeer(Model):
    """A router to which kube-vip announces the virtual address."""

    address: Text = key("", "The router's address.", since=OURS)
    peer_as: int = key(0, "The router's autonomous system.", alias="as", since=OURS)
    password: GivenSecret = key(None, "Password of the session (TCP MD5), if it has one.", since=OURS)
    multihop: bool = key(False, "The router is not in the machines' network.", since=OURS)


class KubeVip(Model):
    """How kube-vip announces the virtual address."""

    mode: Text = key("ARP", "ARP or BGP.", since="2.3", choices=VIP_MODES)
    interface: Text = key(
        "", "Network interface of the address; detected by the machine's address if empty.", since=OURS
    )
    local_as: int = key(65000, "BGP: the machines' autonomous system.", alias="localAS", since=OURS)
    peers: tuple[BgpPeer, ...] = key((), "BGP: the routers; KubeKey uses the control planes as peers.", since=OURS)


class ControlPlaneEndpoint(Model):
    """Where clients reach the API server. An empty address means the first control plane's."""

    internal_loadbalancer: Text = key(
        "",
        "haproxy, keepalived or kube-vip; empty for none. KubeKey does not know keepalived and treats it as none.",
        since="1.2",
        choices=("", *LOAD_BALANCERS),
    )
    domain: Text = key("lb.kubesphere.local", "The endpoint's name in every kubeconfig.", always_written=True)
    external_dns: bool = key(
        False,
        "The domain is in your own DNS, so it is not added to /etc/hosts.",
        alias="externalDNS",
        since="3.0.8",
    )
    address: Text = key(
        "", "A load balancer's address or, for keepalived and kube-vip, the virtual address.", always_written=True
    )
    port: int = key(6443, "The port clients use.", always_written=True)
    kubevip: KubeVip = key(KubeVip(), "kube-vip's options.", since="2.3")
