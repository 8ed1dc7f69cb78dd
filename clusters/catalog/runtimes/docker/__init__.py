"""Docker Engine from its static binaries; kubelet uses it through dockershim up to 1.23, then through cri-dockerd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.adapt import cgroup_driver
from clusters.catalog.components import artifact
from clusters.catalog.images import DOCKER_HUB, image_ref
from clusters.catalog.lines import one_line
from clusters.catalog.paths import BIN, CNI_BIN
from clusters.catalog.runtimes import gentle, proxy, registries
from clusters.catalog.runtimes.docker.components import ENGINE, SHIM
from clusters.catalog.runtimes.foreign import copied, daemon_settings, with_foreign
from clusters.catalog.runtimes.kind import NOFILE, Runtime, RuntimeRecord, limits_of, socket_of
from clusters.config.kubernetes_versions import facts_of
from clusters.engine.artifacts import binary, unpacked
from clusters.engine.step import step
from clusters.engine.wants import directory, eventually, file, service, so_if
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MANAGER = "docker"
DOCKERSHIM = "/var/run/dockershim.sock"
CRI_DOCKERD = "/run/cri-dockerd.sock"
DAEMON = "/etc/docker/daemon.json"
CERTS = "/etc/docker/certs.d"
UNIT = "/etc/systemd/system/docker.service"
CRI_UNIT = "/etc/systemd/system/cri-dockerd.service"
PROGRAMS = ("docker", "dockerd", "docker-init", "docker-proxy", "containerd", "containerd-shim-runc-v2", "ctr")
"""The programs used from docker's archive. Its runc is not used: ours is newer."""

LOG_SIZE, LOG_FILES = "5m", "3"
"""Docker rotates its logs itself; the same limits as in KubeKey 1.0, and as our kubelet uses with other runtimes."""


def has_dockershim(document: Document) -> bool:
    """Whether the kubelet itself can use Docker."""
    return facts_of(document.kubernetes.version).dockershim


def runtime(document: Document) -> Runtime:
    """Docker, in the form that the rest of the catalog uses."""
    shim = has_dockershim(document)
    docker = sh("docker --config {}", registries.LOGINS.rpartition("/")[0])
    return Runtime(
        manager=MANAGER,
        socket=DOCKERSHIM if shim else socket_of(document, CRI_DOCKERD),
        unit="docker" if shim else "cri-dockerd",
        answers=sh("docker info >/dev/null" if shim else "docker info >/dev/null && crictl info >/dev/null"),
        has=lambda ref: sh("docker image inspect {} >/dev/null 2>&1", short(ref)),
        load=lambda ref: sh("docker load"),
        pull=lambda ref: sh("{} pull -q {}", docker, ref),
        components=("docker", "runc") if shim else ("docker", "runc", "cri-dockerd"),
        binaries=binaries,
    )


def short(ref: str) -> str:
    """An image's name as docker lists it: without Docker Hub and its project `library`."""
    return ref.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/") if ref.startswith(f"{DOCKER_HUB}/") else ref


RUNTIME = RuntimeRecord(
    MANAGER,
    runtime,
    steps=("runtime/docker", "runtime/cri-dockerd"),
    components=(ENGINE, SHIM),
    units=("docker", "containerd"),
)


def through_cri(document: Document) -> bool:
    """Whether the kubelet uses Docker through cri-dockerd."""
    return RUNTIME.chosen(document) and not has_dockershim(document)


def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Docker's programs, runc, and cri-dockerd where it is needed."""
    yield unpacked(artifact(machine, cluster, "docker"), {f"docker/{each}": f"{BIN}/{each}" for each in PROGRAMS})
    yield binary(artifact(machine, cluster, "runc"), gentle.RUNC)
    if not has_dockershim(cluster.document):
        yield unpacked(artifact(machine, cluster, "cri-dockerd"), {"cri-dockerd/cri-dockerd": f"{BIN}/cri-dockerd"})


