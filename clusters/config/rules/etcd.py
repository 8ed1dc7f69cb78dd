"""Rules on etcd: its type, members, ports, arguments, directories, backups and tuning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.component_settings.etcd_tuning import flag_of, gate_of, removed_in, successor, variable_of
from clusters.config.finding import absent, error, warning
from clusters.config.kubernetes_versions import facts_of, is_known
from clusters.config.rules.registry import rule
from clusters.config.sections.etcd import ETCD_TYPES, LOG_LEVELS, METRICS, ExternalEtcd
from clusters.config.syntax import did_you_mean, is_absolute, is_url
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

MOST_QUOTA = 8 * 1024**3
"""Bytes; a larger database starts slowly. Source: etcd's documentation on limits."""
MOST_ELECTION_MS = 50_000
"""Source: etcd's documentation on tuning."""
MOST_MEMBERS = 7
"""More members slow down every write. Source: etcd's FAQ."""
HEARTBEATS = 5
"""etcd refuses an election timeout shorter than this many heartbeats. Source: etcd's check of its flags."""

_PATH = "spec.etcd"
_FLAG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_OURS = re.compile(
    r"name|data-dir|(initial-)?(advertise|listen)-(client|peer)-urls|initial-advertise-peer-urls|initial-cluster"
    r"|initial-cluster-(state|token)|(peer-)?(trusted-ca-file|cert-file|key-file|client-cert-auth)"
)
"""Flags for a member's identity and trust, which Slipway sets."""


@rule
def words(document: Document) -> Iterator[Finding]:
    """The type of etcd, its metrics and its log level are known values."""
    section = document.etcd
    for id, key, text, allowed in (
        ("type", "type", section.type, ETCD_TYPES),
        ("metrics", "metrics", section.metrics, METRICS),
        ("log_level", "logLevel", section.log_level, LOG_LEVELS),
    ):
        if text not in allowed:
            what = "an etcd type" if id == "type" else f"a value for etcd's {key}"
            yield error(
                f"etcd.{id}_unknown",
                f"{_PATH}.{key}",
                f"{excerpt(text)} is not {what}.",
                hint=did_you_mean(text, [word for word in allowed if word]),
                found=excerpt(text),
                allowed=", ".join(word for word in allowed if word),
            )


@rule
def ports(document: Document) -> Iterator[Finding]:
    """The client port and the peer port are valid and different."""
    section = document.etcd
    for key, port in (("port", section.port), ("peerPort", section.peer_port)):
        if not 1 <= port <= 65535:
            message = f"{port} is not a valid port; allowed: 1 to 65535."
            yield error("etcd.port_range", f"{_PATH}.{key}", message, found=str(port), allowed="1 to 65535")
    if section.port == section.peer_port:
        message = f"Clients and peers cannot both use port {section.port}."
        allowed = f"any except {section.port}"
        yield error("etcd.ports_same", f"{_PATH}.peerPort", message, found=str(section.port), allowed=allowed)


@rule
def ports_of_a_static_pod(document: Document) -> Iterator[Finding]:
    """kubeadm's etcd uses kubeadm's fixed ports."""
    section = document.etcd
    for key, port, usual in (("port", section.port, 2379), ("peerPort", section.peer_port, 2380)):
        if section.type == "kubeadm" and port != usual and 1 <= port <= 65535:
            message = f"kubeadm's etcd always listens on {usual}; {port} is not possible."
            hint = "Use type kubekey, or remove the port."
            path = f"{_PATH}.{key}"
            yield error("etcd.kubeadm_port", path, message, hint=hint, found=str(port), allowed=str(usual))


@rule
def extra_arguments(document: Document) -> Iterator[Finding]:
    """Lines of extraArgs set existing etcd flags that Slipway does not set itself."""
    for index, line in enumerate(document.etcd.extra_args):
        path, name = f"{_PATH}.extraArgs.{index}", flag_of(line.partition("=")[0])
        if "=" not in line or not _FLAG.fullmatch(name) or "\n" in line:
            message = f"{excerpt(line)} is not an assignment like ETCD_NAME=value."
            allowed = "ETCD_NAME=value"
            yield error("etcd.extra_arg_syntax", path, message, found=excerpt(line), allowed=allowed)
        elif _OURS.fullmatch(name):
            message = f"Slipway sets {name}, which defines a member's identity or trust."
            yield error(
                "etcd.extra_arg_ours", path, message, hint="Remove the line.", found=name, allowed="other flags"
            )


