"""The compilers of the lab: the Go that today's programs need, and Debian's own, which Kubernetes 1.20 needs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.commands import LabError, run
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

DEBIAN_VERSION = "1.19"
DEBIAN_GO = Path(f"/usr/lib/go-{DEBIAN_VERSION}/bin/go")
"""Of Debian's package golang-go. Kubernetes 1.20.2 built by Go 1.26 does not start: URLs are parsed more strictly."""

VERSION = "1.26.8"
"""At least the `go` version of each go.mod below `gomodules/`."""
TOOLCHAIN = f"golang.org/toolchain@v0.0.1-go{VERSION}.linux-amd64"
CHECKSUM = "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM="
"""The Go project publishes its compilers as modules; this is the module's checksum in the format of go.sum."""

MEMORY_OF_A_COMPILER = "3GiB"


def environment(cache: Path) -> dict[str, str]:
    """The environment of every Go command of the lab: separate caches, and no compiler other than this one."""
    return {
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        # A compiler runs for seconds: garbage collection is worthwhile only for a large heap.
        "GOGC": "off",
        "GOMEMLIMIT": MEMORY_OF_A_COMPILER,
        "HOME": os.environ.get("HOME", "/root"),
    }


def download(go: Path, module: str, build: Build, more: Mapping[str, str] | None = None) -> tuple[Path, str]:
    """Have Go fetch a module by `path@version`; returns its directory and its checksum."""
    output = run(
        [go, "mod", "download", "-json", module], cwd=build.target, env={**environment(build.cache), **(more or {})}
    )
    found = json.loads(output)
    if "Error" in found:
        raise LabError(f"{module} is not available: {found['Error']}")
    return Path(found["Dir"]), found["Sum"]


def _make(build: Build) -> None:
    source, checksum = download(DEBIAN_GO, TOOLCHAIN, build)
    if checksum != CHECKSUM:
        raise LabError(f"{TOOLCHAIN} should have the checksum {CHECKSUM}, it has {checksum}")
    shutil.copytree(source, build.target / "go", symlinks=True)
    # Files of a module are never executable.
    for program in [*(build.target / "go/bin").iterdir(), *(build.target / "go/pkg/tool").rglob("*")]:
        program.chmod(0o755)
    output = run([build.target / "go/bin/go", "version"], env=environment(build.cache))
    if f"go{VERSION} " not in output:
        raise LabError(f"the compiler should be Go {VERSION}, it reports {output}")


GO = Product("go", digest_of(TOOLCHAIN, CHECKSUM), 15, _make)
