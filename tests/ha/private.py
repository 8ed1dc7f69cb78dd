"""A private registry with a login and all images: a layout that pulls from it, and the checks afterwards."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from clusters.catalog.images import image_ref
from clusters.config.schema import Document
from clusters.config.sections.registry import Registry
from tests.lab import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.ha.layouts import Layout
    from tests.lab.lab import Lab

LOGINS = ("/etc/slipway/registries/config.json", "/var/lib/kubelet/config.json")
"""Where machines of every runtime store the login."""


@contextmanager
def with_registry(lab: Lab, layout: Layout, bundle: Path, place: Path) -> Iterator[Layout]:
    """The layout with its registry section; the registry runs until the end of the block. The lab must be up."""
    with registry.running(lab, place) as at:
        auths = {at: {"username": registry.USER, "password": registry.PASSWORD, "plainHTTP": True}}
        section = {"privateRegistry": at, "namespaceOverride": "lab", "auths": auths}
        document = Document(registry=Registry.model_validate(section))
        for image in yaml.safe_load((bundle / "bundle.yaml").read_text())["images"]:
            repository, _, tag = image_ref(document, image["ref"]).removeprefix(f"{at}/").rpartition(":")
            registry.push(at, repository, tag, bundle / image["path"])
        yield replace(layout, registry=section)


def check_images_and_logins(cluster: Installed, *more: str) -> None:
    """Every system pod has its image from the registry; only root can read the login (it is in `more` files, too), and
    Slipway stores it only encrypted."""
    at = cluster.layout.registry["privateRegistry"]
    pods = cluster.kubectl_json("get", "pods", "-n", "kube-system")["items"]
    running = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    assert all(image.startswith(f"{at}/lab/") for image in running) and len(running) >= 5, running
    for path in (*LOGINS, *more):
        mode = int(cluster.lab.execute("node1", f"stat -c %a {path}"), 8)
        assert stat.filemode(0o100000 | mode) == "-rw-------", path
    stored = (cluster.place / "data").rglob("*")
    assert not [path for path in stored if path.is_file() and registry.PASSWORD.encode() in path.read_bytes()]
