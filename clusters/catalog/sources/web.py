"""One request to a web server: proxies, redirects, timeouts, and error messages for people."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError, URLError

from clusters.addresses import host_of, read_address
from clusters.errors import SourceError
from clusters.numbers import whole_number
from clusters.remote.errors import AddressRefused
from clusters.remote.http.pace import Pace, opener

if TYPE_CHECKING:
    from http.client import HTTPMessage, HTTPResponse
    from typing import IO

TIMEOUT = 30.0
"""Seconds until an answer begins, and then for each 16 KB of it (`clusters.remote.http.pace`)."""

PASSING = (408, 416, 429, 500, 502, 503, 504)
"""Answers that may be temporary; after 416 the file is requested from its start."""


LOOK_TIMEOUT = 8.0
"""The same for a check whether a file exists."""

NO_HEAD = (400, 403, 405, 501)
"""Answers of servers that refuse HEAD requests, although they may have the file."""


class NotPublished(SourceError):
    """The server answers that it has no such file."""


class Broken(Exception):
    """A transfer was cut off."""


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything else, nor from http to other schemes than http and https."""

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> HTTPResponse | None:
        # urllib takes the address apart before it asks `redirect_request`, and raises ValueError for `https://[::1`.
        if read_address(headers.get("location") or headers.get("uri") or "") is None:
            fp.close()
            raise HTTPError(req.full_url, code, "it redirects to an invalid address", headers, fp)
        return cast("HTTPResponse | None", super().http_error_302(req, fp, code, msg, headers))

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        address = read_address(newurl)
        if address is None or not address.host:
            raise HTTPError(req.full_url, code, "it redirects to an invalid address", headers, fp)
        if req.type == "https" and address.scheme != "https":
            raise HTTPError(req.full_url, code, f"it redirects to {newurl}, which is not https", headers, fp)
        if address.scheme not in ("http", "https"):
            raise HTTPError(req.full_url, code, f"it redirects to {newurl}, which is not a web address", headers, fp)
        further = super().redirect_request(req, fp, code, msg, headers, newurl)
        if further is not None:
            # The body of a redirect is not needed; urllib would read it to its end, however long it is.
            fp.close()
            # Older Pythons turn a HEAD into a GET here.
            further.method = req.get_method()
        return further


def open_url(url: str, *, start: int = 0) -> HTTPResponse:
    """The answer to a GET from byte `start` on, through the environment's proxies.

    Raises what urllib raises, and Broken.
    """
    return _request(url, "GET", {"Range": f"bytes={start}-"} if start else {}, TIMEOUT)


def look(url: str) -> None:
    """Send a HEAD request, or ask for the first byte where a server refuses HEAD. Raises what urllib raises."""
    try:
        _request(url, "HEAD", {}, LOOK_TIMEOUT).close()
    except HTTPError as error:
        if error.code not in NO_HEAD:
            raise
        error.close()
        _request(url, "GET", {"Range": "bytes=0-0"}, LOOK_TIMEOUT).close()


def _request(url: str, method: str, headers: dict[str, str], timeout: float) -> HTTPResponse:
    if not host_of(url):
        raise URLError("the address is invalid")
    request = urllib.request.Request(  # noqa: S310 - only http(s) addresses come here
        url, headers={"User-Agent": "slipway", **headers}, method=method
    )
    pace = Pace(timeout)
    try:
        # A new opener for each request: it reads the environment when it is created.
        answer = cast("HTTPResponse", opener(pace, _NoDowngrade).open(request))
    except (URLError, HTTPException, TimeoutError):
        raise
    except (ValueError, AddressRefused) as error:
        # The address of a proxy, which comes from the environment.
        raise URLError(f"a proxy's address cannot be used ({error})") from error
    except OSError as error:
        raise Broken(error.strerror or str(error)) from error
    pace.begin_body()
    return answer


def read(answer: HTTPResponse, most: int, *, at_once: bool = False) -> bytes:
    """The next bytes, at most so many; `at_once` returns those already received. Raises Broken or TimeoutError."""
    try:
        return answer.read1(most) if at_once else answer.read(most)
    except TimeoutError:
        raise
    except OSError as error:
        raise Broken(error.strerror or str(error)) from error


def length_of(answer: HTTPResponse) -> int | None:
    """How many bytes an answer announces; None without an announcement."""
    length = answer.headers.get("Content-Length", "")
    return whole_number(length, 18)


def problem_of(error: Exception, url: str, waited: float | None = None) -> tuple[SourceError, bool]:
    """The error for people, and whether to try again immediately; `waited` where it was not TIMEOUT."""
    if isinstance(error, HTTPError):
        return _answered(error, url), error.code in PASSING
    reason = error.reason if isinstance(error, URLError) else error
    proxy = _proxy_of(url)
    where = f"the proxy {proxy}" if proxy else host_of(url) or url
    if isinstance(reason, socket.gaierror):
        return _unreachable(url, f"the name of {where} cannot be resolved", "DNS"), False
    if isinstance(reason, ConnectionRefusedError):
        return _unreachable(url, f"{where} refuses the connection", "the address"), False
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _untrusted(url, reason), False
    if isinstance(reason, TimeoutError):
        return _unreachable(
            url, f"{where} sent nothing or almost nothing for {waited or TIMEOUT:g} seconds", "the network"
        ), True
    # Other errors at the time of connecting (no route, a tunnel refused) do not go away in a second.
    return _unreachable(url, f"the connection to {where} failed: {reason}", "the network"), not isinstance(
        error, URLError
    )


def _answered(error: HTTPError, url: str) -> SourceError:
    if error.code in (404, 410):
        return NotPublished(f"{url} does not exist.", hint="Is the version right, and the mirror complete?")
    if error.code in (301, 302, 303, 307, 308):
        return SourceError(
            f"{url} cannot be fetched: {error.reason}.", hint="Use a mirror whose redirects all use https."
        )
    hint = (
        "The server has a problem; try again later."
        if error.code >= 500
        else "Check the address and the proxy settings."
    )
    return SourceError(
        f"{url} cannot be fetched: the server answers {error.code} {error.reason}.",
        hint=hint,
        retryable=error.code in PASSING,
    )


def _unreachable(url: str, why: str, what: str) -> SourceError:
    return SourceError(
        f"{url} cannot be fetched: {why}.",
        hint=f"Check {what}, and https_proxy, http_proxy and no_proxy in Slipway's environment. Without internet "
        "access, use a mirror (SLIPWAY_ARTIFACTS_MIRRORS) or a bundle (SLIPWAY_ARTIFACTS).",
        retryable=True,
    )


def _untrusted(url: str, reason: ssl.SSLCertVerificationError) -> SourceError:
    return SourceError(
        f"{url} cannot be fetched: its certificate is not trusted: {reason.verify_message}.",
        hint="If your proxy or mirror signs its own certificates, set SSL_CERT_FILE to its authority.",
    )


def _proxy_of(url: str) -> str:
    """Host and port of the proxy for an address, without its password; "" when there is none."""
    parts = read_address(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "") if parts is not None else ""
    if parts is None or not proxy or urllib.request.proxy_bypass(parts.netloc):
        return ""
    found = read_address(proxy if "://" in proxy else f"http://{proxy}")
    if found is None:
        return "from the environment, whose address cannot be read"
    return f"{found.host}:{found.port}" if found.port else found.host
