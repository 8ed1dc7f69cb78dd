"""What a document says never begins a line of its own in a file that a program reads as root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.lines import one_line
from clusters.catalog.runtimes import docker
from clusters.catalog.steps.etcd import start
from clusters.catalog.steps.kubernetes.binaries import quoted
from clusters.errors import ConfigError
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = ["v=2\nExecStart=/bin/sh -c 'touch /pwned'\n#", "a\rb", "a\x0bb", "a\x00b", "a\x7fb", "a\x1bb"]


@pytest.mark.parametrize("word", BROKEN)
def test_an_argument_of_kubelet_stays_one_line_of_its_unit(word: str) -> None:
    with pytest.raises(ConfigError, match="An argument of kubelet has a line break"):
        quoted(word)


def test_a_directory_of_etcd_sets_nothing_else_in_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(etcd={"dataDir": "/var/lib/etcd\nLD_PRELOAD=/tmp/theirs.so"})
    cluster, _, _ = pretend(monkeypatch, tmp_path / "never opened", document)
    with pytest.raises(ConfigError, match="The value of ETCD_DATA_DIR has a line break"):
        start.environment(cluster.machine("node1"), cluster)


def test_a_socket_of_cri_dockerd_starts_nothing_else_in_its_unit() -> None:
    socket = "unix:///run/cri-dockerd.sock\nExecStartPre=/bin/sh -c 'touch /pwned'\n#"
    version = {"containerManager": "docker", "version": "v1.34.2"}
    with pytest.raises(ConfigError, match="The command line of cri-dockerd has a line break"):
        docker.cri_unit(seed(kubernetes={**version, "containerRuntimeEndpoint": socket}))


def test_what_is_one_line_is_left_as_it_is() -> None:
    assert one_line("v=2 ü %n $HOME", "A value") == "v=2 ü %n $HOME"
    assert quoted("a b") == '"a b"'
