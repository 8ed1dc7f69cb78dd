"""Three machines that are everything share the endpoint's address: it moves when its holder dies."""

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


def test_who_was_told_a_wrong_machine_is_put_right(cluster: Installed, figure: Callable[[str], None]) -> None:
    took = shared_address.tell_a_wrong_machine(cluster)
    figure(f"the holder put it right after {took:.1f} s")
    assert took <= shared_address.PUT_RIGHT_SECONDS


def test_the_address_leaves_a_machine_whose_api_server_is_ill(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    ill = shared_address.holder(cluster)
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    cluster.lab.execute(ill, f"mv {manifest} /root/aside.yaml")
    took = wait_until(lambda: shared_address.holder(cluster) != ill, 90, "the address to leave the ill machine")
    figure(f"the address left {took:.1f} s after the API server was stopped")
    address = cluster.layout.address(cluster.hosts)
    wait_until(
        lambda: not cluster.lab.execute(ill, f"ss -Htn src {address}").strip(),
        20,
        "the connections to end that had the address as their own: nothing comes back to them any more",
    )
    cluster.lab.execute(ill, f"mv /root/aside.yaml {manifest}")
    wait_until(lambda: "ok" in cluster.kubectl("get", "--raw", "/readyz", on=ill), 120, "the API server to be back")
