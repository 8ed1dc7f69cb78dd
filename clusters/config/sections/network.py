"""The `network` section with the options of each plugin. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from typing import Any

from clusters.config.keys import OURS, Model, Names, Switch, Text, key

PLUGINS = ("calico", "flannel", "cilium", "kubeovn", "hybridnet", "bridge", "none")
TUNNELS = ("Always", "CrossSubnet", "Never")
BACKENDS = ("vxlan", "host-gw", "wireguard", "ipip")
"""Flannel's backends that need nothing but a node and its kernel. Source: its Documentation/backends.md."""


class Typha(Model):
    """Calico's fan-out between API server and nodes."""

    enabled: bool = key(False, "KubeKey forces it on above 50 nodes.", since="3.1.8")
    replicas: int = key(1, "Copies.", since="3.1.8")
    node_selector: dict[str, str] = key({}, "Labels of the nodes it runs on.", since="3.1.8")


class CalicoController(Model):
    """Calico's kube-controllers."""

    replicas: int = key(1, "Copies.", since="3.1.8")
    node_selector: dict[str, str] = key({}, "Labels of the nodes it runs on.", since="3.1.8")


class Calico(Model):
    """Calico's options."""

    ipip_mode: Text = key("Always", "IP-in-IP tunnels.", choices=TUNNELS)
    vxlan_mode: Text = key("Never", "VXLAN tunnels.", choices=TUNNELS)
    veth_mtu: int = key(0, "MTU of the pods' interfaces; 0 finds it out.", alias="vethMTU", quoted=True)
    ipv4_nat_outgoing: bool = key(True, "Hide pods' addresses outside.", alias="ipv4NatOutgoing", since="3.0.8")
    ipv6_nat_outgoing: bool = key(False, "The same for IPv6.", alias="ipv6NatOutgoing", since="3.1.8")
    default_ip_pool: bool = key(True, "Make the default address pool.", alias="defaultIPPOOL", since="3.0.11")
    typha: Typha = key(Typha(), "Typha.", since="3.1.8")
    controller: CalicoController = key(CalicoController(), "kube-controllers.", since="3.1.8")
    enable_typha: bool = key(False, "typha.enabled as 3.1.0 to 3.1.7 wrote it.", since="3.1", old=True)
    replicas: int = key(0, "typha.replicas as 3.1.0 to 3.1.7 wrote it.", since="3.1", old=True)
    node_selector: dict[str, str] = key({}, "typha.nodeSelector as 3.1.0 to 3.1.7 wrote it.", since="3.1", old=True)
    ip_auto_detection_method: Text = key("", "How a node finds its own address.", since="3.1.11")


class Flannel(Model):
    """Flannel's options."""

    backend_mode: Text = key("vxlan", "How packets travel.", choices=BACKENDS)
    direct_routing: bool = key(False, "No tunnel between nodes of one network.", since="1.2")


class Dpdk(Model):
    """Kube-OVN with DPDK."""

    dpdk_mode: bool = key(False, "Whether it is on.", since="2.3")
    dpdk_tunnel_iface: Text = key("br-phy", "Interface of the tunnel.", since="2.3")
    dpdk_version: Text = key("19.11", "DPDK's version.", since="2.3")


class OvsOvn(Model):
    """Kube-OVN's Open vSwitch."""

    hw_offload: bool = key(False, "Leave work to the network card.", since="2.3")


class KubeOvnController(Model):
    """Kube-OVN's controller."""

    pod_gateway: Text = key("", "The pods' gateway; the pod network's first address when empty.", since="2.3")
    check_gateway: bool = key(True, "Wait until the gateway answers.", since="2.3")
    logical_gateway: bool = key(False, "The gateway is only a logical one.", since="2.3")
    exclude_ips: Text = key("", "Addresses no pod gets.", since="2.3")
    network_type: Text = key("geneve", "geneve, vlan or others.", since="2.3")
    vlan_interface_name: Text = key("", "Interface of the VLAN.", since="2.3")
    vlan_id: Text = key("100", "Number of the VLAN.", alias="vlanID", since="2.3")
    pod_nic_type: Text = key("veth-pair", "Kind of the pods' interfaces.", since="2.3")
    enable_lb: bool = key(True, "Load balancing by OVN.", alias="enableLB", since="2.3")
    enable_np: bool = key(True, "Network policies.", alias="enableNP", since="2.3")
    enable_eip_snat: bool = key(True, "Outside addresses and SNAT.", since="2.3")
    enable_external_vpc: bool = key(True, "External VPCs.", alias="enableExternalVPC", since="2.3")


