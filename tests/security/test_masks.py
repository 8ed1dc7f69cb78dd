"""Every known secret in a machine's output is masked, in every encoding and when cut; other text stays readable."""

from __future__ import annotations

import base64
import html
import json
import re
import textwrap
import tracemalloc
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from clusters.config.secret import MASK, Secret
from clusters.engine import events
from clusters.runs.events.batches import make_batch
from clusters.runs.events.encodings import SHORTEST_FORM
from clusters.runs.events.log_masks import LONGEST_TAIL, Masks
from clusters.runs.events.secret_forms import KnownForms
from tests.security.pumps import at_most, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.runs.events.batches import Tails

SECRET = "p<4>'s&\"w/örd\\x"
PLAIN = "Tr0ub4dor&3-Xyzzy"
LOG = """\
[init] Using Kubernetes version: v1.30.4
[preflight] Running pre-flight checks
error: the password is wrong for root@10.0.0.1, try another user or token
Created symlink /etc/systemd/system/multi-user.target.wants/kubelet.service
pod/coredns-5dd5756b68-abcde condition met; node/node1 not ready, testing again in 5 s
/root/.ssh/id_rsa, /etc/kubernetes/admin.conf and 12345 bytes of default images for worker nodes
"""


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def hexed(text: str, between: str = "") -> str:
    return text.encode().hex(between) if between else text.encode().hex()


@pytest.mark.parametrize(
    "form",
    [
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
        html.escape(SECRET).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        yaml.safe_dump(SECRET, default_style='"', width=999).strip()[1:-1],
        yaml.safe_dump(SECRET, default_style='"', width=999, allow_unicode=True).strip()[1:-1],
        yaml.safe_dump(SECRET, default_style="'", width=999, allow_unicode=True).strip()[1:-1],
        json.dumps(json.dumps(SECRET))[1:-1].strip('\\"'),
        json.dumps(SECRET)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        hexed(SECRET),
        hexed(SECRET).upper(),
        hexed(SECRET, ":"),
        hexed(SECRET, " "),
        "\\x" + hexed(SECRET, "*").replace("*", "\\x"),
        b64(b64(SECRET)),
    ],
)
def test_each_encoding_is_masked(form: str) -> None:
    shown = Masks([Secret(SECRET)]).text(f"before {form} after")
    assert MASK in shown and shown.startswith("before ") and shown.endswith(" after")
    for place in range(0, len(form) - 8, 4):
        assert form[place : place + 8] not in shown


@pytest.mark.parametrize("outer", ["", "u", "us", "user:"])
@pytest.mark.parametrize("inner", ["", "m", "me", "me:x"])
def test_base64_of_base64_is_masked_wherever_in_both_the_secret_stands(inner: str, outer: str) -> None:
    form = b64(f"{outer}{b64(f'{inner}{PLAIN} end')} more")
    shown = Masks([Secret(PLAIN)]).text(form)
    assert shown.count(MASK) == 1
    # Of 32 characters for the secret, what it shares with its neighbours is left at both ends.
    assert len(form) - len(shown.replace(MASK, "")) >= 24


