"""kube-router's image: upstream's program of its own module, and Debian's programs that it calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.images import Image
from tests.lab.layout import PROXY, PROXY_LINKS
from tests.lab.networks import NetworkImages
from tests.lab.programs import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "github.com/cloudnativelabs/kube-router/v2"
SOURCE = Source(
    "kube-router",
    MODULE,
    {"kube-router": f"{MODULE}/cmd/kube-router"},
    400,
    {f"{MODULE}/pkg/version.Version": "{version}"},
)
# It calls ip, ipset, iptables and modprobe; the manifest calls a shell, cmp, cp and mv.
PACKAGES = (*PROXY, "coreutils", "dash", "diffutils", "iproute2")


def images(programs: Path, base: Path) -> Iterator[Image]:
    """The one that the daemon runs in; upstream's has the same place for the program."""
    place = "/usr/local/bin/kube-router"
    ref = f"docker.io/cloudnativelabs/kube-router:{SOURCE.version}"
    note = "upstream's program; the tools beside it are Debian's, not Alpine's"
    yield Image(ref, [place], {place: programs / "kube-router"}, PROXY_LINKS, base, note=note)


PLUGIN = NetworkImages("kube-router", SOURCE, PACKAGES, images, Path(__file__))
