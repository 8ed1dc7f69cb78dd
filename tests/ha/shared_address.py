"""An address that control planes share: who has it, and what clients notice when that machine dies."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from tests.ha.installed import longest_silence, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ha.installed import Installed

MOVED_SECONDS = 5.0
API_BACK_SECONDS = 10.0


def holder(cluster: Installed) -> str:
    """Who has the address now."""
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
    """Pull the plug of its holder under constant writes; the machine comes back, and the address stays where it is."""
    address = cluster.layout.address(cluster.hosts)
    dead = holder(cluster)
    alive = next(name for name in cluster.layout.master if name != dead)
    nodes = cluster.ready_nodes()
    with cluster.client("write", f"https://{address}:{cluster.layout.port}") as client:
        wait_until(lambda: len(client.answers()) > 30, 60, "the first writes")
        pulled = time.monotonic()
        cluster.lab.kill(dead)
        wait_until(lambda: _answers(address, cluster.layout.port), 30, "somebody to answer at the shared address")
        moved = time.monotonic() - pulled
        wait_until(lambda: time.monotonic() > pulled + 30, 60, "thirty seconds of writing")
        answers = client.stop()
    silence = longest_silence(answers)
    figure(f"the address was taken over {moved:.1f} s after the plug was pulled; API silent for {silence:.1f} s")
    assert moved <= MOVED_SECONDS
    assert silence <= API_BACK_SECONDS
    kept = set(cluster.kubectl("get", "configmaps", "-o", "name", on=alive).split())
    assert client.written() <= kept, sorted(client.written() - kept)
    cluster.lab.start(dead)
    wait_until(lambda: cluster.ready_nodes(on=alive) == nodes, 180, f"{dead} to be Ready again")
    assert holder(cluster) != dead, "moving the address back cuts every connection a second time"


def _answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((address, port)) == 0
