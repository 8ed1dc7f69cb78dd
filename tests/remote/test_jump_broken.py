"""Failures of a jump host: it dies, loses its network, or its channels end at the wrong moment."""

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
from clusters.remote.connection.link import Link
from clusters.remote.connection.tunnel import JumpTransport, Tunnel, open_tunnel
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from tests.proc import gone, own_seconds
from tests.remote.bastion import LOGIN, Bastion, bastion_before
from tests.remote.cable import Cable
from tests.remote.test_ssh_stop import FAMILY, all_four
from tests.sshd import free_port

if TYPE_CHECKING:
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


@pytest.mark.parametrize("who", ["we", "the machine"])
def test_data_on_its_way_does_not_come_after_the_end_of_its_channel(
    bastion: Bastion, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise sshd closes the connection, which would cut off every machine behind the jump host."""
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
        assert ending.wait(60)
        if who == "we":
            tunnel.close()
        else:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        there.close()
        sender.join(60)
        tunnel.close()
    monkeypatch.undo()

    # By the time sshd has answered another command, it has reacted to this.
    assert keep.run(sh("echo still here"), sudo=False).stdout == "still here\n"
    assert lease.link.alive
    lease.release()
    keep.close()


def _send(tunnel: Tunnel) -> None:
    with suppress(OSError):
        while tunnel.send(b"SSH-2.0-late\r\n"):
            continue


def test_keys_are_exchanged_again_during_transfers(bastion: Bastion, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_jump_host_that_dies_is_named_and_the_next_command_reconnects(sshd: Sshd) -> None:
    with bastion_before(sshd) as bastion:
        hosts = [bastion.host(bastion.target(name=f"node{number}")) for number in range(3)]
        said, seconds = [], own_seconds()

        def cut_off(host: SshHost) -> None:
            with pytest.raises(errors.ConnectionLost) as caught:
                host.run(sh("echo ready; sleep {}", seconds), on_line=lambda *_: ready.release())
            said.append(str(caught.value))

        ready = threading.Semaphore(0)
        threads = [threading.Thread(target=cut_off, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert ready.acquire(timeout=60)
        bastion.server.stop()
        for thread in threads:
            thread.join(60)
        bastion.server.start()
        before = bastion.log()

        assert sorted(message[:25] for message in said) == [f"The connection to node{n} i" for n in range(3)]
        assert all(f"the one to the jump host 127.0.0.1:{bastion.server.port} was closed" in each for each in said)
        assert [host.run(sh("echo again")).stdout for host in hosts] == ["again\n"] * 3
        assert bastion.count(LOGIN, before) == 1
        for host in hosts:
            host.run(sh("pkill -x -f {}; true", f"sleep {seconds}"))
            host.close()


def test_a_jump_host_is_named_although_its_connection_ends_a_moment_later(
    bastion: Bastion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channels of a breaking connection end before the connection itself reports its end."""
    host = bastion.host()
    host.connect()
    link = host._session().link
    assert link.through is not None
    jump_host, looks = link.through.link, iter([True] * 3)
    with monkeypatch.context() as patch:
        patch.setattr(Link, "alive", property(lambda each: each is jump_host and next(looks, False)))
        said = str(link.lost("node1"))
    host.close()

    assert f"the one to the jump host 127.0.0.1:{bastion.server.port} was closed" in said


def test_a_dead_machine_is_not_reported_as_a_dead_jump_host(sshd: Sshd, bastion: Bastion) -> None:
    with Cable(sshd.port) as cable:
        known = bastion.known()
        known.pin("127.0.0.1", cable.port, sshd.key)
        host = SshHost(bastion.target(port=cable.port), known, gateways=bastion.gateways)

        with pytest.raises(errors.ConnectionLost, match="it was closed from the other side") as caught:
            host.run(sh("echo ready; sleep 60"), sudo=False, on_line=lambda stream, line: cable.snap())

        assert "jump host" not in str(caught.value)
        assert host.run(sh("echo again"), sudo=False).stdout == "again\n"
        host.close()


def test_a_jump_host_that_loses_its_network_is_detected_and_named(bastion: Bastion) -> None:
    with Cable(bastion.server.port) as cable:
        known = bastion.known()
        known.pin("127.0.0.1", cable.port, bastion.server.key)
        hop = bastion.hop(port=cable.port)
        target = bastion.target(via=hop)
        host = SshHost(target, known, ask_after=1, give_up_after=6, gateways=bastion.gateways)
        began = time.monotonic()

        with pytest.raises(errors.ConnectionLost, match=r"the jump host .* stopped answering"):
            host.run(sh("echo ready; sleep 600"), sudo=False, on_line=lambda stream, line: cable.pull())

        assert time.monotonic() - began < 60
        cable.mend()
        assert host.run(sh("echo again"), sudo=False).stdout == "again\n"
        host.close()


def test_a_connection_that_broke_unnoticed_is_opened_again(bastion: Bastion) -> None:
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


def test_cancel_ends_all_processes_behind_a_jump_host(bastion: Bastion) -> None:
    host, cancel, seconds = bastion.host(), Cancel(), own_seconds()

    def ready(stream: str, line: str) -> None:
        if line == "ready":
            assert len(all_four(seconds)) == 4
            cancel.ask("the person pressed stop")

    with pytest.raises(Cancelled, match="the person pressed stop"):
        host.run(sh(FAMILY, seconds), cancel=cancel, on_line=ready)

    assert gone(seconds)
    host.close()


def test_a_failed_connection_leaves_nothing_behind(bastion: Bastion) -> None:
    before = {thread.name for thread in threading.enumerate()}
    for target in (
        bastion.target(password=Secret("wrong")),
        bastion.target(port=free_port()),
        bastion.target(via=bastion.hop(password=Secret("wrong"))),
    ):
        with pytest.raises(RemoteError):
            bastion.host(target).connect()

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and {thread.name for thread in threading.enumerate()} - before:
        time.sleep(0.05)
    assert not {thread.name for thread in threading.enumerate()} - before
