"""The keys of KubeKey 4's Inventory and Config, and which of them others mean. Source: its core roles' defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from clusters.config.dialects.v4 import mapping
from clusters.config.suggestions import nearest

ANY = "*"
"""Any name: of a machine, of a group."""

_CONFIG = {
    "": "work_dir binary_dir scripts_dir artifact_dir tmp_dir zone security_enhancement audit pre_install_groups"
    " post_install_groups image_manifests transform_architectures delete cluster_require certs image_registry native"
    " kubernetes cni cri etcd dns storage_class download nfs",
    "delete": "cri etcd dns image_registry data",
    "image_registry": "type ha_vip auth http_port https_port dockerio_registry quayio_registry ghcrio_registry"
    " k8sio_registry harbor_version dockercompose_version docker_registry_version keepalived_version harbor"
    " docker_registry",
    "image_registry.auth": "plain_http registry username password skip_tls_verify ca_file cert_file key_file",
    "native": "ntp timezone nfs set_hostname localDNS",
    "native.ntp": "enabled servers",
    "native.nfs": "share_dir",
    "nfs": "share_dir",
    "kubernetes": "kube_version helm_version cluster_name image_repository sandbox_image apiserver controller_manager"
    " scheduler kube_proxy kubelet control_plane_endpoint certs backup patches skip_phases networking coredns zones"
    " storage_disks multipath custom_labels custom_taints",
    "kubernetes.apiserver": "port certSANs extra_args",
    "kubernetes.controller_manager": "extra_args",
    "kubernetes.scheduler": "extra_args",
    "kubernetes.kube_proxy": "manage mode config",
    "kubernetes.kube_proxy.manage": "enabled affinity",
    "kubernetes.kubelet": "max_pods pod_pids_limit container_log_max_size container_log_max_files extra_args"
    " extra_config feature_gates",
    "kubernetes.control_plane_endpoint": "host port type local kube_vip haproxy",
    "kubernetes.control_plane_endpoint.local": "address",
    "kubernetes.control_plane_endpoint.kube_vip": "address mode env image",
    "kubernetes.control_plane_endpoint.haproxy": "address health_port image",
    "kubernetes.certs": "ca_cert ca_key front_proxy_cert front_proxy_key renew",
    "kubernetes.backup": "kubeadm_config_dir",
    "cni": "type pod_cidr service_cidr ipv4_mask_size ipv6_mask_size ipv4_support ipv6_support ipv4_pod_cidr"
    " ipv6_pod_cidr multi_cni multus calico cilium flannel kubeovn hybridnet spiderpool calico_version cilium_version"
    " flannel_version kubeovn_version hybridnet_version spiderpool_version cni_plugins_version",
    "cri": "container_manager cgroup_driver cri_socket registry docker containerd sandbox_image containerd_version"
    " runc_version docker_version cridockerd_version crictl_version",
    "cri.registry": "mirrors insecure_registries auths",
    "cri.docker": "daemon_policy daemon data_root",
    "cri.containerd": "config_policy config data_root",
    "etcd": "deployment_type image port peer_port env backup performance traffic_priority ca_file cert_file key_file"
    " server_cert_file server_key_file client_cert_file client_key_file etcd_version",
    "etcd.env": "election_timeout heartbeat_interval compaction_retention snapshot_count data_dir token metrics"
    " quota_backend_bytes max_request_bytes max_snapshots max_wals log_level unsupported_arch",
    "etcd.backup": "backup_dir keep_backup_number etcd_backup_script on_calendar",
    "dns": "domain nodelocaldns coredns dns_etc_hosts",
    "dns.nodelocaldns": "enabled ip image",
    "dns.coredns": "ip image dns_etc_hosts zone_configs",
    "storage_class": "local nfs localpv_provisioner_version nfs_provisioner_version",
    "storage_class.local": "enabled default path values",
    "storage_class.nfs": "enabled default server path values",
    "download": "timeout cn_host os arch artifact_file artifact_md5 fetch artifact_url tools charts iso images"
    " kubernetes etcd cri cni storage_class image_registry",
}
"""Path -> its keys. What is not listed below a key is free: arguments, images, values of a chart."""

_INVENTORY = {
    "": "hosts groups vars",
    "hosts": ANY,
    "hosts.*": "connector internal_ipv4 internal_ipv6 arch storage kubernetes annotations fact_caching hostname",
    "hosts.*.connector": "type host port user username password private_key private_key_content kubeconfig token url",
    "groups": ANY,
    "groups.*": "hosts groups vars",
}
"""A machine may also set keys of the Config for itself."""

_OF_HOSTS = {
    "address": "connector.host",
    "internaladdress": "internal_ipv4",
    "internalip": "internal_ipv4",
    "ip": "internal_ipv4",
    "labels": "kubernetes.custom_labels",
    "taints": "kubernetes.custom_taints",
    "user": "connector.user",
    "password": "connector.password",
    "port": "connector.port",
    "privatekeypath": "private_key",
    "privatekeycontent": "private_key_content",
}
"""What is often written in a machine, without capitals and underlines -> the key."""

_ON = (
    "config.native.ntp.enabled",
    "config.native.set_hostname",
    "config.kubernetes.certs.renew",
    "config.download.fetch",
    "config.dns.nodelocaldns.enabled",
)
"""Switches that are on by default: on requests nothing, off does."""


@dataclass(slots=True)
class Known:
    """The keys below one key; without any, everything below it is free."""

    below: dict[str, Known] = field(default_factory=dict)
    is_on: bool = False

    def at(self, name: str) -> Known | None:
        """What is known of a key; None if KubeKey has no such key."""
        return self.below.get(name, self.below.get(ANY))


@cache
def known_keys(part: str) -> Known:
    """The keys of the `inventory` or the `config`."""
    root = Known()
    for path, names in (_CONFIG if part == "config" else _INVENTORY).items():
        place = root
        for name in path.split(".") if path else ():
            place = place.below[name]
        for name in names.split():
            place.below[name] = Known(is_on=f"{part}.{path}.{name}" in _ON)
    if part == "inventory":
        machine = root.below["hosts"].below[ANY]
        machine.below = {**known_keys("config").below, **machine.below}
    return root


def meant(name: str, parent: Known, path: str) -> str:
    """The key that was probably meant: the same or a similar one here, KubeKey 3's, or one in another place.

    `path` starts with the part. Spelling does not count: containerManager is container_manager.
    """
    plain = _plain(name)
    here = {_plain(each): each for each in parent.below if each != ANY}
    if plain in here:
        return here[plain]
    if path.startswith("inventory.") and plain in _OF_HOSTS:
        return _OF_HOSTS[plain]
    elsewhere = _of_kubekey_3() | _places() if path.startswith("config.") else {}
    return elsewhere.get(plain) or here.get(nearest(plain, here, 0.7), "")


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


@cache
def _of_kubekey_3() -> dict[str, str]:
    """Key of KubeKey 3 -> the place of the same setting here; without keys that occur in several places."""
    found: dict[str, list[str]] = {}
    for each in mapping.direct():
        found.setdefault(_plain(each.path[-1]), []).append(".".join(each.place))
    return {name: places[0] for name, places in found.items() if len(places) == 1}


@cache
def _places() -> dict[str, str]:
    """Key of the Config -> its place, if it occurs in only one."""
    found: dict[str, list[str]] = {}
    for path, names in _CONFIG.items():
        for name in names.split():
            found.setdefault(_plain(name), []).append(f"{path}.{name}".removeprefix("."))
    return {name: places[0] for name, places in found.items() if len(places) == 1}
