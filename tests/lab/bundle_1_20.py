"""The artifact bundle of the seed's time: Kubernetes 1.20.2 with Debian's containerd, docker and etcd beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import images, kubernetes_1_20, layout, packages
from tests.lab.images import Image
from tests.lab.layout import Release
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CONTAINERD = "1.6.20"
ETCD = "3.4.23"
RUNC = "1.1.5"
CNI = "1.1.1"
DOCKER = "20.10.24"
CRICTL = "1.20.0"
BUSYBOX = "1.35"
COREDNS = "1.7.0"
PAUSE = "3.2"
REGISTRY = "k8s.gcr.io"

# Which Debian package has which component, and the upstream version it must be.
DEBIAN = {
    "containerd": CONTAINERD,
    "containernetworking-plugins": CNI,
    "docker.io": DOCKER,
    "tini": "0.19",
    "etcd-server": ETCD,
    "etcd-client": ETCD,
    "runc": RUNC,
    "busybox-static": BUSYBOX,
}
# Images that need more than one program: what of Debian is in them.
BASES = {"proxy": layout.PROXY, "etcd": ("libc-bin", "libc6"), "haproxy": ("haproxy", "libc-bin")}
HAPROXY = "docker.io/library/haproxy:3.2.8-alpine"
HAPROXY_NOTE = "Debian's haproxy 2.6 under the name of upstream's image"
ETCD_IMAGE = f"{REGISTRY}/etcd:3.4.13-0"
ETCD_NOTE = f"a stand-in: Debian's etcd {ETCD} under the name of the image that kubeadm 1.20 asks for"
DNS_NOTE = "a stand-in: the lab's own small DNS server, not CoreDNS"
DOCKER_NOTE = "Debian's docker.io in the layout of upstream's static archive; linked to the libraries of the host"
CRICTL_NOTE = "a stand-in: the lab's own small program, not crictl"


def _make_parts(build: Build) -> None:
    """Debian's programs, taken out of their packages, and what images of its programs stand on."""
    layout.make_parts(build, DEBIAN, BASES)


PARTS = Product("parts-1.20", digest_of(Path(__file__), Path(packages.__file__)), 25, _make_parts)
"""What of the bundle needs no compiler, so that it can be made while one runs."""


def _place_docker(bundle: Path, debian: Path) -> Release:
    """Upstream publishes no checksum file beside it."""
    where = {"usr/bin": ("docker", "containerd", "containerd-shim-runc-v2", "ctr"), "usr/sbin": ("runc",)}
    programs = {f"docker/{name}": debian / folder / name for folder, names in where.items() for name in names}
    programs |= {f"docker/{name}": debian / "usr/sbin" / name for name in ("dockerd", "docker-proxy")}
    programs["docker/docker-init"] = debian / "usr/bin/tini-static"
    place = bundle / f"docker/v{DOCKER}/linux/static/stable/x86_64/docker-{DOCKER}.tgz"
    return Release("docker", f"v{DOCKER}", [layout.pack(place, programs)], DOCKER_NOTE)


def _releases(bundle: Path, build: Build) -> Iterator[Release]:
    binaries, debian = build.need(kubernetes_1_20.BINARIES), build.need(PARTS) / "debian"
    programs = debian / "usr/bin"
    shims = ("containerd-shim", "containerd-shim-runc-v1", "containerd-shim-runc-v2")
    yield layout.place_kubernetes(bundle, binaries, kubernetes_1_20.VERSION)
    yield layout.place_etcd(bundle, {name: programs / name for name in ("etcd", "etcdctl")}, f"v{ETCD}")
    yield layout.place_containerd(
        bundle, {name: programs / name for name in ("containerd", *shims, "ctr")}, f"v{CONTAINERD}"
    )
    yield layout.place_runc(bundle, debian / "usr/sbin/runc", f"v{RUNC}")
    yield layout.place_cni(bundle, (debian / "usr/lib/cni").iterdir(), f"v{CNI}")
    yield _place_docker(bundle, debian)
    yield layout.place_crictl(bundle, build.need(CRICTL_STANDIN) / "crictl_1_20", f"v{CRICTL}", CRICTL_NOTE)


def _images(binaries: Path, parts: Path, dns: Path) -> list[Image]:
    version, programs = kubernetes_1_20.VERSION, parts / "debian/usr/bin"
    return [
        layout.component_image(REGISTRY, binaries, "kube-apiserver", version),
        layout.component_image(REGISTRY, binaries, "kube-controller-manager", version),
        layout.component_image(REGISTRY, binaries, "kube-scheduler", version),
        layout.component_image(REGISTRY, binaries, "kube-proxy", version, parts / "proxy"),
        Image(f"{REGISTRY}/pause:{PAUSE}", ["/pause"], {"/pause": binaries / "pause"}, {}),
        Image(f"{REGISTRY}/coredns:{COREDNS}", ["/coredns"], {"/coredns": dns}, {}, note=DNS_NOTE),
        Image(
            ETCD_IMAGE,
            [],
            {f"/usr/local/bin/{name}": programs / name for name in ("etcd", "etcdctl")},
            {},
            parts / "etcd",
            note=ETCD_NOTE,
        ),
        layout.haproxy_image(parts / "haproxy", HAPROXY, HAPROXY_NOTE),
        layout.busybox_image(parts / "debian", BUSYBOX),
    ]


def _make(build: Build) -> None:
    binaries, parts = build.need(kubernetes_1_20.BINARIES), build.need(PARTS)
    releases = list(_releases(build.target, build))
    layout.write_index(build.target, releases, _images(binaries, parts, build.need(DNS) / "dns_1_20"))


def _go_program(folder: str) -> Product:
    """One of the lab's own Go programs, compiled inside the Kubernetes tree for the libraries that one vendors."""
    program = HERE / folder

    def make(build: Build) -> None:
        source = build.need(kubernetes_1_20.SOURCE)
        place = source / kubernetes_1_20.TREE / "cmd" / folder
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(program, place)
        try:
            kubernetes_1_20.go_build(source, build, build.target, [f"./cmd/{folder}"])
        finally:
            shutil.rmtree(place)

    return Product(folder, digest_of(*sorted(program.glob("*.go")), kubernetes_1_20.SOURCE.digest), 20, make)


DNS = _go_program("dns_1_20")
CRICTL_STANDIN = _go_program("crictl_1_20")
COMPILED = (kubernetes_1_20.SOURCE, kubernetes_1_20.BINARIES, DNS, CRICTL_STANDIN)
"""What keeps a compiler busy, in the order in which it is made."""
BUNDLE = Product(
    "bundle-1.20",
    digest_of(
        Path(__file__),
        Path(images.__file__),
        Path(layout.__file__),
        *(each.digest for each in (*COMPILED, PARTS)),
    ),
    15,
    _make,
)
