"""Kernel settings, modules and limits hold after a reboot; a file that is read later and changes them is named."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.engine import settings
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.settings import modules_at_boot, overridden_settings, prevented_modules, sysctls
from clusters.engine.wants import service
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, seed
from tests.fake_host import Answer, FakeHost, Ran, digest_on

if TYPE_CHECKING:
    from pathlib import Path

OURS = "/etc/sysctl.d/90-slipway.conf"
FORWARD = {"net.ipv4.ip_forward": "1"}


def shell(ran: Ran) -> Answer:
    """The command's answer on this machine."""
    done = subprocess.run(["sh", "-c", ran.command], capture_output=True, text=True, check=False)
    return Answer(done.stdout, done.returncode, done.stderr)


def machine_of(host: FakeHost) -> Machine:
    return Machine(seed().hosts[0], host, sink=Kept(), cancel=Cancel(), facts=FactsOnce())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The folders of one configuration: etc before lib."""
    found = {name: tmp_path / name for name in ("etc", "lib")}
    for each in found.values():
        each.mkdir()
    for name in ("SYSCTL_FOLDERS", "MODULE_FOLDERS"):
        monkeypatch.setattr(settings, name, tuple(map(str, found.values())))
    return found


def overridden(values: dict[str, str], at_least: dict[str, int] | None = None) -> list[str]:
    return overridden_settings(machine_of(FakeHost("node1", [("head -c", shell)])), OURS, values, at_least)


def test_the_last_file_in_the_order_of_boot_counts(folders: dict[str, Path]) -> None:
    etc, lib = folders["etc"], folders["lib"]
    (etc / "10-early.conf").write_text("net.ipv4.ip_forward = 0\n")
    (lib / "99-late.conf").write_text("# net.ipv4.ip_forward = 7\n-net/ipv4/ip_forward=0\n")
    (sentence,) = overridden(FORWARD)
    assert sentence.startswith(f"after a reboot net.ipv4.ip_forward is 0, which {lib}/99-late.conf sets after {OURS}")
    (etc / "99-zz.conf").write_text("net.ipv4.ip_forward = 1\n")
    assert not overridden(FORWARD)
    (etc / "99-zz.conf").unlink()
    # A link to /dev/null switches off the file of the same name in the other folder.
    (etc / "99-late.conf").symlink_to("/dev/null")
    assert not overridden(FORWARD)


def test_a_later_file_may_raise_a_limit_but_not_lower_it(folders: dict[str, Path]) -> None:
    limits = {"fs.inotify.max_user_instances": 8192}
    late = folders["etc"] / "99-inotify.conf"
    late.write_text("fs.inotify.max_user_instances = 65536\n")
    assert not overridden({}, limits)
    late.write_text("fs.inotify.max_user_instances = 128\n")
    assert "required: 8192" in overridden({}, limits)[0]


def test_settings_that_another_file_changes_at_boot_are_not_reached() -> None:
    host = FakeHost("node1", [("sysctl -n", "1\n")])
    host.answer("sha256sum < ", digest_on(host))
    machine, want = machine_of(host), sysctls(OURS, FORWARD)
    want.reach(machine)
    assert want.seen(machine).so
    host.answer("head -c", "== /etc/sysctl.d/99-sysctl.conf\nnet.ipv4.ip_forward=0\n")
    assert "/etc/sysctl.d/99-sysctl.conf" in want.seen(machine).found


@pytest.mark.parametrize(
    ("now", "written"),
    [("yes 128", "= 8192"), ("yes 65536", "= 65536"), ("", "= 8192"), ("no 128", None)],
    ids=["low", "higher", "unknown", "fixed"],
)
def test_a_low_limit_is_raised_and_a_higher_one_stays(now: str, written: str | None) -> None:
    host = FakeHost("node1", [("/proc/sys/fs", f"{now}\n" if now else "")])
    sysctls(OURS, FORWARD, {"fs.inotify.max_user_instances": 8192}).reach(machine_of(host))
    text = host.get(OURS).decode()
    assert "net.ipv4.ip_forward = 1\n" in text
    assert (f"max_user_instances {written}\n" in text) if written else ("inotify" not in text)


def test_a_file_that_prevents_loading_a_module_at_boot_is_named(folders: dict[str, Path]) -> None:
    machine = machine_of(FakeHost("node1", [("head -c", shell)]))
    (folders["etc"] / "a.conf").write_text("blacklist br-netfilter\noptions nf_conntrack hashsize=9\n")
    (folders["lib"] / "b.conf").write_text(
        "install overlay /bin/true\n# blacklist nf_conntrack\ninstall nf_conntrack /sbin/modprobe -i nf_conntrack\n"
    )
    found = prevented_modules(machine, ("overlay", "br_netfilter", "nf_conntrack"))
    assert found == [
        f"the module br_netfilter is not loaded at boot: {folders['etc']}/a.conf has 'blacklist br-netfilter'",
        f"the module overlay is not loaded at boot: {folders['lib']}/b.conf has 'install overlay /bin/true'",
    ]


def test_modules_that_are_prevented_at_boot_are_not_reached() -> None:
    host = FakeHost("node1")
    host.answer("sha256sum < ", digest_on(host))
    machine, want = machine_of(host), modules_at_boot("/etc/modules-load.d/slipway.conf", ("overlay",))
    want.reach(machine)
    assert want.seen(machine).so
    host.answer("/etc/modprobe.d", "== /etc/modprobe.d/cis.conf\ninstall overlay /bin/false\n")
    assert "/etc/modprobe.d/cis.conf" in want.seen(machine).found


@pytest.mark.parametrize(("limit", "good"), [("1048576", True), ("infinity", True), ("1024", False)])
def test_a_file_that_lowers_a_services_limit_is_named(limit: str, good: bool, tmp_path: Path) -> None:
    drop_in = tmp_path / "zz-limits.conf"
    drop_in.write_text(f"[Service]\nLimitNOFILE={limit}\n")
    (tmp_path / "systemctl").write_text(
        '#!/bin/sh\ncase "$*" in\n'
        "  is-active*) echo active ;;\n"
        f"  *LimitNOFILE*) echo {limit} ;;\n"
        f"  *DropInPaths*) echo {drop_in} ;;\n"
        "  *ExecMainStart*) echo 2026-01-01 00:00:00 UTC ;;\nesac\n"
    )
    (tmp_path / "systemctl").chmod(0o755)
    host = FakeHost(
        "node1", [("systemctl", lambda ran: shell(Ran(f"PATH={tmp_path}:$PATH; {ran.command}", True, None)))]
    )
    sight = service("containerd", limits={"LimitNOFILE": 1_048_576}).seen(machine_of(host))
    assert sight.so is good
    assert good or sight.found == f"LimitNOFILE is 1024, required: 1048576, set by {drop_in}"
