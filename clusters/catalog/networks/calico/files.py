"""Calico's manifests and their checksums.

The SHA-256 were computed from `manifests/` at each release's tag in projectcalico/calico, which the address serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.components import Component
from clusters.catalog.networks.calico.needs import typha_is_on
from clusters.config.plugins import plugin_version

if TYPE_CHECKING:
    from clusters.config.schema import Document

NAME = "calico"
COMPONENT = Component(
    NAME,
    lambda facts: plugin_version(NAME, str(facts.version)),
    "https://raw.githubusercontent.com/projectcalico/calico/{version}/manifests",
    "calico/{version}",
    ("calico.yaml", "calico-typha.yaml"),
    kind="manifest",
    pins={
        "v3.24.5/calico.yaml": "1e8825b3bc56bd1b2a7565783630a97a09a4fd9f92767d013e4201cf8f88812c",
        "v3.24.5/calico-typha.yaml": "f1adec1a87b043e47e4b6b8cf798f4ddcfedb3cdd1c52a3a6612bfc1940fab47",
        "v3.27.4/calico.yaml": "53250439641223c04f25035d9855f980b640baa73cde99bcfac5457b242fc51f",
        "v3.27.4/calico-typha.yaml": "553c859a554ad74978a045be91f8707d9e68faac45e77c46dbc20341656fd897",
        "v3.30.7/calico.yaml": "ed105288f27c7ba4cae143bcaa3f6425f02d84fa94a4786cc8e3d371412c1a36",
        "v3.30.7/calico-typha.yaml": "a11fc074d2f7197e38af5fefdc58697e881da8eadc0778f2493a18a0a5908cfd",
        "v3.31.7/calico.yaml": "d6d8a489a4ed8e5b8efd8b339047b496ca657b55ee2e3618e791507b0a853e8d",
        "v3.31.7/calico-typha.yaml": "86bdaabf6098f98320773a257f3408f70a8654e9ccf26a48e717ef2d028d71b7",
        "v3.32.1/calico.yaml": "a1df919d9721cf667accdc3e72848911b0cb25cfab7d2478ad0c996302c95744",
        "v3.32.1/calico-typha.yaml": "7ecc42a5ca2bd47764384f5c52b89b007c06cbf907fd3214c1cf4abc75ead76f",
    },
)


def manifest_of(document: Document) -> str:
    """The manifest that a document needs: there are two, without Typha and with it."""
    return "calico-typha.yaml" if typha_is_on(document) else "calico.yaml"
