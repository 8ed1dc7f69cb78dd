"""The clusters in the pictures: invented, with addresses for documentation, made by the services that pages use."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from clusters import services
from clusters.config.load import load
from clusters.models import Cluster, Credential, Inspection, Probe, Run, Scan
from clusters.remote.auth.host_keys import PinnedKey
from clusters.runs.access.pinned_host_keys import pin
from clusters.runs.jobs.probes import spec_digest, waiting_stages
from clusters.services import Given, precheck_key, waiver_key
from clusters.services.waivers import answerable, signature
from clusters.wizard.core.flow import judged_findings
from tests.screenshots.story import Ending, make_run

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PASSWORD = "example-only"
WHY = "practice machines need no more"
HARBOUR = """\
# Three control planes behind a haproxy on every worker.
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: harbour
spec:
  hosts:
{hosts}
  roleGroups:
    etcd: [pier-1, pier-2, pier-3]
    control-plane: [pier-1, pier-2, pier-3]
    worker: ["quay-[1:3]"]
  controlPlaneEndpoint:
    internalLoadbalancer: haproxy
    domain: lb.harbour.example
    port: 6443
  kubernetes: {{version: v1.20.2, containerManager: containerd, proxyMode: iptables}}
  network: {{plugin: bridge, kubePodsCIDR: 10.233.64.0/18, kubeServiceCIDR: 10.233.0.0/18}}
"""
SMALL = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: {name}
spec:
  hosts:
{hosts}
  roleGroups:
    etcd: [{name}-1]
    control-plane: [{name}-1]
    worker: ["{name}-[2:3]"]
  controlPlaneEndpoint: {{domain: lb.{name}.example, port: 6443}}
  kubernetes: {{version: v1.20.2, containerManager: containerd, proxyMode: iptables}}
  network: {{plugin: bridge, kubePodsCIDR: 10.233.64.0/18, kubeServiceCIDR: 10.233.0.0/18}}
"""
FLEET = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: fleet
spec:
  hosts:
{hosts}
  roleGroups:
    etcd: ["flag-[1:3]"]
    control-plane: ["flag-[1:3]"]
    worker: ["hull-[1:297]"]
  controlPlaneEndpoint: {{internalLoadbalancer: haproxy, domain: lb.fleet.example, port: 6443}}
  kubernetes: {{version: v1.20.2, containerManager: containerd, proxyMode: iptables}}
  network: {{plugin: bridge, kubePodsCIDR: 10.128.0.0/14, kubeServiceCIDR: 10.233.0.0/18}}
"""
DELTA = """\
# The delta: machines of the second hall.
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: delta
spec:
  hosts:
{hosts}
  roleGroups:
    etcd: [lock-1, lock-2]   # the third comes in March
    control-plane: [lock-1, lock-2]
    worker: ["weir-[1:3]"]
  controlPlaneEndpoint: {{internalLoadbalancer: haproxy, domain: lb.delta.example, port: 6443}}
  kubernetes: {{version: v1.30.4, containerManager: containerd, proxyMode: ipvs}}
  network:
    plugin: calico
    kubePodsCIDR: 10.233.64.0/18
    kubeServiceCIDR: 10.233.0.0/18
    calico: {{vxlanMode: CrossSubnet, ipipMode: Never, typha: {{enabled: true, replicas: 2}}}}
  system:
    ntpServers: [ntp.delta.example, not a name]
