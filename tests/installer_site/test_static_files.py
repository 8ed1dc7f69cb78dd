"""Static files: whole, partial and missing ones, with the headers of pages, and faster than a page."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

import pytest
from bootstrap_wrapper import get_bootstrap_dir

from tests.web.site import site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.web.site import Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

NAME = "css/bootstrap.min.css"
PATH = f"/static/bootstrap/{NAME}"
CONTENT = (get_bootstrap_dir() / NAME).read_bytes()


@pytest.fixture(scope="module")
def pages(django_db_setup: None) -> Iterator[Site]:
    """A web process."""
    with site() as started:
        yield started


def fetch_file(pages: Site, method: str, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """A response and its body."""
    link = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=60)
    try:
        link.request(method, path, headers={"Host": "localhost", **headers})
        answer = link.getresponse()
        return answer, answer.read()
    finally:
        link.close()


def test_a_file_is_sent_whole_with_the_headers_of_pages(pages: Site) -> None:
    answer, body = fetch_file(pages, "GET", PATH)
    assert (answer.status, body) == (200, CONTENT)
    page, _ = fetch_file(pages, "GET", "/accounts/login/")
    for name in ("X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"):
        assert answer.headers[name] == page.headers[name] is not None
    assert answer.headers["Content-Type"].startswith("text/css")
    answer, body = fetch_file(pages, "GET", PATH, **{"If-None-Match": answer.headers["ETag"]})
    assert (answer.status, body) == (304, b"")


def test_head_range_and_missing_files_get_correct_responses(pages: Site) -> None:
    answer, body = fetch_file(pages, "HEAD", PATH)
    assert (answer.status, answer.headers["Content-Length"], body) == (200, str(len(CONTENT)), b"")
    answer, body = fetch_file(pages, "GET", PATH, Range="bytes=100-199")
    assert (answer.status, body) == (206, CONTENT[100:200])
    assert fetch_file(pages, "POST", PATH)[0].status == 405
    assert fetch_file(pages, "GET", "/static/../manage.py")[0].status == 404
    assert fetch_file(pages, "GET", "/static/nothing.css")[0].status == 404


def test_a_file_takes_less_time_than_a_page(pages: Site, record_property: Callable[[str, object], None]) -> None:
    took: dict[str, list[float]] = {PATH: [], "/accounts/login/": []}
    for _ in range(40):
        for path, seconds in took.items():
            began = time.perf_counter()
            fetch_file(pages, "GET", path)
            seconds.append(time.perf_counter() - began)
    file, page = (sorted(seconds)[len(seconds) // 4] for seconds in took.values())
    record_property("figure", f"a static file {1000 * file:.1f} ms, the page of the login {1000 * page:.1f} ms")
    assert file < 0.8 * page
