"""etcd/binaries, etcd/start: etcd as a systemd service that uses TLS only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.components import artifact
from clusters.catalog.endings import unit_ends
from clusters.catalog.lines import one_line
from clusters.catalog.paths import BIN, ETCD_PKI
from clusters.catalog.steps.etcd.certificates import is_service
from clusters.catalog.steps.etcd.existing import ENV, began_with, has_data, peer_url
from clusters.catalog.steps.etcd.members import Member, etcdctl, listed, teller
from clusters.catalog.turns import in_turn, turn
from clusters.config.component_settings.etcd_tuning import flags, removed_flags, variable_of
from clusters.config.syntax import in_url
from clusters.engine.artifacts import unpacked
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, directory, eventually, file, service, so_if
from clusters.remote.shell import Command, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

UNIT = "/etc/systemd/system/etcd.service"
LEARNS_WITHIN = 180.0
"""Seconds for a new member to catch up."""


@step("etcd/binaries", on="etcd", needs=("os/claim",), when=is_service, expected=2, timeout=600)
def binaries(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Install etcd and etcdctl"""
    archive = artifact(machine, cluster, "etcd")
    folder = f"etcd-{archive.version}-linux-{machine.facts.arch}"
    yield unpacked(archive, {f"{folder}/{name}": f"{BIN}/{name}" for name in ("etcd", "etcdctl")})


