"""Container images of the lab, written as docker archives that `ctr images import` takes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be made: `files` maps places in the image to files here, `links` places to link targets.

    With `base` a whole directory goes in first; `folders` are empty ones that anybody may write to. `user` is the
    number of the one whom its processes belong to; `as_root` are files that run as root for anybody (setuid); `also`
    has other names of the same image. `note` says when an image is not what its name says.
    """

    ref: str
    entrypoint: Sequence[str]
    files: Mapping[str, Path]
    links: Mapping[str, str]
    base: Path | None = None
    folders: Sequence[str] = ()
    command: Sequence[str] = ()
    note: str = ""
    user: str = ""
    as_root: Sequence[str] = ()
    also: Sequence[str] = ()

    @property
    def file_name(self) -> str:
        """`k8s.gcr.io/pause:3.2` lies in `pause-3.2.tar`."""
        return self.ref.rsplit("/", 1)[-1].replace(":", "-") + ".tar"


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The same bytes whenever and by whomever it is packed; devices stay behind."""
    if entry.isdev():
        return None
    entry.mtime = 0
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _entry(place: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(place.lstrip("/"))
    entry.type, entry.mode = kind, mode
    return entry


def _write_layer(image: Image, into: Path) -> str:
    """Write the one layer of an image and return its digest."""
    with tarfile.open(into, "w") as layer:
        if image.base is not None:
            for part in sorted(image.base.iterdir()):
                layer.add(part, part.name, filter=_plain)
        for place in image.folders:
            layer.addfile(_entry(place, tarfile.DIRTYPE, 0o1777))
        for place, source in image.files.items():
            program = _entry(place, tarfile.REGTYPE, 0o4755 if place in image.as_root else 0o755)
            program.size = source.stat().st_size
            with source.open("rb") as content:
                layer.addfile(program, content)
        for place, target in image.links.items():
            link = _entry(place, tarfile.SYMTYPE, 0o777)
            link.linkname = target
            layer.addfile(link)
    with into.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _config(image: Image) -> dict[str, object]:
    whole: dict[str, object] = {"Entrypoint": list(image.entrypoint), "Cmd": list(image.command), "Env": [PATH]}
    return whole | {"User": image.user} if image.user else whole


def write(image: Image, into: Path) -> Path:
    """Write `image` as a docker archive into the directory `into`."""
    archive = into / image.file_name
    with tempfile.TemporaryDirectory(dir=into) as work, tarfile.open(archive, "w") as whole:
        layer = Path(work) / "layer.tar"
        digest = _write_layer(image, layer)
        settings = {
            "architecture": "amd64",
            "os": "linux",
            "config": _config(image),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [],
        }
        config = json.dumps(settings).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": [image.ref, *image.also], "Layers": [f"{digest}.tar"]}]
        whole.add(layer, f"{digest}.tar", filter=_plain)
        for name, content in ((config_name, config), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            whole.addfile(entry, io.BytesIO(content))
    return archive
