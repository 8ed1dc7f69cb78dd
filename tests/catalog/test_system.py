"""The document's changes to the operating system: scripts, time, packages, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.steps.os import clock, extra_packages, kernel, names
from clusters.catalog.steps.scripts import run
from clusters.engine.check import CHECKS
from clusters.engine.plan import make_plan
from tests.catalog.pretend import pretend, seed
from tests.plans import waits_for

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.schema import Document

DATA = "data:words.txt;base64,aGVsbG8="


def system(**keys: Any) -> Document:
    return seed(system=keys)


def test_a_script_runs_once_and_again_when_it_or_its_files_change(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = system(preInstall=[{"name": "a", "bash": "cat words.txt", "materials": [DATA]}])
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    machine, script = cluster.machine("node1"), document.system.pre_install[0]
    (want,) = run.before(machine, cluster)
    assert not want.seen(machine).so
    want.reach(machine)
    assert hosts["node1"].get("/etc/slipway/scripts/before-0/words.txt") == b"hello"
    assert hosts["node1"].get("/etc/slipway/scripts/before-0/script.sh") == b"cat words.txt"
    assert want.seen(machine).so
    for other in ({"bash": "cat words.txt #"}, {"materials": ("data:words.txt;base64,aGVsbG8h",)}):
        again = run.ran("/etc/slipway/scripts/before-0", script.model_copy(update=other))
        assert again.seen(machine).found == "it has changed"


def test_a_script_runs_on_machines_of_its_role(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = [{"bash": "a"}, {"bash": "b", "role": "worker"}, {"bash": "c", "role": "control-plane"}]
    cluster, _, _ = pretend(monkeypatch, archive, system(postInstall=scripts))
    assert len(list(run.after(cluster.machine("node1"), cluster))) == 2
    assert len(list(run.after(cluster.machine("node2"), cluster))) == 2


def test_scripts_run_before_and_after_everything() -> None:
    scripts = {key: [{"bash": "true"}] for key in ("preInstall", "postClusterInstall", "postInstall")}
    plan = make_plan(system(**scripts))
    assert ("before/scripts", "node3") in waits_for(plan, ("os/claim", "node1"))
    assert ("finish/ready", "node1") in waits_for(plan, ("after/cluster-scripts", "node2"))
    assert ("after/cluster-scripts", "node3") in waits_for(plan, ("after/scripts", "node2"))


def test_no_run_reads_a_local_path(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = system(preInstall=[{"bash": "a", "materials": ["/etc/shadow", DATA]}])
    cluster, _, _ = pretend(monkeypatch, archive, document)
    (found,) = CHECKS.checks["document.files"].body(cluster.machine("node1"), cluster)
    assert "spec.system.preInstall.0.materials.0" in found.message


def test_machines_use_the_time_servers_and_may_be_one(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = system(ntpServers=["ntp.example", "node1"], timezone="Europe/Berlin")
    cluster, hosts, _ = pretend(monkeypatch, archive, document, node2={"tools": ("apt-get",)})
    assert clock.chrony(cluster.machine("node2"), cluster) == "server ntp.example iburst\nserver 10.99.0.11 iburst"
    own = clock.chrony(cluster.machine("node1"), cluster).splitlines()
    assert own == ["server ntp.example iburst", "local stratum 10", "allow 10.99.0.12", "allow 10.99.0.13"]
    zone, _, lines, daemon = clock.clock(cluster.machine("node2"), cluster)
    lines.reach(cluster.machine("node2"))
    assert "/etc/chrony/chrony.conf" in hosts["node2"].files and "service chrony " in daemon.what
    assert "service chronyd " in list(clock.clock(cluster.machine("node3"), cluster))[3].what
    zone.reach(cluster.machine("node2"))
    assert "timedatectl set-timezone Europe/Berlin" in hosts["node2"].commands[-1]


@pytest.mark.parametrize(("tools", "tool", "name"), [(("apt-get",), "apt-get", "jq"), ((), "dnf", "nano")])
def test_packages_come_from_the_distributions_list(
    tools: tuple[str, ...], tool: str, name: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = system(debs=["jq", "tree"], rpms=["nano", "tree"])
    cluster, hosts, _ = pretend(monkeypatch, archive, document, node2={"tools": tools})
    machine = cluster.machine("node2")
    (want,) = extra_packages.extra_packages(machine, cluster)
    assert want.seen(machine).so
    hosts["node2"].answer("for p in", f"{name}\n")
    hosts["node2"].answer("command -v apt-get dnf", f"/usr/bin/{tool.split()[0]}\n")
    assert want.seen(machine).found == f"missing: {name}"
    want.reach(machine)
    assert tool in hosts["node2"].commands[-1] and f"install -qy {name}" in hosts["node2"].commands[-1]
    assert "tree" not in hosts["node2"].commands[-1]


def test_the_operating_system_is_left_alone_if_the_document_requires_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = system(skipConfigureOS=True, timezone="Europe/Berlin", ntpServers=["ntp.example"])
    assert not {path for path, _ in make_plan(document).needs} & {"os/swap", "os/kernel", "os/clock"}
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"swap_mb": 100})
    first = next(iter(names.names(cluster.machine("node2"), cluster)))
    assert first.what == "/etc/hosts has Slipway's lines for hosts"
    (found,) = CHECKS.checks["os.swap_off"].body(cluster.machine("node2"), cluster)
    assert found.severity.value == "error" and "skipConfigureOS" in found.message


@pytest.mark.parametrize(("mode", "module"), [("nftables", "nf_tables"), ("ipvs", "ip_vs_sh"), ("iptables", "")])
@pytest.mark.parametrize("place", ["proxyMode", "kubeProxyArgs", "kubeProxyConfiguration"])
def test_the_kernel_gets_the_modules_of_kube_proxys_mode(
    place: str, mode: str, module: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"proxyMode": mode, "kubeProxyArgs": [f"proxy-mode={mode}"], "kubeProxyConfiguration": {"mode": mode}}
    document = seed(kubernetes={"version": "v1.34.2", "proxyMode": "", place: values[place]})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    wants = [each.what for each in kernel.kernel(cluster.machine("node2"), cluster)]
    assert (f"kernel module {module} is loaded" in wants) is bool(module)
    assert "nf_tables" in kernel.modules_of(cluster) or mode != "nftables"


def test_without_kube_proxy_its_modules_are_not_needed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"proxyMode": "ipvs", "disableKubeProxy": True}))
    assert kernel.modules_of(cluster) == kernel.MODULES
