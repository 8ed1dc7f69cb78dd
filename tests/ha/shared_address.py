"""An address that control planes share: its holder, and the effect on clients when that machine fails."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from tests.ha.installed import allowed_silence, longest_silence, wait_until
from tests.lab.commands import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ha.installed import Installed

MOVED_SECONDS = 5.0
API_BACK_SECONDS = 10.0
CORRECTED_SECONDS = 10.0
"""The holder repeats its announcement with the first advertisement after five seconds (there is one each second); a
check takes one more. Without repetition the mistake was not corrected within twenty seconds."""


def holder(cluster: Installed) -> str:
    """The machine that has the address now."""
    address = cluster.layout.address(cluster.hosts)
    running = {row.name for row in cluster.lab.status() if row.state == "running"}
    found = [
        host.name
        for host in cluster.hosts
        if host.name in running and f"{address}/" in cluster.lab.execute(host.name, "ip -o address show")
    ]
    assert len(found) == 1, found
    return found[0]


def see_it_move(cluster: Installed, figure: Callable[[str], None]) -> None:
    """Pull the plug of its holder under constant writes; the machine returns, and the address stays where it moved."""
    address = cluster.layout.address(cluster.hosts)
    dead = holder(cluster)
    alive = next(name for name in cluster.layout.master if name != dead)
    nodes = cluster.ready_nodes()
    with cluster.client("write", f"https://{address}:{cluster.layout.port}") as client:
        wait_until(lambda: len(client.answers()) > 30, 60, "the first writes")
        pulled, since = time.monotonic(), time.time()
        cluster.lab.kill(dead)
        wait_until(lambda: _answers(address, cluster.layout.port), 30, "an answer at the shared address")
        moved = time.monotonic() - pulled
        wait_until(lambda: time.monotonic() > pulled + 30, 60, "thirty seconds of writing")
        answers = client.stop()
    silence = longest_silence(answers)
    figure(f"the address was taken over {moved:.1f} s after the plug was pulled; API silent for {silence:.1f} s")
    assert moved <= allowed_silence(MOVED_SECONDS, answers, since)
    assert silence <= allowed_silence(API_BACK_SECONDS, answers, since)
    stored = set(cluster.kubectl("get", "configmaps", "-o", "name", on=alive).split())
    assert client.written() <= stored, sorted(client.written() - stored)
    cluster.lab.start(dead)
    wait_until(lambda: cluster.ready_nodes(on=alive) == nodes, 180, f"{dead} to be Ready again")
    assert holder(cluster) != dead, "moving the address back cuts every connection a second time"


def mislead_this_machine(cluster: Installed) -> float:
    """Have this machine send packets for the address to a machine without it, as if that one had announced it last;
    returns the seconds until the holder's announcement corrects that."""
    address = cluster.layout.address(cluster.hosts)
    wrong = next(name for name in cluster.layout.master if name != holder(cluster))
    link = cluster.lab.execute(wrong, "cat /sys/class/net/eth0/address").strip()
    bridge = cluster.lab.network.bridge

    def is_misled() -> bool:
        run(["ip", "neigh", "replace", address, "lladdr", link, "dev", bridge, "nud", "reachable"])
        return not _shakes_hands(address, cluster.layout.port)

    # The holder may announce the address in that very second, which corrects it immediately.
    wait_until(is_misled, 30, "this machine to use the wrong machine")
    return wait_until(lambda: _shakes_hands(address, cluster.layout.port), 30, "the holder's announcement")


def _shakes_hands(address: str, port: int) -> bool:
    trust = ssl._create_unverified_context()
    try:
        with socket.create_connection((address, port), 1) as bare, trust.wrap_socket(bare):
            return True
    except OSError:
        return False


def _answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((address, port)) == 0
