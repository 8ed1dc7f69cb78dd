"""Corefiles: which names the cluster's DNS and the cache on each node resolve, and which servers they query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.lines import one_line, one_word
from clusters.config.topology import NODE_DNS_ADDRESS, dns_service_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.schema import Document, ExternalZone

CACHE_SECONDS = 30
"""How long answers are cached by default; kubeadm's value."""
HEALTH_PORT = 9254
"""The port of the health check of a node's cache, for kubelet."""


def cluster_corefile(document: Document) -> str:
    """For CoreDNS 1.7 and later: kubeadm's own Corefile with the document's additions.

    Source of the plugins' names and options: CoreDNS's manual. The document's zones come first; the longest zone that
    matches a name answers. `dnsEtcHosts` and rewrites come before the cluster's own names.
    """
    coredns, domain = document.dns.coredns, document.kubernetes.dns_domain
    hosts = _lines(document.dns.dns_etc_hosts)
    inside = [
        *_lines(coredns.additional_configs),
        "errors",
        *_block("health", ["lameduck 5s"]),
        "ready",
        *_lines(coredns.rewrite_block),
        *(_block("hosts", [*hosts, "fallthrough"]) if hosts else []),
        *_block(
            f"kubernetes {domain} in-addr.arpa ip6.arpa",
            ["pods insecure", "fallthrough in-addr.arpa ip6.arpa", "ttl 30"],
        ),
        "prometheus :9153",
        *_block(f"forward . {_upstream(document)}", ["max_concurrent 1000"]),
        f"cache {CACHE_SECONDS}",
        "loop",
        "reload",
        "loadbalance",
    ]
    zones = [line for zone in coredns.external_zones for line in _zone(zone)]
    return _text([*zones, *_block(".:53", inside)])


def node_corefile(document: Document) -> str:
    """For the cache on each node: it queries the cluster's DNS over TCP for the cluster's names, and the machine's own
    servers or the document's for all others. Source: the design of Kubernetes' NodeLocal DNSCache (KEP-1024)."""
    cluster = dns_service_address(document.network.kube_service_cidr)
    own = [
        line
        for number, zone in enumerate((document.kubernetes.dns_domain, "in-addr.arpa", "ip6.arpa"))
        for line in _block(
            f"{zone}:53",
            [
                "errors",
                f"cache {CACHE_SECONDS}",
                "reload",
                "loop",
                f"bind {NODE_DNS_ADDRESS}",
                *_block(f"forward . {cluster}", ["force_tcp"]),
                # Once for the whole process.
                *([f"health {NODE_DNS_ADDRESS}:{HEALTH_PORT}"] if number == 0 else []),
            ],
        )
    ]
    # Only CoreDNS can resolve the names of dnsEtcHosts and of its external zones.
    through_cluster = bool(document.dns.coredns.external_zones or _lines(document.dns.dns_etc_hosts))
    rest = cluster if through_cluster else _upstream(document)
    others = ["errors", f"cache {CACHE_SECONDS}", "reload", "loop", f"bind {NODE_DNS_ADDRESS}", f"forward . {rest}"]
    zones = [
        line
        for zone in document.dns.nodelocaldns.external_zones
        for line in _zone(zone, f"bind {NODE_DNS_ADDRESS}", "reload")
    ]
    return _text([*zones, *own, *_block(".:53", others)])


def _zone(zone: ExternalZone, *more: str) -> list[str]:
    inside = ["errors", f"cache {zone.cache or CACHE_SECONDS}", *more]
    rewrites = [one_line(each.strip(), "A rewrite rule of a DNS zone") for each in zone.rewrite if each.strip()]
    inside += [f"rewrite {each.removeprefix('rewrite ')}" for each in rewrites]
    inside += [f"forward . {_words(zone.nameservers, 'A name server of a DNS zone')}"]
    return _block(_words(zone.zones, "A DNS zone"), inside)


def _upstream(document: Document) -> str:
    return _words(document.dns.coredns.upstream_dns_servers, "A DNS server") or "/etc/resolv.conf"


def _words(words: Iterable[str], where: str) -> str:
    return " ".join(one_word(each, where) for each in words)


def _block(head: str, inside: Iterable[str]) -> list[str]:
    return [f"{head} {{", *(f"    {line}" for line in inside), "}"]


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
