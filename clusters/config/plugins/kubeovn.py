"""The network plugin "kubeovn": its options, its releases and the rule on them.

Its charts require `kubeVersion: >= 1.23.0-0` (1.13) and `>= 1.29.0-0` (1.15). Older versions have no chart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.cidrs import networks, usable
from clusters.config.finding import error
from clusters.config.keys import Cidr, Model, Text, key
from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4, NetworkPlugin, Release
from clusters.config.syntax import address_of, network_of
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network.kubeovn"

_FLAT = {
    "networkType": "kube-ovn-controller.networkType",
    "vlanInterfaceName": "kube-ovn-controller.vlanInterfaceName",
    "vlanID": "kube-ovn-controller.vlanID",
    "iface": "kube-ovn-cni.iface",
    "enableMirror": "kube-ovn-cni.enableMirror",
    "hwOffload": "ovs-ovn.hwOffload",
    "dpdkMode": "dpdk.dpdkMode",
    "dpdkVersion": "dpdk.dpdkVersion",
    "pingerExternalAddress": "kube-ovn-pinger.pingerExternalAddress",
    "pingerExternalDomain": "kube-ovn-pinger.pingerExternalDomain",
}
"""Key of KubeKey 1.1 to 2.2 -> its path since 2.3. Source: KubeKey's types of these releases."""


class Dpdk(Model):
    """Kube-OVN with DPDK."""

    dpdk_mode: bool = key(False, "Whether it is enabled.", since="2.3")
    dpdk_tunnel_iface: Text = key("br-phy", "Interface of the tunnel.", since="2.3")
    dpdk_version: Text = key("19.11", "DPDK's version.", since="2.3")


class OvsOvn(Model):
    """Kube-OVN's Open vSwitch."""

    hw_offload: bool = key(False, "Offload work to the network card.", since="2.3")


class KubeOvnController(Model):
    """Kube-OVN's controller."""

    pod_gateway: Text = key("", "The pods' gateway; the pod network's first address if empty.", since="2.3")
    check_gateway: bool = key(True, "Wait until the gateway answers.", since="2.3")
    logical_gateway: bool = key(False, "The gateway is only a logical one.", since="2.3")
    exclude_ips: Text = key("", "Addresses that no pod gets.", since="2.3")
    network_type: Text = key("geneve", "geneve, vlan or others.", since="2.3")
    vlan_interface_name: Text = key("", "Interface of the VLAN.", since="2.3")
    vlan_id: Text = key("100", "Number of the VLAN.", alias="vlanID", since="2.3")
    pod_nic_type: Text = key("veth-pair", "Kind of the pods' interfaces.", since="2.3")
    enable_lb: bool = key(True, "Load balancing by OVN.", alias="enableLB", since="2.3")
    enable_np: bool = key(True, "Network policies.", alias="enableNP", since="2.3")
    enable_eip_snat: bool = key(True, "External addresses and SNAT.", since="2.3")
    enable_external_vpc: bool = key(True, "External VPCs.", alias="enableExternalVPC", since="2.3")


class KubeOvnCni(Model):
    """Kube-OVN's part on each node."""

    enable_mirror: bool = key(False, "Copy traffic.", since="2.3")
    iface: Text = key("", "Interface; detected if empty.", since="2.3")
    cni_config_priority: Text = key(
        "01", "First part of the configuration's name.", alias="CNIConfigPriority", since="2.3"
    )
    modules: Text = key("kube_ovn_fastpath.ko", "Kernel modules.", since="2.3", acted=False)
    rpms: Text = key("openvswitch-kmod", "Packages.", alias="RPMs", since="2.3", acted=False)


class KubeOvnPinger(Model):
    """Kube-OVN's self test."""

    pinger_external_address: Text = key("114.114.114.114", "An external address.", since="2.3")
    pinger_external_domain: Text = key("", "An external name.", since="2.3")


class KubeOvn(Model):
    """Kube-OVN's options."""

    enable_ssl: bool = key(False, "Encrypt OVN's internal traffic.", alias="enableSSL", since="1.1")
    join_cidr: Cidr = key("100.64.0.0/16", "Network between nodes and pods.", alias="joinCIDR", since="1.1")
    label: Text = key(
        "node-role.kubernetes.io/control-plane", "Label of the nodes that run OVN's database.", since="1.1"
    )
    tunnel_type: Text = key("geneve", "geneve, vxlan or stt.", since="2.3")
    svc_yaml_ipfamilypolicy: Text = key(
        "", "Its services' ipFamilyPolicy.", alias="svcYamlIpfamilypolicy", since="2.3", acted=False
    )
    dpdk: Dpdk = key(Dpdk(), "DPDK.", since="2.3", acted=False)
    ovs_ovn: OvsOvn = key(OvsOvn(), "Open vSwitch.", alias="ovs-ovn", since="2.3")
    controller: KubeOvnController = key(
        KubeOvnController(), "The controller.", alias="kube-ovn-controller", since="2.3"
    )
    cni: KubeOvnCni = key(KubeOvnCni(), "The part on each node.", alias="kube-ovn-cni", since="2.3")
    pinger: KubeOvnPinger = key(KubeOvnPinger(), "The self test.", alias="kube-ovn-pinger", since="2.3")


def kubeovn(document: Document) -> Iterator[Finding]:
    """Kube-OVN's networks do not overlap, and its gateway is in the pod network."""
    if document.network.plugin != "kubeovn":
        return
    section = document.network.kubeovn
    join, path = network_of(section.join_cidr), f"{_PATH}.joinCIDR"
    if join is None:
        message = f"Expected the network between nodes and pods, found {excerpt(section.join_cidr)}."
        found = excerpt(section.join_cidr)
        yield error(
            "kubeovn.join_syntax", path, message, hint="100.64.0.0/16 is usual.", found=found, allowed="a network"
        )
    for _, name, text in networks(document):
        for network in usable(text):
            if join is not None and network.version == join.version and network.overlaps(join):
                message = f"The network between nodes and pods {join} and the {name} network {network} overlap."
                allowed = f"outside {network}"
                yield error("kubeovn.join_overlap", path, message, found=str(join), allowed=allowed)
    gateway = section.controller.pod_gateway
    pods = usable(document.network.kube_pods_cidr)
    address = address_of(gateway)
    if gateway and pods and (address is None or not any(address in network for network in pods)):
        message = f"The pods' gateway {excerpt(gateway)} is not in the pod network {pods[0]}."
        path = f"{_PATH}.kube-ovn-controller.podGateway"
        hint = "Remove it to use the first address."
        yield error("kubeovn.gateway", path, message, hint=hint, found=excerpt(gateway), allowed=f"in {pods[0]}")


PLUGIN = NetworkPlugin(
    "kubeovn",
    "Kube-OVN",
    40,
    section=KubeOvn,
    releases=(Release("v1.13.15", 23, 28), Release("v1.15.24", 29, 37)),
    dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4),
    series={
        "1.12": (23, 28),
        "1.13": (23, 28),
        "1.14": (23, 36),
        "1.15": (23, 37),
        "1.16": (29, 37),
    },
    modules=("openvswitch", "geneve", "vxlan"),
    moved=_FLAT,
    rules=(kubeovn,),
)
