"""A network plugin's bundle is the newest series' with the plugin's images, and takes nothing from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.lab import networks
from tests.lab.commands import LabError
from tests.lab.images import Image
from tests.lab.lab import NEWEST, _bundle, buildable
from tests.lab.networks import NetworkImages
from tests.lab.programs import CRICTL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.recipe import Product


@dataclass
class Making:
    """A build whose other products are there."""

    target: Path
    there: dict[str, Path]

    def need(self, product: Product) -> Path:
        return self.there[product.name]


def pictures(programs: Path, base: Path) -> Iterator[Image]:
    yield Image("docker.io/net/daemon:v1", ["/daemon"], {"/daemon": programs / "daemon"}, {}, base, note="of ours")


@pytest.fixture
def plugin(tmp_path: Path) -> NetworkImages:
    (tmp_path / "recipe.py").write_text("")
    return NetworkImages("net", CRICTL, ("iptables",), pictures, tmp_path / "recipe.py")


def test_a_bundle_has_the_plugins_images_besides(plugin: NetworkImages, tmp_path: Path) -> None:
    newest, programs, base, target = (tmp_path / name for name in ("newest", "programs", "base", "target"))
    for folder in (newest / "images", programs, base / "root", target):
        folder.mkdir(parents=True)
    (newest / "images/pause.tar").write_text("pause")
    before = yaml.safe_dump({"components": {}, "images": [{"ref": "pause"}]})
    (newest / "bundle.yaml").write_text(before)
    (programs / "daemon").write_text("program")
    there = {f"bundle-{NEWEST}": newest, "crictl": programs, "net-base": base}
    networks._make(plugin, Making(target, there))  # type: ignore[arg-type]  # as much of a build as is needed
    index = yaml.safe_load((target / "bundle.yaml").read_text())
    assert [each["ref"] for each in index["images"]] == ["pause", "docker.io/net/daemon:v1"]
    assert (target / index["images"][1]["path"]).is_file() and index["images"][1]["note"] == "of ours"
    assert (target / "images/pause.tar").samefile(newest / "images/pause.tar")
    assert (newest / "bundle.yaml").read_text() == before


def test_plugins_can_be_built_by_their_names(plugin: NetworkImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "plugins", lambda: {"net": plugin})
    assert buildable()[-1] == "net"
    product, compiled, parts = _bundle("net")
    assert (product.name, compiled[-1].name, parts[-1].name) == ("bundle-net", "crictl", "net-base")
    with pytest.raises(LabError, match=r"cannot build nothing; it can build: .*net"):
        _bundle("nothing")
