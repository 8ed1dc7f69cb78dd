"""Three machines that are everything share the endpoint's address: it moves when its holder dies."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts
from tests.ha.installed import Installed, longest_silence, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.lab, pytest.mark.outages, pytest.mark.timeout(1200)]
INSTALLS = layouts.STACKED_ETCD

MOVED_SECONDS = 5.0
API_BACK_SECONDS = 10.0


def holder(cluster: Installed) -> str:
    """Who has the address now."""
    address = layouts.STACKED_ETCD.address(cluster.hosts)
    running = {row.name for row in cluster.lab.status() if row.state == "running"}
    found = [
        host.name
        for host in cluster.hosts
        if host.name in running and f"{address}/" in cluster.lab.execute(host.name, "ip -o address show")
    ]
    assert len(found) == 1, found
    return found[0]


def test_a_second_run_changes_nothing(cluster: Installed) -> None:
    assert "nothing changed" in cluster.create()
    assert len(cluster.lab.execute("node1", "cat /root/last").splitlines()) == 1, "a script runs once"


def test_the_address_moves_when_its_holder_dies_and_no_write_is_lost(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    address = layouts.STACKED_ETCD.address(cluster.hosts)
    dead = holder(cluster)
    alive = next(name for name in layouts.THREE if name != dead)
    with cluster.client("write", f"https://{address}:6443") as client:
        wait_until(lambda: len(client.answers()) > 30, 60, "the first writes")
        pulled = time.monotonic()
        cluster.lab.kill(dead)
        wait_until(lambda: _answers(address), 30, "somebody to answer at the shared address")
        moved = time.monotonic() - pulled
        wait_until(lambda: time.monotonic() > pulled + 30, 60, "thirty seconds of writing")
        answers = client.stop()
    silence = longest_silence(answers)
    figure(f"the address was taken over {moved:.1f} s after the plug was pulled; API silent for {silence:.1f} s")
    assert moved <= MOVED_SECONDS
    assert silence <= API_BACK_SECONDS
    kept = set(cluster.kubectl("get", "configmaps", "-o", "name", on=alive).split())
    acknowledged = {f"configmap/key-{answer.number}" for answer in answers if answer.error is None}
    assert acknowledged <= kept, sorted(acknowledged - kept)
    cluster.lab.start(dead)
    wait_until(lambda: cluster.ready_nodes(on=alive) == set(layouts.THREE), 180, f"{dead} to be Ready again")
    assert holder(cluster) != dead, "moving the address back cuts every connection a second time"


def test_the_address_leaves_a_machine_whose_api_server_is_ill(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    ill = holder(cluster)
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    cluster.lab.execute(ill, f"mv {manifest} /root/aside.yaml")
    took = wait_until(lambda: holder(cluster) != ill, 90, "the address to leave the ill machine")
    figure(f"the address left {took:.1f} s after the API server was stopped")
    address = layouts.STACKED_ETCD.address(cluster.hosts)
    wait_until(
        lambda: not cluster.lab.execute(ill, f"ss -Htn src {address}").strip(),
        5,
        "the connections to end that had the address as their own: nothing comes back to them any more",
    )
    cluster.lab.execute(ill, f"mv /root/aside.yaml {manifest}")
    wait_until(lambda: "ok" in cluster.kubectl("get", "--raw", "/readyz", on=ill), 120, "the API server to be back")


def _answers(address: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((address, 6443)) == 0
