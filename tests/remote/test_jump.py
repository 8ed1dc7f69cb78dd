"""Through a jump host: one login for all machines behind it, and whatever fails names the hop at which it did."""

from __future__ import annotations

import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from paramiko.packet import Packetizer

from clusters.config.secret import Secret
from clusters.errors import Cancelled, RemoteError
from clusters.remote import errors
from clusters.remote.gateways import Gateways
from clusters.remote.host import Cancel
from clusters.remote.hostkeys import HostKeyChanged, HostKeyUnknown
from clusters.remote.link import open_link
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from clusters.remote.tunnel import JumpTransport, Tunnel, open_tunnel
from tests.remote.bastion import Bastion, bastion_before
from tests.remote.cable import Cable
from tests.remote.test_ssh_stop import FAMILY, gone, running
from tests.sshd import free_port, generate_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.remote.target import Target
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd
LOGIN = r"Accepted \w+ for slipway-jump-"
FAILED = r"Failed password for slipway-jump-"


@pytest.fixture(scope="module")
def shared(sshd: Sshd) -> Iterator[Bastion]:
    with bastion_before(sshd, "MaxSessions 1\n") as bastion:
        yield bastion


@pytest.fixture
def bastion(shared: Bastion) -> Bastion:
    """With connections of its own for each test."""
    return Bastion(shared.server, shared.behind)


def test_commands_and_files_go_through_and_the_hop_needs_no_shell(bastion: Bastion) -> None:
    before = bastion.log()
    host = bastion.host()

    assert host.run(sh("cat"), stdin=b"as root: \xff\n").stdout.startswith("as root")
    host.put(b"x" * 3_000_000, "/tmp/slipway-through-a-jump")
    assert len(host.get("/tmp/slipway-through-a-jump")) == 3_000_000
    host.run(sh("rm {}", "/tmp/slipway-through-a-jump"))
    host.close()

    assert bastion.said(LOGIN, before) == 1


def test_forty_machines_behind_it_make_one_login_and_need_no_sessions(bastion: Bastion) -> None:
    before = bastion.log()
    hosts = [bastion.host(bastion.target(name=f"node{number}")) for number in range(40)]

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda host: host.run(sh("id -un"), sudo=False).stdout, hosts))

    assert answers == [f"{bastion.behind.user}\n"] * 40
    assert bastion.said(LOGIN, before) == 1
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
    assert bastion.said(LOGIN, before) == 1

    three = bastion.host()
    three.connect()
    three.close()

    assert bastion.said(LOGIN, before) == 2


def test_a_wrong_password_names_the_jump_host_and_is_tried_once_for_all(bastion: Bastion) -> None:
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
    assert bastion.said(FAILED, before) == 1


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
def test_forwarding_that_is_forbidden_is_told_apart(sshd: Sshd, extra: str) -> None:
    with bastion_before(sshd, extra) as bastion, pytest.raises(errors.JumpRefused) as caught:
        bastion.host().connect()

    assert f"not through to 127.0.0.1:{sshd.port}" in str(caught.value)
    assert "AllowTcpForwarding" in caught.value.hint
    assert not caught.value.retryable


def test_a_port_behind_it_on_which_nothing_listens_is_refused(bastion: Bastion) -> None:
    port = free_port()
    with pytest.raises(errors.ConnectionRefused, match=f"cannot reach 127.0.0.1:{port}: Connection refused") as caught:
        bastion.host(bastion.target(port=port)).connect()

    assert str(caught.value).startswith("The jump host 127.0.0.1:")
    assert caught.value.retryable


def test_a_name_that_the_jump_host_does_not_know_is_told(bastion: Bastion) -> None:
    with pytest.raises(errors.NameNotResolved, match=r"does not know the name no-such-host\.invalid"):
        bastion.host(bastion.target(address="no-such-host.invalid")).connect()


def test_a_machine_behind_it_that_drops_packets_times_out(bastion: Bastion, full_port: int) -> None:
    with pytest.raises(errors.ConnectTimedOut, match=r"did not get an answer from .* within 0\.5 s"):
        bastion.host(bastion.target(port=full_port, timeout=0.5)).connect()


