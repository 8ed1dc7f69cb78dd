"""No address, query, form, header or socket frame makes the web process fail, whatever it contains."""

from __future__ import annotations

import re
import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from clusters.web.live_rights import NOT_UNDERSTOOD
from tests.security.test_request_limits import Cut, answer_on, health_seconds
from tests.web.site import session_of, site
from tests.web.wire import PING, TEXT, Gone, WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.contrib.auth.models import User

    from clusters.models import Run
    from tests.web.site import Site

pytestmark = pytest.mark.django_db(transaction=True)

BINARY, CONTINUATION = 2, 0
NUMBERS = ("0", str(2**63), "9" * 5000)
WORDS = ("%00", "%ff", "%ED%A0%80", "..%2f..%2fetc", "'\"%0d%0aX:%20y", "x" * 5000)
VALUES = ("-1", *NUMBERS, *WORDS, "", "1e999", "%5B" * 3000, "(?V1)a", "%C2%B2")
FIELDS = (
    "-1",
    *NUMBERS,
    "\0",
    "a\0b",
    "\ufffd\ud7ff",
    "../../etc",
    "x" * 5000,
    "[" * 3000,
    "{}",
    "\u00b2",
    "%00",
    "null",
)
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
# Addresses of the admin that Django itself serves; their parameters are read from all that there are.
ADMINS = ("q", "p", "o", "id__exact", "_to_field", "_changelist_filters")


