"""Slipway's lines in /etc/hosts: the only ones for a name, and in cloud-init's template where it writes that file."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.catalog import hosts_file
from clusters.catalog.hosts_file import HOSTS, template_of
from clusters.catalog.load_balancers import name
from clusters.catalog.steps.os import names
from clusters.engine.wants import NotReached
from clusters.remote.shell import Command
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = "lb.kubesphere.local"
TEMPLATE = "/etc/cloud/templates/hosts.debian.tmpl"


def test_older_lines_for_the_endpoints_name_lose_it(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node2"), hosts["node2"]
    old = f"127.0.0.1 localhost\n10.0.0.5 {DOMAIN}\n10.0.0.6 a {DOMAIN.upper()} b # x\n10.99.0.11 {DOMAIN}\n"
    host.put(old.encode(), HOSTS)
    want = name.known(machine, cluster)
    name.lead_to_first(machine, cluster)
    assert host.get(HOSTS).decode().splitlines() == [
        "127.0.0.1 localhost",
        f"# before Slipway: 10.0.0.5 {DOMAIN}",
        f"# before Slipway: 10.0.0.6 a {DOMAIN.upper()} b # x",
        "10.0.0.6 a b",
        f"10.99.0.11 {DOMAIN}",
        "# slipway endpoint BEGIN",
        f"10.99.0.11 {DOMAIN}",
        "# slipway endpoint END",
    ]
    assert want.seen(machine).so
    host.put(host.get(HOSTS) + f"10.0.0.5 {DOMAIN}\n".encode(), HOSTS)
    sight = want.seen(machine)
    assert not sight.so and sight.found == f"other lines in /etc/hosts give {DOMAIN} another address than 10.99.0.11"


def test_a_name_that_something_else_resolves_is_reported_with_what_it_gives(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node2")
    hosts["node2"].answer("getent ahosts", "10.0.0.7\ntested\n")
    want = name.known(machine, cluster)
    assert not want.seen(machine).so
    with pytest.raises(NotReached, match=rf"node2 resolves {DOMAIN} to 10\.0\.0\.7 although /etc/hosts has 10\.99"):
        want.reach(machine)
    hosts["node2"].answer("getent ahosts", "tested\n")
    assert want.seen(machine).found == f"{DOMAIN} resolves to nothing, not to 10.99.0.11"
    hosts["node2"].answer("getent ahosts", "10.99.0.11\ntested\n")
    assert want.seen(machine).so


def test_cloud_inits_template_gets_the_same_lines(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node2"), hosts["node2"]
    host.answer("manage_etc_hosts", f"true\nnamed {TEMPLATE}\nthere {TEMPLATE}\n")
    host.put(b"## template:jinja\n127.0.0.1 localhost\n", TEMPLATE)
    for want in names.names(machine, cluster):
        if not want.seen(machine).so:
            want.reach(machine)
    template = host.get(TEMPLATE).decode().splitlines()
    assert template[0] == "## template:jinja"
    assert {"10.99.0.13 node3.cluster.local node3", f"10.99.0.11 {DOMAIN}"} <= set(template)
    assert f"10.99.0.11 {DOMAIN}" in host.get(HOSTS).decode().splitlines()


@pytest.mark.parametrize(
    ("image", "user", "managed"),
    [
        ("manage_etc_hosts: true\n", None, True),
        ("manage_etc_hosts: 'True' # x\n", None, True),
        ("manage_etc_hosts: localhost\n", None, False),
        ("manage_etc_hosts: true\n", "manage_etc_hosts: false\n", False),
        ("#manage_etc_hosts: true\n", "#cloud-config\nmanage_etc_hosts: yes\n", True),
        ("users: []\n", None, False),
    ],
)
def test_what_a_user_passes_to_the_machine_overrides_its_image(
    image: str, user: str | None, managed: bool, tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "hosts.debian.tmpl").touch()
    (tmp_path / "cloud.cfg").write_text(image)
    if user is not None:
        (tmp_path / "cloud-config.txt").write_text(user)
    text = hosts_file._CLOUD_INIT.text.replace("/var/lib/cloud/instance", str(tmp_path))
    text = text.replace("/etc/cloud", str(tmp_path)).replace("/etc/hosts", str(tmp_path / "hosts"))
    output = subprocess.run(["/bin/sh", "-c", Command(text).text], capture_output=True, text=True, check=True).stdout
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("manage_etc_hosts", output.replace(str(tmp_path), "/etc/cloud"))
    assert template_of(cluster.machine("node2"), cluster) == (TEMPLATE if managed else None)


def test_a_block_without_its_last_line_hides_no_older_lines() -> None:
    damaged = "# slipway old BEGIN\n10.0.0.1 node1\n10.9.9.9 lb.example other\n"
    assert hosts_file._without(damaged, "lb.example", "10.0.0.7") == (
        "# slipway old BEGIN\n10.0.0.1 node1\n# before Slipway: 10.9.9.9 lb.example other\n10.9.9.9 other\n"
    )
    whole = damaged.replace("10.9.9.9", "# slipway old END\n# slipway new BEGIN\n10.9.9.9") + "# slipway new END\n"
    assert hosts_file._without(whole, "lb.example", "10.0.0.7") == whole
