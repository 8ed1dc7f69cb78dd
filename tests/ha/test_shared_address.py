"""Three machines with all roles share the endpoint's address: it moves when its holder fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts, shared_address
from tests.ha.installed import Installed, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.lab, pytest.mark.outages, pytest.mark.timeout(1200)]
INSTALLS = layouts.STACKED_ETCD


def test_a_second_run_changes_nothing(cluster: Installed) -> None:
    assert "nothing changed" in cluster.create()
    assert len(cluster.lab.execute("node1", "cat /root/last").splitlines()) == 1, "a script runs once"


def test_the_address_moves_when_its_holder_dies_and_no_write_is_lost(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    shared_address.see_it_move(cluster, figure)


def test_a_wrong_neighbour_entry_is_corrected(cluster: Installed, figure: Callable[[str], None]) -> None:
    took = shared_address.mislead_this_machine(cluster)
    figure(f"the holder corrected it after {took:.1f} s")
    assert took <= shared_address.CORRECTED_SECONDS


def test_the_address_leaves_a_machine_with_an_unhealthy_api_server(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    ill = shared_address.holder(cluster)
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    cluster.lab.execute(ill, f"mv {manifest} /root/aside.yaml")
    took = wait_until(lambda: shared_address.holder(cluster) != ill, 90, "the address to leave the unhealthy machine")
    figure(f"the address left {took:.1f} s after the API server was stopped")
    address = cluster.layout.address(cluster.hosts)
    wait_until(
        lambda: not cluster.lab.execute(ill, f"ss -Htn src {address}").strip(),
        20,
        "the connections to end that had the address as their own: nothing comes back to them any more",
    )
    cluster.lab.execute(ill, f"mv /root/aside.yaml {manifest}")
    wait_until(lambda: "ok" in cluster.kubectl("get", "--raw", "/readyz", on=ill), 120, "the API server to be back")