"""
LIST = """\
name,ip,user,role
dyke-1,192.0.2.61,ubuntu,worker
dyke-2,192.0.2.62,ubuntu,worker
dyke-3,192.0.2.62,ubuntu,worker
lock-1,192.0.2.71,ubuntu,etcd
"""


@dataclass(frozen=True, slots=True)
class Examples:
    """The subjects of the pictures."""

    owner: User
    delta: Cluster
    empty: Cluster
    harbour: Cluster
    runs: dict[str, Run]
    credential: Credential


def make_examples() -> Examples:
    """A user with clusters in every state, and a cluster of another user that she does not see."""
    owner = get_user_model().objects.create_user("ada", password=PASSWORD)
    harbour = imported(owner, HARBOUR, hosts(["pier-1", "pier-2", "pier-3", "quay-1", "quay-2", "quay-3"], 11))
    lagoon, reef, atoll = (small(owner, name, first) for name, first in (("lagoon", 31), ("reef", 41), ("atoll", 51)))
    cove = small(owner, "cove", 21)
    crew = [*(f"flag-{place}" for place in range(1, 4)), *(f"hull-{place}" for place in range(1, 298))]
    fleet = imported(owner, FLEET, "\n".join([hosts(crew[:150], 1, "198.51.100"), hosts(crew[150:], 1, "203.0.113")]))
    empty = services.draft_create(actor=owner, name="estuary")
    delta = imported(owner, DELTA, hosts(["lock-1", "lock-2", "weir-1", "weir-2", "weir-3", "spare-1"], 71))
    text = "quay-4 is not in a role group, so nothing is installed on it."
    known = [{"key": "host.no_role:1", "id": "host.no_role", "severity": "warning", "text": text, **signature(owner)}]
    runs = {
        "finished": make_run(harbour, Ending("succeeded"), hours_ago=5, acknowledged=known),
        "cancelled": make_run(atoll, Ending("cancelled", after=30), hours_ago=26),
        "failed": make_run(reef, FAILURE, hours_ago=2),
        "running": make_run(lagoon, Ending("running", after=44)),
        "cancelling": make_run(cove, Ending("running", after=40)),
        "large": make_run(fleet, Ending("running", after=33)),
    }
    cancelled(runs, owner)
    Cluster.objects.filter(pk__in=(lagoon.pk, cove.pk, fleet.pk)).update(state=Cluster.State.INSTALLING)
    connections(delta)
    prechecks(delta)
    scan(delta)
    acknowledged(delta)
    return Examples(owner, delta, empty, harbour, runs, credentials(owner))


def credentials(owner: User) -> Credential:
    """Two logins of hers, one of which a colleague may use; and she reads the audit."""
    owner.groups.add(Group.objects.get(name="auditor"))
    get_user_model().objects.create_user("grace", password=PASSWORD)
    services.credential_create(actor=owner, name="hall-2", given=Given(login="ubuntu", password=PASSWORD))
    given = Given(login="root", agent_key="any", networks="192.0.2.0/24, 198.51.100.0/24")
    return services.credential_create(actor=owner, name="harbour-root", given=given, users=["grace"])


FAILURE = Ending(
    "failed",
    step="kubernetes/join",
    host="reef-3",
    expected="reef-3 is a node of the cluster",
    found="error execution phase preflight: couldn't validate the identity of the API Server: "
    'Get "https://lb.reef.example:6443/api": dial tcp 192.0.2.41:6443: connect: connection refused',
    hint="Is port 6443 of 192.0.2.41 open for this machine? Open it, then retry.",
)


def cancelled(runs: dict[str, Run], owner: User) -> None:
    """She cancelled one run, which has ended, and another one just now."""
    over, on = runs["cancelled"], runs["cancelling"]
    at = (over.finished_at or timezone.now()) - timedelta(seconds=1)
    Run.objects.filter(pk=over.pk).update(cancel_asked_by=owner, cancel_asked_at=at)
    cancelled_by = {"cancel_asked_by": owner, "cancel_asked_at": timezone.now()}
    Run.objects.filter(pk=on.pk).update(state=Run.State.CANCELLING, **cancelled_by)
    on.refresh_from_db()


def hosts(names: list[str], first: int, network: str = "192.0.2") -> str:
    """Rows of machines in a network for documentation (RFC 5737)."""
    rows = []
    for place, name in enumerate(names):
        address = f"{network}.{first + place}"
        rows.append(
            f"  - {{name: {name}, address: {address}, internalAddress: {address}, user: ubuntu, password: {PASSWORD}}}"
        )
    return "\n".join(rows)


def imported(owner: User, text: str, rows: str, **words: str) -> Cluster:
    """A draft from a document."""
    cluster, findings = services.draft_import(actor=owner, text=text.format(hosts=rows, **words))
    if cluster is None:
        raise ValueError(findings)
    return cluster


def small(owner: User, name: str, first: int) -> Cluster:
    """One control plane and two workers."""
    return imported(owner, SMALL, hosts([f"{name}-{place}" for place in (1, 2, 3)], first), name=name)


def connections(cluster: Cluster) -> None:
    """Tests of which one was refused and one shows a key for the first time."""
    document = services.document_of(cluster)
    for place, host in enumerate(document.hosts):
        stages_of = partial(_stages, waiting_stages(document, host))
        key = PinnedKey("ssh-ed25519", base64.b64encode(host.name.encode() * 4).decode(), fingerprint(host.name))
        state, stages, offered = "ok", stages_of("ok"), {}
        if host.name == "weir-2":
            state, stages = "failed", stages_of("login", "failed", *REFUSED)
        elif host.name == "weir-3":
            state, stages = "ask", stages_of("hostkey", "ask")
            offered = {"key_type": key.key_type, "key": key.key, "fingerprint": key.fingerprint}
        else:
            pin(cluster.pk, host.address, host.port, key, by=cluster.owner)
        Probe.objects.create(
            cluster=cluster, host=host.name, state=state, stages=stages, offered=offered,
            spec_digest=spec_digest(document, host), finished_at=timezone.now(), facts={"place": place},
        )  # fmt: skip


CLOSED = "weir-2 cannot reach lock-2 on 6443 (API server): timed out after 3 s."
OPEN = "Let the machines reach each other's internal addresses on these ports; then check again."
REFUSED = ("LoginRefused", "192.0.2.74 refused the login of ubuntu with a password.", "Check user and password.")
FOUND = {"reach": "12 ms", "hostkey": "known", "login": "ubuntu", "sudo": "with a password", "facts": "Debian 12"}


Stages = list[dict[str, str]]


def _stages(
    stages: Stages, until: str, state: str = "ok", cause: str = "", message: str = "", hint: str = ""
) -> Stages:
    """The stages of a test that stopped at one of them."""
    found: Stages = []
    for place, stage in enumerate(stages):
        if stage["name"] == until:
            stopped = {**stage, "state": state, "cause": cause, "message": message, "hint": hint}
            return [*found, stopped, *stages[place + 1 :]]
        found.append({**stage, "state": "ok", "message": FOUND[stage["name"]]})
    return found


def fingerprint(name: str) -> str:
    """A fingerprint in the format of ssh-keygen."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")


