"""Few requests are processed at a time, and a client with many requests does not block others."""

from __future__ import annotations

import asyncio
from io import BytesIO
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from clusters.services.client_address import address_of
from clusters.web.fair_places import client_called
from installer_site import known_sessions
from installer_site.budgets import Places
from installer_site.clients import client_of, session_in
from installer_site.fair_requests import AT_ONCE, OF_ONE_CLIENT, FairRequests
from installer_site.form_bodies import LeanRequest
from installer_site.known_sessions import note, person_of
from installer_site.limits import _client_of_handshake


class Pages:
    """An application whose responses start when they are released."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.most = 0
        self.go = asyncio.Event()
        self.answered: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"]
        self.inside.append(name)
        self.most = max(self.most, len(self.inside))
        if name != "/healthz":
            await self.go.wait()
        self.inside.remove(name)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.answered.append(name)
        await send({"type": "http.response.body", "body": b"ok"})


PEOPLE: dict[str, int] = {}


def request_page(pages: FairRequests, path: str, session: str = "", address: str = "10.0.0.1") -> asyncio.Task[None]:
    """A request in progress; sessions are named `person`, or `person@browser`."""
    cookie = [(b"cookie", f"sessionid={session}".encode())] if session else []
    if session:
        note(session, PEOPLE.setdefault(session.partition("@")[0], len(PEOPLE)))
    scope = {"type": "http", "path": path, "headers": cookie, "client": (address, 1)}

    async def send(message: Any) -> None:
        pass

    return asyncio.get_running_loop().create_task(pages(scope, None, send))


async def rest() -> None:
    """Let everything run that does not wait for a response."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_a_client_with_many_requests_leaves_room_for_others() -> None:
    pages = Pages()
    fair = FairRequests(pages)
    tasks = [request_page(fair, f"/a{number}", "a") for number in range(40)]
    await rest()
    assert len(pages.inside) == OF_ONE_CLIENT
    tasks += [request_page(fair, f"/{name}", name) for name in "bcdef"]
    await rest()
    assert len(pages.inside) == AT_ONCE == pages.most
    assert {"/b", "/c", "/d", "/e"} <= {*pages.inside}
    pages.go.set()
    await asyncio.gather(*tasks)
    assert len(pages.answered) == 45 and pages.most == AT_ONCE
    assert pages.answered.index("/f") < 12, "the last one does not wait for all forty of somebody else"
    assert fair.places.empty


@pytest.mark.asyncio
async def test_the_health_check_is_answered_while_other_requests_wait() -> None:
    pages = Pages()
    fair = FairRequests(pages)
    tasks = [request_page(fair, f"/{number}", str(number)) for number in range(3 * AT_ONCE)]
    await rest()
    await asyncio.wait_for(request_page(fair, "/healthz"), 30)
    assert pages.answered == ["/healthz"]
    pages.go.set()
    await asyncio.gather(*tasks)


@pytest.mark.asyncio
@pytest.mark.parametrize("waiting", [False, True])
async def test_an_abandoned_request_frees_its_place(*, waiting: bool) -> None:
    pages = Pages()
    fair = FairRequests(pages)
    tasks = [request_page(fair, f"/a{number}", "a") for number in range(OF_ONE_CLIENT + 1)]
    await rest()
    tasks[-1 if waiting else 0].cancel()
    await rest()
    assert len(pages.inside) == OF_ONE_CLIENT + (not waiting)
    pages.go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert fair.places.empty


@pytest.mark.asyncio
async def test_a_request_abandoned_at_its_turn_takes_no_place() -> None:
    pages = Pages()
    fair = FairRequests(pages)
    tasks = [request_page(fair, f"/a{number}", "a") for number in range(OF_ONE_CLIENT + 1)]
    await rest()
    # In one turn of the loop: others get responses, and the waiting client disconnects.
    pages.go.set()
    tasks[-1].cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [type(None)] * OF_ONE_CLIENT + [asyncio.CancelledError]
    assert fair.places.empty


