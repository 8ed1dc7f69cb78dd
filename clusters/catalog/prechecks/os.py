"""os.*, pkg.tools: the distribution, and the services and tools of the operating system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.catalog.load_balancers import keepalived
from clusters.catalog.reach import dialled
from clusters.catalog.steps.os import clock
from clusters.catalog.steps.os.packages import TOOLS
from clusters.engine.check import error, precheck, warning
from clusters.engine.packages import Packages
from clusters.remote.dial import Answer
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


SUPPORTED = (
    "debian",
    "ubuntu",
    "centos",
    "rhel",
    "rocky",
    "almalinux",
    "fedora",
    "sles",
    "opensuse-leap",
    "kylin",
    "openeuler",
)


@precheck("os.supported")
def supported(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The distribution is supported"""
    found = machine.facts
    if found.os_id not in SUPPORTED and not set(found.os_like) & set(SUPPORTED):
        yield warning(
            f"{machine.name} runs {found.os_name or 'an unknown system'}; known to work: {', '.join(SUPPORTED)}.",
            hint="It may work anyway; try one machine first.",
        )


@precheck("os.swap_off", on="kubernetes")
def swap_off(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Swap is off, or will be turned off"""
    if machine.facts.swap_mb and cluster.document.system.skip_configure_os:
        yield error(
            f"{machine.name} uses {machine.facts.swap_mb} MiB of swap: kubelet does not start with it, and "
            "skipConfigureOS leaves it on.",
            hint="Switch it off there (swapoff -a, and in /etc/fstab).",
        )
    elif machine.facts.swap_mb:
        yield warning(
            f"{machine.name} uses {machine.facts.swap_mb} MiB of swap; the installation switches it off for good.",
            hint="Make sure the machine has enough memory without it.",
        )


@precheck("os.systemd", waivable=False, fix="Use a distribution that boots with systemd.")
def systemd(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """systemd runs the machine's services"""
    if not machine.facts.systemd:
        yield error(f"{machine.name} runs {machine.facts.init or 'an unknown init system'}; Slipway needs systemd.")


@precheck(
    "os.selinux",
    on="kubernetes",
    fix="Install policies for containers (container-selinux), or make it permissive as kubeadm's guide does: "
    "setenforce 0, and SELINUX=permissive in /etc/selinux/config.",
)
def selinux(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """SELinux does not block containers"""
    if machine.facts.selinux == "enforcing":
        yield warning(f"SELinux enforces its policies on {machine.name}, and Slipway does not change them.")


LOCAL_SCHEMES = ("file", "cdrom", "copy", "dir", "hd", "iso")
"""Schemes of package sources that need no network."""

MOST_SOURCES = 16

LIST_SOURCES = r"""
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
"""The addresses that the package tool would use, and its proxy. The script only prints and fetches nothing."""


@precheck("pkg.tools", fix="Install them by hand, or give the machine a package source that it can reach.")
def system_tools(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Missing system tools can be installed"""
    missing = Packages(_required_commands(machine, cluster)).missing(machine)
    if not missing:
        return
    lines = [line.partition(" ") for line in machine.ask(sh(_LIST_SOURCES)).stdout.splitlines()]
    lacks = f"{machine.name} lacks {', '.join(missing)}"
    if any(kind == "none" for kind, _, _ in lines):
        yield error(f"{lacks}, and has none of the package tools apt-get, dnf, yum and zypper.")
        return
    # An address that cannot be parsed is not a source: the package tool cannot use it either.
    addresses = [(kind, address) for kind, _, url in lines if (address := read_address(url)) is not None]
    sources = [address for kind, address in addresses if kind == "source" and "$" not in address.netloc]
    if any(url.scheme.partition("+")[0] in LOCAL_SCHEMES for url in sources):
        return
    proxies = [address for kind, address in addresses if kind == "proxy" and address.netloc]
    places = {(url.host, _port(url.port, url.scheme)) for url in proxies or sources if url.host}
    if not places:
        yield error(f"{lacks}, and no package source is set up there.")
        return
    dials = dialled(machine, sorted(places)[:MOST_SOURCES])
    if dials is not None and not any(dial.answer is Answer.CONNECTED for dial in dials):
        reasons = "; ".join(f"{dial.address}: {dial.describe()}" for dial in dials[:3])
        yield error(f"{lacks}, and reaches none of its package sources ({reasons}).")


_LIST_SOURCES = LIST_SOURCES.replace("{", "{{").replace("}", "}}")


def _required_commands(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """The commands that steps install: command -> package."""
    document = cluster.document
    commands = dict(TOOLS) if {"master", "worker"} & set(machine.roles) else {}
    if "master" in machine.roles and keepalived.chosen(document):
        commands |= {"keepalived": "keepalived", "curl": "curl"}
    if clock.wanted(document) and document.system.ntp_servers:
        commands["chronyd"] = "chrony"
    return commands


def _port(given: int | None, scheme: str) -> int:
    return given or (443 if scheme == "https" else 21 if scheme == "ftp" else 80)