class KubeOvnCni(Model):
    """Kube-OVN's part on each node."""

    enable_mirror: bool = key(False, "Copy traffic.", since="2.3")
    iface: Text = key("", "Interface; found out when empty.", since="2.3")
    cni_config_priority: Text = key(
        "01", "First part of the configuration's name.", alias="CNIConfigPriority", since="2.3"
    )
    modules: Text = key("kube_ovn_fastpath.ko", "Kernel modules.", since="2.3", acted=False)
    rpms: Text = key("openvswitch-kmod", "Packages.", alias="RPMs", since="2.3", acted=False)


class KubeOvnPinger(Model):
    """Kube-OVN's self test."""

    pinger_external_address: Text = key("114.114.114.114", "An address outside.", since="2.3")
    pinger_external_domain: Text = key("", "A name outside.", since="2.3")


class KubeOvn(Model):
    """Kube-OVN's options."""

    enable_ssl: bool = key(False, "Encrypt OVN's own traffic.", alias="enableSSL", since="1.1")
    join_cidr: Text = key("100.64.0.0/16", "Network between nodes and pods.", alias="joinCIDR", since="1.1")
    label: Text = key(
        "node-role.kubernetes.io/control-plane", "Label of the nodes OVN's database runs on.", since="1.1"
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


class HybridnetSubnet(Model):
    """A part of a Hybridnet network."""

    name: Text = key("", "Its name.", since="3.1")
    net_id: int | None = key(None, "Its VLAN or VXLAN number.", alias="netID", since="3.1")
    cidr: Text = key("", "Its addresses.", since="3.1")
    gateway: Text = key("", "Its gateway.", since="3.1")
    start: Text = key("", "The first address that is given out.", since="3.1")
    end: Text = key("", "The last address that is given out.", since="3.1")
    reserved_ips: Names = key((), "Addresses given out on demand only.", alias="reservedIPs", since="3.1")
    exclude_ips: Names = key((), "Addresses never given out.", alias="excludeIPs", since="3.1")


class HybridnetNetwork(Model):
    """One of Hybridnet's networks."""

    name: Text = key("", "Its name.", since="3.1")
    net_id: int | None = key(None, "Its VLAN or VXLAN number.", alias="netID", since="3.1")
    type: Text = key("", "Underlay or Overlay.", since="3.1")
    mode: Text = key("", "VXLAN, VLAN or BGP.", since="3.1")
    node_selector: dict[str, str] = key({}, "Labels of its nodes.", since="3.1")
    subnets: tuple[HybridnetSubnet, ...] = key((), "Its parts.", since="3.1")


class Hybridnet(Model):
    """Hybridnet's options."""

    default_network_type: Text = key("Overlay", "Underlay or Overlay.", since="3.1")
    enable_network_policy: bool = key(True, "Network policies.", since="3.1")
    init: bool = key(True, "Make a first overlay of the pods' network.", since="3.1")
    prefer_vxlan_interfaces: Text = key("", "Interfaces for VXLAN.", since="3.1")
    prefer_vlan_interfaces: Text = key("", "Interfaces for VLAN.", since="3.1")
    prefer_bgp_interfaces: Text = key("", "Interfaces for BGP.", alias="preferBGPInterfaces", since="3.1")
    networks: tuple[HybridnetNetwork, ...] = key((), "Its networks.", since="3.1")


class Network(Model):
    """The plugin and the networks. CIDRs keep KubeKey's spelling, with CIDR in capitals."""

    plugin: Text = key("calico", "The network plugin.", shown=True, v4="cni.type", choices=PLUGINS)
    kube_pods_cidr: Text = key(
        "10.233.64.0/18",
        "The pods' network; IPv4, or `IPv4,IPv6`.",
        alias="kubePodsCIDR",
        shown=True,
        v4="cni.pod_cidr",
    )
    kube_service_cidr: Text = key(
        "10.233.0.0/18",
        "The services' network; IPv4, or `IPv4,IPv6`.",
        alias="kubeServiceCIDR",
        shown=True,
        v4="cni.service_cidr",
    )
    calico: Calico = key(Calico(), "Calico's options.")
    flannel: Flannel = key(Flannel(), "Flannel's options.")
    cilium: dict[str, Any] = key(
        {}, "Values for its chart, over Slipway's own. KubeKey reads nothing here.", since=OURS
    )
    kubeovn: KubeOvn = key(KubeOvn(), "Kube-OVN's options.", since="1.1")
    hybridnet: Hybridnet = key(Hybridnet(), "Hybridnet's options.", since="3.1")
    multus_cni: Switch = key(Switch(), "Several networks for a pod.", alias="multusCNI", since="2.0", acted=False)