def addresses(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    """Every address of the site, with its parameters as they stand in the patterns."""
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


ADDRESSES = sorted({address for address in addresses(get_resolver().url_patterns) if "^" not in address})


def filled(address: str, number: object, word: str) -> str:
    """The path, with one value for all numbers and one for all words."""
    return "/" + PARAMETER.sub(lambda found: str(number) if found[1] == "int" else word, address)


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the parameters that pages look up in the queries of their addresses."""
    names: set[str] = set()

    class Recording(QueryDict):
        """Remembers the names that are looked up."""

        def __getitem__(self, key: str) -> Any:
            names.add(key)
            return super().__getitem__(key)

        def getlist(self, key: str, default: Any = None) -> Any:
            names.add(key)
            return super().getlist(key, default)

    def get(request: WSGIRequest) -> QueryDict:
        return Recording(request.META.get("QUERY_STRING", ""), encoding="utf-8")

    monkeypatch.setattr(WSGIRequest, "GET", property(get))
    return names


@pytest.fixture
def visitor(admin_user: User) -> Client:
    """An administrator, whose pages lead furthest; what fails inside a page is its answer 500."""
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    return client


@pytest.mark.sampled(12)
@pytest.mark.parametrize("address", [address for address in ADDRESSES if PARAMETER.search(address)])
def test_no_address_fails_whatever_its_parameters_are(address: str, visitor: Client) -> None:
    paths = {filled(address, number, word) for number in NUMBERS for word in (*WORDS, NUMBERS[-1])}
    for path in sorted(paths):
        assert visitor.get(path).status_code < 500, path[:200]
    assert visitor.post(filled(address, 2**63, "x")).status_code < 500


@pytest.mark.sampled(40)
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_fails_whatever_its_query_holds(
    address: str, visitor: Client, make_run: Callable[..., Run], requested: set[str]
) -> None:
    run = make_run(state="succeeded")
    number = run.pk if address.startswith("runs/") else run.cluster_id
    path = filled(address, number, "machines")
    assert visitor.get(path).status_code < 500
    names = {*requested, *(ADMINS if address.startswith("admin/") else ())}
    for name in names:
        for value in VALUES:
            answer = visitor.get(f"{path}?{quote(name)}={value}")
            assert answer.status_code < 500, (name, value[:50])


@pytest.mark.thorough
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_fails_whatever_the_fields_of_its_form_hold(
    address: str, visitor: Client, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(state="succeeded")
    number = run.pk if address.startswith("runs/") else run.cluster_id
    path, names = filled(address, number, "machines"), set[str]()
    for method in ("__getitem__", "getlist"):
        monkeypatch.setattr(QueryDict, method, _noting(names, getattr(QueryDict, method)))
    assert visitor.post(path).status_code < 500
    for value in FIELDS:
        assert visitor.post(path, dict.fromkeys(list(names), value)).status_code < 500, (names, value[:50])


def _noting(names: set[str], read: Callable[..., Any]) -> Callable[..., Any]:
    def noting(form: QueryDict, key: str, *default: Any) -> Any:
        names.add(key)
        return read(form, key, *default)

    return noting


@pytest.fixture(scope="module")
def pages(django_db_setup: None) -> Iterator[Site]:
    """A web process as it is without any settings."""
    with site() as started:
        yield started


@pytest.fixture(autouse=True)
def _nothing_failed(request: pytest.FixtureRequest) -> Iterator[None]:
    """What fails inside leaves a traceback in what the web process prints."""
    pages = request.getfixturevalue("pages") if "pages" in request.fixturenames else None
    before = len(pages.output()) if pages else 0
    yield
    if pages:
        printed = pages.output()[before:]
        assert "Traceback" not in printed, printed[max(printed.find("Traceback") - 500, 0) :][:4000]


def raw(pages: Site, first: bytes, *lines: bytes) -> bytes:
    """The answer to a request whose first line and headers are just these bytes."""
    with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
        with suppress(*Cut):
            link.sendall(b"\r\n".join([first, *lines, b"Connection: close", b"", b""]))
        return answer_on(link)


HOSTS = (
    b"",
    b"localhost:99999999",
    b"[::1",
    b"a b",
    b"\xff\xfe",
    b"localhost:port",
    b"x" * 5000,
    b"localhost@evil",
    b"..",
)


TARGETS = (
    b"/%00",
    b"/%ff",
    b"/\xff",
    b"/?\xff",
    b"/?a=%ff%00",
    b"//evil.example/",
    b"*",
    b"http://[::1/",
    b"/%",
    b"/static/%2e%2e/%2e%2e/manage.py",
    b"/static/%00",
    b"/static/" + b"a" * 9000,
    b"/?" + b"a=" * 4000,
)
HEADERS = (
    b"Cookie: sessionid=\xff\x00",
    b"Cookie: " + b"a=b;" * 3000,
    b"Cookie: sessionid=" + b"9" * 5000,
    b"Content-Length: " + b"9" * 5000,
    b"Content-Length: -1",
    b"Accept-Language: " + b"x" * 5000,
    b"X-Forwarded-For: \xff",
    b"X-Forwarded-For: " + b"1," * 2000,
    b"Range: bytes=" + b"9" * 5000 + b"-",
    b"If-Modified-Since: \xff",
    b"HX-Current-URL: http://[",
    b"Upgrade: websocket",
    b"Expect: 100-continue",
    b"Daphne-Root-Path: %ff",
    b"Referer: http://[",
    b"Origin: http://[",
    b"Content-Type: text/plain; x*=none''y",
    b"Content-Type: multipart/form-data; boundary=x; charset=rot13",
)


@pytest.mark.processes
def test_no_request_fails_whatever_its_first_line_and_its_headers_are(pages: Site, alice: User) -> None:
    answers = [raw(pages, b"GET " + target + b" HTTP/1.1", b"Host: localhost") for target in TARGETS]
    answers += [raw(pages, b"GET /accounts/login/ HTTP/1.1", b"Host: " + host) for host in HOSTS]
    for line in HEADERS:
        for target in (b"/accounts/login/", STATIC):
            answers.append(raw(pages, b"GET " + target + b" HTTP/1.1", b"Host: localhost", line))
            answers.append(raw(pages, b"POST " + target + b" HTTP/1.1", b"Host: localhost", line))
    for answer in answers:
        assert not re.match(rb"HTTP/1.1 5", answer), answer[:300]
    assert health_seconds(pages) < 20


STATIC = b"/static/bootstrap/css/bootstrap.min.css"
PATHS = (
    "/ws/nothing/",
    "/",
    "/ws/runs/x/",
    "/ws/runs/-1/",
    "/ws/runs//",
    f"/ws/runs/{'9' * 5000}/",
    "/ws/%00",
    "/ws/%ff",
)


@pytest.mark.processes
@pytest.mark.parametrize("path", PATHS)
def test_a_live_socket_where_none_is_is_refused_with_404(pages: Site, alice: User, path: str) -> None:
    for session in ("", session_of(alice)):
        with pytest.raises(Gone, match=r"^HTTP/1.1 404 Not Found"):
            WebSocket(pages.port, path, session)


@pytest.mark.processes
@pytest.mark.parametrize("number", [0, 2**31, 2**63, 10**30, 10**200])
def test_a_live_socket_for_a_missing_run_is_closed(pages: Site, alice: User, number: int) -> None:
    link = WebSocket(pages.port, f"/ws/runs/{number}/", session_of(alice))
    with closing(link), pytest.raises(Gone, match=r"^4404$"):
        link.receive()


@pytest.mark.processes
@pytest.mark.parametrize(
    "line",
    [
        "Origin: http://[",
        "Origin: null",
        "Origin: \udcff",
        "Host: [::1",
        "Host: \udcff",
        "Sec-WebSocket-Protocol: \udcff",
        "Sec-WebSocket-Extensions: x; y=\udcff",
        "Cookie: \udcff",
        "Sec-WebSocket-Key: x",
        "Sec-WebSocket-Version: " + "9" * 5000,
        "X-Forwarded-For: \udcff",
        "Daphne-Root-Path: %ff",
    ],
)
def test_a_handshake_of_nonsense_is_refused(pages: Site, alice: User, line: str) -> None:
    name = line.partition(":")[0]
    usual = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Cookie": f"sessionid={session_of(alice)}",
    }
    lines = [f"{key}: {value}" for key, value in usual.items() if key != name]
    head = "\r\n".join(["GET /ws/runs/1/ HTTP/1.1", *lines, line, "", ""])
    with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
        link.sendall(head.encode("utf-8", "surrogateescape"))
        answer = link.recv(65536)
    assert re.match(rb"HTTP/1.1 4\d\d ", answer), answer


FRAMES: dict[str, tuple[int, bytes]] = {
    "deep JSON": (TEXT, b"[" * 3000),
    "deep objects": (TEXT, b'{"after":' * 450),
    "deep values": (TEXT, b'{"after":' + b"[" * 1500 + b"]" * 1500 + b"}"),
    "a huge number": (TEXT, b'{"after":' + b"9" * 4000 + b"}"),
    "a float": (TEXT, b'{"after":1.5}'),
    "an infinite number": (TEXT, b'{"after":1e999}'),
    "NaN": (TEXT, b'{"after":NaN}'),
    "a negative number": (TEXT, b'{"after":-1}'),
    "a text": (TEXT, b'{"after":"1"}'),
    "a surrogate": (TEXT, b'{"after":"\\ud800"}'),
    "a surrogate as a key": (TEXT, b'{"\\ud800":1}'),
    "not UTF-8": (TEXT, b"\xff\xfe"),
    "an encoded surrogate": (TEXT, b"\xed\xa0\x80"),
    "nothing": (TEXT, b""),
    "no object": (TEXT, b"5"),
    "null": (TEXT, b"null"),
    "zeros": (TEXT, b"\x00" * 100),
    "binary": (BINARY, b"\x00\xff"),
    "an empty binary frame": (BINARY, b""),
    "a continuation of nothing": (CONTINUATION, b"x"),
    "a reserved kind": (3, b"x"),
    "a ping that is too long": (PING, b"x" * 200),
    "a closing frame of one byte": (8, b"x"),
    "a closing frame with a reserved code": (8, b"\x03\xed"),
}
UNDERSTOOD = {"a huge number"}
OF_THE_PROTOCOL = {
    "not UTF-8",
    "an encoded surrogate",
    "a continuation of nothing",
    "a reserved kind",
    "a ping that is too long",
    "a closing frame of one byte",
    "a closing frame with a reserved code",
}


@pytest.mark.processes
@pytest.mark.parametrize("what", FRAMES)
def test_no_frame_of_a_live_socket_makes_it_fail(
    pages: Site, alice: User, make_run: Callable[..., Run], what: str
) -> None:
    run = make_run(state="succeeded")
    with closing(WebSocket(pages.port, f"/ws/runs/{run.pk}/", session_of(alice))) as link:
        link._frame(*FRAMES[what])
        if what in UNDERSTOOD:
            assert link.receive()["type"] == "end"
        else:
            with pytest.raises(Gone) as gone:
                link.receive()
            reason = "closed|reset" if what in OF_THE_PROTOCOL else str(NOT_UNDERSTOOD)
            assert re.search(reason, str(gone.value))
