"""Upstream: published files are fetched once, checked and cached, and every error message names what to do."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.components import components
from clusters.catalog.sources import download, open_source, web
from clusters.catalog.sources.web import NotPublished
from clusters.errors import Cancelled, SourceError
from tests.catalog.sources.conftest import CONTENT, ETCD, KUBELET, RUNC, Listener
from tests.catalog.sources.serving import Site, breaks_after, responds, stalls_after, waits_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.engine.source import Artifact, Source

    Open = Callable[[], Source]

HALF = len(CONTENT) // 2


def kubelet(
    source: Source, asker: Listener | None = None, *, version: str = "v1.20.2", arch: str = "amd64"
) -> Artifact:
    """Ask for the kubelet."""
    return source.file("kubernetes", version, "kubelet", arch, asker=asker)


def left_over(folder: Path) -> list[str]:
    """Files that are not locks."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))


def test_a_file_is_fetched_checked_and_cached_for_the_next_run(upstream: Open, site: Site) -> None:
    artifact = kubelet(upstream())
    assert artifact.path.read_bytes() == CONTENT
    assert (artifact.component, artifact.version) == ("kubernetes", "v1.20.2")
    asked = len(site.asked)
    assert kubelet(upstream()) == artifact
    assert len(site.asked) == asked


def test_every_kind_of_checksum_file_is_understood(upstream: Open) -> None:
    source = upstream()
    version = source.version_of("etcd", "v1.20.2")
    assert source.file("etcd", version, f"etcd-{version}-linux-amd64.tar.gz", "amd64").path.read_bytes() == CONTENT[1:]
    runc = source.file("runc", source.version_of("runc", "v1.20.2"), "runc.amd64", "amd64")
    assert runc.path.read_bytes() == CONTENT[::-1]


def test_the_cache_has_the_layout_of_a_bundle(upstream: Open, tmp_path: Path) -> None:
    kubelet(upstream())
    folder = tmp_path / "cache/upstream/kubernetes/v1.20.2/bin/linux/amd64"
    assert left_over(folder) == ["kubelet", "kubelet.sha256"]


def test_a_damaged_file_in_the_cache_is_fetched_again(upstream: Open, site: Site) -> None:
    path = kubelet(upstream()).path
    path.write_bytes(b"evil")
    assert kubelet(upstream()).path.read_bytes() == CONTENT
    assert site.times(KUBELET) == 2


def test_a_file_with_another_checksum_is_not_used(upstream: Open, site: Site, tmp_path: Path) -> None:
    site.files[KUBELET] = b"evil" + CONTENT[4:]
    with pytest.raises(SourceError, match=r"has SHA-256 .*, expected") as caught:
        kubelet(upstream())
    assert caught.value.retryable and "The file was not used" in caught.value.hint
    assert left_over(tmp_path / "cache") == []


def test_without_a_checksum_nothing_is_fetched(upstream: Open, site: Site) -> None:
    del site.files[f"{KUBELET}.sha256"]
    with pytest.raises(SourceError, match=r"kubelet of kubernetes v1.20.2 for amd64 is not available: .*sha256 does"):
        kubelet(upstream())
    site.files[f"{KUBELET}.sha256"] = b"<html>Please log in</html>"
    with pytest.raises(SourceError, match="has no SHA-256 of kubelet") as caught:
        kubelet(upstream())
    assert not caught.value.retryable
    assert site.times(KUBELET) == 0


def calico(source: Source) -> Artifact:
    """Ask for a manifest, whose SHA-256 Slipway knows."""
    return source.file("calico", "v3.24.5", "calico.yaml", "any")


MANIFEST = "/gh/projectcalico/calico/v3.24.5/manifests/calico.yaml"


