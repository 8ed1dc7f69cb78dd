"""internalLoadbalancer: kube-vip: a virtual address that a static pod on the control planes announces by ARP or BGP.

Names of the settings: kube-vip's `pkg/kubevip/config_envvar.go`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.catalog import runtimes
from clusters.catalog.images import image_ref
from clusters.catalog.kubectl import api_server_is_ready
from clusters.catalog.load_balancers.kind import LoadBalancerRecord
from clusters.catalog.load_balancers.virtual import interface
from clusters.catalog.paths import ADMIN_CONF, CA, MANIFESTS
from clusters.config.kubernetes_versions import parse_version
from clusters.config.secret import Secret
from clusters.config.topology import api_port
from clusters.engine.step import step
from clusters.engine.wants import directory, eventually, file, so_if

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.load_balancers.kube_vip import BgpPeer
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import FileWant, Want

IMAGE = "ghcr.io/kube-vip/kube-vip:v1.2.3"
"""Source: kube-vip's releases."""
MANIFEST = f"{MANIFESTS}/kube-vip.yaml"
ADMIN, SUPER_ADMIN = ADMIN_CONF, "/etc/kubernetes/super-admin.conf"
SUPER_ADMIN_SINCE = 29
"""From 1.29 on admin.conf has no rights until `kubeadm init` has bound it to a role, which it does through the virtual
address; super-admin.conf has all rights immediately. Source: kubeadm's changelog of 1.29."""
LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 5, 3, 1
"""How long a machine holds the address without renewing its lease; kube-vip's own values for quick takeover."""


def needs_super_admin(document: Document) -> bool:
    """Whether the first control plane needs a file other than admin.conf until it is initialised."""
    return parse_version(document.kubernetes.version).minor >= SUPER_ADMIN_SINCE


def stand_by(machine: Machine, cluster: Cluster) -> None:
    """Write the pod's manifest before `kubeadm init`, which waits for an answer at the shared address."""
    directory(MANIFESTS).reach(machine)
    wanted(machine, cluster, before_init=needs_super_admin(cluster.document)).reach(machine)


LOAD_BALANCER = LoadBalancerRecord(
    "kube-vip",
    images=lambda source: (IMAGE,),
    before_init=("images/kube-vip",),
    before_join=("images/kube-vip",),
    before_nodes=("endpoint/kube-vip",),
    last=("endpoint/kube-vip-others",),
    stand_by=stand_by,
    by_arp=lambda document: document.control_plane_endpoint.kubevip.mode != "BGP",
    elsewhere="with kube-vip and BGP any address works",
)


