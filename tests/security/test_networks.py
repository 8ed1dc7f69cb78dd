"""A browser cannot make Slipway's server connect to itself, to cloud metadata or to another forbidden network."""

from __future__ import annotations

import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks

from clusters import services
from clusters.config.schema import Document, Host, JumpHost
from clusters.models import Probe, Scan
from clusters.remote.connection import networks as networks_module
from clusters.remote.connection.link import open_link
from clusters.remote.connection.networks import Networks, NetworksUnreadable, is_own, resolve
from clusters.remote.connection.wire import open_wire
from clusters.remote.errors import AddressRefused
from clusters.remote.http.posting import PostRefused, post
from clusters.remote.scan import ScanRefused, addresses_of, ssh_greeting
from clusters.remote.target import Target
from clusters.runs.access.targets import target_for, webhook_networks
from clusters.runs.jobs.probes import probe_row
from clusters.runs.jobs.scans import scan_row
from clusters.selectors.forwarding import forwards
from clusters.selectors.notifications import notification_channels
from tests.known_keys import InMemoryKeys
from tests.remote.test_scan import greeting
from tests.wizard.conftest import visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.models import Cluster
    from tests.wizard.visitor import Visitor

__all__ = ["visitor"]

DEFAULT = Networks.of(("private",))
EVERYTHING = Networks.of(("0.0.0.0/0", "::/0"))
LOCAL = ("127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "0.1.2.3", "::", "::ffff:127.0.0.1", "::127.0.0.1")
NEAR = ("169.254.0.1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "fec0::1")
METADATA = (
    *("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd20:ce::254", "fd00:42::42", "169.254.170.2"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd00:ec2::253", "fe80::a9fe:a9fe", "169.254.170.23", "::ffff:168.63.129.16"),
)
NOBODY = ("224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1", "ff02::1")
CARRYING = (
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    # Custom NAT64, by the length of its prefix; SIIT; Teredo, whose client is written upside down; ISATAP.
    *("64:ff9b:1::7f00:1", "64:ff9b:1:0:7f:0:100:0", "64:ff9b:1:7f:0:1::", "64:ff9b:1:7f00:0:100::"),
    *("64:ff9b:1::a9fe:a9fe", "::ffff:0:7f00:1", "::ffff:0:a9fe:a9fe", "::ffff:0:a83f:8110"),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:7f00:1:8000:63bf:3fff:fdd2"),
    *("2a01::5efe:7f00:1", "2a01::200:5efe:a9fe:a9fe", "fd12::5efe:7f00:1", "fd12::200:5efe:7f00:1"),
)
NOT_SCANNED = ("127.0.0.0/29", "169.254.169.254/32", "8.8.8.0/24", "0.0.0.0/30", "9.255.254.0/22")
SPELLED = ("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "localhost")


@pytest.fixture
def default(settings: Settings) -> None:
    """The setting as it is where nobody sets it; tests allow loopback elsewhere."""
    settings.SLIPWAY_ALLOWED_NETWORKS = ["private"]


def names(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> list[str]:
    """A name server that gives these addresses, one answer after the other; the last one stays. Gives the questions."""
    asked: list[str] = []

    def getaddrinfo(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", LOCAL + NEAR + METADATA + NOBODY + CARRYING)
def test_special_addresses_are_refused_even_where_every_network_is_allowed(address: str) -> None:
    assert EVERYTHING.refusal(address)
    assert DEFAULT.refusal(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1", "2001:4860::8888"])
def test_public_addresses_are_refused_until_the_setting_names_them(address: str) -> None:
    assert DEFAULT.refusal(address) == "in none of the allowed networks"
    assert EVERYTHING.refusal(address) == ""
    assert Networks.of(("private", address)).refusal(address) == ""


@pytest.mark.parametrize(
    "address", ["10.97.0.11", "10.98.3.4", "172.16.0.1", "172.31.255.254", "192.168.1.1", "fd12::1", "::ffff:10.0.0.1"]
)
def test_private_addresses_are_allowed_by_default(address: str) -> None:
    assert DEFAULT.refusal(address) == ""


@pytest.mark.parametrize("word", ["127.0.0.0/8", "127.0.0.1", "127.0.0.0/30"])
def test_loopback_is_allowed_only_by_an_explicit_entry(word: str) -> None:
    assert Networks.of((word,)).refusal("127.0.0.1") == ""
    assert Networks.of((word,)).refusal("::ffff:127.0.0.1") == ""
    assert Networks.of((word,)).refusal("169.254.169.254")
    assert Networks.of((word,)).refusal("::1")


def test_slipways_own_addresses_are_refused_unless_named_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_own(ipaddress.ip_address("127.0.0.1"))
    assert not is_own(ipaddress.ip_address("192.0.2.77"))
    monkeypatch.setattr(networks_module, "is_own", lambda address: str(address) == "10.0.0.5")
    assert DEFAULT.refusal("10.0.0.5") == "an address of the machine where Slipway runs"
    assert DEFAULT.refusal("10.0.0.6") == ""
    assert Networks.of(("private", "10.0.0.5")).refusal("10.0.0.5") == ""
    assert addresses_of("10.0.0.4/30", DEFAULT) == ("10.0.0.6",)


@pytest.mark.parametrize("spelled", SPELLED)
def test_other_spellings_of_loopback_are_refused_as_loopback(spelled: str) -> None:
    with pytest.raises(AddressRefused, match="loopback"):
        resolve(spelled, 22, DEFAULT)


@pytest.mark.parametrize("port", [0, -1, 65536, 65558, 2**31])
def test_an_invalid_port_is_refused_and_never_replaced(port: int) -> None:
    with pytest.raises(AddressRefused, match=r"does not exist; allowed: 1 to 65535"):
        resolve("10.0.0.1", port, None)


def test_of_a_name_only_allowed_addresses_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ("127.0.0.1", "10.0.0.7", "169.254.169.254"))
    assert [place[4][0] for place in resolve("trap.example", 22, DEFAULT)] == ["10.0.0.7"]


def test_a_name_that_changes_its_address_after_the_check_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, ("10.0.0.7",), ("127.0.0.1",))
    reached: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(Exception, match="refuses the connection"):
        open_wire(Target("node1", "rebind.example", networks=DEFAULT))
    with pytest.raises(AddressRefused):
        open_wire(Target("node1", "rebind.example", networks=DEFAULT))
    with pytest.raises(AddressRefused):
        post("http://rebind.example/", b"", {}, networks=DEFAULT, seconds=5)
    assert reached == [("10.0.0.7", 22)]
    assert asked == ["rebind.example"] * 3


def test_a_jump_host_is_checked_and_what_it_reaches_is_its_own_matter(default: None) -> None:
    behind = Host(name="node1", address="127.0.0.1", password="x", jump_host=JumpHost(hops="10.97.0.5"))
    target = target_for(Document(hosts=(behind,)), behind)
    assert target.via is not None and target.via.networks == DEFAULT
    through = behind.model_copy(update={"jump_host": JumpHost(hops="127.0.0.1,10.97.0.5")})
    with pytest.raises(AddressRefused, match="loopback"):
        open_link(target_for(Document(hosts=(through,)), through), InMemoryKeys())


def test_who_sits_at_the_terminal_reaches_what_the_server_reaches(default: None) -> None:
    host = Host(name="node1", address="127.0.0.1")
    assert target_for(Document(hosts=(host,)), host, from_terminal=True).networks is None
    assert target_for(Document(hosts=(host,)), host).networks == DEFAULT


@pytest.mark.django_db(transaction=True)
def test_a_test_of_a_refused_address_gives_a_reason_and_does_not_connect(alice: User, default: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = Host(name="node1", address="2130706433", port=server.getsockname()[1], user="u", password="secret-word")
        cluster = services.draft_create(actor=alice, name="inner", document=Document(hosts=(host,)))
        services.probes_start(actor=alice, cluster=cluster)
        row = Probe.objects.get()
        Probe.objects.update(state="running", worker="token")
        probe_row(row.pk, "token")
        row.refresh_from_db()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    stage = row.stages[0]
    assert (row.state, stage["name"], stage["cause"]) == ("failed", "reach", "AddressRefused")
    assert "loopback" in stage["message"] and "SLIPWAY_ALLOWED_NETWORKS" in stage["hint"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "network", ["127.0.0.0/29", "169.254.169.254/32", "8.8.8.0/24", "0.0.0.0/30", "9.255.254.0/22"]
)
def test_networks_that_are_not_allowed_are_not_scanned(visitor: Visitor, default: None, network: str) -> None:
    answer = visitor.many("scan/", {"network": network, "port": "22"})
    assert answer.status_code == 422
    assert "SLIPWAY_ALLOWED_NETWORKS" in answer.content.decode()
    assert not Scan.objects.exists()


@pytest.mark.django_db
def test_a_scan_that_waits_is_checked_again_when_the_worker_begins_it(cluster: Cluster, default: None) -> None:
    Scan.objects.create(cluster=cluster, network="127.0.0.1/32", port=22, state="running", worker="token")
    scan_row(Scan.objects.get().pk, "token")
    assert Scan.objects.get().state == "failed"
    assert "allowed network" in Scan.objects.get().message


@pytest.mark.django_db
@pytest.mark.parametrize("port", ["0", "-1", "65536", "70000"])
def test_port_0_of_a_scan_is_refused_and_not_22(visitor: Visitor, port: str) -> None:
    answer = visitor.many("scan/", {"network": "10.99.0.0/30", "port": port})
    assert answer.status_code == 422
    assert f"Port {port} does not exist" in answer.content.decode()


@pytest.mark.parametrize(
    ("sent", "greeting"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\nmore", "SSH-2.0-OpenSSH_9.2p1"),
        (b"notice\r\nSSH-2.0-x\r\n", "SSH-2.0-x"),
        (b"HTTP/1.1 200 OK\r\nX-Token: s3cret\r\n", ""),
        (b"220 SSH-2.0 mail\r\n", ""),
        (b"\x4a\x00\x00\x00\x0a8.0.36", ""),
        (b"ssh-2.0-x\r\n", ""),
    ],
)
def test_a_scan_keeps_greetings_of_ssh_and_nothing_else(sent: bytes, greeting: str) -> None:
    assert ssh_greeting(sent) == greeting


@pytest.mark.django_db
def test_greetings_that_an_earlier_version_stored_are_not_shown(visitor: Visitor, cluster: Cluster) -> None:
    found = [{"address": "10.99.0.9", "banner": "HTTP/1.1 200 s3cret"}, {"address": "10.99.0.8", "banner": "SSH-2.0-x"}]
    Scan.objects.create(cluster=cluster, network="10.99.0.0/28", state="done", found=found)
    text = visitor.many("scan/table/").content.decode()
    assert "SSH-2.0-x" in text and "s3cret" not in text and "no SSH" in text


def test_a_connection_test_shows_nothing_of_what_another_service_sends() -> None:
    with greeting("127.0.0.1", b"HTTP/1.1 200 OK s3cret\r\n" * 120) as port, pytest.raises(Exception) as told:
        open_link(Target("node1", "127.0.0.1", port, timeout=20), InMemoryKeys())
    assert "did not complete an SSH handshake" in str(told.value)
    assert "s3cret" not in str(told.value) + getattr(told.value, "hint", "")


class _Counting(HTTPServer):
    received = 0


class _Receiver(BaseHTTPRequestHandler):
    server: _Counting

    def do_POST(self) -> None:
        self.server.received += 1
        self.send_response(302 if self.path == "/away" else 204)
        self.send_header("Location", "http://127.0.0.1:1/inner")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[_Counting]:
    with _Counting(("127.0.0.1", 0), _Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_webhook_goes_to_allowed_networks_only(receiver: _Counting) -> None:
    url = f"http://localhost:{receiver.server_port}/"
    with pytest.raises(AddressRefused, match="loopback"):
        post(url, b"{}", {}, networks=DEFAULT, seconds=20)
    assert receiver.received == 0
    post(url, b"{}", {}, networks=Networks.of(("127.0.0.1",)), seconds=20)
    assert receiver.received == 1
    with pytest.raises(PostRefused, match="302"):
        post(f"{url}away", b"{}", {}, networks=Networks.of(("127.0.0.1",)), seconds=20)
    with pytest.raises(PostRefused, match="cannot be read"):
        post("http://[::1/hook", b"", {}, networks=EVERYTHING, seconds=20)
    with pytest.raises(PostRefused, match="https://"):
        post("file:///etc/passwd", b"", {}, networks=EVERYTHING, seconds=20)


def test_webhooks_have_the_networks_of_the_machines_unless_they_have_their_own(settings: Settings) -> None:
    settings.SLIPWAY_ALLOWED_NETWORKS, settings.SLIPWAY_WEBHOOK_NETWORKS = ["private"], []
    assert webhook_networks() == DEFAULT
    settings.SLIPWAY_WEBHOOK_NETWORKS = ["203.0.113.0/24"]
    assert webhook_networks().refusal("203.0.113.9") == ""
    assert webhook_networks().refusal("10.0.0.1")


def test_an_unreadable_list_stops_the_server_and_does_not_allow_all(settings: Settings) -> None:
    with pytest.raises(NetworksUnreadable, match=r"10\.0\.0\.1/8"):
        Networks.of(("10.0.0.1/8",))
    assert Networks.of(()).refusal("10.0.0.1")
    settings.SLIPWAY_ALLOWED_NETWORKS = ["10.0.0.0/33"]
    assert [found.id for found in run_checks(tags=["slipway"])] == ["slipway.E007"]
    settings.SLIPWAY_ALLOWED_NETWORKS = ["private"]
    settings.SLIPWAY_WEBHOOK_URL = "https://127.0.0.1/hook"
    assert [found.id for found in run_checks(tags=["slipway"])] == ["slipway.W006"]
    for wrong in ("https://[::1/hook", "https://h:99999/hook"):
        settings.SLIPWAY_WEBHOOK_URL = wrong
        assert [found.id for found in run_checks(tags=["slipway"])] == ["slipway.E008"]


@pytest.mark.django_db
def test_a_page_shows_no_place_of_a_webhook_whose_address_cannot_be_read(settings: Settings) -> None:
    settings.SLIPWAY_WEBHOOK_URL = settings.SLIPWAY_AUDIT_WEBHOOK_URL = "https://[::1/hook"
    assert [each.where for each in notification_channels() if each.way == "webhook"] == [""]
    assert [each.where for each in forwards() if each.way == "webhook"] == [""]


def test_a_network_that_lies_in_no_allowed_one_is_not_scanned_in_part() -> None:
    with pytest.raises(ScanRefused, match="allowed network"):
        addresses_of("172.15.254.0/22", Networks.of(("172.15.255.0/24",)))


@pytest.mark.parametrize("address", METADATA)
def test_no_entry_leads_to_a_metadata_service(address: str) -> None:
    plain = address.removeprefix("::ffff:")
    named = Networks.of((plain, "169.254.0.0/16", "fe80::/10", "fd00::/8", "100.64.0.0/10", "0.0.0.0/0", "::/0"))
    assert named.refusal(address) == "a metadata service of a cloud"
    assert "No setting allows it" in named.error("node1", address, named.refusal(address)).hint


@pytest.mark.parametrize(
    "address", ["64:ff9b::a00:7", "64:ff9b:1::a00:7", "::ffff:0:a00:7", "2002:a00:7::1", "fd12::5efe:a00:7"]
)
def test_what_carries_an_ordinary_address_is_as_good_as_that(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert EVERYTHING.refusal(address) == ""
    monkeypatch.setattr(networks_module, "is_own", lambda each: str(each) == "10.0.0.7")
    assert EVERYTHING.refusal(address) == "an address of the machine where Slipway runs"
    assert Networks.of(("::/0", "10.0.0.7")).refusal(address) == ""


def test_loopback_that_is_named_opens_no_other_way_to_it() -> None:
    assert Networks.of(("127.0.0.1",)).refusal("64:ff9b::7f00:1") == "in none of the allowed networks"
    assert Networks.of(("::1",)).refusal("::1") == ""