@step("runtime/docker", on="kubernetes", needs=("runtime/binaries", "os/kernel"), when=RUNTIME.chosen, expected=5)
def docker(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure and start Docker Engine"""
    yield directory("/etc/docker")
    yield from registries.certificate_wants(cluster.document, CERTS)
    yield from registries.login_wants(machine, cluster.document)
    if not machine.facts.can_lower_oom:
        yield directory(gentle.PATH.rpartition("/")[0])
        yield file(gentle.PATH, gentle.TEXT, mode=0o755)
    yield copied(DAEMON, UNIT)
    settings = with_foreign(daemon_settings(machine, DAEMON), daemon(machine, cluster))
    yield file(DAEMON, json.dumps(settings, indent=2) + "\n")
    yield file(UNIT, unit(machine))
    yield proxy.proxied("docker", cluster.document)
    files = (DAEMON, UNIT, f"{BIN}/dockerd", f"{BIN}/containerd", *proxy.files("docker", cluster.document))
    yield service("docker", restart_for=files, limits=limits_of(machine))
    yield eventually("docker answers", so_if(sh("docker info >/dev/null")), within=60)


@step("runtime/cri-dockerd", on="kubernetes", needs=("runtime/docker",), when=through_cri, expected=2)
def cri_dockerd(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Start cri-dockerd, which connects the kubelet to Docker"""
    yield file(CRI_UNIT, cri_unit(cluster.document))
    yield service("cri-dockerd", restart_for=(CRI_UNIT, f"{BIN}/cri-dockerd"))
    yield eventually("cri-dockerd answers", so_if(sh("crictl info >/dev/null")), within=30)


def daemon(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    """daemon.json. Source of the keys: docker's documentation of dockerd."""
    section = cluster.document.registry
    known = registries.accesses(cluster.document)
    settings: dict[str, Any] = {
        "exec-opts": [f"native.cgroupdriver={cgroup_driver(cluster)}"],
        "log-driver": "json-file",
        "log-opts": {"max-size": LOG_SIZE, "max-file": LOG_FILES},
        # Pods keep running while docker restarts.
        "live-restore": True,
    }
    if DOCKER_HUB in known and known[DOCKER_HUB].mirrors:
        # Docker supports mirrors of Docker Hub only; the rules warn about others.
        settings["registry-mirrors"] = list(known[DOCKER_HUB].mirrors)
    if insecure := [host for host, access in known.items() if access.open]:
        settings["insecure-registries"] = insecure
    if data := section.docker_data_dir or section.data_root:
        settings["data-root"] = data
    if section.bridge_ip:
        settings["bip"] = section.bridge_ip
    if not machine.facts.can_lower_oom:
        settings["oom-score-adjust"] = 0
        settings["runtimes"] = {"gentle": {"path": gentle.PATH}}
        settings["default-runtime"] = "gentle"
    return settings


def unit(machine: Machine) -> str:
    """The service. dockerd starts its containerd itself, so one service is enough."""
    limits = f"LimitNOFILE={NOFILE}\n" if machine.facts.can_raise_nofile else ""
    score = "OOMScoreAdjust=-500\n" if machine.facts.can_lower_oom else ""
    return f"""# Written by Slipway; changes are overwritten by its next run.
[Unit]
Description=Docker Application Container Engine
After=network-online.target firewalld.service
Wants=network-online.target

[Service]
ExecStart={BIN}/dockerd
ExecReload=/bin/kill -s HUP $MAINPID
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=2
TimeoutStartSec=120
LimitNPROC=infinity
LimitCORE=infinity
{limits}{score}TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""


def cri_unit(document: Document) -> str:
    """cri-dockerd's service. Source of the flags: cri-dockerd's own service file and kubespray's."""
    pause = image_ref(document, facts_of(document.kubernetes.version).pause_image)
    flags = sh(
        "--container-runtime-endpoint {} --network-plugin cni --cni-conf-dir /etc/cni/net.d --cni-bin-dir {} "
        "--pod-infra-container-image {}",
        f"unix://{socket_of(document, CRI_DOCKERD)}",
        CNI_BIN,
        pause,
    )
    return f"""# Written by Slipway; changes are overwritten by its next run.
[Unit]
Description=CRI for Docker Application Container Engine
After=network-online.target docker.service
Wants=network-online.target
Requires=docker.service

[Service]
ExecStart={BIN}/cri-dockerd {one_line(flags.text, "The command line of cri-dockerd")}
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=2
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""
