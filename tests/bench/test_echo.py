"""The bare echo gives back what it gets, and nothing else is in its way."""

from __future__ import annotations

import pytest

from tests.bench.echo import application
from tests.web.link import Link


@pytest.mark.asyncio
async def test_the_echo_gives_back_what_it_gets() -> None:
    link = Link(application, "/")
    assert (await link.connect())[0]
    await link.send_to(text_data='["@1@ a line"]')
    assert await link.receive_from() == '["@1@ a line"]'
    await link.disconnect()