@step(
    "etcd/start",
    on="etcd",
    needs=("etcd/binaries", "etcd/certificates", "os/names"),
    needs_all=("etcd/members",),
    when=is_service,
    timeout=900,
    expected=3,
)
def start(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Start the etcd members and wait for a majority"""
    # Before any member is started in this run: find out whether to join an etcd or to create one.
    teller(machine, cluster)
    yield directory(cluster.document.etcd.data_dir, mode=0o700)
    for flag in removed_flags(cluster.document.etcd, version_here(cluster)):
        machine.note(f"omitted {variable_of(flag)}: etcd {version_here(cluster)} no longer has this flag")
    yield joined(machine, cluster)
    yield file(ENV, environment(machine, cluster), mode=0o600)
    yield file(UNIT, UNIT_TEXT)
    # A running member is restarted only while no other one is, so that the majority stays; members that do not run
    # yet are started immediately, because each waits for the others.
    active = sh("systemctl is-active --quiet etcd")
    healthy = _healthy(machine, cluster, within=180)
    yield in_turn(service_runs(machine), cluster, "the restart of etcd", running=active, recovered=healthy)
    yield votes(machine, cluster)
    yield _healthy(machine, cluster, within=240)


def _healthy(machine: Machine, cluster: Cluster, *, within: float) -> Wanted:
    """The member commits. The wait ends early for a service that exits again and again."""
    look = so_if(health(machine, cluster))
    return eventually("this etcd member is healthy", look, within=within, hopeless=unit_ends("etcd"))


def service_runs(machine: Machine) -> Wanted:
    """The service runs with the machine's current files."""
    member = f"{ETCD_PKI}/member-{machine.name}"
    return service("etcd", restart_for=(ENV, UNIT, f"{BIN}/etcd", f"{member}.pem", f"{ETCD_PKI}/ca.pem"))


def joined(machine: Machine, cluster: Cluster) -> Wanted:
    """An already running etcd has this machine as a member; machines join it one after the other.

    It joins as a learner, which does not count for the majority: if it does not start, the others are not affected.
    """

    def look(here: Machine) -> Sight:
        etcd = teller(here, cluster)
        if etcd is None:
            return Sight(True)
        mine, data = _mine(here, listed(etcd, cluster)), has_data(here, cluster)
        if mine is None and data:
            raise NotReached(
                f"{here.name} was a member of this etcd and was removed from it; it still has its old data.",
                hint=f"Nothing was changed. To let it join again: rm -r {cluster.document.etcd.data_dir}/member there.",
            )
        if mine is None:
            return Sight(False, f"{here.name} is not a member of etcd")
        lost = mine.started and not data
        return Sight(not lost, f"{here.name} was a member and has lost its data" if lost else "")

    def act(here: Machine) -> None:
        if teller(here, cluster) is None:
            return
        with turn(here, cluster, "joining etcd"), here.uncut("joining etcd") as whole:
            _join(whole, cluster)

    return Wanted(f"{machine.name} is a member of etcd", look, act)


def _join(here: Machine, cluster: Cluster) -> None:
    """Add the member and wait until it votes: a cancel between the two would leave an incomplete member."""
    etcd = teller(here, cluster)
    if etcd is None:
        return
    mine = _mine(here, listed(etcd, cluster))
    if mine is not None:
        here.note(f"its data is lost; removing the member {mine.called} from etcd")
        etcd.do(etcdctl(etcd, cluster, "member remove {}", mine.id))
    etcd.do(etcdctl(etcd, cluster, "member add {} --learner --peer-urls {}", here.name, peer_url(here, cluster)))
    file(ENV, environment(here, cluster), mode=0o600).reach(here)
    file(UNIT, UNIT_TEXT).reach(here)
    service_runs(here).reach(here)
    votes(here, cluster).reach(here)


def votes(machine: Machine, cluster: Cluster) -> Wanted:
    """The member counts for the majority; etcd permits that as soon as its data is up to date."""

    def look(here: Machine) -> Sight:
        etcd = teller(here, cluster)
        mine = None if etcd is None else _mine(here, listed(etcd, cluster))
        learns = mine is not None and mine.learner
        return Sight(not learns, "it is still a learner" if learns else "")

    def act(here: Machine) -> None:
        etcd = teller(here, cluster)
        mine = None if etcd is None else _mine(here, listed(etcd, cluster))
        if etcd is None or mine is None or not mine.learner:
            return
        last, hopeless = "", unit_ends("etcd")
        for _ in here.looks(LEARNS_WITHIN, every=1.0):
            answer = etcd.do(etcdctl(etcd, cluster, "member promote {}", mine.id), check=False)
            if answer.ok:
                return
            last = " ".join(answer.last_lines(1))
            if why := hopeless(here):
                last = f"{last}; {why}"
                break
        raise NotReached(f"etcd does not promote {here.name}: {last}", hint="Retry the run.", retryable=True)

    return Wanted("this etcd member votes", look, act)


def _mine(machine: Machine, found: tuple[Member, ...]) -> Member | None:
    return next((member for member in found if machine.address in member.addresses), None)


def health(machine: Machine, cluster: Cluster) -> Command:
    """Asks this member whether it can commit; needs a majority of members."""
    return etcdctl(machine, cluster, "endpoint health")


def endpoints(cluster: Cluster) -> tuple[str, ...]:
    """Where clients reach etcd."""
    return tuple(f"https://{in_url(member.address)}:{cluster.document.etcd.port}" for member in cluster.members("etcd"))


def version_here(cluster: Cluster) -> str:
    """The version of etcd that the artifact source has, like v3.7.0."""
    return cluster.source.version_of("etcd", cluster.document.kubernetes.version)


def environment(machine: Machine, cluster: Cluster) -> str:
    """/etc/etcd.env: the member's identity and authority, then the document's tuning, which wins for the same name.

    A flag that this etcd no longer has is omitted: it would be ignored.
    """
    etcd = cluster.document.etcd
    client, peer = f"https://{in_url(machine.address)}:{etcd.port}", peer_url(machine, cluster)
    member = f"{ETCD_PKI}/member-{machine.name}"
    settings = {
        "NAME": machine.name,
        "DATA_DIR": etcd.data_dir,
        "LISTEN_CLIENT_URLS": f"{client},https://127.0.0.1:{etcd.port}",
        "ADVERTISE_CLIENT_URLS": client,
        "LISTEN_PEER_URLS": peer,
        "INITIAL_ADVERTISE_PEER_URLS": peer,
        **beginning(machine, cluster),
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
    version = version_here(cluster)
    if machine.facts.arch == "arm64" and version.startswith("v3.4."):
        # etcd 3.4 starts there only with this variable; 3.5 does not need it. Source: etcdmain/etcd.go of both.
        settings["UNSUPPORTED_ARCH"] = "arm64"
    lines = {f"ETCD_{name}": value for name, value in settings.items()}
    removed = removed_flags(etcd, version)
    lines |= {variable_of(flag): value for flag, value in flags(etcd).items() if flag not in removed}
    return "# Written by Slipway; changes are overwritten by its next run.\n" + "".join(
        f"{name}={one_line(str(value), f'The value of {name}')}\n" for name, value in lines.items()
    )


def beginning(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """How the member started: together with all others, or by joining a running etcd. etcd ignores this later, so the
    original values stay, and no member is restarted because another one comes or goes."""
    if has_data(machine, cluster) and (found := began_with(machine)):
        return found
    etcd, own = teller(machine, cluster), peer_url(machine, cluster)
    if etcd is None:
        every = ((each.name, peer_url(each, cluster)) for each in cluster.members("etcd"))
        state = "new"
    else:
        others = listed(etcd, cluster)
        every = ((machine.name if own in each.peers else each.name or each.id, each.peers[0]) for each in others)
        state = "existing"
    return {"INITIAL_CLUSTER": ",".join(f"{name}={url}" for name, url in every), "INITIAL_CLUSTER_STATE": state}


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
