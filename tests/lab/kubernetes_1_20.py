"""A real Kubernetes 1.20.2, built from Debian's source package with Debian's own Go."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import compilers, packages
from tests.lab.commands import LabError, run
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "v1.20.2"
PROGRAMS = (
    "kubeadm",
    "kubelet",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
)
# Upstream's own tag: without the drivers of clouds, which are a third of what would be compiled.
TAGS = "providerless"
TREE = Path("src/k8s.io/kubernetes")
REFLECT2 = Path("github.com/modern-go/reflect2")
# The same variables are reached by two package paths: as vendored, and as staged.
VERSION_PACKAGES = tuple(
    f"{prefix}k8s.io/{package}"
    for prefix in ("k8s.io/kubernetes/vendor/", "")
    for package in ("component-base/version", "client-go/pkg/version")
)


def go_environment(source: Path, cache: Path) -> dict[str, str]:
    """How Go has to be called in the 1.20 tree: GOPATH mode, static programs, a build cache of the lab's own."""
    return compilers.environment(cache) | {
        "GOPATH": str(source),
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
        # Of its own: a compiler of another version has no use for it.
        "GOCACHE": str(cache / "go-build-1.20"),
    }


def go_build(source: Path, build: Build, output: Path, targets: Sequence[str], *, version: str = VERSION) -> None:
    """Compile `targets` (packages of the tree) into the directory `output`, stamped with `version`."""
    _, minor = version.removeprefix("v").split(".")[:2]
    values = {"gitVersion": version, "gitMajor": "1", "gitMinor": minor, "gitTreeState": "clean"}
    stamps = [f"-X {package}.{name}={value}" for package in VERSION_PACKAGES for name, value in values.items()]
    output.mkdir(parents=True, exist_ok=True)
    run(
        [
            compilers.DEBIAN_GO,
            "build",
            "-trimpath",
            "-tags",
            TAGS,
            "-gcflags",
            "all=-dwarf=false",
            "-ldflags",
            " ".join(["-s -w", *stamps]),
            "-o",
            f"{output}/",
            *targets,
        ],
        cwd=source / TREE,
        env=go_environment(source, build.cache),
        log=build.log,
    )


def _make_source(build: Build) -> None:
    """The tree as a GOPATH: upstream's, a newer reflect2, and the generated API description."""
    work = build.target / "work"
    tree = build.target / TREE
    work.mkdir()
    tree.parent.mkdir(parents=True)
    ball = packages.download_source("kubernetes", work, cache=build.cache, log=build.log)
    run(["tar", "--extract", "--file", ball, "--directory", work], log=build.log)
    unpacked = work / f"kubernetes-{VERSION.removeprefix('v')}"
    if not unpacked.is_dir():
        raise LabError(
            f"Kubernetes {VERSION} was expected in {ball.name}, found {sorted(p.name for p in work.iterdir())}"
        )
    unpacked.rename(tree)
    # The vendored reflect2 reaches into the runtime of older compilers and crashes with Go >= 1.18.
    packages.unpack(["golang-github-modern-go-reflect2-dev"], work / "debs", cache=build.cache, log=build.log)
    shutil.rmtree(tree / "vendor" / REFLECT2)
    shutil.copytree(work / "debs/usr/share/gocode/src" / REFLECT2, tree / "vendor" / REFLECT2)
    generate = {"KUBE_GIT_VERSION": VERSION, "FORCE_HOST_GO": "y", "GOCACHE": str(build.cache / "go-build-1.20")}
    # The makefile calls whichever Go comes first.
    generate["PATH"] = f"{compilers.DEBIAN_GO.parent}:{os.environ['PATH']}"
    run(["make", "gen_openapi"], cwd=tree, env=generate, log=build.log)
    shutil.rmtree(tree / "_output")
    shutil.rmtree(work)


def _make_binaries(build: Build) -> None:
    source = build.need(SOURCE)
    go_build(source, build, build.target, [f"./cmd/{name}" for name in PROGRAMS])
    pause = source / TREE / "build/pause/linux/pause.c"
    run(["gcc", "-Os", "-static", "-o", build.target / "pause", pause], log=build.log)
    said = run([build.target / "kubeadm", "version", "-o", "short"]).strip()
    if said != VERSION:
        raise LabError(f"kubeadm was to say {VERSION}, it says {said}")


_RECIPE = digest_of(Path(__file__), Path(packages.__file__), VERSION, compilers.DEBIAN_VERSION)
SOURCE = Product("kubernetes-1.20-source", _RECIPE, 45, _make_source)
BINARIES = Product("kubernetes-1.20", _RECIPE, 360, _make_binaries)
