"""The lab's hosts behave like machines: in use, without power, without a cable, and when they are removed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
import pytest

from tests.lab import Lab, LabError, cgroups, kernel_modules
from tests.proc import processes, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab import LabHost

# How a lab names its bridge, its control groups, its namespaces and its cables.
NAME_OF_A_LAB = re.compile(r"\b(?:br-|lab-)(\w+)|\b(\w+)-node\d+\b")

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("afresh")]


@pytest.fixture
def two(lab: Lab) -> list[LabHost]:
    """Two running hosts, independent of what the previous test did to them."""
    return lab.up(2)


def connected(host: LabHost) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(host.address, host.port, host.user, host.password, look_for_keys=False, allow_agent=False, timeout=5)
    return client


def answer(host: LabHost, command: str, stdin: str = "") -> tuple[int, str]:
    with connected(host) as client:
        into, out, _ = client.exec_command(f"{command} 2>&1", timeout=20)
        into.write(stdin)
        into.channel.shutdown_write()
        output = out.read().decode()
        return out.channel.recv_exit_status(), output.strip()


def is_reachable(host: LabHost) -> bool:
    try:
        with socket.create_connection((host.address, host.port), timeout=0.5):
            return True
    except OSError:
        return False


CAP_SYS_TIME = 25
"""Its bit. Source: capability.h of Linux."""


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_host_lets_its_user_in_by_password_and_become_root_by_sudo(two: list[LabHost]) -> None:
    for host in two:
        assert answer(host, "hostname") == (0, host.name)
        assert answer(host, "sudo -S -p '' id -un", f"{host.password}\n") == (0, "root")
        assert answer(host, "sudo -n true")[0] != 0


def test_a_host_is_a_separate_healthy_system(two: list[LabHost], lab: Lab) -> None:
    assert within(60, lambda: answer(two[0], "systemctl is-system-running") == (0, "running"))
    ids = {answer(host, "cat /etc/machine-id")[1] for host in two}
    keys = {answer(host, "cat /etc/ssh/ssh_host_ed25519_key.pub")[1] for host in two}
    assert len(ids) == len(keys) == 2
    assert answer(two[0], "cat /proc/swaps | wc -l") == (0, "1")
    assert lab.execute("node1", "sysctl -qw net.ipv4.ip_forward=1; sysctl -n net.ipv4.ip_forward").strip() == "1"
    assert "net.ipv4.ip_forward = 0" in lab.execute("node2", "sysctl net.ipv4.ip_forward")


def test_kernel_settings_of_a_host_affect_no_other(two: list[LabHost], lab: Lab) -> None:
    settings = ("vm/max_map_count", "kernel/panic", "fs/inotify/max_user_instances")
    before = [Path("/proc/sys", name).read_text() for name in settings]
    for name in settings:
        assert lab.execute("node1", f"echo 54321 > /proc/sys/{name}; cat /proc/sys/{name}") == "54321\n"
        assert lab.execute("node2", f"cat /proc/sys/{name}") != "54321\n"
    assert [Path("/proc/sys", name).read_text() for name in settings] == before
    lab.execute("node1", "echo 1 > /proc/sys/vm/drop_caches")


def test_nothing_on_a_host_may_set_the_clock_of_this_machine(two: list[LabHost], lab: Lab) -> None:
    """The right itself is read, and not tried: all machines share this clock."""
    ask = "sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status"
    by_ssh = answer(two[0], f"sudo -S -p '' {ask}", f"{two[0].password}\n")[1]
    for capabilities in (by_ssh, lab.execute("node1", ask), lab.execute("node1", ask.replace("self", "1"))):
        assert not int(capabilities, 16) >> CAP_SYS_TIME & 1


def test_a_host_has_exactly_the_modules_of_this_kernel(two: list[LabHost], lab: Lab) -> None:
    built_in = {Path(line).stem for line in kernel_modules.built_in()}
    for name in ("br_netfilter", "overlay", "ip_vs"):
        assert lab.execute("node1", f"modprobe {name} 2>/dev/null && echo yes || echo no") == (
            "yes\n" if name in built_in else "no\n"
        )
    assert lab.execute("node1", "modprobe no_such_module 2>/dev/null || echo no") == "no\n"


def test_hosts_reach_each_other_but_nothing_else(two: list[LabHost]) -> None:
    assert answer(two[0], f"timeout 15 bash -c 'head -c 4 </dev/tcp/{two[1].address}/22'")[1] == "SSH-"
    assert answer(two[0], "curl -s -m 1 http://1.1.1.1/")[0] in (7, 28)


def test_a_host_that_lost_power_is_silent_and_comes_back_with_its_disk(two: list[LabHost], lab: Lab) -> None:
    lab.execute("node2", "echo kept > /root/kept; echo kept > /var/lib/kept; echo gone > /run/gone; sync")
    lab.kill("node2")
    assert not is_reachable(two[1])
    assert [row.state for row in lab.status()] == ["running", "off"]
    lab.kill("node2")
    assert lab.start("node2") == two[1]
    assert lab.execute("node2", "cat /root/kept /var/lib/kept; ls /run/gone || true") == "kept\nkept\n"


def test_a_host_can_reboot_itself_and_is_silent_when_switched_off(two: list[LabHost], lab: Lab) -> None:
    def started() -> str:
        try:
            return answer(two[1], "stat -c %Y /run/systemd/system; cat /proc/1/stat | cut -d' ' -f22")[1]
        except (OSError, EOFError, paramiko.SSHException):
            return ""

    before = started()
    lab.execute("node2", "systemctl --no-block reboot")
    assert within(60, lambda: started() not in ("", before))
    lab.execute("node2", "systemctl --no-block poweroff")
    assert within(60, lambda: lab.status()[1].state == "off")
    assert not is_reachable(two[1])


def test_an_unplugged_host_keeps_running(two: list[LabHost], lab: Lab) -> None:
    lab.unplug("node1")
    try:
        assert not is_reachable(two[0])
        assert lab.execute("node1", "echo alive") == "alive\n"
        assert lab.status()[0].state == "unplugged"
    finally:
        lab.plug("node1")
    assert within(5, lambda: is_reachable(two[0]))


def test_reset_gives_fresh_disks_and_keys(two: list[LabHost], lab: Lab) -> None:
    lab.execute("node1", "touch /root/mine /var/lib/mine")
    key = lab.execute("node1", "cat /etc/ssh/ssh_host_ed25519_key.pub")
    assert lab.reset() == two
    assert lab.execute("node1", "ls /root/mine /var/lib/mine 2>/dev/null || true") == ""
    assert lab.execute("node1", "cat /etc/ssh/ssh_host_ed25519_key.pub") != key


def test_up_again_changes_nothing_and_lists_the_practice_machines(two: list[LabHost], lab: Lab) -> None:
    boot = lab.execute("node1", "stat -c %Y /proc/1")
    assert lab.up(2) == two
    assert lab.execute("node1", "stat -c %Y /proc/1") == boot
    practice = json.loads(lab.practice_file.read_text())
    assert practice[0] == {
        "name": "node1",
        "address": two[0].address,
        "internalAddress": two[0].address,
        "port": 22,
        "user": "ubuntu",
        "password": "Testing123",
    }
    assert len(practice) == 2


def test_an_unknown_host_is_reported_with_the_known_ones(two: list[LabHost], lab: Lab) -> None:
    with pytest.raises(LabError, match="no host node9; it has: node1, node2"):
        lab.kill("node9")


def traces(lab: Lab) -> set[str]:
    """Anything that a lab could leave on the machine, except what names another lab, which may be running now."""
    found = set(Path("/proc/self/mounts").read_text().splitlines())
    for place in ("/run/netns", "/sys/class/net", "/run/systemd/nspawn/propagate", "/run/systemd/nspawn/locks"):
        found |= {str(entry) for entry in Path(place).glob("*")}
    for hierarchy in cgroups.hierarchies():
        found |= {str(place) for place in hierarchy.glob("lab-*")}
    for process in processes():
        about = (read(process, "cgroup") + read(process, "cmdline")).decode("utf-8", "replace")
        if f"lab-{lab.network.name}" in about or lab.network.namespace("node") in about:
            found.add(f"process {process}")
    return {trace for trace in found if not names_another(lab, trace)}


def names_another(lab: Lab, trace: str) -> bool:
    """Whether this names other labs only."""
    names = {first or second for first, second in NAME_OF_A_LAB.findall(trace)}
    return bool(names) and lab.network.name not in names


def test_another_labs_leftovers_are_not_taken_for_this_labs(lab: Lab) -> None:
    own = lab.network.name
    others = {"br-other", "/sys/fs/cgroup/pids/lab-other", "/sys/class/net/other-node1", "nsfs /run/netns/test77-node1"}
    assert {trace for trace in others if names_another(lab, trace)} == others
    own_traces = (f"br-{own}", f"/sys/fs/cgroup/pids/lab-{own}", f"/run/netns/{own}-node2", "/sys/class/net/eth7")
    assert not [trace for trace in own_traces if names_another(lab, trace)]


def test_down_leaves_nothing_behind(lab: Lab) -> None:
    lab.down()
    before = traces(lab)
    lab.up(2)
    lab.kill("node2")
    added = traces(lab) - before
    lab.down()
    for kind in ("/run/netns/", "/sys/class/net/br-", "/sys/fs/cgroup/pids/lab-", "process "):
        assert any(trace.startswith(kind) for trace in added)
    # Dead processes are listed until this machine's init has reaped them.
    within(60, lambda: traces(lab) <= before)
    assert traces(lab) - before == set()
    assert not (lab.home / "hosts").exists()
    assert not lab.practice_file.exists()
    lab.down()


def test_leftovers_of_a_lab_that_crashed_are_taken_over(lab: Lab) -> None:
    (host,) = lab.up(1)
    for process in cgroups.processes(f"lab-{lab.network.name}/node1"):
        # Some die with the one before them.
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert within(10, lambda: lab.status()[0].state == "off")
    assert (Path("/run/netns") / lab.network.namespace("node1")).exists()
    assert lab.up(1) == [host]
    assert answer(host, "hostname") == (0, "node1")
