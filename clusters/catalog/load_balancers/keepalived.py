"""internalLoadbalancer: keepalived: a virtual address that one of the control plane machines holds (VRRP)."""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusters.catalog.paths import CA
from clusters.catalog.turns import in_turn
from clusters.config.topology import api_port, load_balancer
from clusters.engine.packages import Packages
from clusters.engine.step import step
from clusters.engine.wants import absent, directory, file, service
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
"""While this file exists and is recent, the machine does not take the address; a reboot removes it."""
ASIDE_MINUTES = 15
"""Minutes after which the file is ignored: its run has ended. An API server's restart takes four at most."""
HANDED_OVER_WITHIN = 8.0
TOLD_AGAIN, TOLD_EVERY = 1, 5
"""Seconds after which the holder first repeats, and then keeps repeating, its announcement (gratuitous ARP)."""
PRIORITY, UNWELL = 100, 50
"""All machines have the same priority, so that an address that has moved stays: moving it back would break connections
a second time. A machine whose API server is not ready has `UNWELL` less and hands the address over."""


def chosen(document: Document) -> bool:
    """Whether the document uses it."""
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
    """Share the endpoint's address between the control planes"""
    yield Packages({"keepalived": "keepalived", "curl": "curl"})
    yield directory("/etc/slipway/keepalived")
    yield file(CHECK, check(machine, cluster), mode=0o755)
    yield file(LEFT, left(cluster), mode=0o755)
    yield directory("/etc/keepalived")
    yield file(CONFIG, config(machine, cluster), mode=0o600)
    # A run that ended in the middle of a restart may have left it.
    yield absent(ASIDE)
    runs = service("keepalived", restart_for=(CONFIG, CHECK))
    yield in_turn(runs, cluster, "the restart of keepalived", running=sh("systemctl is-active --quiet keepalived"))


@contextmanager
def stood_aside(machine: Machine, cluster: Cluster) -> Iterator[None]:
    """Inside, another machine holds the shared address, if one can: clients notice the end of an API server less when
    they have already moved to another."""
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
        # Also removes the file of an earlier attempt that was cut off.
        machine.clear_up(sh("rm -f {}", ASIDE))


def check(machine: Machine, cluster: Cluster) -> str:
    """The script that keepalived runs each second: whether this machine's own API server is ready."""
    ask = sh(
        "exec curl -sf -o /dev/null --max-time 2 --cacert {} https://{}:{}/readyz",
        CA,
        machine.address,
        api_port(cluster.document),
    )
    aside = sh('[ -z "$(find {} -mmin -{} 2>/dev/null)" ] || exit 1', ASIDE, ASIDE_MINUTES)
    return _script(aside, ask)


def left(cluster: Cluster) -> str:
    """The script that keepalived runs when this machine loses the address: closes connections from that address.

    Programs on the holder connected to the address from the address itself. They get no more answers, because these no
    longer return here; a kubelet that waits for one starts no pod for half a minute. Kernels without socket destruction
    skip this.
    """
    return _script(sh("ss -K src {} >/dev/null 2>&1 || true", cluster.endpoint))


def _script(*commands: Command) -> str:
    lines = "\n".join(each.text for each in commands)
    return f"#!/bin/sh\n# Written by Slipway; changes are overwritten by its next run.\n{lines}\n"


def config(machine: Machine, cluster: Cluster) -> str:
    """keepalived.conf. Machines use unicast, since clouds and switches drop multicast.

    VRRP with one advertisement a second considers a machine dead after three and a half seconds (RFC 5798).

    Machines of the same priority may take the address at the same moment. All but one give it back immediately, but a
    neighbour that heard one of those last sends packets for the address to the wrong machine; that one forwards them,
    and its firewall drops all but the first packet, since it sees no answer. So the holder repeats its announcement
    after one second instead of five, and then every five seconds, for neighbours that missed it.
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
    """The number of the group of machines that share an address, 1 to 255; derived from the address's last part."""
    return ipaddress.ip_address(address).packed[-1] or 255


def interface(machine: Machine) -> str:
    """The network interface that has the machine's own address. Raises InstallerError when none does."""
    for each in machine.facts.addresses:
        if each.ip == machine.address:
            return each.interface
    raise InstallerError(
        f"{machine.name} has no network interface with the address {machine.address}; keepalived and kube-vip need it.",
        hint="Set internalAddress to an address of the machine itself, not of a router in front of it.",
    )
