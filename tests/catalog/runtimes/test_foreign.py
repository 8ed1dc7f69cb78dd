"""Runtimes of others, such as a GPU's, outlive Slipway's runs, and the first configuration has a copy."""

from __future__ import annotations

import json
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.runtimes import containerd, docker
from clusters.catalog.runtimes.foreign import LARGEST, Foreign, foreign_in
from clusters.engine.wants import FileWant
from tests.catalog.pretend import pretend, seed
from tests.fake_host import digest_on

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.machine import Machine

GPU = """
version = 2
imports = ["/etc/containerd/conf.d/*.toml"]
disabled_plugins = ["cri"]

[plugins."io.containerd.grpc.v1.cri"]
  enable_cdi = true
  cdi_spec_dirs = ["/etc/cdi", "/var/run/cdi"]
  sandbox_image = "old.example.com/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "nvidia"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "old"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
      privileged_without_host_devices = false
      runtime_type = "io.containerd.runc.v2"
      pod_annotations = ["a.b/*"]
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
        BinaryName = "/usr/bin/nvidia-container-runtime"
        SystemdCgroup = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes."kata.v2"]
      runtime_type = "io.containerd.kata.v2"

[proxy_plugins.stargz]
  type = "snapshot"
  address = "/run/stargz.sock"
"""


def written(machine: Machine, cluster: Any, path: str) -> FileWant:
    """The wanted file of the runtime's step."""
    step = containerd.containerd if path == containerd.CONFIG else docker.docker
    return next(want for want in step(machine, cluster) if isinstance(want, FileWant) and want.path == path)


@pytest.mark.parametrize("version", ["v1.7.34", "v2.4.2"])
def test_the_runtime_of_a_gpu_outlives_every_run(version: str, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    monkeypatch.setattr(cluster.source, "version_of", lambda component, kubernetes: version)
    machine, host = cluster.machine("node2"), hosts["node2"]
    host.put(GPU.encode(), containerd.CONFIG)
    host.answer("sha256sum < ", digest_on(host))
    want = written(machine, cluster, containerd.CONFIG)
    parsed = tomllib.loads(want.content.decode())
    plugin = parsed["plugins"]["io.containerd.cri.v1.runtime" if version >= "v2" else "io.containerd.grpc.v1.cri"]
    before = tomllib.loads(GPU)["plugins"]["io.containerd.grpc.v1.cri"]
    assert plugin["containerd"]["default_runtime_name"] == "nvidia"
    for name in ("nvidia", "kata.v2"):
        assert plugin["containerd"]["runtimes"][name] == before["containerd"]["runtimes"][name]
    assert plugin["containerd"]["runtimes"]["runc"]["runtime_type"] == "io.containerd.runc.v2"
    assert plugin["enable_cdi"] is True and plugin["cdi_spec_dirs"] == before["cdi_spec_dirs"]
    assert parsed["imports"] == ["/etc/containerd/conf.d/*.toml"] and "disabled_plugins" not in parsed
    assert parsed["proxy_plugins"]["stargz"] == {"type": "snapshot", "address": "/run/stargz.sock"}
    assert "old.example.com" not in want.content.decode()
    assert "old.example.com/pause:1" in want.seen(machine).diff
    want.reach(machine)
    assert want.seen(machine).so
    assert written(machine, cluster, containerd.CONFIG).content == want.content


def test_without_foreign_parts_the_configuration_is_slipways(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node2")
    text = containerd.config(machine, cluster)
    hosts["node2"].put(text.encode(), containerd.CONFIG)
    assert foreign_in(machine, containerd.CONFIG) == Foreign()
    assert written(machine, cluster, containerd.CONFIG).content.decode() == text


@pytest.mark.parametrize(
    "content",
    [b"plugins = [", b"\xff\xfe", b"a = " + b"[" * 9000, b"x" * (LARGEST + 1), b"plugins = 3", b"a." * 40 + b"b = 1"],
    ids=["broken", "bytes", "deep-list", "large", "odd", "deep-table"],
)
def test_an_unreadable_configuration_keeps_nothing_and_stops_nothing(
    content: bytes, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node2")
    hosts["node2"].put(content, containerd.CONFIG)
    assert foreign_in(machine, containerd.CONFIG) == Foreign()
    tomllib.loads(written(machine, cluster, containerd.CONFIG).content.decode())


def test_dockers_other_runtimes_stay_too(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"containerManager": "docker"}))
    nvidia = {"path": "nvidia-container-runtime", "runtimeArgs": []}
    before = {
        "runtimes": {"nvidia": nvidia},
        "default-runtime": "nvidia",
        "data-root": "/old",
        "features": {"cdi": True},
    }
    machine = cluster.machine("node2")
    hosts["node2"].put(json.dumps(before).encode(), docker.DAEMON)
    settings = json.loads(written(machine, cluster, docker.DAEMON).content)
    assert settings["runtimes"] == {"nvidia": nvidia} and settings["default-runtime"] == "nvidia"
    assert settings["features"] == {"cdi": True} and "data-root" not in settings
    assert {key: settings[key] for key in docker.daemon(machine, cluster)} == docker.daemon(machine, cluster)


def test_the_first_configuration_of_somebody_else_has_a_copy(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node2"), hosts["node2"]
    want = next(each for each in containerd.containerd(machine, cluster) if "has a copy" in each.what)
    want.seen(machine)
    want.reach(machine)
    config, unit = tmp_path / "config.toml", tmp_path / "unit"

    def holds(command: str) -> bool:
        text = command.replace(containerd.CONFIG, str(config)).replace(containerd.UNIT, str(unit))
        return subprocess.run(["sh", "-c", text], check=False).returncode == 0

    look, act = host.commands[-2:]
    assert holds(look)
    config.write_text(GPU)
    assert not holds(look)
    assert holds(act) and holds(look)
    assert (tmp_path / "config.toml.before-slipway").read_text() == GPU
    (tmp_path / "config.toml.before-slipway").unlink()
    unit.write_text(containerd.unit(machine))
    assert holds(look)
