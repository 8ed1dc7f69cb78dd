"""A small upstream: a server with the files that projects publish for one version, and a source that uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.sources import download, open_source, web
from tests.catalog.sources.serving import Site, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters.engine.source import Source

KUBELET = "/k8s/release/v1.20.2/bin/linux/amd64/kubelet"
RUNC = "/gh/opencontainers/runc/releases/download/v1.3.6/runc.amd64"
ETCD = "/gh/etcd-io/etcd/releases/download/v3.4.13/etcd-v3.4.13-linux-amd64.tar.gz"
RAW = "https://raw.githubusercontent.com={}/gh"
CONTENT = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Listener:
    """Asks for files and records the notes; `hears` is called with every note."""

    notes: list[str] = field(default_factory=list)
    left: float = float("inf")
    hears: Callable[[str], None] = print

    def note(self, text: str) -> None:
        """Record it."""
        self.notes.append(text)
        self.hears(text)

    def pause(self, seconds: float) -> None:
        """Do not wait."""

    def seconds_left(self) -> float:
        """The value that the test set."""
        return self.left


@pytest.fixture(autouse=True)
def plain_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies from the tests' environment, and no pauses between attempts."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(download, "REST", 0.0)
    monkeypatch.setattr(web, "TIMEOUT", 5.0)


@pytest.fixture
def site() -> Iterator[Site]:
    """Three files of upstream, each with the kind of checksum file its project has."""
    site = Site()
    site.put(KUBELET, CONTENT, sums="kubelet.sha256", form="{digest}")
    site.put(RUNC, CONTENT[::-1], sums="runc.sha256sum", form="Hash: SHA512\n\n{digest} *{name}\n")
    site.put(ETCD, CONTENT[1:], sums="SHA256SUMS")
    with serving(site):
        yield site


@pytest.fixture
def upstream(site: Site, tmp_path: Path) -> Callable[[], Source]:
    """Opens upstream, as every run does again; the site replaces dl.k8s.io and github.com."""
    mirrors = (f"https://dl.k8s.io/={site.url}/k8s/", f"https://github.com={site.url}/gh", RAW.format(site.url))
    return lambda: open_source("", cache=tmp_path / "cache", mirrors=mirrors, allow_http=True)