@rule
def removed_extra_arguments(document: Document) -> Iterator[Finding]:
    """Lines of extraArgs use flags that the etcd of this Kubernetes still has.

    An artifact source may provide another version for the service: its step checks that version and logs what it
    omits. The image of a static pod is always the version of the table.
    """
    if document.etcd.type == "external" or not is_known(document.kubernetes.version):
        return
    etcd = facts_of(document.kubernetes.version).etcd
    for index, line in enumerate(document.etcd.extra_args):
        name, equals, value = line.partition("=")
        name = flag_of(name)
        series = removed_in(name, etcd) if equals else ""
        if not series:
            continue
        path, hint = f"{_PATH}.extraArgs.{index}", _instead(document, name, value)
        if document.etcd.type == "kubeadm":
            message = f"etcd {etcd} does not start with the flag {name}, which was removed in {series}."
            yield error("etcd.extra_arg_removed", path, message, hint=hint, found=name, allowed=f"flags of etcd {etcd}")
        else:
            message = f"etcd {series} removed the flag {name}, and {document.kubernetes.version} uses etcd {etcd}: "
            message += "Slipway omits the line."
            yield warning("etcd.extra_arg_removed", path, message, hint=hint, found=name)


def _instead(document: Document, name: str, value: str) -> str:
    """The hint that replaces the line of a removed flag.

    All feature gates belong on one line, because the last of several lines with the same name wins. kubeadm itself
    sets InitialCorruptCheck. Source: its app/phases/etcd/local.go.
    """
    if not gate_of(name):
        new = successor(name)
        return f"Write {variable_of(new)}={value}." if new else "Remove the line."
    gates = {"InitialCorruptCheck": "true"} if document.etcd.type == "kubeadm" else {}
    for line in document.etcd.extra_args:
        flag, _, wanted = line.partition("=")
        if gate_of(flag_of(flag)):
            gates[gate_of(flag_of(flag))] = wanted.strip()
    listed = ",".join(f"{gate}={wanted}" for gate, wanted in gates.items())
    return f"Write ETCD_FEATURE_GATES={listed} in place of all such lines."


@rule
def directories(document: Document) -> Iterator[Finding]:
    """Data and snapshots are in separate directories."""
    section = document.etcd
    hint = "Use an absolute path like /var/lib/etcd."
    if not is_absolute(section.data_dir):
        found = excerpt(section.data_dir)
        message = f"{found} is not a valid data directory for etcd."
        yield error("etcd.data_dir", f"{_PATH}.dataDir", message, hint=hint, found=found, allowed="an absolute path")
    if not is_absolute(section.backup_dir):
        found = excerpt(section.backup_dir)
        message = f"{found} is not a valid directory for snapshots."
        path = f"{_PATH}.backupDir"
        yield error("etcd.backup_dir", path, message, hint=hint, found=found, allowed="an absolute path")
    elif is_absolute(section.data_dir) and f"{section.backup_dir}/".startswith(f"{section.data_dir.rstrip('/')}/"):
        message = "Snapshots are in etcd's data directory: losing it loses both."
        hint = "Use /var/backups/kube_etcd."
        yield warning("etcd.backup_in_data", f"{_PATH}.backupDir", message, hint=hint, found=section.backup_dir)


@rule
def backups(document: Document) -> Iterator[Finding]:
    """Snapshots are taken, and at least one is kept."""
    section = document.etcd
    for key, number in (("backupPeriod", section.backup_period), ("keepBackupNumber", section.keep_backup_number)):
        if number < 1:
            message = f"{key} is {number}; it must be at least 1."
            yield error("etcd.backup_range", f"{_PATH}.{key}", message, found=str(number), allowed="1 and more")


@rule
def timing(document: Document) -> Iterator[Finding]:
    """The election timeout covers several heartbeats."""
    heartbeat, election = document.etcd.heartbeat_interval, document.etcd.election_timeout
    path = f"{_PATH}.electionTimeout"
    if heartbeat < 1:
        message = f"{heartbeat} ms is not a valid heartbeat interval."
        hint = "250 is usual."
        allowed = "1 and more"
        at = f"{_PATH}.heartbeatInterval"
        yield error("etcd.heartbeat_range", at, message, hint=hint, found=str(heartbeat), allowed=allowed)
    elif not HEARTBEATS * heartbeat <= election <= MOST_ELECTION_MS:
        allowed = f"{HEARTBEATS * heartbeat} to {MOST_ELECTION_MS}"
        message = f"etcd does not start with an election timeout of {election} ms and a heartbeat of {heartbeat} ms."
        hint = "250 and 2500 are usual."
        yield error("etcd.election_timeout", path, message, hint=hint, found=str(election), allowed=allowed)


