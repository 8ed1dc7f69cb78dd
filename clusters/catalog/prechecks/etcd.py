"""etcd.*: a fast disk, an external etcd that answers, and a majority of an etcd that already exists."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from clusters.addresses import read_address
from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.reach import dialled
from clusters.catalog.steps.etcd.external import has_certificates
from clusters.catalog.steps.etcd.members import silent_etcd
from clusters.config.matrix import dotted, numbers, oldest_etcd
from clusters.config.secret import Secret
from clusters.config.versions import parse_version
from clusters.engine.check import error, precheck, warning
from clusters.numbers import decimal_number
from clusters.remote.dial import Answer
from clusters.remote.shell import Command, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.steps.etcd.existing import Existing
    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.config.sections.etcd import ExternalEtcd
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


MOST_FSYNC_MS = 10.0
"""Milliseconds until a write is on the disk. Source: etcd's documentation, "Hardware recommendations" and "FAQ"."""

FSYNC_WRITES, FSYNC_BYTES, FSYNC_SECONDS = 50, 2300, 5
"""The size of a usual entry of etcd's log, and the time limit in seconds. Source of the size: etcd's advice on
measuring a disk with fio."""


@precheck(
    "etcd.fsync_p90",
    on="etcd-member",
    fix="Put etcd's data (etcd.dataDir) on a separate SSD, or let nothing else write to this one.",
)
def fsync(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The disk is quick enough for etcd"""
    times = sorted(
        _fsync_seconds(machine.ask(measure_fsync(cluster.document.etcd.data_dir), timeout=FSYNC_SECONDS + 10).stdout)
    )
    if not times:
        machine.note("not measured: dd with oflag=dsync did not work there")
        return
    p90 = 1000 * times[min(len(times) - 1, len(times) * 9 // 10)]
    measured = f"90% of {len(times)} synchronous writes took up to {p90:.1f} ms"
    machine.note(measured)
    if p90 > MOST_FSYNC_MS:
        yield warning(f"On {machine.name} {measured}; etcd needs {MOST_FSYNC_MS:.0f} ms or less.")


def measure_fsync(directory: str) -> Command:
    """Write to a small file repeatedly, each time until it is on the disk; the file is removed afterwards.

    The file is in the directory or in its nearest existing parent. dd prints how long each write took.
    """
    return sh(
        "at={}; while [ ! -d $at ]; do at=$(dirname $at); done\n"
        "file=$(mktemp $at/.slipway-XXXXXX) || exit 0; trap 'rm -f $file' EXIT\n"
        "dd if=/dev/zero of=$file bs={} count={} conv=fsync 2>/dev/null || exit 0\n"
        "timeout {} sh -c 'n=0; while [ $n -lt {} ]; do"
        " dd if=/dev/zero of=$0 bs={} count=1 seek=$n oflag=dsync conv=notrunc 2>&1; n=$((n+1)); done' $file\nexit 0",
        directory,
        FSYNC_BYTES,
        FSYNC_WRITES,
        FSYNC_SECONDS,
        FSYNC_WRITES,
        FSYNC_BYTES,
    )


def _fsync_seconds(text: str) -> list[float]:
    """From each line like `2300 bytes (2.3 kB, 2.2 KiB) copied, 0.000812 s, 2.8 MB/s`; busybox prints `seconds`."""
    found = map(decimal_number, re.findall(r"copied, ([0-9.e+-]+) s", text))
    return [each for each in found if each is not None]


DEFAULT_PORTS = {"http": 80, "https": 443}

_ASK_VERSION = (
    r"""exec 3<>"/dev/tcp/$1/$2" && printf 'GET /version HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" >&3 && timeout 3 cat <&3"""
)
_SERVER_VERSION = re.compile(r'"etcdserver"\s*:\s*"([^"]+)"')
"""In the answer of /version. Source: etcd 3.7.0, asked this way."""


def uses_external_etcd(document: Document) -> bool:
    """Whether API servers use an etcd that already exists."""
    return document.etcd.type == "external"


