"""Root texts: what a document puts on machines or into the cluster's DNS word for word, for a person to read first.

These are scripts with their files, lines for /etc/hosts, packages of the document's own, and text for CoreDNS. Whoever
takes a document from somebody else hands root on all machines to them unless they read these.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.carried import is_carried, scripts_of, unpacked
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import CustomScript, Document

SCRIPT, HOSTS, PACKAGES, DNS = "script", "hosts", "packages", "dns"


@dataclass(frozen=True, slots=True)
class RootFile:
    """A file that a script brings along. `text` is empty for one that is not text; `size` is in bytes."""

    name: str
    size: int
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class RootText:
    """One text with its place in the document. `name` is what the document calls it, `role` the group it is for.

    `digest` is the SHA-256, in hexadecimal, of all that decides what it does: kind, key, role, text and files.
    """

    kind: str
    path: str
    name: str
    role: str
    text: str
    files: tuple[RootFile, ...]
    digest: str


def root_texts(document: Document) -> tuple[RootText, ...]:
    """All of them, in the document's order. Each digest once: the same text twice is read once."""
    found = {text.digest: text for text in reversed((*_scripts(document), *_lines(document)))}
    return tuple(reversed(found.values()))


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


def _text(
    kind: str, path: str, text: str, script: CustomScript | None = None, files: tuple[RootFile, ...] = ()
) -> RootText:
    # The number of a script in its list decides nothing.
    key = path.rstrip("0123456789")
    role, name = (script.role, script.name) if script is not None else ("", "")
    whole = hashlib.sha256()
    for part in (kind, key, role, text, *(part for file in files for part in (file.name, file.sha256))):
        raw = part.encode("utf-8", "surrogatepass")
        whole.update(f"{len(raw)}:".encode() + raw)
    return RootText(kind, path, name, role, text, files, whole.hexdigest())


def _file(material: str) -> RootFile:
    if not is_carried(material):
        # The path of a file that `cluster create` reads; a run of it is refused until it is carried.
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
