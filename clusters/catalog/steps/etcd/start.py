"""etcd/binaries, etcd/start: etcd as a service of systemd that speaks TLS only."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from clusters.catalog.components import artifact
from clusters.catalog.paths import BIN, ETCD_PKI
from clusters.catalog.steps.etcd.certificates import is_service
from clusters.config.etcdtuning import flags, variable_of
from clusters.engine.artifacts import unpacked
from clusters.engine.step import step
from clusters.engine.wants import Wanted, directory, eventually, file, service, so_if
from clusters.remote.shell import Command, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

ENV = "/etc/etcd.env"
UNIT = "/etc/systemd/system/etcd.service"


@step("etcd/binaries", on="etcd", needs=("os/claim",), when=is_service, expected=2, timeout=600)
def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Put etcd and etcdctl in place"""
    archive = artifact(machine, cluster, "etcd")
    folder = f"etcd-{archive.version}-linux-{machine.facts.arch}"
    yield unpacked(archive, {f"{folder}/{name}": f"{BIN}/{name}" for name in ("etcd", "etcdctl")})


@step(
    "etcd/start",
    on="etcd",
    needs=("etcd/binaries", "etcd/certificates", "os/names"),
    when=is_service,
    expected=3,
)
def start(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Start the etcd members and see them agree"""
    member = f"{ETCD_PKI}/member-{machine.name}"
    yield directory(cluster.document.etcd.data_dir, mode=0o700)
    yield file(ENV, environment(machine, cluster), mode=0o600)
    yield file(UNIT, UNIT_TEXT)
    inner = service("etcd", restart_for=(ENV, UNIT, f"{BIN}/etcd", f"{member}.pem", f"{ETCD_PKI}/ca.pem"))
    yield in_turn(inner, cluster)
    yield eventually("this etcd member is healthy", so_if(health(machine, cluster)), within=90)


def in_turn(service_runs: Wanted, cluster: Cluster) -> Wanted:
    """A member that runs is restarted only while no other one is, so that the majority stays; members that do not run
    yet are started at once, because each waits for the others."""

    def act(machine: Machine) -> None:
        if not machine.ask(sh("systemctl is-active --quiet etcd")).ok:
            service_runs.reach(machine)
            return
        turn = cluster.once("etcd-restart", threading.Lock)
        while not turn.acquire(timeout=0.2):
            machine.pause(0.2)
        try:
            service_runs.reach(machine)
            eventually("this etcd member is healthy", so_if(health(machine, cluster)), within=60).reach(machine)
        finally:
            turn.release()

    return Wanted(service_runs.what, service_runs.look, act)


def health(machine: Machine, cluster: Cluster) -> Command:
    """Asks this member whether it can commit; needs a majority of members."""
    admin = f"{ETCD_PKI}/admin-{machine.name}"
    return sh(
        "ETCDCTL_API=3 {}/etcdctl --endpoints https://{}:{} --cacert {} --cert {} --key {} endpoint health 2>&1",
        BIN,
        machine.address,
        cluster.document.etcd.port,
        f"{ETCD_PKI}/ca.pem",
        f"{admin}.pem",
        f"{admin}-key.pem",
    )


def endpoints(cluster: Cluster) -> tuple[str, ...]:
    """Where clients reach etcd."""
    return tuple(f"https://{member.address}:{cluster.document.etcd.port}" for member in cluster.members("etcd"))


def environment(machine: Machine, cluster: Cluster) -> str:
    """/etc/etcd.env: who the member is and whom it trusts, then the document's tuning; of one name the last counts."""
    etcd = cluster.document.etcd
    peers = ",".join(f"{each.name}=https://{each.address}:{etcd.peer_port}" for each in cluster.members("etcd"))
    client, peer = f"https://{machine.address}:{etcd.port}", f"https://{machine.address}:{etcd.peer_port}"
    member = f"{ETCD_PKI}/member-{machine.name}"
    settings = {
        "NAME": machine.name,
        "DATA_DIR": etcd.data_dir,
        "LISTEN_CLIENT_URLS": f"{client},https://127.0.0.1:{etcd.port}",
        "ADVERTISE_CLIENT_URLS": client,
        "LISTEN_PEER_URLS": peer,
        "INITIAL_ADVERTISE_PEER_URLS": peer,
        "INITIAL_CLUSTER": peers,
        "INITIAL_CLUSTER_STATE": "new",
        "INITIAL_CLUSTER_TOKEN": f"slipway-{cluster.document.name}",
        "TRUSTED_CA_FILE": f"{ETCD_PKI}/ca.pem",
        "CERT_FILE": f"{member}.pem",
        "KEY_FILE": f"{member}-key.pem",
        "CLIENT_CERT_AUTH": "true",
        "PEER_TRUSTED_CA_FILE": f"{ETCD_PKI}/ca.pem",
        "PEER_CERT_FILE": f"{member}.pem",
        "PEER_KEY_FILE": f"{member}-key.pem",
        "PEER_CLIENT_CERT_AUTH": "true",
    }
    version = cluster.source.version_of("etcd", cluster.document.kubernetes.version)
    if machine.facts.arch == "arm64" and version.startswith("v3.4."):
        # Only when told so does etcd 3.4 start there; from 3.5 on it needs no word. Source: etcdmain/etcd.go of both.
        settings["UNSUPPORTED_ARCH"] = "arm64"
    lines = {f"ETCD_{name}": value for name, value in settings.items()}
    lines |= {variable_of(flag): value for flag, value in flags(etcd).items()}
    return "# Written by Slipway; changes are overwritten by its next run.\n" + "".join(
        f"{name}={value}\n" for name, value in lines.items()
    )


UNIT_TEXT = f"""# Written by Slipway; changes are overwritten by its next run.
[Unit]
Description=etcd
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
EnvironmentFile={ENV}
ExecStart={BIN}/etcd
Restart=always
RestartSec=5
TimeoutStartSec=120
LimitNOFILE=40000

[Install]
WantedBy=multi-user.target
"""
