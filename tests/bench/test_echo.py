"""The bare echo returns every message, without anything else involved."""

from __future__ import annotations

import pytest

from tests.bench.echo import application
from tests.web.link import Link


@pytest.mark.asyncio
async def test_the_echo_returns_its_input() -> None:
    link = Link(application, "/")
    assert (await link.connect())[0]
    await link.send_to(text_data='["@1@ a line"]')
    assert await link.receive_from() == '["@1@ a line"]'
    await link.disconnect()