def test_of_many_machines_each_is_told_its_own_failure(bastion: Bastion) -> None:
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


@pytest.mark.parametrize("who", ["we", "the machine"])
def test_data_on_its_way_does_not_come_after_the_end_of_its_channel(
    bastion: Bastion, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sshd hangs up when it does, and every machine behind the jump host would be cut off."""
    send, ending = JumpTransport._send_user_message, threading.Event()

    def slowly(transport: JumpTransport, message: Any) -> None:
        if message.asbytes()[0] == 94:
            ending.set()
            time.sleep(0.3)
        send(transport, message)

    keep = bastion.host()
    keep.connect()
    monkeypatch.setattr(JumpTransport, "_send_user_message", slowly)
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = bastion.target(port=server.getsockname()[1])
        lease = bastion.gateways.lease(bastion.hop(), bastion.known(), lambda: pytest.fail("it is open already"))
        tunnel = open_tunnel(lease.link.connection.transport, target)
        there, _ = server.accept()
        sender = threading.Thread(target=_send, args=(tunnel,))
        sender.start()
        assert ending.wait(5)
        if who == "we":
            tunnel.close()
        else:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        there.close()
        sender.join(5)
        tunnel.close()
    monkeypatch.undo()

    # What sshd thinks of it, it has said by the time it has answered something else.
    assert keep.run(sh("echo still here"), sudo=False).stdout == "still here\n"
    assert lease.link.alive
    lease.release()
    keep.close()


def _send(tunnel: Tunnel) -> None:
    with suppress(OSError):
        while tunnel.send(b"SSH-2.0-late\r\n"):
            continue


def test_keys_are_exchanged_anew_while_files_go_through(bastion: Bastion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Packetizer, "REKEY_BYTES", 300_000)
    hosts = [bastion.host() for _ in range(4)]

    def there_and_back(number: int) -> int:
        path = f"/tmp/slipway-rekeyed-{number}"
        hosts[number].put(bytes([number]) * 2_000_000, path)
        size = len(hosts[number].get(path))
        hosts[number].run(sh("rm {}", path))
        hosts[number].close()
        return size

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(there_and_back, range(4))) == [2_000_000] * 4


@pytest.fixture
def two_hops(sshd: Sshd, bastion: Bastion) -> Iterator[tuple[Bastion, Target]]:
    """A second jump host behind the first, and the machine behind both."""
    with bastion_before(sshd) as inner:
        known = bastion.known()
        known.pin("127.0.0.1", inner.server.port, inner.server.key)
        inner.known = lambda: known  # type: ignore[method-assign]
        yield inner, inner.target(via=inner.hop(via=bastion.hop()))


def test_two_hops_one_after_the_other(bastion: Bastion, two_hops: tuple[Bastion, Target]) -> None:
    inner, target = two_hops
    before = bastion.log(), inner.log()
    hosts = [inner.host(target) for _ in range(5)]

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(lambda host: host.run(sh("true")).ok, hosts))

    assert (bastion.said(LOGIN, before[0]), inner.said(LOGIN, before[1])) == (1, 1)
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


def test_a_jump_host_that_is_not_there_is_named(bastion: Bastion) -> None:
    port = free_port()
    with pytest.raises(errors.ConnectionRefused, match=f"^The jump host 127.0.0.1:{port} refuses the connection"):
        bastion.host(bastion.target(via=bastion.hop(port=port))).connect()


def test_a_jump_host_that_dies_is_named_and_the_next_command_reconnects(sshd: Sshd) -> None:
    with bastion_before(sshd) as bastion:
        hosts = [bastion.host(bastion.target(name=f"node{number}")) for number in range(3)]
        said = []

        def cut_off(host: SshHost) -> None:
            with pytest.raises(errors.ConnectionLost) as caught:
                host.run(sh("echo ready; sleep 5101.25"), on_line=lambda *_: ready.release())
            said.append(str(caught.value))

        ready = threading.Semaphore(0)
        threads = [threading.Thread(target=cut_off, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert ready.acquire(timeout=20)
        bastion.server.stop()
        for thread in threads:
            thread.join(20)
        bastion.server.start()
        before = bastion.log()

        assert sorted(message[:25] for message in said) == [f"The connection to node{n} i" for n in range(3)]
        assert all(f"the one to the jump host 127.0.0.1:{bastion.server.port} was closed" in each for each in said)
        assert [host.run(sh("echo again")).stdout for host in hosts] == ["again\n"] * 3
        assert bastion.said(LOGIN, before) == 1
        for host in hosts:
            host.run(sh("pkill -x -f {}; true", "sleep 5101.25"))
            host.close()


def test_a_machine_that_dies_is_not_blamed_on_the_jump_host(sshd: Sshd, bastion: Bastion) -> None:
    with Cable(sshd.port) as cable:
        known = bastion.known()
        known.pin("127.0.0.1", cable.port, sshd.key)
        host = SshHost(bastion.target(port=cable.port), known, gateways=bastion.gateways)
        host.connect()
        threading.Timer(0.5, cable.snap).start()

        with pytest.raises(errors.ConnectionLost, match="it was closed from the other side") as caught:
            host.run(sh("sleep 30"), sudo=False)

        assert "jump host" not in str(caught.value)
        assert host.run(sh("echo again"), sudo=False).stdout == "again\n"
        host.close()


def test_a_jump_host_whose_plug_is_pulled_is_noticed_and_named(bastion: Bastion) -> None:
    with Cable(bastion.server.port) as cable:
        known = bastion.known()
        known.pin("127.0.0.1", cable.port, bastion.server.key)
        hop = bastion.hop(port=cable.port)
        target = bastion.target(via=hop)
        host = SshHost(target, known, ask_after=0.5, give_up_after=1.5, gateways=bastion.gateways)
        host.connect()
        threading.Timer(0.3, cable.pull).start()
        began = time.monotonic()

        with pytest.raises(errors.ConnectionLost, match=r"the jump host .* stopped answering"):
            host.run(sh("sleep 30"), sudo=False)

        assert time.monotonic() - began < 6
        cable.mend()
        assert host.run(sh("echo again"), sudo=False).stdout == "again\n"
        host.close()


def test_a_connection_that_broke_unseen_is_opened_anew(bastion: Bastion) -> None:
    with Cable(bastion.server.port) as cable:
        known = bastion.known()
        known.pin("127.0.0.1", cable.port, bastion.server.key)
        target = bastion.target(via=bastion.hop(port=cable.port))
        one, two = (SshHost(target, known, gateways=bastion.gateways) for _ in range(2))
        one.connect()
        cable.snap()

        assert two.run(sh("echo through"), sudo=False).stdout == "through\n"
        one.close()
        two.close()


def test_cancel_ends_the_whole_family_through_it(bastion: Bastion) -> None:
    host, cancel = bastion.host(), Cancel()

    def ready(stream: str, line: str) -> None:
        deadline = time.monotonic() + 5
        while line == "ready" and len(running(5102.25)) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        cancel.ask("the person pressed stop")

    with pytest.raises(Cancelled, match="the person pressed stop"):
        host.run(sh(FAMILY, 5102.25), cancel=cancel, on_line=ready)

    assert gone(5102.25)
    host.close()


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
        with pytest.raises(errors.JumpRefused, match="not through to"):
            bastion.host(bastion.target(via=bastion.hop(password=None, private_key=secret))).connect()


def test_nothing_is_left_behind_by_what_failed(bastion: Bastion) -> None:
    before = {thread.name for thread in threading.enumerate()}
    for target in (
        bastion.target(password=Secret("wrong")),
        bastion.target(port=free_port()),
        bastion.target(via=bastion.hop(password=Secret("wrong"))),
    ):
        with pytest.raises(RemoteError):
            bastion.host(target).connect()

    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and {thread.name for thread in threading.enumerate()} - before:
        time.sleep(0.05)
    assert not {thread.name for thread in threading.enumerate()} - before
