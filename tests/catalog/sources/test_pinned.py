"""A file without published checksums is compared with its pinned digest, and nothing else is requested."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.components import components
from clusters.errors import SourceError
from tests.catalog.sources.conftest import CONTENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.engine.source import Source
    from tests.catalog.sources.serving import Site

PATH = "/gh/Mirantis/cri-dockerd/releases/download/v0.3.21/cri-dockerd-0.3.21.amd64.tgz"
NAME = "cri-dockerd-0.3.21.amd64.tgz"


def test_another_file_than_the_pinned_one_is_not_used(upstream: Callable[[], Source], site: Site) -> None:
    site.put(PATH, CONTENT)
    with pytest.raises(SourceError, match=r"has SHA-256 .*, expected 6c35838b"):
        upstream().file("cri-dockerd", "v0.3.21", NAME, "amd64")


def test_the_pinned_file_is_fetched_once_and_cached(
    upstream: Callable[[], Source], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(PATH, CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setitem(components()["cri-dockerd"].pins, f"v0.3.21/{NAME}", digest)
    for _ in range(2):
        found = upstream().file("cri-dockerd", "v0.3.21", NAME, "amd64")
        assert (found.sha256, found.path.read_bytes()) == (digest, CONTENT)
    assert [path for path, _ in site.asked] == [PATH]
