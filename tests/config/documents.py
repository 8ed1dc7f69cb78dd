"""Documents for tests: the seed example, and what hypothesis makes up."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from clusters.config.schema import (
    ControlPlaneEndpoint,
    Document,
    Etcd,
    Host,
    Kubernetes,
    Network,
    Registry,
    RoleGroups,
)
from clusters.config.secret import MASK, Secret


def seed_document(**changes: Any) -> Document:
    """One control plane with etcd, two workers."""
    hosts = tuple(
        Host(
            name=f"node{number}",
            address=f"172.16.0.{number + 1}",
            internal_address=f"172.16.0.{number + 1}",
            user="ubuntu",
            password=Secret("Testing123"),
        )
        for number in (1, 2, 3)
    )
    document = Document(
        hosts=hosts,
        role_groups=RoleGroups(etcd=("node1",), master=("node1",), worker=("node2", "node3")),
        kubernetes=Kubernetes(version="v1.20.2", container_manager="containerd", proxy_mode="iptables"),
        network=Network(plugin="bridge"),
    )
    return document.model_copy(update=changes)


def large_document(count: int = 1000) -> Document:
    """Many machines with addresses of their own."""
    hosts = tuple(
        Host(name=f"node{n}", address=f"10.{n // 250}.1.{n % 250 + 1}", user="ubuntu", password=Secret("Testing123"))
        for n in range(1, count + 1)
    )
    return seed_document(
        hosts=hosts,
        role_groups=RoleGroups(etcd=("node1",), master=("node1",), worker=(f"node[2:{count}]",)),
        network=Network(plugin="bridge", kube_pods_cidr="10.240.0.0/12"),
    )


TRICKY = (
    "yes",
    "on",
    "No",
    "~",
    "null",
    "1.20",
    "0123",
    "1e3",
    "0x1F",
    "12:30:45",
    "2024-01-01",
    "=",
    "<<",
    "*a",
    "&a",
    "!a",
    "@a",
    "a: b",
    "a #b",
    "- a",
    "[1:3]",
    "{a}",
    '"',
    "'",
    "\\",
    " a ",
    "a\nb",
    "\t",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x00",
    "\x7f",
    "💥",
    "Qcloud@123",
)
TEXTS = st.one_of(st.sampled_from(TRICKY), st.text(max_size=12), st.from_regex(r"[a-z]{1,8}[0-9]?", fullmatch=True))
TEXTS = TEXTS.filter(lambda text: text != MASK)
GIVEN = TEXTS.filter(bool)
SECRETS = st.none() | GIVEN.map(Secret)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)
NUMBERS = st.integers(-(10**6), 10**6)
EXTRA_KEYS = GIVEN.map(lambda text: f"x-{text}").filter(lambda text: text != "x-")
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(GIVEN.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=6,
)
EXTRAS = st.dictionaries(EXTRA_KEYS, PLAIN, max_size=2)
HOST_EXTRAS = st.dictionaries(EXTRA_KEYS, PLAIN.filter(lambda value: value is not None), max_size=2)


@st.composite
def documents(draw: st.DrawFn, dialect: str = "v1alpha2") -> Document:
    """Any document the dialect can hold, however wrong for a cluster."""
    new = dialect == "v1alpha2"

    def only_new(strategy: st.SearchStrategy[Any], otherwise: Any) -> Any:
        return draw(strategy) if new else otherwise

    def host() -> Host:
        return Host.model_validate(
            {
                "name": draw(TEXTS),
                "address": draw(TEXTS),
                "internalAddress": draw(TEXTS),
                "port": draw(NUMBERS),
                "user": draw(GIVEN),
                "password": draw(SECRETS),
                "privateKey": only_new(SECRETS, None),
                "privateKeyPath": draw(TEXTS),
                "arch": draw(GIVEN),
                "timeout": only_new(NUMBERS, 30),
                "labels": only_new(st.dictionaries(GIVEN.filter(lambda key: key != "<<"), TEXTS, max_size=2), {}),
                **draw(HOST_EXTRAS),
            }
        )

    name = draw(TEXTS)
    return Document.model_validate(
        {
            "name": draw(TEXTS),
            "hosts": tuple(host() for _ in range(draw(st.integers(0, 3)))),
            "roleGroups": RoleGroups.model_validate(
                {
                    "etcd": draw(NAMES),
                    "master": draw(NAMES),
                    "worker": draw(NAMES),
                    "control-plane": only_new(NAMES, ()),
                    **draw(EXTRAS),
                }
            ),
            "controlPlaneEndpoint": ControlPlaneEndpoint(
                domain=draw(TEXTS),
                address=draw(TEXTS),
                port=draw(NUMBERS),
                internal_loadbalancer=only_new(TEXTS, ""),
            ),
            "kubernetes": Kubernetes.model_validate(
                {
                    "version": draw(TEXTS),
                    "clusterName": name,
                    "dnsDomain": only_new(TEXTS, name),
                    "containerManager": only_new(TEXTS, "containerd"),
                    "proxyMode": draw(TEXTS),
                    "masqueradeAll": draw(st.booleans()),
                    "maxPods": draw(NUMBERS),
                    "nodeCidrMaskSize": draw(NUMBERS),
                    "apiserverCertExtraSans": draw(NAMES),
                    **draw(EXTRAS),
                }
            ),
            "etcd": Etcd(type=draw(TEXTS), port=draw(NUMBERS), peer_port=draw(NUMBERS), data_dir=draw(TEXTS))
            if new
            else Etcd(),
            "network": Network(plugin=draw(TEXTS), kube_pods_cidr=draw(TEXTS), kube_service_cidr=draw(TEXTS)),
            "registry": Registry(
                private_registry=draw(TEXTS),
                namespace_override=only_new(TEXTS, ""),
                registry_mirrors=draw(NAMES),
                insecure_registries=draw(NAMES),
            ),
            **draw(EXTRAS),
        }
    )
