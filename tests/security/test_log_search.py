"""Whatever is typed into the search of a log is answered with lines or with a sentence, never with an error page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from clusters.selectors import BadPattern, needle

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Run

FLAGS = [*"abefiLmprsuwx", "V0", "V1", "V2", "q"]
SHAPES = ("(?{0})x", "(?{0}:x)", "(?-{0}:x)", "(?-{0})x", "(?i-{0}:x)", "(?{0}-i:x)", "x(?{0})", "(?{0}", "(?{0}m)x")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_inline_flag_of_the_library_fits_or_is_refused_in_words(flag: str) -> None:
    for shape in SHAPES:
        try:
            sought = needle(shape.format(flag), pattern=True)
            fits = [sought.fits(line) for line in ("x", "a")]
            perhaps, marks = sought.perhaps(["a", "x"]), sought.marks("ax")
        except BadPattern as error:
            assert error.message.startswith("This is no regular expression: ")
        else:
            assert (fits, perhaps, marks) == ([True, False], True, ["x"]), shape


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["run-log", "run-log-hits"])
def test_a_flag_that_cannot_be_combined_is_answered_with_a_sentence(
    page: str, client: Client, alice: User, make_run: Callable[..., Run]
) -> None:
    client.force_login(alice)
    run = make_run(state="succeeded")
    answer = client.get(reverse(page, args=[run.pk]), {"search": "(?V1)x", "regex": "yes"})
    assert answer.status_code == 400
    assert answer.content.decode().startswith("This is no regular expression: VERSION0 and VERSION1")
