"""os.resolver: the name servers of the file that kubelet reads, as CoreDNS will find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.steps.kubernetes.binaries import extra_arguments
from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

ETC, RESOLVED = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"


def found(
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
    document: Document | None = None,
    file: str | int = "",
    **facts: Any,
) -> list[Finding]:
    """The findings about node2; `file` is what its `/own/resolv.conf` holds."""
    cluster, hosts, _ = pretend(monkeypatch, archive, document, node2=facts)
    hosts["node2"].answer("/own/resolv.conf", file)
    return list(CHECKS.checks["os.resolver"].body(cluster.machine("node2"), cluster))


def reading(file: str) -> Document:
    return seed(kubernetes={"kubeletConfiguration": {"resolvConf": file}})


def test_a_machine_without_a_name_server_is_an_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for servers in ((), ("ns.example.com",)):
        (finding,) = found(archive, monkeypatch, resolvers=((ETC, servers),))
        assert finding.severity.value == "error"
        assert finding.message.startswith("/etc/resolv.conf on node2 names no name server; CoreDNS does not start")
        assert finding.hint == (
            "Add a nameserver line to /etc/resolv.conf, for a server that answers. "
            "Or name servers in dns.coredns.upstreamDNSServers."
        )


def test_a_machine_that_asks_only_itself_is_an_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(archive, monkeypatch, resolvers=((ETC, ("127.0.0.53", "::1")),))
    assert finding.severity.value == "error"
    assert "/etc/resolv.conf on node2 names only 127.0.0.53, ::1" in finding.message and "loop" in finding.message
    assert "resolvConf in kubernetes.kubeletConfiguration" in finding.hint


@pytest.mark.parametrize("server", ["0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"])
def test_every_spelling_of_the_machine_itself_is_a_loop(
    server: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = found(archive, monkeypatch, resolvers=((ETC, (server,)),))
    assert finding.severity.value == "error" and f"names only {server}:" in finding.message
    assert not found(archive, monkeypatch, resolvers=((ETC, ("::ffff:10.0.0.2",)),))


def test_a_machine_that_also_asks_itself_is_a_warning(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(archive, monkeypatch, resolvers=((ETC, ("127.0.0.1", "10.0.0.2")),))
    assert finding.severity.value == "warning" and "names 127.0.0.1" in finding.message


def test_only_the_three_servers_that_pods_get_count(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(archive, monkeypatch, resolvers=((ETC, ("127.0.0.1", "127.0.0.2", "127.0.0.3", "10.0.0.2")),))
    assert finding.severity.value == "error"


def test_where_systemd_resolved_runs_its_own_file_counts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = (ETC, ("127.0.0.53",))
    assert not found(archive, monkeypatch, resolved=True, resolvers=(stub, (RESOLVED, ("10.0.0.2",))))
    (finding,) = found(archive, monkeypatch, resolved=True, resolvers=((ETC, ("10.0.0.2",)), (RESOLVED, ())))
    assert finding.message.startswith(f"{RESOLVED} on node2 names no name server")
    (finding,) = found(archive, monkeypatch, resolved=False, resolvers=(stub, (RESOLVED, ("10.0.0.2",))))
    assert "names only 127.0.0.53" in finding.message


def test_the_file_that_the_document_names_wins(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub: dict[str, Any] = {"resolvers": ((ETC, ("127.0.0.53",)),)}
    own = reading("/own/resolv.conf")
    assert not found(archive, monkeypatch, own, "nameserver 10.0.0.2\n", **stub)
    (finding,) = found(archive, monkeypatch, own, "search example.com\nnameserver\n")
    assert finding.message.startswith("/own/resolv.conf on node2 names no name server")
    (finding,) = found(archive, monkeypatch, own, 1)
    assert "node2 has no /own/resolv.conf" in finding.message and "resolvConf" in finding.hint
    both = {"kubeletArgs": ["resolv-conf=/own/resolv.conf"], "kubeletConfiguration": {"resolvConf": ETC}}
    assert not found(archive, monkeypatch, seed(kubernetes=both), "nameserver 10.0.0.2\n", **stub)


def test_an_empty_name_of_the_file_is_a_loop(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(archive, monkeypatch, reading(""))
    assert finding.message.startswith("An empty resolvConf on node2 names only 127.0.0.1")


def test_a_machine_without_the_file_is_an_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(archive, monkeypatch, resolvers=())
    assert finding.message.startswith("node2 has no /etc/resolv.conf") and "nameserver 192.0.2.53" in finding.hint


OTHERS = {"dns": {"coredns": {"upstreamDNSServers": ["10.0.0.2"]}}}


def test_servers_of_the_document_make_the_machines_own_unimportant(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub: dict[str, Any] = {"resolvers": ((ETC, ("127.0.0.53",)),)}
    assert not found(archive, monkeypatch, seed(**OTHERS), "", **stub)
    assert found(archive, monkeypatch, seed(), "", **stub)


def test_kubelet_needs_its_file_even_if_the_document_names_servers(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = found(archive, monkeypatch, seed(**OTHERS), resolvers=())
    assert finding.severity.value == "error" and "it starts no pod" in finding.message


def test_each_kubelet_reads_the_file_of_its_own_machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node1={"resolved": True})
    given = {each.name: extra_arguments(each, cluster).split()[-1] for each in cluster.machines}
    assert given == {
        "node1": f"--resolv-conf={RESOLVED}", "node2": f"--resolv-conf={ETC}", "node3": f"--resolv-conf={ETC}"
    }  # fmt: skip
    cluster, _, _ = pretend(monkeypatch, archive, reading("/own/resolv.conf"), node1={"resolved": True})
    assert "resolv-conf" not in extra_arguments(cluster.machine("node1"), cluster)
