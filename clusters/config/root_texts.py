"""Root texts: texts that Slipway copies verbatim from a document to machines or the cluster's DNS, for review.

These are scripts with their files, lines for /etc/hosts, additional packages, text for CoreDNS, and
arguments and configuration for programs that run as root. The author of an imported document
gets root on all machines through them, unless a user reviews them first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clusters.config.carried_files import is_carried, scripts_of, unpacked
from clusters.config.secret import MASK
from clusters.config.secrets.finder import hidden, replaced
from clusters.config.secrets.walk import SHELL_KEYS
from clusters.config.yaml import emit
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import CustomScript, Document

SCRIPT, HOSTS, PACKAGES, DNS, ARGUMENTS = "script", "hosts", "packages", "dns", "arguments"


@dataclass(frozen=True, slots=True)
class RootFile:
    """A file of a script. `text` is empty for a binary file; `size` is in bytes."""

    name: str
    size: int
    sha256: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RootText:
    """One text with its path in the document. `name` is its name in the document, `role` its role group.

    `digest` is the SHA-256, in hexadecimal, of everything that determines its effect: kind, key, role, text, files.
    """

    kind: str
    path: str
    name: str
    role: str
    text: str = field(repr=False)
    files: tuple[RootFile, ...]
    digest: str


def root_texts(document: Document) -> tuple[RootText, ...]:
    """All root texts in the document's order; equal texts occur once."""
    return tuple(text for text, _ in with_masks(document))


def with_masks(document: Document) -> tuple[tuple[RootText, RootText], ...]:
    """Each root text, with a copy in which the secrets that the finder detects are masked."""
    bare = replaced(document, lambda _: MASK)
    found = {
        text.digest: (text, replace(masked, digest="", files=tuple(map(_masked_file, text.files))))
        for text, masked in reversed(tuple(zip(_all(document), _all(bare), strict=True)))
    }
    return tuple(reversed(found.values()))


def _all(document: Document) -> tuple[RootText, ...]:
    return (*_scripts(document), *_lines(document), *_zones(document), *_arguments(document))


def _scripts(document: Document) -> Iterator[RootText]:
    for path, script in scripts_of(document):
        files = tuple(_file(material) for material in script.materials)
        yield _text(SCRIPT, path, script.bash, script, files)


def _lines(document: Document) -> Iterator[RootText]:
    system, dns = document.system, document.dns
    texts = (
        (PACKAGES, "spec.system.debs", "\n".join(system.debs)),
        (PACKAGES, "spec.system.rpms", "\n".join(system.rpms)),
        (HOSTS, "spec.dns.nodeEtcHosts", dns.node_etc_hosts),
        (DNS, "spec.dns.dnsEtcHosts", dns.dns_etc_hosts),
        (DNS, "spec.dns.coredns.additionalConfigs", dns.coredns.additional_configs),
        (DNS, "spec.dns.coredns.rewriteBlock", dns.coredns.rewrite_block),
    )
    for kind, path, text in texts:
        if text.strip():
            yield _text(kind, path, text)


def _zones(document: Document) -> Iterator[RootText]:
    """Zones with rewrite rules, which are Corefile text. Rules validate everything else of a zone."""
    for key, section in (("coredns", document.dns.coredns), ("nodelocaldns", document.dns.nodelocaldns)):
        for place, zone in enumerate(section.external_zones):
            if any(each.strip() for each in zone.rewrite):
                lines = [f"zones {' '.join(zone.zones)}", f"nameservers {' '.join(zone.nameservers)}"]
                lines += [f"rewrite {each}" for each in zone.rewrite]
                yield _text(DNS, f"spec.dns.{key}.externalZones.{place}", "\n".join(lines))


def _arguments(document: Document) -> Iterator[RootText]:
    """Arguments and configuration of Kubernetes' programs and etcd, which can make them run or trust anything."""
    kubernetes = document.kubernetes
    lists = (
        ("spec.kubernetes.apiserverArgs", kubernetes.apiserver_args),
        ("spec.kubernetes.controllerManagerArgs", kubernetes.controller_manager_args),
        ("spec.kubernetes.schedulerArgs", kubernetes.scheduler_args),
        ("spec.kubernetes.kubeletArgs", kubernetes.kubelet_args),
        ("spec.kubernetes.kubeProxyArgs", kubernetes.kube_proxy_args),
        ("spec.etcd.extraArgs", document.etcd.extra_args),
    )
    for path, words in lists:
        if words:
            yield _text(ARGUMENTS, path, "\n".join(words))
    for path, data in (
        ("spec.kubernetes.kubeletConfiguration", kubernetes.kubelet_configuration),
        ("spec.kubernetes.kubeProxyConfiguration", kubernetes.kube_proxy_configuration),
    ):
        if data:
            yield _text(ARGUMENTS, path, "\n".join(emit.block(data)))


def _text(
    kind: str, path: str, text: str, script: CustomScript | None = None, files: tuple[RootFile, ...] = ()
) -> RootText:
    # The position of a script in its list does not matter.
    key = path.rstrip("0123456789")
    role, name = (script.role, script.name) if script is not None else ("", "")
    whole = hashlib.sha256()
    for part in (kind, key, role, text, *(part for file in files for part in (file.name, file.sha256))):
        raw = part.encode("utf-8", "surrogatepass")
        whole.update(f"{len(raw)}:".encode() + raw)
    return RootText(kind, path, name, role, text, files, whole.hexdigest())


def _file(material: str) -> RootFile:
    if not is_carried(material):
        # The path of a file that `cluster create` reads; a run is refused until the file is embedded.
        return RootFile(material, 0, hashlib.sha256(material.encode()).hexdigest(), "")
    try:
        name, content = unpacked(material)
    except ConfigError:
        return RootFile(material[:64], len(material), hashlib.sha256(material.encode()).hexdigest(), "")
    try:
        text = "" if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        text = ""
    return RootFile(name, len(content), hashlib.sha256(content).hexdigest(), text)


def _masked_file(file: RootFile) -> RootFile:
    """A file may be a script or its input. The SHA-256 is removed because it could reveal what a mask hides."""
    text = hidden(hidden(file.text, mask=True), mask=True, key=SHELL_KEYS[0])
    name = hidden(file.name, mask=True)
    return replace(file, name=name, text=text, sha256=file.sha256 if (name, text) == (file.name, file.text) else "")
