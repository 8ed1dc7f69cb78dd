"""The compilers of the lab: the Go that today's programs want, and Debian's own, which Kubernetes 1.20 wants."""

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
"""At least what `go` says in each go.mod below `gomodules/`."""
TOOLCHAIN = f"golang.org/toolchain@v0.0.1-go{VERSION}.linux-amd64"
CHECKSUM = "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM="
"""The Go project publishes its compilers as modules; this is the one's checksum, as go.sum would have it."""

MEMORY_OF_A_COMPILER = "3GiB"


def environment(cache: Path) -> dict[str, str]:
    """What every Go command of the lab is called with: caches of the lab's own, and no other compiler than this one."""
    return {
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        # A compiler lives for seconds: it collects its garbage only when there is a great deal of it.
        "GOGC": "off",
        "GOMEMLIMIT": MEMORY_OF_A_COMPILER,
        "HOME": os.environ.get("HOME", "/root"),
    }


def download(go: Path, module: str, build: Build, more: Mapping[str, str] | None = None) -> tuple[Path, str]:
    """Have Go fetch a module by `path@version`; returns its directory and its checksum."""
    said = run([go, "mod", "download", "-json", module], cwd=build.target, env=environment(build.cache) | (more or {}))
    found = json.loads(said)
    if "Error" in found:
        raise LabError(f"{module} cannot be had: {found['Error']}")
    return Path(found["Dir"]), found["Sum"]


def _make(build: Build) -> None:
    source, checksum = download(DEBIAN_GO, TOOLCHAIN, build)
    if checksum != CHECKSUM:
        raise LabError(f"{TOOLCHAIN} was to have the checksum {CHECKSUM}, it has {checksum}")
    shutil.copytree(source, build.target / "go", symlinks=True)
    # Files of a module are never executable.
    for program in [*(build.target / "go/bin").iterdir(), *(build.target / "go/pkg/tool").rglob("*")]:
        program.chmod(0o755)
    said = run([build.target / "go/bin/go", "version"], env=environment(build.cache))
    if f"go{VERSION} " not in said:
        raise LabError(f"the compiler was to be Go {VERSION}, it says {said}")


GO = Product("go", digest_of(TOOLCHAIN, CHECKSUM), 15, _make)