@step(
    "images/kube-vip",
    on="control-plane",
    needs=runtimes.STEPS,
    when=LOAD_BALANCER.chosen,
    timeout=900,
    expected=3,
)
def kube_vip_image(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Load or pull kube-vip's image on the control planes"""
    yield runtimes.image_there(machine, cluster, IMAGE)


@step(
    "endpoint/kube-vip",
    on="first-control-plane",
    needs=("kubernetes/init",),
    needs_all=("kubernetes/control-plane",),
    when=LOAD_BALANCER.chosen,
    timeout=300,
    expected=5,
)
def kube_vip(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Run kube-vip on the first control plane"""
    yield from _held(machine, cluster)


@step(
    "endpoint/kube-vip-others",
    on="other-control-planes",
    needs=("kubernetes/join-control-plane",),
    when=LOAD_BALANCER.chosen,
    timeout=300,
    expected=5,
)
def kube_vip_others(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Run kube-vip on the other control planes"""
    yield from _held(machine, cluster)


def _held(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    yield directory(MANIFESTS)
    yield wanted(machine, cluster)
    through = api_server_is_ready(cluster.endpoint, cluster.document.control_plane_endpoint.port)
    yield eventually("an API server answers at the shared address", so_if(through), within=120, every=1)


def wanted(machine: Machine, cluster: Cluster, *, before_init: bool = False) -> FileWant:
    """The static pod's file; readable by root only, since it contains BGP passwords."""
    return file(MANIFEST, Secret(manifest(machine, cluster, before_init=before_init)), mode=0o600)


def manifest(machine: Machine, cluster: Cluster, *, before_init: bool = False) -> str:
    """The static pod. It connects to the API server on the same machine (under the name kubernetes), so that a machine
    whose API server is down gives the address away."""
    bgp = cluster.document.control_plane_endpoint.kubevip.mode == "BGP"
    settings = {**_common(machine, cluster), **(_bgp(machine, cluster) if bgp else _arp(machine, cluster))}
    mounts = {"kubeconfig": (ADMIN, SUPER_ADMIN if before_init else ADMIN)}
    if bgp:
        mounts["authority"] = (CA, CA)
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kube-vip", "namespace": "kube-system", "labels": {"k8s-app": "kube-vip"}},
        "spec": {
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists"}],
            "hostAliases": [{"ip": "127.0.0.1", "hostnames": ["kubernetes"]}],
            "containers": [
                {
                    "name": "kube-vip",
                    "image": image_ref(cluster.document, IMAGE),
                    "imagePullPolicy": "IfNotPresent",
                    "args": ["manager"],
                    "env": [{"name": name, "value": value} for name, value in settings.items()],
                    "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}},
                    "volumeMounts": [
                        {"name": name, "mountPath": inside, "readOnly": True} for name, (inside, _) in mounts.items()
                    ],
                }
            ],
            # With this type a missing file keeps the pod waiting; otherwise it would be created as a directory.
            "volumes": [
                {"name": name, "hostPath": {"path": path, "type": "File"}} for name, (_, path) in mounts.items()
            ],
        },
    }
    return "# Written by Slipway; changes are overwritten by its next run.\n" + json.dumps(pod, indent=2) + "\n"


def _common(machine: Machine, cluster: Cluster) -> dict[str, str]:
    return {
        "address": cluster.endpoint,
        "port": str(api_port(cluster.document)),
        "vip_subnet": "128" if ":" in cluster.endpoint else "32",
        "vip_nodename": machine.name,
        "cp_enable": "true",
        "cp_namespace": "kube-system",
        "svc_enable": "false",
    }


def _arp(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """One machine holds the address, by a lease in the cluster, and announces a change to the network."""
    return {
        "vip_arp": "true",
        "vip_interface": cluster.document.control_plane_endpoint.kubevip.interface or interface(machine),
        "vip_leaderelection": "true",
        "vip_leasename": "plndr-cp-lock",
        "vip_leaseduration": str(LEASE_SECONDS),
        "vip_renewdeadline": str(RENEW_SECONDS),
        "vip_retryperiod": str(RETRY_SECONDS),
    }


def _bgp(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """Every control plane has the address on its loopback and announces it to its routers while its API server is
    ready."""
    kubevip = cluster.document.control_plane_endpoint.kubevip
    return {
        "vip_arp": "false",
        "vip_interface": kubevip.interface or "lo",
        "bgp_enable": "true",
        "bgp_routerid": machine.address,
        "bgp_as": str(kubevip.local_as),
        "bgp_peers": ",".join(_peer(each) for each in kubevip.peers),
        "control_plane_health_check_address": f"https://127.0.0.1:{api_port(cluster.document)}/readyz",
        "control_plane_health_check_ca_path": CA,
        "control_plane_health_check_period_seconds": "1",
        "control_plane_health_check_timeout_seconds": "2",
        "control_plane_health_check_failure_threshold": "2",
    }


def _peer(peer: BgpPeer) -> str:
    """`address:AS:password:multihop`. Source: kube-vip's `pkg/kubevip/config_bgp.go`."""
    address = f"[{peer.address}]" if ":" in peer.address else peer.address
    password = peer.password.reveal() if peer.password is not None else ""
    return f"{address}:{peer.peer_as}:{password}:{str(peer.multihop).lower()}"
