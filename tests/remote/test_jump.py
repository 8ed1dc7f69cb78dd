"""Through a jump host: one login for all machines behind it, and every error names the hop that failed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import Secret
from clusters.remote import errors
from clusters.remote.auth.host_keys import HostKeyChanged, HostKeyUnknown
from clusters.remote.connection.gateways import Gateways
from clusters.remote.connection.link import open_link
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from tests.remote.bastion import LOGIN, Bastion, bastion_before
from tests.remote.test_ssh import quickest
from tests.sshd import free_port, generate_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.remote.target import Target
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd
FAILED = r"Failed password for slipway-jump-"


def test_commands_and_files_go_through_and_the_hop_needs_no_shell(bastion: Bastion) -> None:
    before = bastion.log()
    host = bastion.host()

    assert host.run(sh("cat"), stdin=b"as root: \xff\n").stdout.startswith("as root")
    host.put(b"x" * 3_000_000, "/tmp/slipway-through-a-jump")
    assert len(host.get("/tmp/slipway-through-a-jump")) == 3_000_000
    host.run(sh("rm {}", "/tmp/slipway-through-a-jump"))
    host.close()

    assert bastion.count(LOGIN, before) == 1


def test_a_trivial_command_is_quick_through_it(bastion: Bastion) -> None:
    host = bastion.host()
    # The fastest one counts, since a busy machine slows others; with delayed acknowledgements none is below 44 ms.
    assert quickest(host, below=0.035) < 0.035
    host.close()


def test_forty_machines_behind_it_make_one_login_and_need_no_sessions(bastion: Bastion) -> None:
    before = bastion.log()
    hosts = [bastion.host(bastion.target(name=f"node{number}")) for number in range(40)]

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda host: host.run(sh("id -un"), sudo=False).stdout, hosts))

    assert answers == [f"{bastion.behind.user}\n"] * 40
    assert bastion.count(LOGIN, before) == 1
    assert not bastion.left(within=0)
    for host in hosts:
        host.close()
    assert bastion.left()


def test_the_last_machine_closes_the_connection_and_the_next_one_opens_it_again(bastion: Bastion) -> None:
    before = bastion.log()
    one, two = bastion.host(), bastion.host()
    one.connect()
    two.connect()
    one.close()
    assert two.run(sh("true"), sudo=False).ok
    two.close()
    assert bastion.count(LOGIN, before) == 1

    three = bastion.host()
    three.connect()
    three.close()

    assert bastion.count(LOGIN, before) == 2


def test_a_wrong_password_names_the_jump_host_and_is_tried_once_for_all(
    bastion: Bastion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusters.remote.connection.gateways.REFUSED_FOR", 600.0)
    before = bastion.log()
    wrong = bastion.hop(password=Secret("not-the-password"))

    def refused(number: int) -> str:
        with pytest.raises(errors.LoginRefused) as caught:
            bastion.host(bastion.target(via=wrong, name=f"node{number}")).connect()
        return str(caught.value)

    with ThreadPoolExecutor(20) as pool:
        said = set(pool.map(refused, range(40)))

    (message,) = said
    assert message.startswith(f"The jump host 127.0.0.1:{bastion.server.port} refuses the login of")
    assert "wrong password" in message
    assert bastion.count(FAILED, before) == 1


def test_a_wrong_password_of_the_machine_names_the_machine(bastion: Bastion) -> None:
    with pytest.raises(errors.LoginRefused, match=r"^node1 refuses"):
        bastion.host(bastion.target(password=Secret("wrong"))).connect()


def test_an_unknown_key_of_the_jump_host_is_shown_first_and_nothing_is_sent(bastion: Bastion) -> None:
    before = bastion.log()
    with pytest.raises(HostKeyUnknown, match="the jump host") as caught:
        open_link(bastion.target(), bastion.behind.known(), gateways=bastion.gateways)

    assert caught.value.offered == bastion.server.key
    assert (caught.value.address, caught.value.port) == ("127.0.0.1", bastion.server.port)
    assert "Accepted" not in bastion.log()[len(before) :]


def test_a_key_that_one_cluster_accepted_is_not_accepted_for_another(bastion: Bastion) -> None:
    host = bastion.host()
    host.connect()

    with pytest.raises(HostKeyUnknown, match="the jump host"):
        SshHost(bastion.target(), bastion.behind.known(), gateways=bastion.gateways).connect()

    assert host.run(sh("true"), sudo=False).ok
    host.close()


def test_a_changed_key_of_the_jump_host_stops_everything(bastion: Bastion) -> None:
    known = bastion.known()
    known.pin("127.0.0.1", bastion.server.port, bastion.behind.key)

    with pytest.raises(HostKeyChanged, match="the jump host") as caught:
        open_link(bastion.target(), known, gateways=bastion.gateways)

    assert caught.value.pinned == bastion.behind.key


def test_the_machines_own_key_is_asked_about_behind_it(bastion: Bastion) -> None:
    known = bastion.known()
    known.pin("127.0.0.1", bastion.behind.port, bastion.server.key)

    with pytest.raises(HostKeyChanged, match=f"key of 127.0.0.1:{bastion.behind.port} has changed"):
        open_link(bastion.target(), known, gateways=bastion.gateways)


@pytest.mark.parametrize("extra", ["AllowTcpForwarding no", "PermitOpen 192.0.2.1:22", "DisableForwarding yes"])
def test_forbidden_forwarding_has_its_own_error(sshd: Sshd, extra: str) -> None:
    with bastion_before(sshd, extra) as bastion, pytest.raises(errors.JumpRefused) as caught:
        bastion.host().connect()

    assert f"does not forward to 127.0.0.1:{sshd.port}" in str(caught.value)
    assert "AllowTcpForwarding" in caught.value.hint
    assert not caught.value.retryable


def test_a_port_behind_it_on_which_nothing_listens_is_refused(bastion: Bastion) -> None:
    port = free_port()
    with pytest.raises(errors.ConnectionRefused, match=f"cannot reach 127.0.0.1:{port}: Connection refused") as caught:
        bastion.host(bastion.target(port=port)).connect()

    assert str(caught.value).startswith("The jump host 127.0.0.1:")
    assert caught.value.retryable


def test_a_name_that_the_jump_host_cannot_resolve_is_reported(bastion: Bastion) -> None:
    with pytest.raises(errors.NameNotResolved, match=r"cannot resolve the name no-such-host\.invalid"):
        bastion.host(bastion.target(address="no-such-host.invalid")).connect()


def test_a_machine_behind_it_that_drops_packets_times_out(bastion: Bastion, full_port: int) -> None:
    with pytest.raises(errors.ConnectTimedOut, match=r"did not get an answer from .* within 0\.5 s"):
        bastion.host(bastion.target(port=full_port, timeout=0.5)).connect()


def test_each_of_many_machines_reports_its_own_failure(bastion: Bastion) -> None:
    keep = bastion.host()
    keep.connect()

    def ended(number: int) -> str:
        if number % 2:
            host = bastion.host()
            host.connect()
            host.close()
            return "fine"
        address = "127.0.0.1" if number % 4 else f"no-such-{number}.invalid"
        with pytest.raises((errors.ConnectionRefused, errors.NameNotResolved)) as caught:
            bastion.host(bastion.target(address=address, port=1)).connect()
        assert address in str(caught.value)
        return type(caught.value).__name__

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ended, range(32)))

    assert found == ["NameNotResolved", "fine", "ConnectionRefused", "fine"] * 8
    keep.close()


@pytest.fixture
def two_hops(sshd: Sshd, bastion: Bastion) -> Iterator[tuple[Bastion, Target]]:
    """A second jump host behind the first, and the machine behind both."""
    with bastion_before(sshd) as inner:
        known = bastion.known()
        known.pin("127.0.0.1", inner.server.port, inner.server.key)
        inner.known = lambda: known  # type: ignore[method-assign]  # both hops know the same keys
        yield inner, inner.target(via=inner.hop(via=bastion.hop()))


def test_two_hops_one_after_the_other(bastion: Bastion, two_hops: tuple[Bastion, Target]) -> None:
    inner, target = two_hops
    before = bastion.log(), inner.log()
    hosts = [inner.host(target) for _ in range(5)]

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(lambda host: host.run(sh("true")).ok, hosts))

    assert (bastion.count(LOGIN, before[0]), inner.count(LOGIN, before[1])) == (1, 1)
    for host in hosts:
        host.close()


def test_of_two_hops_the_one_that_refuses_is_named(bastion: Bastion, two_hops: tuple[Bastion, Target]) -> None:
    inner, _target = two_hops
    for ports, via in (
        (bastion.server.port, inner.hop(via=bastion.hop(password=Secret("wrong")))),
        (inner.server.port, inner.hop(password=Secret("wrong"), via=bastion.hop())),
    ):
        with pytest.raises(errors.LoginRefused, match=f"^The jump host 127.0.0.1:{ports} refuses"):
            inner.host(inner.target(via=via)).connect()


def test_a_jump_host_behind_another_that_does_not_answer_is_named(bastion: Bastion) -> None:
    port = free_port()
    with pytest.raises(errors.ConnectionRefused) as caught:
        bastion.host(bastion.target(via=bastion.hop(port=port, via=bastion.hop()))).connect()

    assert str(caught.value).startswith(f"The jump host 127.0.0.1:{bastion.server.port} cannot reach 127.0.0.1:{port}")


def test_a_missing_jump_host_is_named(bastion: Bastion) -> None:
    port = free_port()
    with pytest.raises(errors.ConnectionRefused, match=f"^The jump host 127.0.0.1:{port} refuses the connection"):
        bastion.host(bastion.target(via=bastion.hop(port=port))).connect()


def test_a_key_logs_in_to_the_jump_host_too(sshd: Sshd, tmp_path: Path) -> None:
    generate_key(tmp_path / "id", "ed25519")
    secret = Secret((tmp_path / "id").read_text())
    with bastion_before(sshd) as bastion:
        allowed = bastion.server.directory / "authorized_keys"
        allowed.write_text("restrict,port-forwarding " + (tmp_path / "id.pub").read_text())
        host = bastion.host(bastion.target(via=bastion.hop(password=None, private_key=secret)))
        assert host.run(sh("true"), sudo=False).ok
        host.close()
        bastion.gateways = Gateways()
        allowed.write_text("restrict " + (tmp_path / "id.pub").read_text())
        with pytest.raises(errors.JumpRefused, match="does not forward to"):
            bastion.host(bastion.target(via=bastion.hop(password=None, private_key=secret))).connect()
