"""The pictures can be taken: the examples fit the product as it is, each page answers, and a small PNG is the same."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from tests.browser import browser
from tests.screenshots.example import make_examples
from tests.screenshots.palette import DECODE, smaller
from tests.screenshots.shots import shots

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Browser

__all__ = ["browser"]

# Two colours that are nearly everything, one that is a speck, and a hundred between.
PAGE = """<body style="margin:0"><div style="height:90px;background:#ffffff"></div>
<div style="height:60px;background:linear-gradient(90deg,#4444cc,#cccccc)"></div>
<div style="width:2px;height:2px;background:#d08000"></div>"""


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_every_page_of_the_examples_has_the_expected_status(client: Client) -> None:
    examples = make_examples()
    found = list(shots(examples))
    assert len({shot.name for shot in found}) == len(found) > 25
    states = {name: run.state for name, run in examples.runs.items()}
    assert states == {"finished": "succeeded", "cancelled": "cancelled", "failed": "failed", "running": "running",
                      "cancelling": "cancelling", "large": "running"}  # fmt: skip
    for shot in found:
        if shot.signed_in:
            client.force_login(examples.owner)
        else:
            client.logout()
        answer = client.get(shot.address)
        assert answer.status_code == (HTTPStatus.NOT_FOUND if shot.name == "missing" else HTTPStatus.OK), shot.name
        assert "example-only" not in answer.content.decode()


def test_a_picture_with_a_palette_is_smaller_and_looks_the_same(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 200})
    page.set_content(PAGE)
    png = page.screenshot()
    small = smaller(page, png)
    assert len(small) < len(png) and small.startswith(b"\x89PNG")
    before, after = (page.evaluate(DECODE, [base64.b64encode(each).decode(), 100_000]) for each in (png, small))
    assert (after["width"], after["height"]) == (400, 200)
    colours = {tuple(colour) for colour in after["palette"]}
    assert {(255, 255, 255), (208, 128, 0)} <= colours and len(colours) <= 64 < len(before["palette"])
    pixels = zip(*(base64.b64decode(each["indices"]) for each in (before, after)), strict=True)
    far = [
        max(abs(a - b) for a, b in zip(before["palette"][old], after["palette"][new], strict=True))
        for old, new in list(pixels)[::7]
    ]
    assert max(far) <= 8
    page.close()
