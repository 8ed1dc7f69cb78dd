"""The artifact bundle: what the installer puts on machines, laid out as upstream does, checksum files included."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.lab import images, kubernetes, packages
from tests.lab.commands import LabError, run
from tests.lab.images import Image
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
ARCH = "amd64"
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
BASES = {
    "proxy": ("conntrack", "ipset", "iptables", "kmod", "libc-bin"),
    "etcd": ("libc-bin", "libc6"),
    "haproxy": ("haproxy", "libc-bin"),
}
HAPROXY = "docker.io/library/haproxy:3.2.8-alpine"
# kube-proxy calls these; Debian links them by alternatives, which an unpacked package has not.
PROXY_LINKS = {
    f"/usr/sbin/{family}{verb}": "xtables-nft-multi"
    for family in ("iptables", "ip6tables")
    for verb in ("", "-save", "-restore")
}
HAPROXY_NOTE = "Debian's haproxy 2.6 under the name of upstream's image"
ETCD_IMAGE = f"{REGISTRY}/etcd:3.4.13-0"
ETCD_NOTE = f"a stand-in: Debian's etcd {ETCD} under the name of the image that kubeadm 1.20 asks for"
DNS_NOTE = "a stand-in: the lab's own small DNS server, not CoreDNS"
DOCKER_NOTE = "Debian's docker.io in the layout of upstream's static archive; linked to the libraries of the host"
CRICTL_NOTE = "a stand-in: the lab's own small program, not crictl"


def sha256(path: Path) -> str:
    """The digest of a file, as upstream's checksum files write it."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _pack(archive: Path, files: Mapping[str, Path]) -> Path:
    """A gzipped tar of programs, with the same bytes whenever it is made from the same programs."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    # Level 1: the bundle crosses no network, and the machine has better uses for its cores.
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as whole,
    ):
        for name, source in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                whole.addfile(entry, content)
    return archive


def _sums(path: Path, *files: Path) -> Path:
    """A checksum file as `sha256sum` writes it: digest, two blanks, name."""
    path.write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))
    return path


def _bare_sum(file: Path) -> Path:
    """A checksum file that holds nothing but the digest, as dl.k8s.io and cri-tools publish them."""
    path = file.with_name(f"{file.name}.sha256")
    path.write_text(sha256(file))
    return path


def _make_parts(build: Build) -> None:
    """Debian's programs, taken out of their packages, and what images of its programs stand on."""
    versions = packages.unpack(list(DEBIAN), build.target / "debian", cache=build.cache, log=build.log)
    for name, wanted in DEBIAN.items():
        found = versions.get(name, "no package")
        if not found.rsplit(":", 1)[-1].startswith(wanted):
            raise LabError(f"{name} {wanted} was expected in Debian {packages.RELEASE}, found {found}")
    for name, programs in BASES.items():
        _small_base(build, build.target / name, programs)


PARTS = Product("parts", digest_of(Path(__file__), Path(packages.__file__)), 25, _make_parts)
"""What of the bundle needs no compiler, so that it can be made while one runs."""


def _place_kubernetes(bundle: Path, binaries: Path) -> list[Path]:
    folder = bundle / f"kubernetes/{kubernetes.VERSION}/bin/linux/{ARCH}"
    folder.mkdir(parents=True)
    placed = []
    for name in ("kubeadm", "kubelet", "kubectl"):
        program = Path(shutil.copy(binaries / name, folder / name))
        placed += [program, _bare_sum(program)]
    return placed


def _place_etcd(bundle: Path, debian: Path) -> list[Path]:
    top = f"etcd-v{ETCD}-linux-{ARCH}"
    programs = {f"{top}/{name}": debian / "usr/bin" / name for name in ("etcd", "etcdctl")}
    archive = _pack(bundle / f"etcd/v{ETCD}/{top}.tar.gz", programs)
    return [archive, _sums(archive.with_name("SHA256SUMS"), archive)]


def _place_containerd(bundle: Path, debian: Path) -> list[Path]:
    names = ("containerd", "containerd-shim", "containerd-shim-runc-v1", "containerd-shim-runc-v2", "ctr")
    programs = {f"bin/{name}": debian / "usr/bin" / name for name in names}
    archive = _pack(bundle / f"containerd/v{CONTAINERD}/containerd-{CONTAINERD}-linux-{ARCH}.tar.gz", programs)
    return [archive, _sums(archive.with_name(f"{archive.name}.sha256sum"), archive)]


def _place_runc(bundle: Path, debian: Path) -> list[Path]:
    folder = bundle / f"runc/v{RUNC}"
    folder.mkdir(parents=True)
    program = Path(shutil.copy(debian / "usr/sbin/runc", folder / f"runc.{ARCH}"))
    return [program, _sums(folder / "runc.sha256sum", program)]


def _place_cni(bundle: Path, debian: Path) -> list[Path]:
    programs = {f"./{plugin.name}": plugin for plugin in sorted((debian / "usr/lib/cni").iterdir())}
    archive = _pack(bundle / f"cni-plugins/v{CNI}/cni-plugins-linux-{ARCH}-v{CNI}.tgz", programs)
    return [archive, _sums(archive.with_name(f"{archive.name}.sha256"), archive)]


def _place_crictl(bundle: Path, program: Path) -> list[Path]:
    archive = _pack(bundle / f"crictl/v{CRICTL}/crictl-v{CRICTL}-linux-{ARCH}.tar.gz", {"crictl": program})
    return [archive, _bare_sum(archive)]


