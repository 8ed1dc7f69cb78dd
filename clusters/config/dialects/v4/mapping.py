"""Maps the document's keys to KubeKey 4's Inventory and Config. Source: the defaults of KubeKey 4's core roles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from clusters.config.keys import Key, Model, Switch, keys_of
from clusters.config.load_balancers import load_balancers
from clusters.config.schema import Document

GROUPS = {"etcd": "etcd", "master": "kube_control_plane", "worker": "kube_worker", "registry": "image_registry"}
"""Role group of the document -> group of the Inventory."""
CLUSTER_GROUP = "k8s_cluster"
CLUSTER_GROUPS = ["kube_control_plane", "kube_worker"]

CONNECTOR = {
    "address": "host",
    "port": "port",
    "user": "user",
    "password": "password",
    "privateKeyPath": "private_key",
    "privateKey": "private_key_content",
}
"""Key of a host -> key of its connector."""

AUTH = {
    "username": "username",
    "password": "password",
    "skipTLSVerify": "skip_tls_verify",
    "caFile": "ca_file",
    "certFile": "cert_file",
    "keyFile": "key_file",
}
"""Key of registry.auths -> key in KubeKey 4's list cri.registry.auths."""

ARGS = {
    "apiserverArgs": ("kubernetes", "apiserver", "extra_args"),
    "controllerManagerArgs": ("kubernetes", "controller_manager", "extra_args"),
    "schedulerArgs": ("kubernetes", "scheduler", "extra_args"),
    "kubeletArgs": ("kubernetes", "kubelet", "extra_args"),
}
"""Arguments: a list of name=value in the document, a mapping in KubeKey 4."""

ENDPOINT = ("kubernetes", "control_plane_endpoint")
ETCD_TYPE = ("etcd", "deployment_type")
ETCD_TYPES = {"kubekey": "external", "kubeadm": "internal"}
MULTUS = ("cni", "multi_cni")
REGISTRY = ("image_registry", "auth", "registry")
AUTHS = ("cri", "registry", "auths")
ETC_HOSTS = ("dns", "coredns", "dns_etc_hosts")
LOCAL = "local"
BALANCERS = {LOCAL: "", **{each.v4_section: each.name for each in load_balancers() if each.v4_section}}
"""Words for the load balancer that only KubeKey 4 has -> the document's."""

SPECIAL = (
    *ARGS.values(),
    *((*ENDPOINT, key) for key in ("host", "port", "type")),
    (*ENDPOINT, "local", "address"),
    *((*ENDPOINT, each.v4_section, "address") for each in load_balancers() if each.v4_section),
    *((*ENDPOINT, each.v4_section, option) for each in load_balancers() for option in each.v4_options),
    ETCD_TYPE,
    MULTUS,
    REGISTRY,
    AUTHS,
    ETC_HOSTS,
)
"""Paths in the Config that do not map to one key of the document with the same structure."""


def endpoint_section(balancer: str) -> str:
    """The section of the Config's endpoint that has the address with this load balancer."""
    return next((each.v4_section for each in load_balancers() if each.name == balancer), "") or LOCAL


@dataclass(frozen=True, slots=True)
class Direct:
    """A key of the document with a separate path in the Config. `keys` is the path to it, with the key itself last."""

    keys: tuple[Key, ...]
    place: tuple[str, ...]

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the keys in the document."""
        return tuple(key.name for key in self.keys)

    @property
    def is_switch(self) -> bool:
        """Whether a section with `enabled` in the document is a truth value in KubeKey 4."""
        inner = self.keys[-1].inner
        return inner is not None and issubclass(inner, Switch)

    def of(self, document: Document) -> Any:
        """The key's value."""
        value: Any = document
        for key in self.keys:
            value = getattr(value, key.attribute)
        return value


@cache
def direct() -> tuple[Direct, ...]:
    """All direct mappings."""
    return tuple(_direct(Document, ()))


def _direct(model: type[Model], before: tuple[Key, ...]) -> list[Direct]:
    found = []
    for key in keys_of(model).values():
        keys = (*before, key)
        if key.v4:
            found.append(Direct(keys, tuple(key.v4.split("."))))
        elif key.kind == "model" and key.inner is not None and not key.name.startswith("---"):
            found += _direct(key.inner, keys)
    return found


def places() -> tuple[tuple[str, ...], ...]:
    """Every path in the Config that the document covers."""
    return (*SPECIAL, *(each.place for each in direct()))


def strip(data: dict[str, Any], to_remove: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """The data without these paths, and without mappings that become empty."""
    rest: dict[str, Any] = {}
    for name, value in data.items():
        below = tuple(place[1:] for place in to_remove if place[0] == name)
        if not below:
            rest[name] = value
        elif () not in below and isinstance(value, dict):
            inner = strip(value, below)
            if inner:
                rest[name] = inner
    return rest


def merged(rest: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Both merged; where both have a value, `data` takes precedence."""
    found = dict(data)
    for key, value in rest.items():
        if key not in found:
            found[key] = value
        elif isinstance(value, dict) and isinstance(found[key], dict):
            found[key] = merged(value, found[key])
    return found
