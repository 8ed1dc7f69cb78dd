"""internalLoadbalancer: keepalived: a virtual address that one of the control plane machines holds (VRRP)."""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusters.catalog.paths import CA
from clusters.catalog.turns import in_turn
from clusters.config.topology import api_port, load_balancer
from clusters.engine.step import step
from clusters.engine.wants import Packages, absent, directory, file, service
from clusters.errors import InstallerError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command

CONFIG = "/etc/keepalived/keepalived.conf"
CHECK = "/etc/slipway/keepalived/api-server-is-ready"
LEFT = "/etc/slipway/keepalived/address-has-left"
ASIDE = "/run/slipway-api-server-ends"
"""While it is there, and young, the machine does not want the address; gone after a reboot at the latest."""
ASIDE_MINUTES = 15
"""Minutes after which the mark is ignored: its run has ended. An API server's restart takes four at most."""
HANDED_OVER_WITHIN = 8.0
TOLD_AGAIN, TOLD_EVERY = 1, 5
"""Seconds after which, and then again and again, the holder says where the address is (gratuitous ARP)."""
PRIORITY, UNWELL = 100, 50
"""All machines have one priority, so that an address which moved stays: moving it back would cut connections twice.
A machine whose API server is not ready loses `UNWELL` of it and hands the address over."""


def chosen(document: Document) -> bool:
    """Whether the document asks for it."""
    return load_balancer(document) == "keepalived"


@step(
    "endpoint/keepalived",
    on="control-plane",
    needs=("os/claim", "os/packages"),
    when=chosen,
    timeout=600,
    expected=3,
)
def keepalived(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Let the control planes share the endpoint's address"""
    yield Packages({"keepalived": "keepalived", "curl": "curl"})
    yield directory("/etc/slipway/keepalived")
    yield file(CHECK, check(machine, cluster), mode=0o755)
    yield file(LEFT, left(cluster), mode=0o755)
    yield directory("/etc/keepalived")
    yield file(CONFIG, config(machine, cluster), mode=0o600)
    # A run that ended in the middle of a restart may have left it.
    yield absent(ASIDE)
    runs = service("keepalived", restart_for=(CONFIG, CHECK))
    yield in_turn(runs, cluster, "a new start of keepalived", running=sh("systemctl is-active --quiet keepalived"))


@contextmanager
def stood_aside(machine: Machine, cluster: Cluster) -> Iterator[None]:
    """Inside, another machine holds the shared address, as far as there is one that can: clients notice less of an
    API server that is about to end when they have left it before."""
    if not chosen(cluster.document) or len(cluster.members("master")) < 2:
        yield
        return
    held = sh("ip -o address show | grep -qF {}", f" {cluster.endpoint}/")
    try:
        if machine.ask(held).ok:
            machine.note(f"handing {cluster.endpoint} over to another control plane first")
            machine.do(sh("touch {}", ASIDE), check=False, shared=True)
            any(not machine.ask(held).ok for _ in machine.looks(HANDED_OVER_WITHIN, every=0.3))
        yield
    finally:
        # Also where an attempt that broke off has handed it over before this one.
        machine.clear_up(sh("rm -f {}", ASIDE))


def check(machine: Machine, cluster: Cluster) -> str:
    """What keepalived asks each second: whether this machine's own API server is ready."""
    ask = sh(
        "exec curl -sf -o /dev/null --max-time 2 --cacert {} https://{}:{}/readyz",
        CA,
        machine.address,
        api_port(cluster.document),
    )
    aside = sh('[ -z "$(find {} -mmin -{} 2>/dev/null)" ] || exit 1', ASIDE, ASIDE_MINUTES)
    return _script(aside, ask)


def left(cluster: Cluster) -> str:
    """What keepalived does when the address is gone from here: ends the connections that had it as their own.

    Who lives on the holder reached the address from the address itself, and hears nothing more: no answer finds its way
    back, and kubelet, that waits for one, starts no pod for half a minute. A kernel without this leaves it at that.
    """
    return _script(sh("ss -K src {} >/dev/null 2>&1 || true", cluster.endpoint))


def _script(*commands: Command) -> str:
    lines = "\n".join(each.text for each in commands)
    return f"#!/bin/sh\n# Written by Slipway; changes are overwritten by its next run.\n{lines}\n"


def config(machine: Machine, cluster: Cluster) -> str:
    """keepalived.conf. Machines talk to each other directly (unicast), since clouds and switches drop multicast.

    VRRP with one advertisement a second takes a machine for dead after three and a half (RFC 5798).

    Machines of one priority may take the address in the same moment. All but one give it back at once, but whoever
    heard one of those last sends what is for the address to a machine that has it not; that one sends it on, and its
    firewall drops all but the first packet, since it sees no answer. So the holder tells everybody again after one
    second and not after five, and then every five, for those that missed it.
    """
    peers = "\n".join(f"        {each.address}" for each in cluster.members("master") if each.name != machine.name)
    address = ipaddress.ip_address(cluster.endpoint)
    return f"""# Written by Slipway; changes are overwritten by its next run.
global_defs {{
    router_id {machine.name}
    enable_script_security
    script_user root
}}

vrrp_script api_server_is_ready {{
    script {CHECK}
    interval 1
    timeout 3
    fall 2
    rise 2
    weight -{UNWELL}
}}

vrrp_instance control_plane_endpoint {{
    state BACKUP
    interface {interface(machine)}
    virtual_router_id {router_id(str(address))}
    priority {PRIORITY}
    advert_int 1
    garp_master_delay {TOLD_AGAIN}
    garp_lower_prio_delay {TOLD_AGAIN}
    garp_master_refresh {TOLD_EVERY}
    unicast_src_ip {machine.address}
    unicast_peer {{
{peers}
    }}
    virtual_ipaddress {{
        {address}/{address.max_prefixlen}
    }}
    track_script {{
        api_server_is_ready
    }}
    notify_backup {LEFT}
    notify_fault {LEFT}
}}
"""


def router_id(address: str) -> int:
    """The number of the group of machines that share an address, 1 to 255; made of the address's last part."""
    return ipaddress.ip_address(address).packed[-1] or 255


def interface(machine: Machine) -> str:
    """The network interface that has the machine's own address. Raises InstallerError when none has."""
    for each in machine.facts.addresses:
        if each.ip == machine.address:
            return each.interface
    raise InstallerError(
        f"{machine.name} has no network interface with the address {machine.address}, so it cannot share another.",
        hint="Is internalAddress an address that the machine itself has, not one of a router before it?",
    )