@precheck(
    "etcd.external",
    on="control-plane",
    when=uses_external_etcd,
    fix="Start the members, allow connections from every control plane, and check endpoints, certificate and key with "
    "etcd's own tool (etcdctl endpoint health).",
)
def etcd_external(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The external etcd listens, and its certificates and version fit"""
    given = cluster.document.etcd.external
    if has_certificates(cluster.document) and (why := _login_problem(given)):
        yield error(f"The login for the external etcd does not work: {why}.")
    places = {url: place for url in given.endpoints if (place := _address_and_port(url)) is not None}
    yield from (error(f"{url} is not the address of an etcd member.") for url in given.endpoints if url not in places)
    dials = dialled(machine, list(dict.fromkeys(places.values())))
    if dials is None:
        machine.note("not tested: the machine has no bash with /dev/tcp")
        return
    listening = [dial for dial in dials if dial.answer is Answer.CONNECTED]
    # The members that listen may be enough: then a silent one is only a warning.
    finding = warning if listening else error
    for dial in dials:
        if dial.answer not in (Answer.CONNECTED, Answer.UNTRIED):
            yield finding(
                f"{machine.name} cannot reach the external etcd at {dial.address}:{dial.port}: {dial.describe()}."
            )
    there = {(dial.address, dial.port) for dial in listening}
    yield from _outdated_members(machine, cluster, {url: place for url, place in places.items() if place in there})


def _outdated_members(machine: Machine, cluster: Cluster, places: dict[str, tuple[str, int]]) -> Iterator[Finding]:
    """Members that are too old for kubeadm, where they report their version without a certificate (http)."""
    version = parse_version(cluster.document.kubernetes.version)
    oldest = oldest_etcd(version.minor, version.patch)
    for url, place in places.items():
        if not url.startswith("http://"):
            machine.note(f"{url} reports its version only to clients with a certificate; kubeadm checks it later")
            continue
        answer = _SERVER_VERSION.search(machine.ask(sh("bash -c {} bash {} {}", _ASK_VERSION, *place)).stdout)
        found = numbers(answer[1]) if answer else None
        if answer is not None and found is not None and found < oldest:
            yield error(
                f"The external etcd at {url} runs {answer[1]}; kubeadm {version} needs {dotted(oldest)} or newer."
            )


def _address_and_port(url: str) -> tuple[str, int] | None:
    """Where to connect to for a URL; None when it is not one."""
    parts = read_address(url)
    if parts is None or not parts.host:
        return None
    return parts.host, parts.port or DEFAULT_PORTS.get(parts.scheme, 2379)


def _login_problem(given: ExternalEtcd) -> str:
    """Why certificate and key cannot work; empty where no reason is visible."""
    key = given.key_file.reveal() if isinstance(given.key_file, Secret) else given.key_file
    if not all("-----BEGIN" in text for text in (given.ca_file, given.cert_file, key)):
        # Names of files: document.files reports them.
        return ""
    try:
        certificate = x509.load_pem_x509_certificate(given.cert_file.encode())
        private = load_pem_private_key(key.encode(), None)
        x509.load_pem_x509_certificate(given.ca_file.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "certificate, key or authority is not valid PEM"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        return "the key does not belong to the certificate"
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        return f"the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""


SILENT_FOR = 15.0
"""Seconds. An election takes one or two, and a member that is restarted answers again within ten."""


@precheck(
    "etcd.silent",
    waivable=False,
    when=lambda document: document.etcd.type != "external",
    fix="Repair etcd until a majority of its members answers, then retry; or remove the new machine from the "
    "document for now.",
)
def majority_answers(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """A machine is added only to a cluster whose etcd answers"""
    if {each.name for each in cluster.readable()} != {each.name for each in cluster.machines}:
        machine.note("not checked, because some machines cannot be read")
        return
    found = cluster.once("etcd-silent", lambda: _silent_etcd(machine, cluster))
    if found is None:
        return
    if machine.name in found.without:
        yield error(f"{found.message} {machine.name} cannot be added to it; nothing was changed.", hint=found.hint)
    elif not machine.ask(of_a_cluster()).ok:
        # It neither has nor starts an etcd member: it joins when the API server answers, or the run fails first.
        yield warning(f"{found.message} {machine.name} can join only when the API server answers.", hint=found.hint)


def _silent_etcd(machine: Machine, cluster: Cluster) -> Existing | None:
    """The etcd that has been silent for a while."""
    found = None
    for _ in machine.looks(SILENT_FOR, every=3.0):
        found = silent_etcd(machine, cluster)
        if found is None:
            break
    return found
