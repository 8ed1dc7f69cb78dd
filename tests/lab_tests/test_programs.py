"""The modules of the lab's programs are compiled as rarely as possible."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.lab.programs import COREDNS, KUBERNETES

if TYPE_CHECKING:
    from tests.lab.programs import Source

SHARED = ("k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/kube-openapi", "google.golang.org/protobuf")
"""The largest modules that both have; their dependencies must be the same, too."""


def versions(source: Source) -> dict[str, str]:
    lines = (source.folder / "go.mod").read_text()
    return dict(re.findall(r"^\s*(?:require )?(\S+) (v\S+)", lines, re.MULTILINE))


def test_coredns_uses_the_same_kubernetes_client_as_kubernetes() -> None:
    coredns, kubernetes = versions(COREDNS["1.14.6"]), versions(KUBERNETES["1.37"])

    assert {name: coredns[name] for name in SHARED} == {name: kubernetes[name] for name in SHARED}
    older = {"github.com/coredns/caddy", "github.com/mdlayher/socket"}
    both = coredns.keys() & kubernetes.keys() - older
    assert {name: coredns[name] for name in both} == {name: kubernetes[name] for name in both}
