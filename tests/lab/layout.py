"""The layout of an artifact bundle: files as their projects publish them, with checksum files, and the index."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import yaml

from tests.lab import images, packages
from tests.lab.commands import LabError, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.lab.images import Image
    from tests.lab.recipe import Build

ARCH = "amd64"
PROXY = ("conntrack", "ipset", "iptables", "kmod", "libc-bin", "nftables")
"""What of Debian is in the image of kube-proxy, which calls these."""
NOT_IN_IMAGES = ("dev", "var", "usr/share", "etc/apt", "usr/lib/*/gconv", "usr/lib/*/perl*")
"""What nothing in an image calls; every host gets the rest."""
# Debian links these by alternatives, which an unpacked package has not.
PROXY_LINKS = {
    f"/usr/sbin/{family}{verb}": "xtables-nft-multi"
    for family in ("iptables", "ip6tables")
    for verb in ("", "-save", "-restore")
}


class Release(NamedTuple):
    """A version of a component in the bundle, with its files. `note` says when it is not what its name says."""

    name: str
    version: str
    files: list[Path]
    note: str = ""


def sha256(path: Path) -> str:
    """The digest of a file, as upstream's checksum files write it."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def pack(archive: Path, files: Mapping[str, Path]) -> Path:
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


def sums(path: Path, *files: Path) -> Path:
    """A checksum file as `sha256sum` writes it: digest, two blanks, name."""
    path.write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))
    return path


def bare_sum(file: Path) -> Path:
    """A checksum file that holds nothing but the digest, as dl.k8s.io and cri-tools publish them."""
    path = file.with_name(f"{file.name}.sha256")
    path.write_text(sha256(file))
    return path


def described(path: Path, bundle: Path) -> dict[str, str | int]:
    """A file's line in the index."""
    return {"path": str(path.relative_to(bundle)), "sha256": sha256(path), "size": path.stat().st_size}


def busybox_links(program: Path) -> dict[str, str]:
    """A link for each of busybox's applets."""
    applets = run([program, "--list"]).split()
    return {f"/bin/{name}": "busybox" for name in applets if name != "busybox"}


def small_base(build: Build, root: Path, programs: tuple[str, ...], release: str = packages.RELEASE) -> None:
    """A small file system with a few of Debian's programs, for an image."""
    line = packages.source_line(release=release)
    run(["mmdebstrap", "--variant=extract", f"--include={','.join(programs)}", release, root, line], log=build.log)
    for path in [path for pattern in NOT_IN_IMAGES for path in root.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def make_parts(build: Build, debian: Mapping[str, str], bases: Mapping[str, tuple[str, ...]]) -> None:
    """Debian's packages (name -> upstream's version that it must be) unpacked, and small file systems for images."""
    versions = packages.unpack(list(debian), build.target / "debian", cache=build.cache, log=build.log)
    for name, wanted in debian.items():
        found = versions.get(name, "no package")
        if not found.rsplit(":", 1)[-1].startswith(wanted):
            raise LabError(f"{name} {wanted} was expected in Debian {packages.RELEASE}, found {found}")
    for name, programs in bases.items():
        small_base(build, build.target / name, programs)


def place_kubernetes(bundle: Path, binaries: Path, version: str) -> Release:
    """The three programs that machines get, by `version` with its leading v."""
    folder = bundle / f"kubernetes/{version}/bin/linux/{ARCH}"
    folder.mkdir(parents=True)
    placed = []
    for name in ("kubeadm", "kubelet", "kubectl"):
        program = link(binaries / name, folder / name)
        placed += [program, bare_sum(program)]
    return Release("kubernetes", version, placed)


def place_etcd(bundle: Path, programs: Mapping[str, Path], version: str) -> Release:
    """etcd's archive."""
    top = f"etcd-{version}-linux-{ARCH}"
    archive = pack(bundle / f"etcd/{version}/{top}.tar.gz", {f"{top}/{name}": path for name, path in programs.items()})
    return Release("etcd", version, [archive, sums(archive.with_name("SHA256SUMS"), archive)])


def place_containerd(bundle: Path, programs: Mapping[str, Path], version: str) -> Release:
    """containerd's archive."""
    name = f"containerd-{version.removeprefix('v')}-linux-{ARCH}.tar.gz"
    archive = pack(bundle / f"containerd/{version}/{name}", {f"bin/{name}": path for name, path in programs.items()})
    return Release("containerd", version, [archive, sums(archive.with_name(f"{archive.name}.sha256sum"), archive)])


def place_runc(bundle: Path, program: Path, version: str) -> Release:
    """runc, which is published as it is."""
    folder = bundle / f"runc/{version}"
    folder.mkdir(parents=True)
    placed = link(program, folder / f"runc.{ARCH}")
    return Release("runc", version, [placed, sums(folder / "runc.sha256sum", placed)])


def place_cni(bundle: Path, programs: Iterable[Path], version: str) -> Release:
    """The archive of the CNI plugins."""
    archive = pack(
        bundle / f"cni-plugins/{version}/cni-plugins-linux-{ARCH}-{version}.tgz",
        {f"./{plugin.name}": plugin for plugin in sorted(programs)},
    )
    return Release("cni-plugins", version, [archive, sums(archive.with_name(f"{archive.name}.sha256"), archive)])


def place_crictl(bundle: Path, program: Path, version: str, note: str = "") -> Release:
    """crictl's archive."""
    archive = pack(bundle / f"crictl/{version}/crictl-{version}-linux-{ARCH}.tar.gz", {"crictl": program})
    return Release("crictl", version, [archive, bare_sum(archive)], note)


def link(source: Path, place: Path) -> Path:
    """The file at another place, without a second copy of it on the disk."""
    place.hardlink_to(source)
    return place


def busybox_image(debian: Path, version: str) -> Image:
    """Debian's static busybox as an image with a shell; what the tests' own pods run in."""
    busybox = debian / "bin/busybox"
    return images.Image(
        f"docker.io/library/busybox:{version}",
        [],
        {"/bin/busybox": busybox},
        busybox_links(busybox),
        folders=["/tmp"],
        command=["sh"],
    )


def haproxy_image(base: Path, ref: str, note: str = "") -> Image:
    """Debian's haproxy as an image with the entry point that upstream's has."""
    links = {"/usr/local/sbin/haproxy": "/usr/sbin/haproxy"}
    return images.Image(ref, ["/usr/sbin/haproxy"], {}, links, base, note=note)


def component_image(repository: str, binaries: Path, name: str, version: str, base: Path | None = None) -> Image:
    """One of Kubernetes' own programs as an image; kube-proxy's stands on the programs that it calls."""
    place = f"/usr/local/bin/{name}"
    links = PROXY_LINKS if base else {}
    return images.Image(f"{repository}/{name}:{version}", [place], {place: binaries / name}, links, base)


def write_index(bundle: Path, releases: Iterable[Release], made: Iterable[Image]) -> None:
    """Write the images, and the index of all that is in the bundle."""
    (bundle / "images").mkdir()
    listed = [
        {"ref": image.ref, **described(images.write(image, bundle / "images"), bundle), "note": image.note}
        for image in made
    ]
    components: dict[str, list[dict[str, object]]] = {}
    for release in releases:
        files = [described(path, bundle) for path in release.files]
        entry = {"version": release.version, "arch": ARCH, "note": release.note, "files": files}
        components.setdefault(release.name, []).append(entry)
    index = {"components": components, "images": listed}
    (bundle / "bundle.yaml").write_text(yaml.safe_dump(index, sort_keys=False))