TITLES = {
    "hw.cpu_role": "Control planes have two processors",
    "hw.disk_free_role": "There is enough disk space",
    "hw.ram_role": "There is enough memory for the roles",
    "net.node_to_node": "Machines reach each other on the required ports",
    "net.ports_free": "The ports of Kubernetes are free",
    "os.kernel_min": "The kernel is new enough for containers",
    "os.swap_off": "Swap is off, or will be turned off",
    "time.skew": "The machine's clock agrees with the others",
}


def prechecks(cluster: Cluster) -> None:
    """An inspection that found two errors, one of them waived, and a warning."""
    rows: list[dict[str, Any]] = []
    more = "Give the machine more memory."
    skew = "Set the clock, and keep it synchronized with chrony or systemd-timesyncd."
    off = "Make sure the machine has enough memory without it."
    findings = {
        ("hw.ram_role", "lock-2"): ("error", "lock-2 has 1743 MiB of memory, its roles need 1800 MiB.", more),
        ("net.node_to_node", "weir-2"): ("error", CLOSED, OPEN),
        ("time.skew", "weir-1"): ("error", "The clock of weir-1 is 41.2 s ahead of the median (limit 30 s).", skew),
    }
    swaps = "uses 2048 MiB of swap; the installation switches it off for good."
    findings |= {("os.swap_off", host): ("warning", f"{host} {swaps}", off) for host in ("lock-1", "weir-1")}
    names = [host.name for host in services.document_of(cluster).hosts if host.name != "spare-1"]
    for check, title in TITLES.items():
        for host in services.document_of(cluster).hosts:
            finding = findings.get((check, host.name))
            state = {"error": "failed", "warning": "warning"}[finding[0]] if finding else "same"
            found = [{"severity": finding[0], "message": finding[1], "fix": finding[2]}] if finding else []
            row = {"check": check, "title": title, "host": host.name, "state": state, "found": found}
            rows.append(row | ({"seen": reached(names, host.name)} if check == "net.node_to_node" else {}))
    services.inspection_start(actor=cluster.owner, cluster=cluster)
    Inspection.objects.filter(cluster=cluster).update(state="done", results=rows, finished_at=timezone.now())
    services.precheck_waive(
        actor=cluster.owner,
        cluster=cluster,
        key=precheck_key("hw.ram_role", "error"),
        given=True,
        reason="practice machines need no more",
    )


def reached(names: list[str], source: str) -> dict[str, dict[str, str]]:
    """The ports of the others that a machine reached: all except one."""
    ports = {name: {"10250": ""} | ({"6443": "", "2379": ""} if name.startswith("lock") else {}) for name in names}
    if source == "weir-2":
        ports["lock-2"]["6443"] = "timed out after 3 s"
    return {name: found for name, found in ports.items() if name != source} if source in names else {}


def scan(cluster: Cluster) -> None:
    """A scan that is half way."""
    greetings = {61: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", 62: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
                 71: "SSH-2.0-OpenSSH_8.4p1", 90: "220 mail.delta.example ESMTP"}  # fmt: skip
    found = [{"address": f"192.0.2.{last}", "banner": banner} for last, banner in greetings.items()]
    Scan.objects.create(
        cluster=cluster, network="192.0.2.0/24", state="running", total=254, looked=131, found=found, worker="example",
        asked_by=cluster.owner,
    )  # fmt: skip


def acknowledged(cluster: Cluster) -> None:
    """The error that may be waived is; the warnings are not."""
    cluster.refresh_from_db()
    for finding in answerable(judged_findings(cluster, services.document_of(cluster))):
        if finding.id == "etcd.even_count":
            services.waiver_set(actor=cluster.owner, cluster=cluster, key=waiver_key(finding), given=True, reason=WHY)
    if load(cluster.document).document is None:
        raise ValueError("The example cannot be read.")
