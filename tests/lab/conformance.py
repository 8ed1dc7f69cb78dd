"""Upstream's conformance tests of the newest series: the programs that run them, and the images of their pods."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import bundle, images, layout, programs
from tests.lab.commands import LabError, run
from tests.lab.images import Image
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIES = bundle.NEWEST
KUBERNETES = "k8s.io/kubernetes"
PROGRAMS = programs.Source(
    SERIES.kubernetes.wrapper,
    KUBERNETES,
    {
        "ginkgo": "github.com/onsi/ginkgo/v2/ginkgo",
        "agnhost": f"{KUBERNETES}/test/images/agnhost",
        "nnp": f"{KUBERNETES}/test/images/nonewprivs",
    },
    280,
    SERIES.kubernetes.stamps,
    part="conformance",
    suites={"e2e.test": f"{KUBERNETES}/test/e2e"},
)
"""Upstream's own program of tests with what runs it, and the programs of its images."""
SAMPLE = programs.Source(
    "sample-apiserver", "k8s.io/sample-apiserver", {"sample-apiserver": "k8s.io/sample-apiserver"}, 30, {}
)
COMPILED = (programs.product(PROGRAMS), programs.product(SAMPLE))
BUNDLE = bundle.BUNDLES[SERIES.name]

REGISTRY = f"{bundle.REGISTRY}/e2e-test-images"
# Of the Debian after the one that the lab's hosts have: its busybox is the very version that upstream tests with.
RELEASE = "trixie"
BUSYBOX = "1.37.0"
TOOLS = (
    "base-files",
    "bash",
    "bash-static",
    "bind9-dnsutils",
    "busybox-static",
    "curl",
    "iperf",
    "iproute2",
    "libc-bin",
    "netcat-openbsd",
    "socat",
)
"""What upstream's agnhost has beside itself, which is Alpine's there."""
# Upstream's image has the same two accounts: tests ask in which groups the user of an image is.
PASSWD = """root:x:0:0:root:/root:/bin/sh
user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh
"""
GROUP = """root:x:0:
user-defined-in-image:x:1000:
group-defined-in-image:x:50000:user-defined-in-image
"""
# A test of image volumes looks for the name of the system that upstream's image is made of.
OS_RELEASE = (
    "# This is not Alpine Linux, which upstream makes the image of: it holds upstream's program and nothing else.\n"
)
NGINX_SETTINGS = """user root;
worker_processes 1;
error_log stderr;
pid /run/nginx.pid;
events {}
http {
    include mime.types;
    access_log /dev/stdout;
    server { listen 80; root /usr/share/nginx/html; }
}
"""


def _make_bases(build: Build) -> None:
    """Small file systems with the programs of another Debian, and busybox for whatever else a shell calls."""
    tools, nginx = build.target / "tools", build.target / "nginx"
    layout.small_base(build, tools, TOOLS, RELEASE)
    layout.small_base(build, nginx, ("base-files", "busybox-static", "nginx-light"), RELEASE)
    found = run([tools / "bin/busybox"]).split()[1]
    if found != f"v{BUSYBOX}":
        raise LabError(f"busybox {BUSYBOX} was expected in Debian {RELEASE}, found {found}")
    # Debian links it by an alternative, which an unpacked package has not; busybox's knows no `-t`. And busybox's shell
    # calls what is built into it, whatever else is there.
    (tools / "usr/bin/nc").symlink_to("nc.openbsd")
    (tools / "usr/bin/sh").symlink_to("bash")
    for root in (tools, nginx):
        _link_applets(root)
        (root / "etc/passwd").write_text(PASSWD)
        (root / "etc/group").write_text(GROUP)
    (nginx / "etc/nginx/nginx.conf").write_text(NGINX_SETTINGS)
    page = nginx / "usr/share/nginx/html/index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<!DOCTYPE html><title>Welcome to nginx!</title>\n")


def _link_applets(root: Path) -> None:
    """A link for each of busybox's applets that is not there as a program of its own."""
    for place, target in layout.busybox_links(root / "bin/busybox").items():
        name = Path(place).name
        if not any((root / "usr" / folder / name).exists() for folder in ("bin", "sbin")):
            (root / "usr/bin" / name).symlink_to(target)


BASES = Product("conformance-bases", digest_of(Path(__file__), Path(layout.__file__)), 25, _make_bases)