@pytest.mark.parametrize("width", [5, 8, 16, 60, 64, 76])
def test_base64_that_is_wrapped_is_masked_whatever_the_width(width: int) -> None:
    key = "".join(f"line {number} of a key\n" for number in range(20))
    coded = b64(f"apiVersion: v1\npassword: {PLAIN * 4}\n")
    for secret, text in ((PLAIN * 4, coded), (key, b64(key))):
        lines = [f"    {line}" for line in textwrap.wrap(text, width)]
        shown = Masks([Secret(secret)]).lines(lines)
        assert len(shown) == len(lines)
        left = "".join(line.strip() for line in shown).replace(MASK, "")
        assert PLAIN not in base64.b64decode(left[: len(left) // 4 * 4]).decode("latin-1")
        assert len(left) < len(text) - len(b64(secret)) + 8


@pytest.mark.parametrize("at", range(1, len(PLAIN)))
def test_a_secret_that_is_cut_into_two_lines_is_masked_in_both(at: int) -> None:
    masks = Masks([Secret(PLAIN)])
    assert masks.lines([f"a {PLAIN[:at]}", f"  {PLAIN[at:]} b"]) == [f"a {MASK}", f"{MASK} b"]


def batch(masks: Masks, *texts: str, tails: Tails | None = None, stream: str = "stdout") -> tuple[list[str], Tails]:
    taken = [events.Output(host="node1", step="s", stream=stream, text=text) for text in texts]
    made = make_batch(taken, run_id=1, seq=0, line=0, masks=masks, tails=tails)
    return [line[2] for row in made.rows for line in row.data["lines"]], made.tails


@pytest.mark.parametrize("at", range(1, len(PLAIN)))
def test_a_secret_that_is_cut_by_the_end_of_a_batch_shows_less_than_eight_characters(at: int) -> None:
    masks = Masks([Secret(PLAIN)])
    first, tails = batch(masks, f"a {PLAIN[:at]}")
    second, _tails = batch(masks, f"{PLAIN[at:]} b", tails=tails)
    assert second == [f"{MASK} b"]
    shown = first[0].removeprefix("a ").replace(MASK, "")
    assert len(shown) < 8


def test_a_secret_is_found_though_another_stream_prints_in_between() -> None:
    masks = Masks([Secret(PLAIN)])
    taken = [
        events.Output(host="node1", step="s", stream=stream, text=text)
        for stream, text in (("stdout", PLAIN[:9]), ("stderr", "a warning"), ("stdout", PLAIN[9:]))
    ]
    made = make_batch(taken, run_id=1, seq=0, line=0, masks=masks)
    assert [line[2] for line in made.rows[0].data["lines"]] == [MASK, "a warning", MASK]


@pytest.mark.parametrize(
    "secret", ["root", "a", "12", "admin", "test", "password", "default", "worker", "kubernetes", "abc", "Root", "to"]
)
def test_a_log_stays_readable_when_a_password_is_an_ordinary_or_a_short_word(secret: str) -> None:
    masks = Masks([Secret(secret)])
    assert masks.text(LOG) == LOG
    assert masks.text(f"password={secret} https://me:{secret}@h/x") == f"password={MASK} https://me:{MASK}@h/x"


def test_a_short_password_is_masked_as_a_word_and_never_within_one() -> None:
    masks = Masks([Secret("node7")])
    assert masks.text("node7 node70 xnode7 /node7/") == f"{MASK} node70 xnode7 /{MASK}/"


def test_a_password_of_eight_characters_is_masked_within_words_too() -> None:
    assert Masks([Secret("hush-hu5")]).text("xhush-hu5y") == f"x{MASK}y"


@pytest.mark.thorough
def test_masking_a_text_eight_times_as_long_takes_about_eight_times_the_time() -> None:
    masks = Masks([Secret(f"{PLAIN}{number}") for number in range(50)])

    def work(size: int) -> Callable[[], object]:
        text = ((LOG + PLAIN[:9] + "\n") * (size // len(LOG)))[:size]
        return lambda: masks.text(text)

    assert at_most(24, work, (250_000, 2_000_000), 0.008)


@pytest.mark.thorough
def test_ten_times_as_many_secrets_do_not_take_ten_times_as_long() -> None:
    def work(count: int) -> Callable[[], object]:
        masks = Masks([Secret(f"{number:07}{PLAIN}") for number in range(count)])
        masks.text(LOG)
        return lambda: masks.text(LOG * 2_000)

    assert at_most(5, work, (100, 1_000), 0.02)


@pytest.mark.thorough
@pytest.mark.parametrize("secret", ["AKIA-common-prefix-{:05}", "https://user:pw{:05}@charts.example.com/stable"])
def test_ten_times_as_many_secrets_that_are_alike_do_not_take_ten_times_as_long(secret: str) -> None:
    """Neither where a text holds their beginning, nor where it ends with a part of it."""
    line = f"see {secret.format(99999)} there\n"

    def work(count: int) -> Callable[[], object]:
        masks = Masks([Secret(secret.format(number)) for number in range(count)])
        assert secret.format(7) not in masks.text(secret.format(7))
        lines = [line[:-9] if number % 2 else line for number in range(400)]
        masks.after("", [line])
        return lambda: [masks.after("", [text]) for text in lines]

    assert at_most(5, work, (200, 2_000), 0.02)


ALIKE: dict[str, tuple[Callable[[int], str], str]] = {
    "one length": (lambda number: f"AKIA-common-prefix-{number:05}", "see AKIA-common-prefix-99999 there\n"),
    "many lengths": (lambda number: "a" * (8 + number), "a" * 35 + "\n"),
    "many lengths, each ending otherwise": (lambda number: "ab" * (4 + number) + "x", "ab" * 17 + "\n"),
    "each the middle of others": (lambda number: "a" * (8 + number % 40) + "b" * (number // 40), "aaaaaaaaabbb" * 3),
}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ALIKE)
def test_ten_times_as_many_forms_take_less_than_three_times_as_long(kind: str) -> None:
    form, unit = ALIKE[kind]

    def took(count: int) -> float:
        known, text = KnownForms(), (unit * 10_000)[:60_000].replace("\n", "")
        for number in range(count):
            known.add(form(number), 8)
        tail = text[-512:]
        assert next(known.places(form(7) + text))[0] == 0
        return min(seconds(lambda: (list(known.places(text)), [known.begins_at_end(tail, at) for at in range(500)]))
                   for _ in range(3))  # fmt: skip

    assert took(600) < 3 * max(took(60), 0.05)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ALIKE)
def test_a_repetitive_text_eight_times_as_long_takes_about_eight_times_the_time(kind: str) -> None:
    form, unit = ALIKE[kind]
    masks = Masks([Secret(form(number)) for number in range(300)])

    def work(length: int) -> Callable[[], object]:
        text = (unit * length)[:length]
        return lambda: masks.after("", [text])

    assert at_most(24, work, (30_000, 240_000), 0.008)


@given(
    st.lists(st.text("ab", min_size=SHORTEST_FORM, max_size=14), min_size=1, max_size=8),
    st.text("ab", max_size=60),
)
@example(["aaaaaaaa", "aaaaaaaaab"], "baaaaaaaa")
@example(["aaaaaaaa", "aaaaaaaaaaaaab", "aaaaaaaaaaaaa"], "aaaaaaaaaaaabaaaaaaaaaaaab")
@example(["abababab", "babababb"], "aababababbabababab")
def test_what_is_covered_is_what_a_plain_search_for_every_form_covers(known: list[str], text: str) -> None:
    forms = KnownForms()
    covered: set[int] = set()
    for number, form in enumerate(known):
        if number == len(known) // 2:
            list(forms.places(text))
        forms.add(form, 10)
        starts = (match.start() for match in re.finditer(f"(?={form})", text))
        covered.update(at for start in starts for at in range(start, start + len(form)))
    spans = list(forms.places(text))
    assert {at for start, end in spans for at in range(start, end)} == covered
    assert all(one[1] <= other[0] for one, other in pairwise(spans)), "in order, and apart"
    shown = Masks(map(Secret, known)).text(text).replace(MASK, "")
    assert len(shown) <= len(text) - len(covered)
    for start in range(len(text) - SHORTEST_FORM + 1):
        left = len(text) - start
        begun = left >= 10 and any(
            len(form) > left and form.startswith(text[start:][: left // 10 * 10]) for form in known
        )
        assert forms.begins_at_end(text, start) == begun


@pytest.mark.thorough
def test_what_is_remembered_of_a_secret_and_of_streams_is_bounded() -> None:
    tracemalloc.start()
    try:
        masks = Masks([Secret("".join(f"{number:05}" for number in range(20_000)))])
        assert tracemalloc.get_traced_memory()[0] < 60_000_000
        _lines, tails = batch(masks, *(f"{number} " * 1000 for number in range(50)))
        assert {len(tail) for tail in tails.values()} == {LONGEST_TAIL}
    finally:
        tracemalloc.stop()


def ends_masked(masks: Masks, text: str) -> bool:
    lines, _tails = batch(masks, text)
    return MASK in lines[-1]


EC_LINE = "MHcCAQEEIObtRo8tkUqoMjeHhsOh2ouPpXCgBcP+EDxZCb/tws15oAoGCCqGSM49"
"""Of such a key the first nine characters are the same in every key."""


@pytest.mark.parametrize("secret", [EC_LINE, PLAIN, "0123456789012345678", "ab" * 16 + "01", "short-pw9"])
def test_printing_to_a_log_does_not_reveal_a_secret_letter_by_letter(secret: str) -> None:
    """Whether the end of a batch is masked must not depend on whether one further letter was right."""
    masks = Masks([Secret(secret)])
    for form, step in ((secret, 1), (hexed(secret), 2), ("\\x" + hexed(secret, "*").replace("*", "\\x"), 4),
                       ("".join(f"&#{ord(each)};" for each in secret), 1), (b64(secret).rstrip("="), 1)):  # fmt: skip
        tested = [
            at
            for at in range(step, len(form), step)
            if ends_masked(masks, form[:at]) != ends_masked(masks, form[: at - step] + "\u00a4" * step)
        ]
        # A guess gets an answer only for whole blocks: eight characters of the secret at once, or more of few.
        gaps = [second - first for first, second in zip([0, *tested], tested, strict=False)]
        assert all(gap >= 8 * step for gap in gaps), (form, tested)


def test_base64_lines_cut_by_the_end_of_a_batch_are_all_masked() -> None:
    secret = "".join(f"{PLAIN}{number}" for number in range(5))
    lines = textwrap.wrap(b64(secret), 20)
    shown, _tails = batch(Masks([Secret(secret)]), *lines[:4])
    assert "".join(shown).replace(MASK, "") == ""
