"""Bundles with the images of a network plugin: a module for each plugin, found by walking this package.

Each declares `PLUGIN`. Its bundle is that of the newest series with the plugin's images besides.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.lab import bundle, images, layout, programs
from tests.lab.recipe import Build, Product, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.lab.images import Image

SERIES = bundle.NEWEST


@dataclass(frozen=True, slots=True)
class NetworkImages:
    """What a plugin's images are made of: its programs, and Debian's packages beside them.

    `images` gives them for the directories of both; `recipe` is the plugin's own module.
    """

    name: str
    source: programs.Source
    packages: tuple[str, ...]
    images: Callable[[Path, Path], Iterable[Image]]
    recipe: Path

    @property
    def base(self) -> Product:
        """Debian's packages, unpacked."""
        files = (Path(__file__), Path(layout.__file__))
        return Product(f"{self.name}-base", digest_of(*files, repr(self.packages)), 20, partial(_make_base, self))

    @property
    def bundle(self) -> Product:
        """The directory that SLIPWAY_ARTIFACTS may name."""
        parts = (programs.product(self.source), self.base, bundle.BUNDLES[SERIES.name])
        digest = digest_of(self.recipe, Path(__file__), *(part.digest for part in parts))
        return Product(f"bundle-{self.name}", digest, 5, partial(_make, self))

    @property
    def compiled(self) -> tuple[Product, ...]:
        """What keeps a compiler busy."""
        return (*bundle.compiled(SERIES), programs.product(self.source))


@cache
def plugins() -> Mapping[str, NetworkImages]:
    """By name: the record `PLUGIN` of each module of this package."""
    found = [importlib.import_module(f"{__name__}.{each.name}").PLUGIN for each in pkgutil.iter_modules(__path__)]
    return {each.name: each for each in found}


def _make_base(plugin: NetworkImages, build: Build) -> None:
    layout.small_base(build, build.target / "root", plugin.packages)


def _make(plugin: NetworkImages, build: Build) -> None:
    """The same files as in the newest series' bundle, without a second copy of them on the disk, and the images."""
    shutil.copytree(build.need(bundle.BUNDLES[SERIES.name]), build.target, copy_function=os.link, dirs_exist_ok=True)
    path = build.target / "bundle.yaml"
    index = yaml.safe_load(path.read_text())
    for image in plugin.images(build.need(programs.product(plugin.source)), build.need(plugin.base) / "root"):
        written = images.write(image, build.target / "images")
        index["images"].append({"ref": image.ref, **layout.described(written, build.target), "note": image.note})
    # It is another file by now: the one that was linked is the newest series'.
    path.unlink()
    path.write_text(yaml.safe_dump(index, sort_keys=False))
