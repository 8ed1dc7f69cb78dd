"""Invalid server addresses give None and raise nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.addresses import LONGEST_ADDRESS, host_of, read_address
from clusters.config.syntax import is_url

UNREADABLE = [
    "https://[::1",
    "https://::1]",
    "http://h:99999999/",
    "http://h:x",
    "http://h:0",
    "http://[x]/",
    "//a\u2100b",
]


@pytest.mark.parametrize("text", [*UNREADABLE, "http://h/" + "a" * LONGEST_ADDRESS])
def test_an_unreadable_address_gives_none(text: str) -> None:
    assert read_address(text) is None and host_of(text) == ""
    assert not is_url(text)


def test_an_address_has_its_parts() -> None:
    found = read_address("https://me:p%40@[2001:DB8::1]:8443/a?b=c")
    assert found is not None
    assert (found.scheme, found.host, found.port) == ("https", "2001:db8::1", 8443)
    assert (found.path, found.query, found.user, found.password) == ("/a", "b=c", "me", "p%40")
    plain = read_address("file:///srv/x")
    assert plain is not None and (plain.scheme, plain.host, plain.port) == ("file", "", None)


@given(st.text(st.sampled_from("htps:/[]@.%0123456789xé\u2100\t ")))
def test_no_text_raises(text: str) -> None:
    assert isinstance(host_of(text), str)