@rule
def sizes(document: Document) -> Iterator[Finding]:
    """Tuning values are positive, and the database stays small enough to start."""
    section = document.etcd
    for key, number in (
        ("snapshotCount", section.snapshot_count),
        ("quotaBackendBytes", section.quota_backend_bytes),
        ("maxRequestBytes", section.max_request_bytes),
    ):
        if number is not None and number < 1:
            message = f"{key} is {number}; it must be at least 1."
            yield error("etcd.size_range", f"{_PATH}.{key}", message, found=str(number), allowed="1 and more")
    for key, number in (
        ("autoCompactionRetention", section.auto_compaction_retention),
        ("maxSnapshots", section.max_snapshots),
        ("maxWals", section.max_wals),
    ):
        if number is not None and number < 0:
            message = f"{key} is {number}; use 0 for no limit."
            yield error("etcd.size_range", f"{_PATH}.{key}", message, found=str(number), allowed="0 and more")
    quota = section.quota_backend_bytes
    if quota is not None and quota > MOST_QUOTA:
        message = f"A database of {quota} bytes starts slowly; etcd recommends at most {MOST_QUOTA}."
        path = f"{_PATH}.quotaBackendBytes"
        yield warning("etcd.quota_large", path, message, found=str(quota), allowed=f"up to {MOST_QUOTA}")


@rule
def external(document: Document) -> Iterator[Finding]:
    """An external etcd has endpoints and TLS files; for other types these keys have no effect."""
    section, path = document.etcd.external, f"{_PATH}.external"
    if document.etcd.type != "external":
        if section != ExternalEtcd():
            message = f"etcd is of type {excerpt(document.etcd.type)}, so the section external has no effect."
            yield warning("etcd.external_unused", path, message, hint="Set type to external, or remove it.")
        return
    if not section.endpoints:
        message = "The external etcd has no endpoints."
        hint = "Add some, like https://10.1.2.3:2379."
        yield error("etcd.external_endpoints", path, message, hint=hint, found="none", allowed="at least 1")
    for index, text in enumerate(section.endpoints):
        if not is_url(text):
            message = f"{excerpt(text)} is not a URL of an etcd member."
            hint = "Write it like https://10.1.2.3:2379."
            at = f"{path}.endpoints.{index}"
            yield error("etcd.external_endpoint_syntax", at, message, hint=hint, found=excerpt(text), allowed="a URL")
    if any(text.startswith("https") for text in section.endpoints):
        files = (("caFile", section.ca_file), ("certFile", section.cert_file), ("keyFile", section.key_file))
        for key, value in files:
            if not value:
                message = f"The external etcd uses TLS, so {key} is required."
                at = f"{path}.{key}"
                yield error("etcd.external_file_missing", at, message, found="nothing", allowed="the file's path")


@rule(waivable=("etcd.even_count",))
def member_count(document: Document) -> Iterator[Finding]:
    """There is an odd number of etcd members, not too many."""
    path = "spec.roleGroups.etcd"
    members = topology.members(document, "etcd")
    count = len(members)
    if document.etcd.type != "kubekey":
        return
    if not count:
        message = "No machine runs etcd, which stores the cluster's state."
        message = "No machine runs etcd, which stores the cluster's state."
        yield absent("role.no_etcd", path, message, hint="Put one or three machines into etcd.")
    elif count % 2 == 0:
        odd = f"{count - 1} or {count + 1}"
        yield error(
            "etcd.even_count",
            path,
            topology.tolerates(count),
            hint=f"Use an odd number of etcd members: {odd}.",
            hosts=tuple(host.name for host in members),
            found=str(count),
            allowed="an odd number",
        )
    elif count > MOST_MEMBERS:
        yield warning("etcd.many", path, f"{count} etcd members slow down every write.", hint="Use 3, 5 or 7.")


@rule
def members_are_used(document: Document) -> Iterator[Finding]:
    """The group etcd has an effect only when etcd is a separate service."""
    members = topology.names(document, "etcd")
    kind, path = document.etcd.type, "spec.roleGroups.etcd"
    masters = set(topology.names(document, "master"))
    if kind == "external" and members:
        message = "etcd is external, so no etcd is installed on the machines in the group etcd."
        yield warning("etcd.members_unused", path, message, hint="Remove the members of the group.", hosts=members)
    elif kind == "kubeadm" and set(members) - masters:
        message = "kubeadm runs etcd on the control plane machines, but the group etcd contains others."
        yield warning(
            "etcd.members_unused", path, message, hint="Put only the control plane machines into the group, or none."
        )
