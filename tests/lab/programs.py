"""Programs built from Go modules. Each has a wrapper in `gomodules/`, whose go.mod and go.sum pin all that goes in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import compilers as compilers  # recipes of bundles name it as a part of this module
from tests.lab.commands import LabError, run
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

WRAPPERS = Path(__file__).with_name("gomodules")
RECIPE = "5"
"""To be increased when a change below changes the programs, so that other changes here do not rebuild them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A set of programs: `programs` maps their names to their packages in `module`, at the wrapper's version.

    `stamps` are variables (package.name) that are set to a text, in which `{version}` is the module's. `c` has the tags
    and flags of a program that is partly written in C, and is linked statically. `suites` are programs, too: the tests
    of a package. `part` distinguishes two products of one wrapper.
    """

    wrapper: str
    module: str
    programs: Mapping[str, str]
    seconds: float
    stamps: Mapping[str, str]
    c: tuple[str, ...] = ()
    part: str = ""
    suites: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its product."""
        return f"{self.wrapper}-{self.part}" if self.part else self.wrapper

    @property
    def folder(self) -> Path:
        """Where go.mod and go.sum are."""
        return WRAPPERS / self.wrapper

    @property
    def version(self) -> str:
        """The module's version, as the wrapper pins it."""
        pinned = re.search(rf"^\s*(?:require )?{re.escape(self.module)} (v\S+)", self._go_mod(), re.MULTILINE)
        if pinned is None:
            raise LabError(f"{self.folder}/go.mod requires no {self.module}")
        return pinned[1]

    def _go_mod(self) -> str:
        return (self.folder / "go.mod").read_text()


def compile_programs(source: Source, build: Build) -> None:
    """Compile the programs of a source into the product's directory."""
    go = build.need(compilers.GO) / "go/bin/go"
    values = {name: text.format(version=source.version) for name, text in source.stamps.items()}
    link = ["-s -w", *(f"-X {name}={value}" for name, value in values.items())]
    tags: list[str] = []
    if source.c:
        tags = ["-tags", " ".join(source.c)]
        link.append("-extldflags -static")
    # Without debugging information and inlining: CoreDNS took 289 instead of 392 processor seconds to compile. The
    # programs do the same, a little slower.
    options = ["-mod=readonly", "-trimpath", "-gcflags", "all=-dwarf=false -l", *tags, "-ldflags", " ".join(link)]
    environment = compilers.environment(build.cache) | {"CGO_ENABLED": "1" if source.c else "0"}
    packages = list(source.programs.values())
    whole: list[str | Path] = [go, "build", "-buildvcs=false", *options, "-o", f"{build.target}/", *packages]
    suites: list[list[str | Path]] = [
        [go, "test", "-c", "-vet=off", *options, "-o", build.target / name, each]
        for name, each in source.suites.items()
    ]
    for command in (whole, *suites):
        run(command, cwd=source.folder, env=environment, log=build.log)
    for wanted, package in source.programs.items():
        (build.target / built_name(package)).rename(build.target / wanted)


def built_name(package: str) -> str:
    """The name that `go build` gives to a package's program: the last part of its path except a version like v3."""
    *_, before, last = package.split("/")
    return before if re.fullmatch(r"v\d+", last) else last


def product(source: Source) -> Product:
    """The programs of a source, under the name of its wrapper."""
    files = (source.folder / "go.mod", source.folder / "go.sum")
    parameters = repr((sorted(source.programs.items()), sorted(source.stamps.items()), source.c))
    suites = (repr(sorted(source.suites.items())),) if source.suites else ()
    digest = digest_of(*files, parameters, *suites, compilers.GO.digest, RECIPE)
    return Product(source.name, digest, source.seconds, lambda build: compile_programs(source, build))


def _commands(prefix: str, *names: str) -> dict[str, str]:
    return {name: f"{prefix}/{name}" for name in names}


def _etcd(series: str) -> Source:
    programs = {
        "etcd": "go.etcd.io/etcd/server/v3",
        "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
        "etcdutl": "go.etcd.io/etcd/etcdutl/v3",
    }
    return Source(f"etcd-{series}", "go.etcd.io/etcd/server/v3", programs, 35, {})


def _coredns(version: str) -> Source:
    module = "github.com/coredns/coredns"
    return Source(f"coredns-{version}", module, {"coredns": module}, 120, {})


def _kubernetes(series: str) -> Source:
    module, stamp = "k8s.io/kubernetes", "k8s.io/component-base/version"
    names = ("kubeadm", "kubelet", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    values = {"gitVersion": "{version}", "gitMajor": "1", "gitMinor": series.partition(".")[2], "gitTreeState": "clean"}
    return Source(
        f"kubernetes-{series}",
        module,
        _commands(f"{module}/cmd", *names, "kube-proxy"),
        450,
        {f"{stamp}.{name}": value for name, value in values.items()},
    )


KUBERNETES = {series: _kubernetes(series) for series in ("1.37", "1.36")}
ETCD = {series: _etcd(series) for series in ("3.7", "3.6")}
COREDNS = {version: _coredns(version) for version in ("1.14.6", "1.14.2")}
_CONTAINERD = "github.com/containerd/containerd/v2"
CONTAINERD = Source(
    "containerd",
    _CONTAINERD,
    _commands(f"{_CONTAINERD}/cmd", "containerd", "ctr", "containerd-shim-runc-v2"),
    60,
    {f"{_CONTAINERD}/version.Version": "{version}"},
)
RUNC = Source(
    "runc",
    "github.com/opencontainers/runc",
    {"runc": "github.com/opencontainers/runc"},
    15,
    {},
    # Without seccomp "config provided but seccomp not supported": no pod ever starts.
    c=("seccomp", "netgo", "osusergo"),
)
CRICTL = Source(
    "crictl",
    "sigs.k8s.io/cri-tools",
    {"crictl": "sigs.k8s.io/cri-tools/cmd/crictl"},
    40,
    {"sigs.k8s.io/cri-tools/pkg/version.Version": "{version}"},
)
_PLUGINS = "github.com/containernetworking/plugins"
CNI_PLUGINS = Source(
    "cni-plugins",
    _PLUGINS,
    {
        name: f"{_PLUGINS}/plugins/{kind}/{name}"
        for kind, names in {
            "main": ("bridge", "dummy", "host-device", "ipvlan", "loopback", "macvlan", "ptp", "tap", "vlan"),
            "ipam": ("dhcp", "host-local", "static"),
            "meta": ("bandwidth", "firewall", "portmap", "sbr", "tuning", "vrf"),
        }.items()
        for name in names
    },
    15,
    {f"{_PLUGINS}/pkg/utils/buildversion.BuildVersion": "{version}"},
)
