"""Facts: what a machine reports about itself, read in one command and parsed correctly."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters.errors import RemoteError
from clusters.remote.facts import Address, MachineFacts, facts_command, parse_facts, read_facts
from tests.fake_host import FakeHost
from tests.missing import cannot_be_had

if TYPE_CHECKING:
    from clusters.remote.ssh import SshHost

SAID = """clock=1700000010.500000000
hostname=node1
os_id=centos
os_version=7
os_name=CentOS Linux 7 (Core)
os_like=rhel fedora
kernel=3.10.0-1160.el7.x86_64
machine=x86_64
cpus=4
memory_kb=8010428
swap_kb=2097148
free/=41943040
free/var=20971520
machine_id=abc
product_uuid=4C4C4544-0044
vendor=Dell Inc. 2.10.2\x20
init=systemd
systemd=yes
virtualization=kvm
cgroup=1
address=eth0 10.0.0.5/24
address=eth0 fd00::5/64
address=docker0 172.17.0.1/16
default_interface=eth0
mtu=eth0 1450
controllers=cpuset cpu memory
boot_id=0a1b
listen=00000000:0016
listen=0100007F:1F90
listen=00000000000000000000000000000000:0016
selinux=Enforcing
modprobe=yes
module=br_netfilter loadable
module=overlay active
lower_oom=yes
kernel_config=/boot/config-3.10.0
resolved=yes
resolver=/etc/resolv.conf 127.0.0.53
resolver=/run/systemd/resolve/resolv.conf 10.0.0.2 fd00::53
trace=/etc/kubernetes/admin.conf
tool=yum
tool=systemctl
"""


def test_every_fact_is_parsed() -> None:
    facts = parse_facts(SAID, here=1700000000.0, doubt=0.2)

    assert (facts.hostname, facts.os_id, facts.os_version) == ("node1", "centos", "7")
    assert facts.os_like == ("rhel", "fedora")
    assert facts.arch == "amd64"
    assert (facts.cpus, facts.memory_mb, facts.swap_mb) == (4, 7822, 2047)
    assert (facts.root_free_mb, facts.var_free_mb) == (40960, 20480)
    assert facts.clock_skew == pytest.approx(10.5)
    assert facts.product_uuid == "4c4c4544-0044"
    assert facts.vendor == "Dell Inc. 2.10.2"
    assert facts.systemd
    assert facts.ips == ("10.0.0.5", "fd00::5", "172.17.0.1")
    assert facts.mtu_of("10.0.0.5") == 1450 and facts.mtu_of("172.17.0.1") == facts.mtu_of("10.9.9.9") == 0
    assert (facts.boot_id, facts.cgroup_controllers) == ("0a1b", ("cpuset", "cpu", "memory"))
    assert facts.listening == (22, 8080)
    assert facts.selinux == "enforcing"
    assert [facts.module(name) for name in ("br_netfilter", "overlay", "ip_vs")] == ["loadable", "active", "missing"]
    assert (facts.can_lower_oom, facts.can_raise_nofile) == (True, False)
    assert facts.traces == ("/etc/kubernetes/admin.conf",)
    assert facts.tools == ("yum", "systemctl")
    assert facts.resolved and facts.servers_in("/etc/resolv.conf") == ("127.0.0.53",)
    assert facts.servers_in("/run/systemd/resolve/resolv.conf") == ("10.0.0.2", "fd00::53")


def test_an_empty_resolver_file_differs_from_a_missing_one() -> None:
    facts = parse_facts("resolver=/etc/resolv.conf ", here=0)

    assert facts.servers_in("/etc/resolv.conf") == ()
    assert facts.servers_in("/run/systemd/resolve/resolv.conf") is None
    assert not facts.resolved


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_name_servers_are_read_as_kubelet_reads_them(shell: str, tmp_path: Path) -> None:
    path = shutil.which(shell)
    if path is None:
        cannot_be_had(f"needs {shell}")
    command = [path, "sh", "-c"] if shell == "busybox" else [path, "-c"]
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 10.0.0.9\nsearch example.com\n \tnameserver\t10.0.0.2 # ours\nnameserver ::1\n")
    text = facts_command().text.replace("/etc/resolv.conf", str(file))

    done = subprocess.run([*command, text], capture_output=True, check=True, text=True)

    assert done.stderr == ""
    assert parse_facts(done.stdout, here=0).servers_in(str(file)) == ("10.0.0.2", "::1")


def test_arm_has_the_name_that_kubernetes_uses() -> None:
    assert parse_facts("machine=aarch64", here=0).arch == "arm64"
    assert parse_facts("machine=riscv64", here=0).arch == "riscv64"


def test_busyboxs_clock_without_fraction_is_a_clock() -> None:
    assert parse_facts("clock=1700000000.%N", here=1700000000).clock_skew == 0


def test_a_machine_that_prints_little_gives_empty_facts() -> None:
    facts = parse_facts("hostname=x\ncpus=\nmemory_kb=many\nnoise", here=5.0)

    assert facts == MachineFacts(hostname="x")


@pytest.mark.parametrize(
    "line",
    [
        *(
            "resolver=",
            "listen=zz:zz",
            "listen=",
            "listen=0:-1",
            "mtu=eth0 ²",
            "cpus=inf",
            "memory_kb=nan",
            "cgroup=-inf",
        ),
        *("free/=1e999", "address=", "module=", "mtu=", "clock=infinity", "resolver=\t", "==", "listen=00000000:1F90F"),
    ],
)
def test_any_line_of_a_machine_can_be_read(line: str) -> None:
    facts = parse_facts(f"hostname=x\n{line}\nlisten=00000000:0016\nkernel=6.1", here=5.0)

    assert (facts.hostname, facts.kernel, facts.listening) == ("x", "6.1", (22,))
    assert facts.resolvers == ()


def test_a_machine_without_linux_is_reported() -> None:
    host = FakeHost("n1", [("uname", "'uname' is not recognized as a command\n")])

    with pytest.raises(RemoteError, match="did not report what it is") as caught:
        read_facts(host)

    assert "not recognized" in str(caught.value)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_script_speaks_every_shell(shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        cannot_be_had(f"needs {shell}")
    command = [path, "sh", "-c"] if shell == "busybox" else [path, "-c"]

    done = subprocess.run([*command, facts_command().text], capture_output=True, check=True, text=True)

    facts = parse_facts(done.stdout, here=time.time())
    assert done.stderr == ""
    assert facts.kernel == platform.release()
    assert facts.memory_mb > 0


@pytest.mark.sshd
def test_a_real_machine_is_described_as_it_is(root: SshHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        facts = read_facts(root)
        assert server.getsockname()[1] in facts.listening

    assert facts.hostname == socket.gethostname()
    assert facts.kernel == platform.release()
    assert facts.arch == {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    assert facts.cpus == os.cpu_count()
    assert facts.memory_mb == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    assert facts.root_free_mb == pytest.approx(shutil.disk_usage("/").free // 2**20, rel=0.02)
    assert abs(facts.clock_skew) <= facts.clock_doubt + 0.05
    assert facts.cgroup_version in (1, 2)
    assert {"cpu", "memory", "pids"} <= set(facts.cgroup_controllers)
    assert facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    links = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout
    loopback = re.search(r" lo: .* mtu (\d+)", links)
    assert loopback is not None and dict(facts.mtus)["lo"] == int(loopback[1])
    assert facts.os_name
    assert "tar" in facts.tools


@pytest.mark.sshd
def test_reading_changes_nothing_and_facts_are_plain_data(root: SshHost) -> None:
    first, second = read_facts(root), read_facts(root)
    still: dict[str, Any] = {
        "clock": 0,
        "clock_skew": 0,
        "clock_doubt": 0,
        "root_free_mb": 0,
        "var_free_mb": 0,
        "listening": (),
    }

    assert dataclasses.replace(first, **still) == dataclasses.replace(second, **still)
    assert all(isinstance(address, Address) for address in first.addresses)
