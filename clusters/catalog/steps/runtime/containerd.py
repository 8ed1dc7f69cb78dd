"""runtime/containerd: its configuration, registry mirrors, and the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.adapt import cgroup_driver
from clusters.catalog.paths import BIN
from clusters.catalog.steps.runtime.binaries import CNI_BIN
from clusters.config.versions import facts_of
from clusters.engine.step import step
from clusters.engine.wants import directory, eventually, file, service, so_if
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CONFIG = "/etc/containerd/config.toml"
UNIT = "/etc/systemd/system/containerd.service"
CERTS = "/etc/containerd/certs.d"


@step("runtime/containerd", on="kubernetes", needs=("runtime/binaries", "os/kernel"), expected=3)
def containerd(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure and start containerd"""
    yield directory("/etc/containerd")
    for registry, hosts in registry_hosts(cluster.document).items():
        yield directory(f"{CERTS}/{registry}")
        yield file(f"{CERTS}/{registry}/hosts.toml", hosts)
    yield file(CONFIG, config(machine, cluster))
    yield file(UNIT, unit(machine))
    yield service("containerd", restart_for=(CONFIG, UNIT, f"{BIN}/containerd"))
    yield eventually(
        "containerd answers", so_if(sh("ctr version >/dev/null 2>&1 && crictl info >/dev/null")), within=30
    )


def config(machine: Machine, cluster: Cluster) -> str:
    """config.toml, version 2: read by containerd 1.6, 1.7 and (converted by itself) 2.x."""
    pause = facts_of(cluster.document.kubernetes.version).pause_image
    return f"""# Written by Slipway; changes are overwritten by its next run.
version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = {_toml(not machine.facts.can_lower_oom)}

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_BIN}"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = {_toml(cgroup_driver(cluster) == "systemd")}

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{CERTS}"
"""


def unit(machine: Machine) -> str:
    """The service. What the machine cannot grant (inside LXC) is left out, or systemd would refuse to start it."""
    limits = "LimitNOFILE=1048576\n" if machine.facts.can_raise_nofile else ""
    score = "OOMScoreAdjust=-999\n" if machine.facts.can_lower_oom else ""
    return f"""# Written by Slipway; changes are overwritten by its next run.
[Unit]
Description=containerd container runtime
After=network.target local-fs.target

[Service]
ExecStart={BIN}/containerd
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
{limits}{score}TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""


def registry_hosts(document: Document) -> dict[str, str]:
    """hosts.toml by registry: mirrors stand before docker.io, insecure registries are not verified."""
    found: dict[str, str] = {}
    if document.registry.registry_mirrors:
        lines = ['server = "https://registry-1.docker.io"\n']
        lines += [
            f'[host."{_url(mirror)}"]\n  capabilities = ["pull", "resolve"]\n'
            for mirror in document.registry.registry_mirrors
        ]
        found["docker.io"] = "\n".join(lines)
    for registry in document.registry.insecure_registries:
        found[registry] = "\n".join(
            f'[host."{scheme}://{registry}"]\n  capabilities = ["pull", "resolve"]\n  skip_verify = true\n'
            for scheme in ("https", "http")
        )
    return found


def _url(mirror: str) -> str:
    return mirror if "://" in mirror else f"https://{mirror}"


def _toml(value: bool) -> str:
    return "true" if value else "false"