@pytest.fixture
def pinned(site: Site, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A manifest that is published without a checksum file, and matches its pin."""
    content = b"kind: DaemonSet\n"
    site.put(MANIFEST, content)
    pins: Any = components()["calico"].pins
    monkeypatch.setitem(pins, "v3.24.5/calico.yaml", hashlib.sha256(content).hexdigest())
    return content


def test_a_file_without_a_published_checksum_is_checked_against_its_pin(
    upstream: Open, site: Site, pinned: bytes, tmp_path: Path
) -> None:
    artifact = calico(upstream())
    assert (artifact.path.read_bytes(), artifact.version) == (pinned, "v3.24.5")
    assert calico(upstream()) == artifact
    assert site.asked == [(MANIFEST, "")]
    assert left_over(tmp_path / "cache/upstream/calico/v3.24.5") == ["calico.yaml"]


def test_another_file_than_the_pinned_one_is_not_used(
    upstream: Open, site: Site, pinned: bytes, tmp_path: Path
) -> None:
    site.files[MANIFEST] = b"kind: Evil\n"
    with pytest.raises(SourceError, match=r"calico.yaml has SHA-256 .*, expected"):
        calico(upstream())
    assert left_over(tmp_path / "cache") == []
    site.files[MANIFEST] = pinned
    path = calico(upstream()).path
    path.write_bytes(b"evil")
    assert calico(upstream()).path.read_bytes() == pinned


def test_a_version_missing_for_an_architecture_is_an_error(upstream: Open) -> None:
    with pytest.raises(SourceError, match=r"kubelet of kubernetes v1.20.2 for arm64 is not available") as caught:
        kubelet(upstream(), arch="arm64")
    assert "architecture" in caught.value.hint and not caught.value.retryable


def test_a_broken_download_is_resumed(upstream: Open, site: Site) -> None:
    site.faults[KUBELET] = [breaks_after(CONTENT, HALF), breaks_after(CONTENT, 0)]
    listener = Listener()
    assert kubelet(upstream(), listener).path.read_bytes() == CONTENT
    asked = [wanted for path, wanted in site.asked if path == KUBELET]
    assert asked[0] == "" and asked[1].startswith("bytes=") and len(asked) == 3
    assert any("Trying again, 2 of 4" in note for note in listener.notes)


def test_a_download_that_gives_up_is_resumed_by_the_next_run(upstream: Open, site: Site) -> None:
    site.faults[KUBELET] = [breaks_after(CONTENT, HALF), *(responds(503) for _ in range(3))]
    with pytest.raises(SourceError, match="503") as caught:
        kubelet(upstream())
    assert caught.value.retryable
    assert kubelet(upstream()).path.read_bytes() == CONTENT
    assert site.asked[-1] == (KUBELET, f"bytes={HALF}-")


def test_the_beginning_of_another_file_is_discarded(upstream: Open, site: Site, tmp_path: Path) -> None:
    part = tmp_path / "cache/upstream/kubernetes/v1.20.2/bin/linux/amd64/.kubelet.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another file")
    assert kubelet(upstream()).path.read_bytes() == CONTENT
    part.write_bytes(CONTENT + b"longer than the whole")
    (part.parent / "kubelet").unlink()
    assert kubelet(upstream()).path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked][-2:] == [f"bytes={len(CONTENT) + 21}-", ""]


def test_a_download_does_not_wait_forever_for_a_stalled_server(
    upstream: Open, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 0.2)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    site.faults[KUBELET] = [stalls_after(CONTENT, HALF), stalls_after(CONTENT, 10)]
    with pytest.raises(SourceError, match=r"127.0.0.1 sent nothing or almost nothing for 0.2 seconds") as caught:
        kubelet(upstream())
    assert caught.value.retryable and "SLIPWAY_ARTIFACTS_MIRRORS" in caught.value.hint


def test_two_requests_for_one_file_fetch_it_once_and_the_second_logs_its_wait(upstream: Open, site: Site) -> None:
    second_waits = threading.Event()
    site.faults[KUBELET] = [waits_for(second_waits)]

    def hears(text: str) -> None:
        if text == "waiting for another download of kubelet":
            second_waits.set()

    with ThreadPoolExecutor(2) as pool:
        # Two sources, as two runs or two workers have them.
        found = list(pool.map(lambda source: kubelet(source, Listener(hears=hears)), (upstream(), upstream())))
    assert found[0] == found[1] and found[0].path.read_bytes() == CONTENT
    assert second_waits.is_set()
    assert (site.times(KUBELET), site.times(f"{KUBELET}.sha256")) == (1, 1)


def test_a_download_reports_its_progress(upstream: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "NOTE_EVERY", 0.0)
    listener = Listener()
    kubelet(upstream(), listener)
    assert listener.notes[0] == "downloading kubelet of kubernetes v1.20.2 from 127.0.0.1: 0 MB of 1.0 MB"
    assert "downloading kubelet of kubernetes v1.20.2: 1.0 MB of 1.0 MB" in listener.notes
    assert listener.notes[-1].startswith("downloaded kubelet of kubernetes v1.20.2, 1.0 MB in ")


def test_a_cancel_ends_a_download(upstream: Open, site: Site) -> None:
    class Cancelling(Listener):
        def pause(self, seconds: float) -> None:
            if (KUBELET, "") in site.asked:
                raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        kubelet(upstream(), Cancelling())
    assert kubelet(upstream()).path.read_bytes() == CONTENT


def test_a_steps_timeout_ends_a_download(upstream: Open) -> None:
    with pytest.raises(SourceError, match="within this step's timeout") as caught:
        kubelet(upstream(), Listener(left=0.0))
    assert caught.value.retryable


def test_a_disk_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a directory should be")
    source = open_source("", cache=tmp_path / "cache", mirrors=[f"https://dl.k8s.io/={site.url}/k8s/"], allow_http=True)
    with pytest.raises(SourceError, match="cannot be written: Not a directory"):
        kubelet(source)


def test_all_known_versions_are_available_with_fitting_components(upstream: Open) -> None:
    source = upstream()
    versions = source.kubernetes_versions()
    assert {"v1.20.2", "v1.36.3", "v1.37.2"} < set(versions)
    assert source.version_of("kubernetes", "1.20.2") == "v1.20.2"
    assert source.version_of("crictl", "v1.20.2") == "v1.20.0"
    assert source.image("registry.k8s.io/pause:3.9", "amd64") is None


@pytest.mark.parametrize("path", [ETCD, RUNC])
def test_the_test_server_has_githubs_paths(path: str, site: Site) -> None:
    assert path in site.files and "/releases/download/v" in path


def test_the_mirror_with_the_longest_matching_prefix_wins(site: Site, tmp_path: Path) -> None:
    mirrors = [
        "https://dl.k8s.io/=http://127.0.0.1:1/",
        f"https://dl.k8s.io/release/v1.20.2/={site.url}/k8s/release/v1.20.2/",
    ]
    source = open_source("", cache=tmp_path / "cache", mirrors=mirrors, allow_http=True)
    assert kubelet(source).path.read_bytes() == CONTENT
    with pytest.raises(SourceError, match=r"127.0.0.1 refuses the connection"):
        kubelet(source, version="v1.20.3")


@pytest.mark.parametrize("word", ["https://dl.k8s.io/", "dl.k8s.io=https://x/", "https://dl.k8s.io/=ftp://x/", "="])
def test_an_invalid_mirror_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a mirror: expected upstream=mirror"):
        open_source("", cache=tmp_path, mirrors=[word])


def test_a_file_is_checked_without_fetching_it(upstream: Callable[[], Source], site: Site) -> None:
    source = upstream()
    source.look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
    assert site.asked == [(KUBELET, "HEAD"), (f"{KUBELET}.sha256", "HEAD")]
    with pytest.raises(NotPublished, match="kubeadm does not exist"):
        source.look_for("kubernetes", "v1.20.2", "kubeadm", "amd64")


def test_a_server_that_refuses_head_is_asked_for_one_byte(upstream: Callable[[], Source], site: Site) -> None:
    site.faults[KUBELET].append(responds(405))
    upstream().look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
    assert site.asked[:2] == [(KUBELET, "HEAD"), (KUBELET, "bytes=0-0")]


def test_a_redirected_head_request_stays_one(upstream: Callable[[], Source], site: Site) -> None:
    site.faults[KUBELET].append(responds(302, f"{site.url}{RUNC}"))
    upstream().look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
    assert site.asked[:2] == [(KUBELET, "HEAD"), (RUNC, "HEAD")]


def test_a_cached_file_is_checked_without_a_network(upstream: Callable[[], Source], site: Site) -> None:
    upstream().file("kubernetes", "v1.20.2", "kubelet", "amd64")
    site.asked.clear()
    upstream().look_for("kubernetes", "v1.20.2", "kubelet", "amd64")
    assert site.asked == []
