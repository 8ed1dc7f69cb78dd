"""The document's proxy reaches the container runtime's service, and never takes the cluster's own traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.prechecks.network.proxy import bypasses_proxy
from clusters.catalog.runtimes.proxy import drop_in, proxied, settings
from clusters.config.direct import cluster_addresses, direct_addresses
from clusters.engine.step import STEPS
from tests.catalog.pretend import pretend, seed
from tests.fake_host import digest_on

if TYPE_CHECKING:
    from pathlib import Path

PROXY = {"httpProxy": "http://proxy.example:3128", "noProxy": [".example.com"], "privateRegistry": "hub.local:5000"}


def test_the_drop_in_has_the_proxy_and_what_bypasses_it() -> None:
    text = settings(seed(registry=PROXY))
    assert 'Environment="HTTPS_PROXY=http://proxy.example:3128"\n' in text
    words = text.split("NO_PROXY=")[1].split('"')[0]
    document = seed(registry=PROXY)
    for address in (*cluster_addresses(document), "10.233.64.9", "10.233.0.1", "hub.local", "x.example.com"):
        assert bypasses_proxy(address, words), address
    assert not bypasses_proxy("registry.k8s.io", words)
    assert settings(seed()) == ""


def test_each_protocol_may_have_its_proxy() -> None:
    text = settings(seed(registry={"httpProxy": "http://a:1", "httpsProxy": "http://b:2/x%20y"}))
    assert '"HTTP_PROXY=http://a:1"' in text and '"HTTPS_PROXY=http://b:2/x%%20y"' in text


@pytest.mark.parametrize(("manager", "unit"), [("containerd", "containerd"), ("docker", "docker"), ("crio", "crio")])
def test_every_runtime_restarts_for_the_proxy(
    manager: str, unit: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(registry=PROXY, kubernetes={"containerManager": manager})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    machine, host = cluster.machine("node2"), hosts["node2"]
    host.answer("sha256sum < ", digest_on(host))
    for want in STEPS.steps[f"runtime/{manager}"].body(machine, cluster):
        want.seen(machine)
        if drop_in(unit) in getattr(want, "files", ()):
            want.reach(machine)
            assert want.seen(machine).so
    assert b"proxy.example:3128" in host.get(drop_in(unit))
    fresh = next(each for each in host.commands if "is newer" in each and unit in each)
    assert drop_in(unit) in fresh


def test_a_proxy_that_the_document_no_longer_has_is_removed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node2"), hosts["node2"]
    host.answer("test ! -e", 1)
    want = proxied("containerd", cluster.document)
    assert not want.seen(machine).so
    want.reach(machine)
    assert "systemctl restart containerd" in host.commands[-1] and drop_in("containerd") in host.commands[-1]


def test_words_that_would_break_the_list_are_left_out() -> None:
    document = seed(controlPlaneEndpoint={"domain": "a b,c"})
    assert not [word for word in direct_addresses(document) if " " in word or "," in word]
