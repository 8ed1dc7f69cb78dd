"""A step with files from upstream: the machine's log reports the download, and the files are the requested ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.steps.kubernetes.binaries import binaries
from clusters.engine.events import Output
from tests.catalog.pretend import pretend
from tests.catalog.sources.conftest import CONTENT, KUBELET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from clusters.engine.source import Source
    from tests.catalog.sources.serving import Site


def test_the_machines_log_reports_the_download(
    upstream: Callable[[], Source], site: Site, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kubeadm", "kubectl"):
        site.put(KUBELET.replace("kubelet", name), name.encode(), sums=f"{name}.sha256", form="{digest}")
    cluster, hosts, sink = pretend(monkeypatch, archive)
    cluster.source = upstream()
    for name in ("node1", "node2"):
        for want in binaries(cluster.machine(name), cluster):
            want.reach(cluster.machine(name))
        assert hosts[name].files["/usr/local/bin/kubelet"].content == CONTENT
        assert hosts[name].files["/usr/local/bin/kubectl"].content == b"kubectl"
    log = [event.text for event in sink.events if isinstance(event, Output) and event.host == "node1"]
    assert "downloading kubelet of kubernetes v1.20.2 from 127.0.0.1: 0 MB of 1.0 MB" in log
    assert not any(
        isinstance(event, Output) and event.host == "node2" and "download" in event.text for event in sink.events
    )
    assert site.times(KUBELET) == 1