def _make_data(build: Build) -> None:
    """Pictures, a certificate and the like, which are files of Kubernetes' own module."""
    go = build.need(programs.compilers.GO) / "go/bin/go"
    tree, _ = programs.compilers.download(go, f"{KUBERNETES}@{PROGRAMS.version}", build)
    for name in ("agnhost/porter", "kitten/html", "nautilus/html"):
        shutil.copytree(tree / "test/images" / name, build.target / name)
    (build.target / "os-release").write_text(OS_RELEASE)


_OF_DATA = digest_of(PROGRAMS.version, programs.compilers.GO.digest, OS_RELEASE)
DATA = Product("conformance-data", _OF_DATA, 2, _make_data)


def _images(build: Build) -> Iterator[Image]:
    """Each under the name and version that upstream's program of tests asks for: `e2e.test --list-images`."""
    made, data, bases = build.need(programs.product(PROGRAMS)), build.need(DATA), build.need(BASES)
    tools, agnhost = bases / "tools", made / "agnhost"
    porter = {f"/{name}": data / "agnhost/porter" / name for name in ("localhost.crt", "localhost.key")}
    yield Image(
        f"{REGISTRY}/agnhost:2.66.1",
        ["/agnhost"],
        {"/agnhost": agnhost, **porter},
        {"/agnhost-2": "agnhost"},
        tools,
        folders=["/tmp", "/uploads"],
        command=["pause"],
        also=[f"{REGISTRY}/agnhost:2.55"],
    )
    for name in ("kitten", "nautilus"):
        files = {f"/{path.name}": path for path in sorted((data / name / "html").iterdir())}
        files |= {"/agnhost": agnhost, "/etc/os-release": data / "os-release"}
        yield Image(f"{REGISTRY}/{name}:1.8", ["/agnhost"], files, {}, command=["test-webserver"])
    yield Image(f"{REGISTRY}/glibc-dns-testing:2.1.1", [], {}, {}, tools, folders=["/tmp"], command=["bash"])
    sample = {"/sample-apiserver": build.need(programs.product(SAMPLE)) / "sample-apiserver"}
    yield Image(f"{REGISTRY}/sample-apiserver:1.29.2", ["/sample-apiserver"], sample, {}, folders=["/tmp"])
    yield from _small_images(made, bases)


def _small_images(made: Path, bases: Path) -> Iterator[Image]:
    """Those that are little more than busybox, and nginx."""
    tools, busybox = bases / "tools", bases / "tools/usr/bin/busybox"
    # Debian's busybox as a shell hands a variable called data-1 on to nothing that it calls, and upstream's does: so
    # the one that PATH finds is bash. Tests that want what busybox's own says call it /bin/sh.
    links = layout.busybox_links(busybox) | {"/usr/local/bin/sh": "/bin/bash"}
    places = {"/bin/bash": tools / "usr/bin/bash-static", "/bin/busybox": busybox}
    places |= {f"/etc/{name}": tools / "etc" / name for name in ("passwd", "group")}
    yield Image(f"{REGISTRY}/busybox:{BUSYBOX}-2", [], places, links, folders=["/tmp"], command=["sh"])
    yield Image(f"{REGISTRY}/nonroot:1.5", [], places, links, folders=["/tmp"], command=["sh"], user="1234")
    setuid = "/usr/local/bin/nnp"
    with_nnp = places | {setuid: made / "nnp"}
    yield Image(f"{REGISTRY}/nonewprivs:1.4", [], with_nnp, links, command=["nnp"], as_root=[setuid])
    folders = ["/tmp", "/var/log/nginx", "/var/lib/nginx"]
    command = ["nginx", "-g", "daemon off;"]
    ref, other = f"{REGISTRY}/nginx:1.27.0-2", f"{REGISTRY}/nginx:1.28.0-2"
    yield Image(ref, [], {}, {}, bases / "nginx", folders=folders, command=command, also=[other])


def _make(build: Build) -> None:
    """The programs, and the images below `images/`; two of the bundle's are wanted on every node."""
    made, folder = build.need(programs.product(PROGRAMS)), build.target / "images"
    for name in ("e2e.test", "ginkgo"):
        layout.link(made / name, build.target / name)
    folder.mkdir()
    for image in _images(build):
        images.write(image, folder)
    for name in ("etcd", "pause"):
        for path in (build.need(BUNDLE) / "images").glob(f"{name}-*.tar"):
            layout.link(path, folder / path.name)


def _suite() -> Product:
    files = (Path(__file__), Path(images.__file__), Path(layout.__file__))
    digests = (product.digest for product in (*COMPILED, BASES, DATA, BUNDLE))
    return Product("conformance", digest_of(*files, *digests), 30, _make)


SUITE = _suite()
"""What runs the tests, with the images."""
