"""The artifact bundles of today's Kubernetes: every program built from its own module, nothing in another's place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import images, layout, packages, programs
from tests.lab.commands import run
from tests.lab.images import Image
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.layout import Release

REGISTRY = "registry.k8s.io"
BUSYBOX = "1.35"
HAPROXY = "2.6.12"
# Which Debian package has which program, and the upstream version it must be. `haproxy` is looked at, not unpacked.
DEBIAN = {"busybox-static": BUSYBOX, "haproxy": HAPROXY}
BASES = {"proxy": layout.PROXY, "haproxy": ("haproxy", "libc-bin")}


@dataclass(frozen=True, slots=True)
class Series:
    """A series of Kubernetes with what its kubeadm asks for. Source: `kubeadm config images list` of each."""

    name: str
    etcd: str
    coredns: str
    pause: str

    @property
    def kubernetes(self) -> programs.Source:
        """Its seven programs."""
        return programs.KUBERNETES[self.name]


NEWEST = Series("1.37", etcd="3.7", coredns="1.14.6", pause="3.10.2")
BEFORE = Series("1.36", etcd="3.6", coredns="1.14.2", pause="3.10.2")
SERIES = {series.name: series for series in (NEWEST, BEFORE)}


def _make_parts(build: Build) -> None:
    """Debian's busybox, and what images of its programs stand on."""
    layout.make_parts(build, DEBIAN, BASES)


_OF_PARTS = repr((DEBIAN, BASES, layout.NOT_IN_IMAGES))
PARTS = Product("parts", digest_of(Path(packages.__file__), _OF_PARTS), 25, _make_parts)
"""What of the bundles needs no compiler, so that it can be made while one runs."""


def _make_pause(series: Series, build: Build) -> None:
    """The program that holds a pod's network: one file of C in Kubernetes' own module."""
    go = build.need(programs.compilers.GO) / "go/bin/go"
    module = f"k8s.io/kubernetes@{series.kubernetes.version}"
    tree, _ = programs.compilers.download(go, module, build)
    options = ["-Os", "-static", f"-DVERSION=v{series.pause}"]
    run(["gcc", *options, "-o", build.target / "pause", tree / "build/pause/linux/pause.c"], log=build.log)


def _pause(series: Series) -> Product:
    digest = digest_of(series.kubernetes.version, series.pause, programs.compilers.GO.digest)
    return Product(f"pause-{series.name}", digest, 2, partial(_make_pause, series))


def compiled(series: Series) -> tuple[Product, ...]:
    """What keeps a compiler busy, the longest first, so that the short ones fill what it leaves."""
    shared = (programs.CONTAINERD, programs.CRICTL, programs.RUNC, programs.CNI_PLUGINS)
    own = (series.kubernetes, programs.COREDNS[series.coredns], programs.ETCD[series.etcd])
    return (*(programs.product(source) for source in (*own, *shared)), _pause(series))


def _releases(series: Series, build: Build) -> Iterator[Release]:
    bundle = build.target

    def made(source: programs.Source) -> Path:
        return build.need(programs.product(source))

    etcd = programs.ETCD[series.etcd]
    yield layout.place_kubernetes(bundle, made(series.kubernetes), series.kubernetes.version)
    yield layout.place_etcd(bundle, {name: made(etcd) / name for name in etcd.programs}, etcd.version)
    containerd, plugins = programs.CONTAINERD, programs.CNI_PLUGINS
    files = {name: made(containerd) / name for name in containerd.programs}
    yield layout.place_containerd(bundle, files, containerd.version)
    yield layout.place_runc(bundle, made(programs.RUNC) / "runc", programs.RUNC.version)
    yield layout.place_cni(bundle, made(plugins).iterdir(), plugins.version)
    yield layout.place_crictl(bundle, made(programs.CRICTL) / "crictl", programs.CRICTL.version)


def _images(series: Series, build: Build) -> Iterator[Image]:
    version, binaries = series.kubernetes.version, build.need(programs.product(series.kubernetes))
    parts, etcd, coredns = build.need(PARTS), programs.ETCD[series.etcd], programs.COREDNS[series.coredns]
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        yield layout.component_image(REGISTRY, binaries, name, version)
    yield layout.component_image(REGISTRY, binaries, "kube-proxy", version, parts / "proxy")
    pause = build.need(_pause(series)) / "pause"
    yield Image(f"{REGISTRY}/pause:{series.pause}", ["/pause"], {"/pause": pause}, {})
    dns = build.need(programs.product(coredns)) / "coredns"
    yield Image(f"{REGISTRY}/coredns/coredns:{coredns.version}", ["/coredns"], {"/coredns": dns}, {})
    folder = build.need(programs.product(etcd))
    places = {f"/usr/local/bin/{name}": folder / name for name in etcd.programs}
    yield Image(f"{REGISTRY}/etcd:{etcd.version.removeprefix('v')}-0", [], places, {})
    yield layout.haproxy_image(parts / "haproxy", f"docker.io/library/haproxy:{HAPROXY}")
    yield layout.busybox_image(parts / "debian", BUSYBOX)


def _make(series: Series, build: Build) -> None:
    releases = list(_releases(series, build))
    layout.write_index(build.target, releases, _images(series, build))


def bundle_of(series: Series) -> Product:
    """The bundle of one series: a directory that SLIPWAY_ARTIFACTS may name."""
    files = (Path(__file__), Path(images.__file__), Path(layout.__file__))
    digests = (product.digest for product in (*compiled(series), PARTS))
    return Product(f"bundle-{series.name}", digest_of(*files, *digests), 25, partial(_make, series))


BUNDLES = {name: bundle_of(series) for name, series in SERIES.items()}