@pytest.mark.asyncio
async def test_a_download_frees_its_place_when_it_starts() -> None:
    reading = asyncio.Event()

    async def download(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await reading.wait()

    fair = FairRequests(download)
    tasks = [request_page(fair, f"/{number}", "a") for number in range(OF_ONE_CLIENT)]
    await rest()
    assert fair.places.empty
    reading.set()
    await asyncio.gather(*tasks)


@pytest.mark.asyncio
async def test_a_user_with_many_sessions_has_one_share() -> None:
    pages = Pages()
    fair = FairRequests(pages)
    tasks = [request_page(fair, f"/a{number}", f"a@{number}", f"10.0.0.{number}") for number in range(10)]
    await rest()
    assert len(pages.inside) == OF_ONE_CLIENT
    tasks.append(request_page(fair, "/b", "b"))
    await rest()
    assert pages.inside[-1] == "/b", "others do not wait for ten sessions of one person"
    pages.go.set()
    await asyncio.gather(*tasks)
    assert fair.places.empty


@pytest.mark.django_db
def test_a_session_belongs_to_its_user_while_it_may_open_pages(
    client: Any, alice: Any, django_assert_num_queries: Any
) -> None:
    client.get("/accounts/login/")
    client.force_login(alice)
    key = client.session.session_key
    assert person_of(key) is None
    client.get("/")
    with django_assert_num_queries(0):
        assert person_of(key) == alice.pk
    alice.is_active = False
    alice.save()
    client.get("/")
    assert person_of(key) is None, "the session of somebody who was deactivated is nobody's"


@pytest.mark.django_db
def test_signing_out_ends_the_share_of_a_session(client: Any, alice: Any) -> None:
    client.force_login(alice)
    key = client.session.session_key
    client.get("/")
    client.post("/accounts/logout/")
    client.cookies["sessionid"] = key
    client.get("/accounts/login/")
    assert person_of(key) is None


def test_a_client_is_a_user_or_an_address(settings: Any) -> None:
    settings.SLIPWAY_TRUSTED_PROXIES = []
    scope = {"headers": [(b"x-forwarded-for", b"1.2.3.4")], "client": ("10.0.0.1", 1)}
    assert client_of(scope) == "10.0.0.1"
    with_cookie = {**scope, "headers": [(b"cookie", b"a=b; sessionid=secret")]}
    assert client_of(with_cookie) == "10.0.0.1", "a client with forged cookies gets no more turns"
    note("secret", 7)
    other = {**scope, "headers": [(b"cookie", b"sessionid=another")], "client": ("10.0.0.2", 1)}
    note("another", 7)
    assert client_of(with_cookie) == client_of(other) == "person 7"
    assert client_of({"headers": [], "client": None}) == ""


SIGNED_IN = b"sessionid=secret"
REPEATED = {
    "a further line of cookies": [(b"cookie", SIGNED_IN + b"; a=b"), (b"cookie", b"x=1")],
    "the session in the last line": [(b"cookie", b"x=1; a=b"), (b"cookie", b"c=d; " + SIGNED_IN)],
    "lines that Django joins to no session": [(b"cookie", SIGNED_IN), (b"cookie", b"x=1")],
    "an empty line behind": [(b"cookie", SIGNED_IN + b";"), (b"cookie", b"")],
    "an empty line before": [(b"cookie", b""), (b"cookie", b"a=b; " + SIGNED_IN)],
    "odd case": [(b"Cookie", SIGNED_IN)],
    "two cases": [(b"COOKIE", SIGNED_IN + b"; a=b"), (b"cookie", b"x=1")],
    "two sessions in a line": [(b"cookie", b"sessionid=other; " + SIGNED_IN)],
    "two sessions in a line, the known one first": [(b"cookie", SIGNED_IN + b"; sessionid=other")],
    "two sessions in two lines": [(b"cookie", SIGNED_IN + b"; a=b"), (b"cookie", b"c=d; sessionid=other")],
    "a name with an underscore": [(b"x_forwarded_for", b"192.0.2.1")],
    "addresses in two lines": [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2")],
    "an empty line of addresses": [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"")],
    "addresses in odd case": [(b"X-Forwarded-For", b"192.0.2.1")],
    "addresses in two cases": [(b"x-forwarded-for", b"192.0.2.1"), (b"X-FORWARDED-FOR", b"192.0.2.2, 10.0.0.2")],
}


@pytest.mark.parametrize("kind", REPEATED)
def test_a_client_is_identified_as_by_django_with_repeated_headers(kind: str, settings: Any) -> None:
    settings.SLIPWAY_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    note("secret", 7)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": REPEATED[kind], "client": ("10.0.0.1", 1)}
    request = LeanRequest(scope, BytesIO())
    session = request.COOKIES.get("sessionid", "")
    person = person_of(session)
    assert client_of(scope) == (address_of(request) if person is None else client_called(person))
    assert session_in(REPEATED[kind]) == session


def test_more_cookie_headers_give_a_user_no_more_places() -> None:
    async def story() -> None:
        pages = Pages()
        fair = FairRequests(pages)
        note("secret", 7)

        async def send(message: Any) -> None:
            pass

        def submit(number: int) -> asyncio.Future[None]:
            lines = [(b"cookie", SIGNED_IN + b"; a=b"), *[(b"cookie", b"x=1")] * (number % 2)]
            scope = {"type": "http", "path": f"/{number}", "client": ("10.0.0.1", 1), "headers": lines}
            return asyncio.ensure_future(fair(scope, None, send))

        waiting = [submit(number) for number in range(20)]
        await rest()
        assert pages.most == OF_ONE_CLIENT
        pages.go.set()
        await asyncio.gather(*waiting)

    asyncio.run(story())


def test_live_sockets_are_limited_per_user_not_per_session() -> None:
    places, peer = Places(of_one=2), SimpleNamespace(host="10.0.0.1")
    for number in range(3):
        note(f"tab {number}", 7)
    clients = [_client_of_handshake({"cookie": f"sessionid=tab {number}"}, peer) for number in range(3)]
    assert [places.take(client) for client in clients] == [True, True, False]
    assert places.take(_client_of_handshake({}, peer))


def test_the_newest_sessions_are_remembered_and_the_oldest_dropped(monkeypatch: Any) -> None:
    monkeypatch.setattr(known_sessions, "MOST", 2)
    for name in ("x", "y", "x", "z"):
        note(name, 7)
    assert [person_of(name) for name in "xyz"] == [7, None, 7]
