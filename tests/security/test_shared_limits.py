"""The requests of one client leave memory, sockets and pages to all other clients."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from clusters.models import Account
from installer_site.budgets import SOCKETS, SOCKETS_OF_ONE_CLIENT, Budget, Places
from tests.security.test_request_limits import FORM, MB, Cut, answer_on, head, health_seconds, peak_memory
from tests.web.site import session_of, site
from tests.web.wire import Gone, WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

    from clusters.models import Run
    from tests.web.site import Site

MOST_MEMORY = 350 * MB
MANY, SIZE = 20, 11 * MB


@pytest.fixture(scope="module")
def pages(django_db_setup: None) -> Iterator[Site]:
    with site() as started:
        yield started


def large(pages: Site, session: str, answers: list[bytes]) -> None:
    """One large form."""
    start = head("/clusters/import/", f"Content-Type: {FORM}", f"Content-Length: {SIZE}", session=session)
    with socket.create_connection(("127.0.0.1", pages.port), timeout=120) as link:
        try:
            link.sendall(start)
            for _ in range(SIZE // MB):
                link.sendall(b"x" * MB)
        except Cut:
            pass
        answers.append(answer_on(link))


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
def test_many_large_bodies_at_once_do_not_pile_up_in_memory(pages: Site, alice: User) -> None:
    session = session_of(alice)
    answers: list[bytes] = []
    threads = [threading.Thread(target=large, args=(pages, session, answers)) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert len(answers) == MANY
    assert peak_memory(pages) < MOST_MEMORY
    assert any(b" 503 " in answer.split(b"\r\n")[0] for answer in answers), "some must retry"
    answers.clear()
    large(pages, session, answers)
    assert b" 503 " not in answers[0].split(b"\r\n")[0], "what was answered takes no room any more"


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
def test_one_session_has_some_live_sockets_and_others_still_get_theirs(
    pages: Site, alice: User, admin_user: User, make_run: Callable[..., Run]
) -> None:
    run = make_run(state="running")
    session, held = session_of(alice), []
    try:
        with pytest.raises(Gone, match="429"):
            for _ in range(2 * SOCKETS_OF_ONE_CLIENT):
                held.append(WebSocket(pages.port, f"/ws/runs/{run.pk}/", session))
        assert len(held) == SOCKETS_OF_ONE_CLIENT
        assert health_seconds(pages) < 20
        link = WebSocket(pages.port, f"/ws/runs/{run.pk}/", known(pages, admin_user))
        link.close()
    finally:
        for each in held:
            each.close()


def known(pages: Site, user: User) -> str:
    """The session of somebody to whom a page was answered."""
    session = session_of(user)
    with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
        link.sendall(head("/", session=session, method="GET"))
        assert b" 200 " in answer_on(link).split(b"\r\n")[0]
    return session


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
@pytest.mark.parametrize("root", ["/static/x", "/accounts/logout", "\xff"])
def test_no_header_sets_where_slipways_pages_begin(pages: Site, alice: User, root: str) -> None:
    Account.objects.update_or_create(user=alice, defaults={"must_change_password": True})
    with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
        line = f"Daphne-Root-Path: {root}"
        link.sendall(
            head(f"{root if root.isascii() else ''}/credentials/", line, session=session_of(alice), method="GET")
        )
        status = answer_on(link).split(b"\r\n")[0]
    assert b" 200 " not in status and b" 500 " not in status


def test_places_are_limited_for_one_and_for_all() -> None:
    places = Places()
    assert [places.take("a") for _ in range(SOCKETS_OF_ONE_CLIENT + 1)].count(True) == SOCKETS_OF_ONE_CLIENT
    others = [places.take(f"b{number}") for number in range(SOCKETS)]
    assert others.count(True) == SOCKETS - SOCKETS_OF_ONE_CLIENT and not others[-1]
    places.give("a")
    assert places.take("z") and not places.take("y")
    budget = Budget(10)
    assert budget.take(10) and not budget.take(1)
    budget.give(1)
    assert budget.take(1)
