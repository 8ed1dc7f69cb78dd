"""registry.*: machines reach the registries of their images, and have the certificates for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.catalog.images import registry_of
from clusters.catalog.needed import images
from clusters.catalog.prechecks.network.proxy import bypasses_proxy
from clusters.catalog.reach import dialled, lead_by_document
from clusters.catalog.runtimes.registries import Access, accesses
from clusters.config.direct import direct_addresses
from clusters.engine.check import error, precheck, warning
from clusters.remote.dial import Answer
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.remote.dial import Dial


@precheck(
    "registry.reachable",
    on="kubernetes",
    fix="Allow connections to it, configure a mirror (registry.registryMirrors, remoteMirrors) or a reachable private "
    "registry, or use a bundle that has the images.",
)
def registry_reachable(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The image registries are reachable"""
    document = cluster.document
    wanted = [
        ref
        for ref in images(document, cluster.source, machine.name)
        if not cluster.source.has_image(ref, machine.facts.arch)
    ]
    known = accesses(document)
    asked = {host: known.get(host, Access(host)) for host in dict.fromkeys(registry_of(ref) for ref in wanted)}
    urls = list(dict.fromkeys(url for each in asked.values() for url in (*each.mirrors, *each.urls)))
    if not urls:
        return
    places = {url: place for url in urls if (place := _address_and_port(document, url)) is not None}
    yield from (error(f"{url}, where images come from, is not an address.") for url in urls if url not in places)
    dials = dialled(machine, tuple(places.values()))
    if dials is None:
        machine.note("not tested: the machine has no bash with /dev/tcp")
        return
    dial_of = {(dial.address, dial.port): dial for dial in dials}
    answers = {url: dial_of[place] for url, place in places.items()}
    private = document.registry.private_registry.partition("/")[0]
    for host, access in asked.items():
        yield from _unreachable(machine, access, answers, private=host == private)


def _unreachable(machine: Machine, access: Access, answers: dict[str, Dial], *, private: bool) -> Iterator[Finding]:
    """Only for a private registry an error: to a public one the runtime may have its own proxy."""
    urls = [url for url in (*access.mirrors, *access.urls) if url in answers]
    dead = [url for url in urls if url in access.mirrors and answers[url].answer is not Answer.CONNECTED]
    if urls and not any(answers[url].answer is Answer.CONNECTED for url in urls):
        reasons = "; ".join(f"{url}: {answers[url].describe()}" for url in urls)
        finding = error if private else warning
        yield finding(f"{machine.name} cannot reach {access.host}, where images come from ({reasons}).")
        return
    for mirror in dead:
        yield warning(f"{machine.name} cannot reach {mirror}, a mirror of {access.host}: {answers[mirror].describe()}.")


def _address_and_port(document: Document, url: str) -> tuple[str, int] | None:
    """Where to connect to for a URL, which may be the document's proxy; None when it is not one."""
    parts = read_address(url)
    if parts is None or not parts.host:
        return None
    section = document.registry
    through = section.https_proxy or section.http_proxy
    words = ",".join((*direct_addresses(document), *section.no_proxy))
    if through and not bypasses_proxy(parts.host, words) and (proxy := read_address(through)) is not None:
        return proxy.host, proxy.port or (443 if proxy.scheme == "https" else 80)
    return lead_by_document(document, parts.host) or parts.host, parts.port or (80 if parts.scheme == "http" else 443)


@precheck(
    "registry.files_there",
    on="kubernetes",
    waivable=False,
    fix="Put the files there: paths in registry.auths are paths on the machines.",
)
def files_there(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Certificates of registries are where the document expects them"""
    paths = [
        path
        for access in accesses(cluster.document).values()
        for path in (access.ca, access.cert, access.key)
        if isinstance(path, str) and path
    ]
    if paths:
        answer = machine.ask(sh("for f in {}; do [ -s $f ] || echo $f; done", words(paths)))
        if missing := answer.stdout.split():
            yield error(f"{machine.name} has no {', '.join(missing)}.")
