"""The components that are installed on machines: their versions, files, and places upstream and in bundles."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from clusters.catalog.plugins import plugins
from clusters.config.kubernetes_versions import facts_of
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.config.kubernetes_versions import Facts
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.source import Artifact

ARCHITECTURES = ("amd64", "arm64")
"""The architectures for which every program here is published."""

ANY = "any"
"""The architecture of files that are the same for all: manifests and charts."""

HELM = "v3.18.5"
"""Renders charts. Source: the version that KubeKey 3.1 and 4 use."""

GITHUB = "https://github.com/{}/releases/download/{{version}}"
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Component:
    """A component as its project publishes it.

    All texts are templates: `version` has its leading v, `plain` does not, `arch` is amd64 or arm64, in `sums` `name`
    is the file in question, `machine` the architecture as the kernel calls it. `url` is the folder upstream, `folder`
    the same in a bundle; `files` and `sums` (the file with their SHA-256) are in it. `kind` is `program`, `manifest` or
    `chart`; the last two are for any architecture. Where a project publishes no SHA-256 beside a file, `sums` is empty
    and `pins` contains it, by `version/file` or `version/arch/file`.
    """

    name: str
    version: Callable[[Facts], str]
    url: str
    folder: str
    files: tuple[str, ...]
    sums: str = ""
    kind: str = "program"
    pins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """One file of one release: its address, its place below a bundle's root, and the same of its checksum file.

    `sha256` replaces the checksum file where Slipway itself has the checksum.
    """

    url: str
    path: str
    sums_url: str = ""
    sums_path: str = ""
    sha256: str = ""


_TABLE = (
    Component(
        "kubernetes",
        lambda facts: str(facts.version),
        "https://dl.k8s.io/release/{version}/bin/linux/{arch}",
        "kubernetes/{version}/bin/linux/{arch}",
        ("kubeadm", "kubelet", "kubectl"),
        "{name}.sha256",
    ),
    Component(
        "etcd",
        lambda facts: f"v{facts.etcd}",
        GITHUB.format("etcd-io/etcd"),
        "etcd/{version}",
        ("etcd-{version}-linux-{arch}.tar.gz",),
        "SHA256SUMS",
    ),
    Component(
        "runc",
        lambda facts: f"v{facts.runc}",
        GITHUB.format("opencontainers/runc"),
        "runc/{version}",
        ("runc.{arch}",),
        "runc.sha256sum",
    ),
    Component(
        "cni-plugins",
        lambda facts: f"v{facts.cni_plugins}",
        GITHUB.format("containernetworking/plugins"),
        "cni-plugins/{version}",
        ("cni-plugins-linux-{arch}-{version}.tgz",),
        "{name}.sha256",
    ),
    Component(
        "crictl",
        lambda facts: f"v{facts.crictl}",
        GITHUB.format("kubernetes-sigs/cri-tools"),
        "crictl/{version}",
        ("crictl-{version}-linux-{arch}.tar.gz",),
        "{name}.sha256",
    ),
    Component(
        "helm",
        lambda facts: HELM,
        "https://get.helm.sh",
        "helm/{version}",
        ("helm-{version}-linux-{arch}.tar.gz",),
        "{name}.sha256sum",
    ),
)


@cache
def components() -> Mapping[str, Component]:
    """By name, with the files that network plugins and container runtimes declare.

    Source of the addresses: `download.yml` of kubespray and `10-download.yaml` of KubeKey 4, which agree; of the
    checksum files: kubespray's `components.py` and the release scripts of each project.
    """
    # Runtimes import this module for their own files.
    records = importlib.import_module("clusters.catalog.runtimes").RECORDS.values()
    of_runtimes = [component for record in records for component in record.components]
    of_plugins = [each.component for each in plugins().values() if each.component is not None]
    return {component.name: component for component in (*_TABLE, *of_plugins, *of_runtimes)}


def component_of(name: str) -> Component:
    """A component by its name. Raises SourceError."""
    found = components().get(name)
    if found is None:
        raise SourceError(f"{name!r} is not a component.", hint=f"The components are {', '.join(components())}.")
    return found


def version_for(name: str, kubernetes_version: str) -> str:
    """The version of a component that goes with a Kubernetes version, with its leading v.

    Raises SourceError, and ConfigError when that Kubernetes version is not known.
    """
    return component_of(name).version(facts_of(kubernetes_version))


def file_names(name: str, version: str, arch: str) -> tuple[str, ...]:
    """The files of a release that Slipway uses, by their names in the release."""
    return tuple(_filled(each, version, arch) for each in component_of(name).files)


def published(name: str, version: str, file: str, arch: str) -> Published:
    """Where a file of a release is. Raises SourceError for a file that no project publishes."""
    component = component_of(name)
    if arch not in ((ANY,) if component.kind != "program" else ARCHITECTURES):
        raise SourceError(
            f"{name} is required for {arch or 'an unknown architecture'}, but Slipway downloads it for "
            f"{' and '.join(ARCHITECTURES)} only.",
            hint="Use a bundle that contains it for this architecture, or another machine.",
        )
    if file not in file_names(name, version, arch):
        raise SourceError(
            f"{file} is not one of the files of {name} {version} for {arch}.",
            hint=f"The files are {', '.join(file_names(name, version, arch))}.",
        )
    url, folder = _filled(component.url, version, arch), _filled(component.folder, version, arch)
    if not component.sums:
        pin = component.pins.get(f"{version}/{file}") or component.pins.get(f"{version}/{arch}/{file}", "")
        if not pin:
            raise SourceError(
                f"Slipway does not know the SHA-256 of {file} of {name} {version}, and its project publishes none.",
                hint="Use a bundle that contains it: the bundle's index has the checksum.",
            )
        return Published(f"{url}/{file}", f"{folder}/{file}", sha256=pin)
    sums = _filled(component.sums, version, arch, file)
    return Published(f"{url}/{file}", f"{folder}/{file}", f"{url}/{sums}", f"{folder}/{sums}")


def digest_in(text: str, file: str) -> str | None:
    """The digest of a file in a checksum file, in lower case; None when the file is not listed.

    The content may be a digest alone (dl.k8s.io, cri-tools) or the lines of `sha256sum`, with or without the star of
    binary mode and `./` (the others); runc signs these in clear text, so all other lines are ignored.
    """
    words = text.split()
    if len(words) == 1 and _DIGEST.fullmatch(words[0]):
        return words[0].lower()
    for line in text.splitlines():
        digest, _, name = line.strip().partition(" ")
        if _DIGEST.fullmatch(digest) and name.strip().removeprefix("*").removeprefix("./") == file:
            return digest.lower()
    return None


def artifact(machine: Machine, cluster: Cluster, name: str, file: str = "") -> Artifact:
    """A component's file for a machine, from the run's source; `file` where a component has several.

    A download reports its progress to the machine's log; a cancel or the step's timeout ends it.
    Raises SourceError.
    """
    version = cluster.source.version_of(name, cluster.document.kubernetes.version)
    arch = machine.facts.arch if component_of(name).kind == "program" else ANY
    return cluster.source.file(name, version, file or file_names(name, version, arch)[0], arch, asker=machine)


def _filled(template: str, version: str, arch: str, name: str = "") -> str:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(arch, arch)
    return template.format(version=version, plain=version.removeprefix("v"), arch=arch, machine=machine, name=name)
