"""An incomplete form body gets 400, a plain error page and one log line, and has no effect."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from clusters.models import Cluster
from installer_site.form_bodies import LeanRequest
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypedDict

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    class Answer(TypedDict):
        """What came back."""

        status: int
        text: str

    Ask = Callable[..., Answer]

pytestmark = pytest.mark.django_db

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=line"
TOKEN = "a" * 32
IMPORT = "/clusters/import/"
PAGE = "Slipway cannot read this request"


def part(name: str, text: str, more: str = "") -> str:
    return f'--line\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n'


WHOLE = part("text", SEED) + part("file", "", '; filename=""') + "--line--\r\n"
HEAD = 'Content-Disposition: form-data; name="text"'
BROKEN: dict[str, tuple[str, str | bytes]] = {
    "another boundary": (PARTS.replace("=line", "=other"), WHOLE),
    "no boundary": ("multipart/form-data", WHOLE),
    "an empty boundary": ("multipart/form-data; boundary=", WHOLE),
    "a boundary of letters that are not ASCII": ("multipart/form-data; boundary=l\xefne", WHOLE),
    "a boundary that is too long": (f"multipart/form-data; boundary={'x' * 300}", "--" + "x" * 300 + "--"),
    "nothing": (PARTS, ""),
    "only the beginning": (PARTS, "--line"),
    "the end of the last boundary is missing": (PARTS, WHOLE[:-4]),
    "the last boundary is missing": (PARTS, WHOLE[: -len("--line--\r\n")]),
    "cut within a part": (PARTS, WHOLE[:200]),
    "cut within the headers of a part": (PARTS, WHOLE[:30]),
    "something before the first boundary": (PARTS, "x\r\n" + WHOLE),
    "something behind the last boundary": (PARTS, WHOLE + part("text", "other")),
    "a boundary within a line": (PARTS, WHOLE.replace("kind: Cluster", "kind: Cluster--line")),
    "a boundary behind the headers": (PARTS, WHOLE.replace("\r\n\r\n", "\r\n--line\r\n\r\n", 1)),
    "a boundary that another one begins with": (PARTS, WHOLE.replace("--line\r\n", "--lines\r\n", 1)),
    "no disposition": (PARTS, WHOLE.replace(HEAD, "Content-Type: text/plain")),
    "two dispositions": (PARTS, WHOLE.replace(HEAD, f'{HEAD}\r\nContent-Disposition: form-data; name="other"')),
    "no headers": (PARTS, WHOLE.replace(f"{HEAD}\r\n", "")),
    "no name": (PARTS, WHOLE.replace(HEAD, "Content-Disposition: form-data")),
    "another disposition": (PARTS, WHOLE.replace("form-data; name", "attachment; name")),
    "a name in an unknown code": (PARTS, WHOLE.replace('name="text"', "name*=none''text")),
    "a name that is not UTF-8": (PARTS, WHOLE.encode().replace(b'"text"', b'"\xff"')),
    "headers without an end": (PARTS, WHOLE.replace(HEAD, HEAD + "x" * 5000)),
    "Base64": (PARTS, WHOLE.replace(HEAD, f"{HEAD}\r\nContent-Transfer-Encoding: base64")),
    "line feeds alone": (PARTS, WHOLE.replace("\r\n", "\n")),
    "a thousand files": (PARTS, part("file", "x", '; filename="x"') * 1000 + WHOLE),
    "more parts than a form has": (PARTS, part("a", "") * 20_001 + WHOLE),
    "many parts without names": (PARTS, "--line\r\n\r\n\r\n" * 50_000 + WHOLE),
    "Latin-1": (f"{PARTS}; charset=latin-1", WHOLE),
    "a code of texts": (f"{PARTS}; charset=rot13", WHOLE),
    "a code that always fails": (f"{PARTS}; charset=undefined", WHOLE),
    "an unknown code": (f"{PARTS}; charset=none", WHOLE),
    "a code with a zero": (f"{PARTS}; charset=a\0b", WHOLE),
    "a parameter in an unknown code": (f"{PARTS}; x*=none''y", WHOLE),
    "a form in Latin-1": (f"{FORM}; charset=latin-1", "text=x"),
    "a form in a code of texts": (f"{FORM}; charset=rot13", "text=x"),
    "more fields than a form has": (FORM, "a=b&" * 20_001),
    "JSON": ("application/json", '{"text": "x"}'),
    "JSON that is cut": ("application/json", '{"text": '),
    "plain text": ("text/plain", "text=x"),
    "no type": ("", "text=x"),
    "parts of another kind": (PARTS.replace("form-data", "mixed"), WHOLE),
}


@pytest.fixture
def ask(client: Client, alice: User) -> Ask:
    """Sends bytes to the site as the web server does, as Alice, with the token of her forms."""
    client.force_login(alice)
    handler = ASGIHandler()
    handler.request_class = LeanRequest

    def ask(
        kind: str, body: str | bytes, path: str = IMPORT, method: str = "POST", query: bytes = b"", length: bool = True
    ) -> Answer:
        body = body.encode() if isinstance(body, str) else body
        cookie = f"sessionid={client.session.session_key}; csrftoken={TOKEN}"
        headers = [(b"host", b"localhost"), (b"cookie", cookie.encode()), (b"x-csrftoken", TOKEN.encode())]
        headers += [(b"content-type", kind.encode("latin-1"))] if kind else []
        headers += [(b"content-length", str(len(body)).encode())] if length else []
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": headers}
        return async_to_sync(_answer)(handler, scope, body)

    return ask


async def _answer(handler: ASGIHandler, scope: dict[str, Any], body: bytes) -> Answer:
    arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    arriving.put_nowait({"type": "http.request", "body": body, "more_body": False})
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    # The connection is that of the test, as in Django's own test client.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        await handler.handle(scope, arriving.get, send)
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return {"status": sent[0]["status"], "text": b"".join(each.get("body", b"") for each in sent).decode()}


@pytest.mark.parametrize("length", [True, False], ids=["with its length", "in chunks"])
def test_a_whole_form_is_read(ask: Ask, length: bool) -> None:
    assert ask(PARTS, WHOLE, length=length)["status"] == 302
    assert Cluster.objects.get().name == "sample"


@pytest.mark.sampled(4)
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_body_gets_400_the_plain_page_and_one_line(
    what: str, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = ask(*BROKEN[what])
    assert (answer["status"], PAGE in answer["text"]) == (400, True)
    assert not Cluster.objects.exists()
    assert [record.exc_info for record in caplog.records] == [None]


@pytest.mark.sampled(12)
@pytest.mark.parametrize("what", BROKEN)
def test_a_page_is_shown_whatever_body_comes_with_the_request(what: str, ask: Ask) -> None:
    answer = ask(*BROKEN[what], method="GET")
    assert (answer["status"], PAGE in answer["text"]) == (200, False)


@pytest.mark.parametrize("query", [b"next=\xff", b"next=%ff%00", b"\xed\xa0\x80", b"%", b"a=b&" * 3000])
def test_an_undecodable_query_is_read_as_far_as_possible(query: bytes, ask: Ask) -> None:
    assert ask("", b"", method="GET", query=query)["status"] == 200


def test_a_broken_body_of_a_form_with_one_use_does_not_use_it(ask: Ask, cluster: Cluster) -> None:
    path = f"/clusters/{cluster.pk}/delete/"
    for kind, body in (BROKEN["JSON"], BROKEN["cut within a part"]):
        assert ask(kind, body, path=path)["status"] == 400
    assert Cluster.objects.filter(pk=cluster.pk).exists()


@pytest.mark.thorough
def test_as_many_fields_as_the_wizard_sends_are_read(ask: Ask, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
    assert ask(PARTS, part("hosts", "node1") * 5000 + WHOLE)["status"] == 302


def test_an_error_of_slipways_own_keeps_its_traceback(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("of our own")

    monkeypatch.setattr("clusters.services.draft_import", fails)
    assert ask(PARTS, WHOLE)["status"] == 500
    assert [record.exc_info is not None for record in caplog.records] == [True]
