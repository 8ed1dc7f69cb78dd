"""A bundle, or an attacker on the network path, writes no file outside and fills neither memory nor disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import tracemalloc
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.sources import download, index, open_source, web
from clusters.errors import SourceError
from installer_site import system_checks
from tests.catalog.sources.serving import Site, responds, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import Settings

    from clusters.engine.source import Artifact, Source
    from tests.catalog.sources.serving import Answer

CONTENT = b"#!/bin/sh\n"
GOOD = "kubernetes/v1.37.2/kubelet"
OUTSIDE = ["../../../escaped", "/tmp/slipway-escaped", "a/../../../escaped", "..", "a/..", "a//b", "./a", "a/", ".a/b",
           "a\\..\\b", "a\u0000b", "a\u001b]52;c;x\u0007", "a" * 300, "/".join(["a" * 100] * 6)]  # fmt: skip


def entry(path: str, **more: object) -> dict[str, object]:
    return {"path": path, "sha256": hashlib.sha256(CONTENT).hexdigest(), **more}


def index_of(file: dict[str, object], image: dict[str, object] | None = None) -> bytes:
    release = {"version": "v1.37.2", "arch": "amd64", "files": [file]}
    images = [{"ref": "example/app:1", **image}] if image else []
    return json.dumps({"components": {"kubernetes": [release]}, "images": images}).encode()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A web server with a sound bundle."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "REST", 0.0)
    monkeypatch.setattr(web, "TIMEOUT", 5.0)
    site = Site()
    site.put("/bundle.yaml", index_of(entry(GOOD)))
    site.put(f"/{GOOD}", CONTENT)
    with serving(site):
        yield site


def opened(site: Site, tmp_path: Path, **more: Any) -> Source:
    return open_source(site.url, cache=tmp_path / "data" / "artifacts", **{"allow_http": True, **more})


def kubelet(source: Source) -> Artifact:
    return source.file("kubernetes", "v1.37.2", "kubelet", "amd64")


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("kind", ["file", "image"])
def test_an_index_with_a_path_that_leads_elsewhere_is_refused_by_name(
    kind: str, path: str, site: Site, tmp_path: Path
) -> None:
    site.files[f"/{path}"] = CONTENT
    site.put("/bundle.yaml", index_of(entry(path)) if kind == "file" else index_of(entry(GOOD), entry(path)))
    with pytest.raises(
        SourceError, match=r"has the path .+ for (kubernetes v1.37.2|image example/app:1): it "
    ) as caught:
        opened(site, tmp_path)
    assert "below its root" in caught.value.hint and "\x1b" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "image"])
def test_a_link_in_a_bundle_directory_leads_to_no_file_outside(kind: str, tmp_path: Path) -> None:
    root, secret = tmp_path / "bundle", tmp_path / "secret"
    root.mkdir()
    secret.write_bytes(CONTENT)
    (root / "link").symlink_to(secret)
    (root / "bundle.yaml").write_bytes(index_of(entry("link"), entry("link")))
    source = open_source(str(root), cache=tmp_path)
    for ask in (source.file, source.look_for) if kind == "file" else ():
        with pytest.raises(SourceError, match="is a link out of the bundle"):
            ask("kubernetes", "v1.37.2", "link", "amd64")
    with pytest.raises(SourceError, match="is a link out of the bundle"):
        source.image("example/app:1", "amd64")


def test_a_bundle_directory_that_is_itself_a_link_is_used(tmp_path: Path) -> None:
    root = tmp_path / "bundle-7"
    (root / GOOD).parent.mkdir(parents=True)
    (root / GOOD).write_bytes(CONTENT)
    (root / "bundle.yaml").write_bytes(index_of(entry(GOOD)))
    (tmp_path / "newest").symlink_to(root)
    assert kubelet(open_source(str(tmp_path / "newest"), cache=tmp_path)).path.read_bytes() == CONTENT


def test_a_bundle_over_http_is_refused_before_it_is_asked(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="over http, anybody on the network path") as caught:
        opened(site, tmp_path, allow_http=False)
    assert "SLIPWAY_ARTIFACTS_SHA256" in caught.value.hint
    assert site.asked == []


def test_a_bundle_over_http_is_used_when_its_index_is_the_one_that_was_named(site: Site, tmp_path: Path) -> None:
    digest = hashlib.sha256(site.files["/bundle.yaml"]).hexdigest()
    source = opened(site, tmp_path, allow_http=False, index_sha256=digest.upper())
    assert kubelet(source).path.read_bytes() == CONTENT
    site.put("/bundle.yaml", index_of(entry(GOOD, sha256="0" * 64)))
    with pytest.raises(SourceError, match=f"expected {digest}"):
        opened(site, tmp_path, allow_http=False, index_sha256=digest)


def test_a_mirror_over_http_is_refused_where_no_lab_allows_it(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="The mirror at http://"):
        open_source("", cache=tmp_path, mirrors=[f"https://dl.k8s.io/={site.url}/k8s/"])


@pytest.mark.parametrize(
    ("artifacts", "sha256", "allowed", "found"),
    [
        ("http://bundle.example", "", False, "so runs refuse it"),
        ("http://bundle.example", "", True, "SLIPWAY_ARTIFACTS_ALLOW_HTTP allows it"),
        ("http://bundle.example", "0" * 64, False, ""),
        ("https://bundle.example", "", False, ""),
        ("/srv/bundle", "", False, ""),
    ],
)
def test_the_check_warns_of_a_bundle_that_anybody_on_the_way_can_change(
    artifacts: str, sha256: str, allowed: bool, found: str, settings: Settings
) -> None:
    settings.SLIPWAY_ARTIFACTS, settings.SLIPWAY_ARTIFACTS_SHA256 = artifacts, sha256
    settings.SLIPWAY_ARTIFACTS_ALLOW_HTTP = allowed
    told = [(each.id, each.msg) for each in system_checks.bundle_is_protected(None)]
    assert [id for id, _ in told] == (["slipway.W003"] if found else [])
    assert all(found in message for _, message in told)


def bombs() -> dict[str, str]:
    """Indexes of a few hundred bytes that stand for hundreds of millions of values."""
    levels = "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    word = f"a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{levels}components: {{k: [{{version: *a8, arch: a, files: []}}]}}\n"
    files = f"f: &f {{path: k, sha256: {'0' * 64}}}\nl: &l [{','.join(['*f'] * 60)}]\n"
    releases = f"r: &r {{version: v1, arch: a, files: *l}}\nm: &m [{','.join(['*r'] * 60)}]\n"
    entries = f"{files}{releases}components: {{{','.join(f'c{number}: *m' for number in range(30))}}}\n"
    return {"a word": word, "entries": entries, "depth": f"components: {'[' * 5000}"}


@pytest.mark.parametrize("kind", list(bombs()))
def test_an_index_of_a_few_hundred_bytes_takes_little_memory_and_time(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    (tmp_path / "bundle.yaml").write_text(bombs()[kind])
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(SourceError, match="not the index"):
        open_source(str(tmp_path), cache=tmp_path)
    seconds, most = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    record_property("figure", f"{most / 1e6:.1f} MB, {seconds:.2f} s")
    assert most < 64e6 and seconds < 20


@pytest.mark.parametrize("place", ["a directory", "a server"])
def test_an_index_is_read_no_further_than_a_megabyte(place: str, site: Site, tmp_path: Path) -> None:
    huge = b"#" * (index.LARGEST_INDEX + 1)
    site.put("/bundle.yaml", huge)
    (tmp_path / "bundle.yaml").write_bytes(huge)
    with pytest.raises(SourceError, match="has more than 1,048,576 bytes"):
        opened(site, tmp_path) if place == "a server" else open_source(str(tmp_path), cache=tmp_path)


def test_an_index_that_is_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bundle.yaml")
    with pytest.raises(SourceError, match="not a regular file"):
        open_source(str(tmp_path), cache=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"sha256": "../../etc"}, {"sha256": None}, {"size": -1}, {"size": 1 << 60}, {"size": "9" * 5000}, {"path": ["a"]}],
)
def test_an_index_with_a_value_of_the_wrong_kind_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_bytes(index_of({**entry(GOOD), **wrong}))
    with pytest.raises(SourceError, match="not the index"):
        open_source(str(tmp_path), cache=tmp_path)


def endless(announced: int | None) -> Callable[[Answer], None]:
    """Zeros until the client disconnects; the announced length is wrong or missing."""

    def act(answer: Answer) -> None:
        answer.send_response(200)
        if announced is not None:
            answer.send_header("Content-Length", str(announced))
        answer.end_headers()
        try:
            for _ in range(2000):
                answer.wfile.write(bytes(1 << 20))
        except OSError:
            answer.site.files["/hung up"] = b""
        answer.close_connection = True

    return act


@pytest.mark.parametrize("announced", [None, 10, 1 << 40])
def test_a_download_ends_at_what_the_index_announces(announced: int | None, site: Site, tmp_path: Path) -> None:
    site.put("/bundle.yaml", index_of(entry(GOOD, size=len(CONTENT))))
    source = opened(site, tmp_path)
    site.faults[f"/{GOOD}"] = [endless(announced)] * 4
    with pytest.raises(SourceError, match=r"has more than 65,546 bytes|has SHA-256"):
        kubelet(source)
    kept = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(kept) <= len(CONTENT) + download.SLACK


def test_a_download_of_unknown_length_also_has_a_limit(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST_UNANNOUNCED", 3 << 20)
    site.faults[f"/{GOOD}"] = [endless(None)]
    with pytest.raises(SourceError, match="has more than 3,145,728 bytes"):
        kubelet(opened(site, tmp_path))


def test_a_download_leaves_the_database_its_room_on_the_disk(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 5, 5))
    with pytest.raises(SourceError, match="are reserved for the database"):
        kubelet(opened(site, tmp_path))


def test_an_index_that_trickles_is_given_up(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TEXT_TIMEOUT", 0.3)

    def trickle(answer: Answer) -> None:
        answer.send_response(200)
        answer.end_headers()
        for _ in range(100):
            answer.wfile.write(b"#")
            answer.wfile.flush()
            if answer.site.closing.wait(0.05):
                return

    site.faults["/bundle.yaml"] = [trickle]
    with pytest.raises(SourceError, match="was not downloaded within"):
        opened(site, tmp_path)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1:1/x", "file:///etc/passwd"])
def test_a_redirect_leads_to_web_addresses_only(target: str, site: Site, tmp_path: Path) -> None:
    source = opened(site, tmp_path)
    site.faults[f"/{GOOD}"] = [responds(302, target)]
    with pytest.raises(SourceError, match="cannot be fetched"):
        kubelet(source)