def _place_docker(bundle: Path, debian: Path) -> list[Path]:
    """Upstream publishes no checksum file beside it."""
    where = {"usr/bin": ("docker", "containerd", "containerd-shim-runc-v2", "ctr"), "usr/sbin": ("runc",)}
    programs = {f"docker/{name}": debian / folder / name for folder, names in where.items() for name in names}
    programs |= {f"docker/{name}": debian / "usr/sbin" / name for name in ("dockerd", "docker-proxy")}
    programs["docker/docker-init"] = debian / "usr/bin/tini-static"
    return [_pack(bundle / f"docker/v{DOCKER}/linux/static/stable/x86_64/docker-{DOCKER}.tgz", programs)]


def _small_base(build: Build, root: Path, programs: tuple[str, ...]) -> None:
    """A small file system with a few of Debian's programs, for an image."""
    run(
        [
            "mmdebstrap",
            "--variant=extract",
            f"--include={','.join(programs)}",
            packages.RELEASE,
            root,
            packages.source_line(),
        ],
        log=build.log,
    )
    for name in ("dev", "var", "usr/share", "etc/apt"):
        shutil.rmtree(root / name, ignore_errors=True)


def _busybox_links(program: Path) -> dict[str, str]:
    applets = run([program, "--list"]).split()
    return {f"/bin/{name}": "busybox" for name in applets if name != "busybox"}


def _images(binaries: Path, parts: Path, dns: Path) -> list[Image]:
    debian = parts / "debian"
    busybox = debian / "bin/busybox"

    def component(name: str, base: Path | None = None) -> Image:
        place = f"/usr/local/bin/{name}"
        links = PROXY_LINKS if base else {}
        return Image(f"{REGISTRY}/{name}:{kubernetes.VERSION}", [place], {place: binaries / name}, links, base)

    return [
        component("kube-apiserver"),
        component("kube-controller-manager"),
        component("kube-scheduler"),
        component("kube-proxy", parts / "proxy"),
        Image(f"{REGISTRY}/pause:{PAUSE}", ["/pause"], {"/pause": binaries / "pause"}, {}),
        Image(f"{REGISTRY}/coredns:{COREDNS}", ["/coredns"], {"/coredns": dns}, {}, note=DNS_NOTE),
        Image(
            ETCD_IMAGE,
            [],
            {"/usr/local/bin/etcd": debian / "usr/bin/etcd", "/usr/local/bin/etcdctl": debian / "usr/bin/etcdctl"},
            {},
            parts / "etcd",
            note=ETCD_NOTE,
        ),
        Image(
            HAPROXY,
            ["/usr/sbin/haproxy"],
            {},
            {"/usr/local/sbin/haproxy": "/usr/sbin/haproxy"},
            parts / "haproxy",
            note=HAPROXY_NOTE,
        ),
        Image(
            f"docker.io/library/busybox:{BUSYBOX}",
            [],
            {"/bin/busybox": busybox},
            _busybox_links(busybox),
            folders=["/tmp"],
            command=["sh"],
        ),
    ]


def _described(path: Path, bundle: Path) -> dict[str, str | int]:
    return {"path": str(path.relative_to(bundle)), "sha256": sha256(path), "size": path.stat().st_size}


def _make(build: Build) -> None:
    bundle = build.target
    binaries, parts = build.need(kubernetes.BINARIES), build.need(PARTS)
    debian = parts / "debian"
    placed = {
        ("kubernetes", kubernetes.VERSION, ""): _place_kubernetes(bundle, binaries),
        ("etcd", f"v{ETCD}", ""): _place_etcd(bundle, debian),
        ("containerd", f"v{CONTAINERD}", ""): _place_containerd(bundle, debian),
        ("runc", f"v{RUNC}", ""): _place_runc(bundle, debian),
        ("cni-plugins", f"v{CNI}", ""): _place_cni(bundle, debian),
        ("docker", f"v{DOCKER}", DOCKER_NOTE): _place_docker(bundle, debian),
        ("crictl", f"v{CRICTL}", CRICTL_NOTE): _place_crictl(bundle, build.need(CRICTL_STANDIN) / "crictl"),
    }
    (bundle / "images").mkdir()
    listed = [
        {"ref": image.ref, **_described(images.write(image, bundle / "images"), bundle), "note": image.note}
        for image in _images(binaries, parts, build.need(DNS) / "dns")
    ]
    components = {
        name: [{"version": version, "arch": ARCH, "note": note, "files": [_described(path, bundle) for path in files]}]
        for (name, version, note), files in placed.items()
    }
    index = {"components": components, "images": listed}
    (bundle / "bundle.yaml").write_text(yaml.safe_dump(index, sort_keys=False))


def _go_program(folder: str) -> Product:
    """One of the lab's own Go programs, compiled inside the Kubernetes tree for the libraries that one vendors."""
    program = HERE / folder

    def make(build: Build) -> None:
        source = build.need(kubernetes.SOURCE)
        place = source / kubernetes.TREE / "cmd" / folder
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(program, place)
        try:
            kubernetes.go_build(source, build, build.target, [f"./cmd/{folder}"])
        finally:
            shutil.rmtree(place)

    return Product(folder, digest_of(*sorted(program.glob("*.go")), kubernetes.SOURCE.digest), 20, make)


DNS = _go_program("dns")
CRICTL_STANDIN = _go_program("crictl")
BUNDLE = Product(
    "bundle",
    digest_of(Path(__file__), Path(images.__file__), kubernetes.BINARIES.digest, DNS.digest, CRICTL_STANDIN.digest),
    15,
    _make,
)
