"""An archive with every member that the catalog unpacks, so that steps can be listed without a bundle."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from clusters import catalog
from clusters.catalog.runtimes import docker
from clusters.engine.step import discover

if TYPE_CHECKING:
    from pathlib import Path

MEMBERS = (
    *(f"bin/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
    *(f"./{name}" for name in ("bridge", "host-local", "loopback", "portmap")),
    "crictl",
    "linux-amd64/helm",
    *(f"docker/{name}" for name in docker.PROGRAMS),
    "cri-dockerd/cri-dockerd",
    *(f"etcd-v1.0.0-linux-amd64/{name}" for name in ("etcd", "etcdctl")),
)


@pytest.fixture(scope="session", autouse=True)
def _everything_is_declared() -> None:
    """Any test that runs first sees every step, precheck and recipe."""
    discover(catalog)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive."""
    path = tmp_path_factory.mktemp("source") / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        for name in MEMBERS:
            entry = tarfile.TarInfo(name)
            entry.size = 4
            opened.addfile(entry, io.BytesIO(b"data"))
    return path
