"""Rules on the dns section: hosts file lines, zones and their servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.rules.registry import rule
from clusters.config.syntax import address_of, is_domain
from clusters.config.yaml.tree import excerpt
from clusters.numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, ExternalZone

_PATH = "spec.dns"


@rule
def lines(document: Document) -> Iterator[Finding]:
    """Lines for /etc/hosts have an address, followed by names."""
    for key, text in (("dnsEtcHosts", document.dns.dns_etc_hosts), ("nodeEtcHosts", document.dns.node_etc_hosts)):
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if words and (address_of(words[0]) is None or len(words) < 2):
                message = f"{excerpt(line.strip())} is not a valid /etc/hosts line."
                hint = "Write an address, a space, and names: 10.1.2.3 hub.example.com."
                path = f"{_PATH}.{key}"
                yield error("dns.hosts_line", path, message, hint=hint, found=excerpt(line), allowed="address name…")


def _zones(document: Document) -> Iterator[tuple[str, ExternalZone]]:
    for key, zones in (
        ("coredns", document.dns.coredns.external_zones),
        ("nodelocaldns", document.dns.nodelocaldns.external_zones),
    ):
        for index, zone in enumerate(zones):
            yield f"{_PATH}.{key}.externalZones.{index}", zone


def _is_server(text: str) -> bool:
    """Whether this is an address with an optional port: 10.1.2.3, 10.1.2.3:5353, [fd00::1]:53."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "53")
    return address_of(host.strip("[]")) is not None and _is_port(port)


def _is_port(text: str) -> bool:
    return 0 < (whole_number(text, 5) or 0) < 65536


@rule
def zones(document: Document) -> Iterator[Finding]:
    """Zones are domains, each with name servers given by address."""
    for path, zone in _zones(document):
        for index, name in enumerate(zone.zones):
            domain, colon, port = name.partition(":")
            domain = domain.removesuffix(".")
            if (domain and not is_domain(domain.lower())) or (colon and not _is_port(port)):
                at, message = f"{path}.zones.{index}", f"{excerpt(name)} is not a domain name."
                yield error("dns.zone_syntax", at, message, found=excerpt(name), allowed="a domain, or domain:port")
        if not zone.zones or not zone.nameservers:
            missing = "nameservers" if zone.zones else "zones"
            message = f"A zone needs {missing}, but none is set."
            yield error("dns.zone_half", path, message, found=f"no {missing}", allowed="at least 1")
        if zone.cache < 0:
            message = f"{zone.cache} is not a valid cache time in seconds."
            yield error("dns.cache_range", f"{path}.cache", message, found=str(zone.cache), allowed="0 and more")
        for index, server in enumerate(zone.nameservers):
            if not _is_server(server):
                yield _no_server(f"{path}.nameservers.{index}", server)
    for index, server in enumerate(document.dns.coredns.upstream_dns_servers):
        if not _is_server(server):
            yield _no_server(f"{_PATH}.coredns.upstreamDNSServers.{index}", server)


def _no_server(path: str, text: str) -> Finding:
    message = f"{excerpt(text)} is not a DNS server address; names cannot be resolved here."
    return error("dns.server_syntax", path, message, found=excerpt(text), allowed="address or address:port")
