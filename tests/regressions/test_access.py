"""1, 2, 3, 17: who may see what, by sockets, other sites, tokens and objects."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from clusters.models import Cluster, Event, Run
from clusters.web.live_rights import LOGGED_OUT, NO_SUCH_RUN
from tests.regressions.addresses import addresses, content_of
from tests.web.site import session_of
from tests.web.wire import Gone, WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from tests.web.site import Site

pytestmark = pytest.mark.django_db(transaction=True)

# Where a browser sends something by itself: links, pictures, forms, htmx, the socket.
TARGET = re.compile(r'(?:href|src|action|formaction|hx-[a-z]+|data-[a-z-]*(?:url|socket))="([^"]*)"')
NAMED = re.compile(r"[?&;](?:\w*token|session\w*|key|password)=", re.IGNORECASE)
GET_FORM = re.compile(r'<form(?![^>]*method="post")[^>]*>.*?</form>', re.DOTALL)


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    """A run that printed one line, and delivered a kubeconfig."""
    made = make_run(state="succeeded", started_at=timezone.now(), finished_at=timezone.now(), last_seq=1, last_line=1)
    Event.objects.create(run=made, seq=1, at=timezone.now(), kind="output", host="node1", first_line=1, line_count=1,
                         data={"lines": [[1.0, "out", "a line for alice only"]]})  # fmt: skip
    Cluster.objects.filter(pk=made.cluster_id).update(kubeconfig="kind: Config\n")
    return made


def line_over(port: int, run: Run, session: str, *, origin: str = "", query: str = "") -> list[Any]:
    """The events from a new socket."""
    with closing(WebSocket(port, f"/ws/runs/{run.pk}/{query}", session, origin)) as link:
        link.send(after=0)
        found: list[Any] = link.receive().get("events", [])
        return found


def refused(port: int, run: Run, session: str, *, origin: str = "", query: str = "") -> bool:
    """Whether a socket is denied, or closed before any line because of a missing session or right.

    A server that is only slow, or dead, proves nothing about rights.
    """
    with pytest.raises(Gone) as gone:
        line_over(port, run, session, origin=origin, query=query)
    said = str(gone.value).split("\r\n")[0]
    return " 403 " in said or said in (str(LOGGED_OUT), str(NO_SUCH_RUN))


@pytest.mark.processes
def test_01_nobody_who_may_not_see_a_run_gets_a_line_by_its_socket(
    run: Run, pages: Site, alice: User, bob: User
) -> None:
    assert len(line_over(pages.port, run, session_of(alice))) == 1
    assert refused(pages.port, run, "")
    assert refused(pages.port, run, session_of(bob))
    signed_out = Client()
    signed_out.force_login(alice)
    old = signed_out.cookies["sessionid"].value
    signed_out.post("/accounts/logout/")
    assert refused(pages.port, run, old)


@pytest.mark.processes
def test_02_no_page_of_another_site_opens_the_socket(run: Run, pages: Site, alice: User) -> None:
    session = session_of(alice)
    assert len(line_over(pages.port, run, session, origin=f"http://localhost:{pages.port}")) == 1
    for origin in ("http://evil.example", f"http://localhost.evil.example:{pages.port}", "null"):
        assert refused(pages.port, run, session, origin=origin)


@pytest.mark.processes
def test_03_addresses_hold_no_tokens_and_tokens_in_them_are_ignored(run: Run, pages: Site, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    session = client.cookies["sessionid"].value
    looked_at = 0
    for name, address in {**addresses(run), "list": "/"}.items():
        answer = client.get(address)
        if answer.status_code == 405:
            continue
        text = content_of(answer)
        csrf = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else session
        targets = [*TARGET.findall(text), answer.get("Location", "")]
        held = [target for target in targets if session in target or csrf in target or NAMED.search(target)]
        assert held == [], name
        assert "csrfmiddlewaretoken" not in "".join(GET_FORM.findall(text)), name
        looked_at += len(targets)
    assert looked_at > 300
    assert Client().get(f"/runs/{run.pk}/", {"sessionid": session, "token": session}).status_code == 302
    for query in (f"?sessionid={session}", f"?token={session}"):
        assert refused(pages.port, run, "", query=query)


@pytest.mark.thorough
def test_17_users_cannot_open_or_change_objects_of_other_users(run: Run, bob: User) -> None:
    stranger, nobody = Client(), Client()
    stranger.force_login(bob)
    before = [Cluster.objects.values().get(), Run.objects.values().get()]
    found = addresses(run)
    assert {"cluster-kubeconfig", "cluster-config", "run-log-events", "run-bundle", "run-wait"} <= set(found)
    for name, address in found.items():
        for method in ("get", "post"):
            seen = getattr(stranger, method)(address, {"name": "sample", "secrets": "show"})
            wrong_method = seen.status_code == 405
            assert seen.status_code == 404 or wrong_method, (name, method, seen.status_code)
            there = getattr(nobody, method)(address)
            assert there.status_code in (302, 405), (name, method)
            assert "alice only" not in content_of(seen) + content_of(there)
        gone = address.replace(f"/{run.pk}/", f"/{run.pk + 99}/")
        assert stranger.get(gone).status_code == stranger.get(address).status_code
    assert [Cluster.objects.values().get(), Run.objects.values().get()] == before
