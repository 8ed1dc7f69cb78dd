"""Sources: no unchecked file ever reaches a machine."""

from __future__ import annotations

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog.sources import open_source
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"#!/bin/sh\n"
PATH = "kubernetes/v1.20.2/bin/linux/amd64/kubelet"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a directory without a log."""

    def log_message(self, format: str, *args: object) -> None:
        """No log."""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with one file."""
    root = tmp_path / "bundle"
    (root / PATH).parent.mkdir(parents=True)
    (root / PATH).write_bytes(CONTENT)
    entry = {"path": PATH, "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    release = {"version": "v1.20.2", "arch": "amd64", "files": [entry]}
    (root / "bundle.yaml").write_text(yaml.safe_dump({"components": {"kubernetes": [release]}, "images": []}))
    return root


@pytest.fixture
def mirror(bundle: Path) -> Iterator[str]:
    """The same bundle on a web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(bundle)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bundle_has_its_files_and_versions(bundle: Path) -> None:
    source = open_source(str(bundle), cache=bundle)
    assert source.kubernetes_versions() == ("v1.20.2",)
    assert source.file("kubernetes", "v1.20.2", "kubelet", "amd64").path.read_bytes() == CONTENT
    with pytest.raises(SourceError, match=r"no Kubernetes v1.21.0"):
        source.version_of("kubernetes", "v1.21.0")


@pytest.mark.parametrize(
    ("has", "named"),
    [
        (["docker.io/library/haproxy:3.2.8-alpine"], "docker.io/library/haproxy:3.2.8-alpine"),
        (["docker.io/library/haproxy:2.6.12"], "docker.io/library/haproxy:2.6.12"),
        (
            ["docker.io/library/haproxy:2.6.12", "docker.io/library/haproxy:3.0"],
            "docker.io/library/haproxy:3.2.8-alpine",
        ),
        (["docker.io/library/nginx:1"], "docker.io/library/haproxy:3.2.8-alpine"),
    ],
)
def test_a_bundle_may_have_another_tag_of_an_image(bundle: Path, has: list[str], named: str) -> None:
    index = yaml.safe_load((bundle / "bundle.yaml").read_text())
    index["images"] = [{"ref": ref, "path": PATH, "sha256": "0" * 64} for ref in has]
    (bundle / "bundle.yaml").write_text(yaml.safe_dump(index))
    assert open_source(str(bundle), cache=bundle).name_of("docker.io/library/haproxy:3.2.8-alpine") == named


def test_a_damaged_file_is_refused(bundle: Path) -> None:
    (bundle / PATH).write_bytes(b"evil")
    with pytest.raises(SourceError, match="expected"):
        open_source(str(bundle), cache=bundle).file("kubernetes", "v1.20.2", "kubelet", "amd64")


def test_a_file_from_the_web_is_fetched_checked_and_cached(bundle: Path, mirror: str, tmp_path: Path) -> None:
    artifact = open_source(mirror, cache=tmp_path / "cache", allow_http=True).file(
        "kubernetes", "v1.20.2", "kubelet", "amd64"
    )
    assert artifact.path.read_bytes() == CONTENT
    (bundle / PATH).unlink()
    again = open_source(mirror, cache=tmp_path / "cache", allow_http=True).file(
        "kubernetes", "v1.20.2", "kubelet", "amd64"
    )
    assert again.path == artifact.path


def test_a_download_that_fails_its_checksum_leaves_nothing(bundle: Path, mirror: str, tmp_path: Path) -> None:
    (bundle / PATH).write_bytes(b"evil")
    with pytest.raises(SourceError, match="SHA-256"):
        open_source(mirror, cache=tmp_path / "cache", allow_http=True).file("kubernetes", "v1.20.2", "kubelet", "amd64")
    assert [path.name for path in (tmp_path / "cache").rglob("*kubelet*")] == [".kubelet.lock"]


def test_an_invalid_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text("- 1\n")
    with pytest.raises(SourceError, match="not the index"):
        open_source(str(tmp_path), cache=tmp_path)


def test_without_a_source_the_error_names_the_setting(tmp_path: Path) -> None:
    source = open_source("none", cache=tmp_path)
    assert source.kubernetes_versions() == ()
    for ask in (
        lambda: source.version_of("etcd", "v1.20.2"),
        lambda: source.file("etcd", "v3.4.13", "etcd-v3.4.13-linux-amd64.tar.gz", "amd64"),
    ):
        with pytest.raises(SourceError, match="etcd is required") as caught:
            ask()
        assert "SLIPWAY_ARTIFACTS" in caught.value.message


def test_the_default_source_is_upstream(tmp_path: Path) -> None:
    source = open_source("", cache=tmp_path)
    assert source.version_of("etcd", "v1.20.2") == "v3.4.13"
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_checked_without_reading_its_files(bundle: Path, mirror: str, tmp_path: Path) -> None:
    on_the_web = open_source(mirror, cache=tmp_path / "cache", allow_http=True)
    for source in (open_source(str(bundle), cache=tmp_path), on_the_web):
        source.look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
        with pytest.raises(SourceError, match=r"no kubelet of kubernetes v1.20.2 for arm64"):
            source.look_for("kubernetes", "v1.20.2", "kubelet", "arm64")
        assert not source.has_image("example/no:1", "amd64")
    assert not list((tmp_path / "cache").rglob("kubelet"))
    (bundle / PATH).unlink()
    with pytest.raises(SourceError, match="in the bundle's index, but the file is missing"):
        open_source(str(bundle), cache=tmp_path).look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
    with pytest.raises(SourceError, match="does not exist"):
        on_the_web.look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
