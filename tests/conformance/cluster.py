"""The cluster that upstream's tests are run on: one control plane and two workers, installed by Slipway."""

from __future__ import annotations

import base64
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import yaml

from tests.ha import layouts
from tests.ha.installed import Installed, install
from tests.lab import registry
from tests.lab.bundle import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ha.layouts import Layout
    from tests.lab.lab import Lab

LAYOUT = layouts.THREE_MACHINES
FOLDER = "/srv/conformance"
MIRRORS = "/etc/containerd/certs.d"


@contextmanager
def conformance_cluster(
    lab: Lab, bundle: Path, suite: Path, place: Path, layout: Layout = LAYOUT
) -> Iterator[Installed]:
    """Install a cluster of the layout and import the images of upstream's tests on its nodes.

    Some tests always pull; they reach a registry that runs until the end of the block.
    """
    cluster = install(lab, layout, bundle, place)
    with ThreadPoolExecutor(len(cluster.hosts)) as pool:
        for done in [pool.submit(_load, lab, host.name, suite / "images") for host in cluster.hosts]:
            done.result()
    with registry.running(lab, place) as at:
        for archive in sorted((suite / "images").iterdir()):
            for name in names_in(archive):
                repository, _, tag = name.removeprefix(f"{REGISTRY}/").rpartition(":")
                registry.push(at, repository, tag, archive)
        folder = place / "mirror"
        folder.mkdir()
        (folder / "hosts.toml").write_text(_mirror(at))
        for host in cluster.hosts:
            lab.send(host.name, folder, f"{MIRRORS}/{REGISTRY}")
        yield cluster


def _load(lab: Lab, host: str, images: Path) -> None:
    lab.send(host, images, FOLDER)
    lab.execute(host, f"set -e; for each in {FOLDER}/*.tar; do ctr -n k8s.io images import $each; done; rm -r {FOLDER}")


def loaded(suite: Path) -> list[str]:
    """The names of all images that are loaded on every node for the tests."""
    return [name for archive in sorted((suite / "images").iterdir()) for name in names_in(archive)]


def names_in(archive: Path) -> list[str]:
    """The names of the image in a docker archive."""
    with tarfile.open(archive) as whole:
        listed = whole.extractfile("manifest.json")
        assert listed is not None
        return [name for image in json.load(listed) for name in image["RepoTags"]]


def _mirror(at: str) -> str:
    """hosts.toml: containerd asks our registry for upstream's images. Source: containerd's docs/hosts.md."""
    login = base64.b64encode(f"{registry.USER}:{registry.PASSWORD}".encode()).decode()
    return f"""server = "https://{REGISTRY}"
[host."http://{at}"]
  capabilities = ["pull", "resolve"]
  [host."http://{at}".header]
    authorization = "Basic {login}"
"""


def kubeconfig(cluster: Installed, place: Path) -> Path:
    """The administrator's kubeconfig, with the control plane's address instead of a name that only nodes resolve."""
    whole = yaml.safe_load(cluster.kubeconfig.read_text())
    for each in whole["clusters"]:
        each["cluster"]["server"] = (
            f"https://{cluster.host(cluster.layout.master[0]).address}:{cluster.layout.api_port}"
        )
    path = place / "conformance.conf"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(whole))
    return path
