"""pkg.tools: system tools that are missing can be installed from the machine's package sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.catalog.load_balancers import keepalived
from clusters.catalog.reach import dialled
from clusters.catalog.steps.os import clock
from clusters.catalog.steps.os.packages import TOOLS
from clusters.engine.check import error, precheck
from clusters.engine.wants import Packages
from clusters.remote.dial import Answer
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LOCAL = ("file", "cdrom", "copy", "dir", "hd", "iso")
"""Schemes of package sources that need no network."""

MOST_SOURCES = 16

SOURCES = r"""
if command -v apt-get >/dev/null; then
  apt-config dump 2>/dev/null | sed -nE 's/^Acquire::https?::Proxy "([^"]+)";/proxy \1/Ip'
  apt-get update --print-uris 2>/dev/null | sed -nE "s/^'([a-z+]+:[^']+)'.*/source \1/p"
elif command -v dnf >/dev/null || command -v yum >/dev/null; then
  sed -nE 's/^ *proxy *= *([^ ]+).*/proxy \1/p' /etc/dnf/dnf.conf /etc/yum.conf 2>/dev/null
  sed -nE 's/^ *(baseurl|mirrorlist|metalink) *= *([^ ]+).*/source \2/p' /etc/yum.repos.d/*.repo 2>/dev/null
elif command -v zypper >/dev/null; then
  sed -nE 's/^ *(baseurl|mirrorlist) *= *([^ ]+).*/source \2/p' /etc/zypp/repos.d/*.repo 2>/dev/null
else echo none; fi | sort -u
"""
"""The addresses that the package tool would ask, and a proxy on the way. It only prints: no list is fetched."""


@precheck("pkg.tools", fix="Install them by hand, or give the machine a package source that it can reach.")
def tools(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Missing system tools can be installed"""
    missing = Packages(_wanted(machine, cluster)).missing(machine)
    if not missing:
        return
    lines = [line.partition(" ") for line in machine.ask(sh(_ESCAPED)).stdout.splitlines()]
    lacks = f"{machine.name} lacks {', '.join(missing)}"
    if any(kind == "none" for kind, _, _ in lines):
        yield error(f"{lacks}, and has none of the package tools apt-get, dnf, yum and zypper.")
        return
    # What the machine's files name and cannot be read is none: the package tool does not get anything from there.
    addresses = [(kind, address) for kind, _, url in lines if (address := read_address(url)) is not None]
    sources = [address for kind, address in addresses if kind == "source" and "$" not in address.netloc]
    if any(url.scheme.partition("+")[0] in LOCAL for url in sources):
        return
    proxies = [address for kind, address in addresses if kind == "proxy" and address.netloc]
    places = {(url.host, _port(url.port, url.scheme)) for url in proxies or sources if url.host}
    if not places:
        yield error(f"{lacks}, and no package source is set up there.")
        return
    dials = dialled(machine, sorted(places)[:MOST_SOURCES])
    if dials is not None and not any(dial.answer is Answer.CONNECTED for dial in dials):
        told = "; ".join(f"{dial.address}: {dial.describe()}" for dial in dials[:3])
        yield error(f"{lacks}, and reaches none of its package sources ({told}).")


_ESCAPED = SOURCES.replace("{", "{{").replace("}", "}}")


def _wanted(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """The commands that steps are going to install, by whatever package has them."""
    document = cluster.document
    wanted = dict(TOOLS) if {"master", "worker"} & set(machine.roles) else {}
    if "master" in machine.roles and keepalived.chosen(document):
        wanted |= {"keepalived": "keepalived", "curl": "curl"}
    if clock.wanted(document) and document.system.ntp_servers:
        wanted["chronyd"] = "chrony"
    return wanted


def _port(given: int | None, scheme: str) -> int:
    return given or (443 if scheme == "https" else 21 if scheme == "ftp" else 80)
