"""Requests: proxies, certificates, redirects and names, and the message of each failure."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from clusters.catalog import pki
from clusters.catalog.sources.download import fetch_text
from clusters.errors import SourceError
from tests.catalog.sources.serving import Site, responds, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUTHORITY = pki.make_authority("mirror-authority")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1, and beside it the authority that signed it."""
    folder = tmp_path_factory.mktemp("tls")
    pair = pki.sign(AUTHORITY, "mirror", ("127.0.0.1",))
    (folder / "server.pem").write_bytes(pair.certificate + pair.key.reveal().encode())
    (folder / "ca.pem").write_bytes(AUTHORITY.certificate)
    return folder


@pytest.fixture
def secure(certificate: Path) -> Iterator[Site]:
    """A site that uses https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "server.pem")
    site = Site()
    site.put("/a", b"over tls")
    with serving(site, context):
        yield site


def test_a_certificate_must_be_trusted(secure: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="its certificate is not trusted") as caught:
        fetch_text(f"{secure.url}/a")
    assert "SSL_CERT_FILE" in caught.value.hint and not caught.value.retryable
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.pem"))
    assert fetch_text(f"{secure.url}/a") == "over tls"


def test_https_never_redirects_to_http(
    secure: Site, site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.pem"))
    site.put("/plain", b"plain")
    secure.faults["/b"] = [responds(302, f"{site.url}/plain")]
    with pytest.raises(SourceError, match="which is not https"):
        fetch_text(f"{secure.url}/b")
    assert site.asked == []
    secure.faults["/b"] = [responds(302, f"{secure.url}/a")]
    assert fetch_text(f"{secure.url}/b") == "over tls"


@pytest.mark.parametrize("place", ["https://[::1/x", "http://h:99999999/x", "http://h:x/"])
def test_a_redirect_to_an_invalid_address_is_an_error(site: Site, place: str) -> None:
    site.faults["/b"] = [responds(302, place)]
    with pytest.raises(SourceError, match="/b cannot be fetched"):
        fetch_text(f"{site.url}/b", attempts=1)


@pytest.mark.parametrize("proxy", ["http://[::1", "http://h:99999999", "http://h:x"])
def test_a_proxy_with_an_invalid_address_is_an_error(site: Site, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(SourceError, match=r"files.example/a cannot be fetched"):
        fetch_text("http://files.example/a", attempts=1)


@pytest.mark.parametrize("url", ["https://[::1/a", "https://h:99999999/a"])
def test_a_source_with_an_invalid_address_is_an_error(url: str) -> None:
    with pytest.raises(SourceError, match="cannot be fetched"):
        fetch_text(url, attempts=1)


def test_the_environments_proxy_is_used_unless_no_proxy_excludes_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("/file", b"through the proxy")
    monkeypatch.setenv("http_proxy", site.url)
    assert fetch_text("http://files.invalid/file") == "through the proxy"
    monkeypatch.setenv("no_proxy", "files.invalid")
    with pytest.raises(SourceError, match=r"the name of files.invalid cannot be resolved") as caught:
        fetch_text("http://files.invalid/file")
    assert caught.value.retryable


def test_a_failing_proxy_is_named_without_its_password(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:1")
    with pytest.raises(SourceError, match=r"the proxy 127.0.0.1:1 refuses the connection") as caught:
        fetch_text("http://files.invalid/file")
    assert "secret" not in caught.value.message + caught.value.hint
    monkeypatch.setenv("https_proxy", site.url)
    with pytest.raises(SourceError, match=r"the connection to the proxy .* failed: Tunnel connection failed: 403"):
        fetch_text("https://files.invalid/file")


@pytest.mark.parametrize(
    ("code", "retryable", "times"), [(403, False, 1), (404, False, 1), (429, True, 4), (503, True, 4)]
)
def test_an_error_status_is_reported_and_retried_if_it_may_be_temporary(
    site: Site, code: int, retryable: bool, times: int
) -> None:
    site.faults["/file"] = [responds(code) for _ in range(times)]
    with pytest.raises(SourceError, match=f"does not exist|{code}") as caught:
        fetch_text(f"{site.url}/file")
    assert caught.value.retryable is retryable
    assert site.times("/file") == times
