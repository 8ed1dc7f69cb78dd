"""A mask that was moved, or returned in a key, is never matched with another secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.load import load
from clusters.config.secret import MASK, STAND_IN
from clusters.wizard.document.editor import Typed, editor, typed
from tests.conftest import SEED

if TYPE_CHECKING:
    from clusters.config.schema import Document

MOVED = """\
  system:
    preInstall:
    - name: one
      bash: |
        sshpass -p Hid-aaa-10 ssh node1
        echo end
    - name: two
      bash: |
        sshpass -p Hid-bbb-11 ssh node2
        echo two
"""
TWO = f"        sshpass -p {MASK} ssh node2\n"
ONE = f"        sshpass -p {MASK} ssh node1\n"
ARGUMENTS = SEED.replace(
    "    containerManager",
    '    apiserverArgs: ["--a-token=Hid-aaa-1"]\n'
    '    schedulerArgs: ["--b-x=1", "--a-token=Hid-bbb-2"]\n'
    "    containerManager",
)
TABLES = """\
  addons:
  - name: one
    sources: {yaml: {values: {env: [{name: A, x: 1}, {name: DB_PASSWORD, value: Hid-aaa-1}, {name: B, x: 1}]}}}
  - name: two
    sources: {yaml: {values: {env: [{name: C, x: 1}, {name: DB_PASSWORD, value: Hid-bbb-2}]}}}
"""
ENTRY = f', {{name: DB_PASSWORD, value: "{MASK}"}}'


def document(text: str) -> Document:
    found = load(text).document
    assert found is not None, load(text).findings
    return found


def typed_instead(text: str, *changes: tuple[str, str]) -> Typed:
    """What comes of a text that is shown and typed with these changes."""
    before = document(text)
    shown = editor(before, text).text
    for old, new in changes:
        assert old in shown, shown
        shown = shown.replace(old, new, 1)
    return typed(before, text, shown)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (SEED + MOVED, [(TWO, ""), (ONE, ONE + TWO)]),
        (SEED + MOVED, [(TWO, ""), (ONE, TWO)]),
        (SEED + MOVED, [(TWO, "TWO"), (ONE, TWO), ("TWO", ONE)]),
        (ARGUMENTS, [(f', "--a-token={MASK}"', ""), ('apiserverArgs: ["', f'apiserverArgs: ["--a-token={MASK}", "')]),
        (SEED + TABLES, [(f"C, x: 1}}{ENTRY}", "C, x: 1}"), (ENTRY, ENTRY + ENTRY)]),
    ],
    ids=["beside another", "instead of another", "swapped", "arguments", "entries"],
)
def test_what_was_moved_to_another_text_or_list_does_not_become_its_secret(
    text: str, changes: list[tuple[str, str]]
) -> None:
    read = typed_instead(text, *changes)
    assert not read.complete
    assert any("secret is missing" in mark.text for mark in read.editor.marks)


def test_a_copied_line_keeps_its_secret_where_all_like_it_have_the_same() -> None:
    text = (SEED + MOVED).replace("Hid-bbb-11", "Hid-aaa-10")
    read = typed_instead(text, (TWO, ""), (ONE, ONE + TWO))
    assert read.complete
    assert read.text.count("sshpass -p Hid-aaa-10 ssh") == 2


def test_a_line_that_is_changed_in_its_place_keeps_its_secret() -> None:
    read = typed_instead(SEED + MOVED, (ONE, ONE.replace("node1", "node9")), (TWO, TWO.replace("node2", "node8")))
    assert read.complete
    assert "sshpass -p Hid-aaa-10 ssh node9" in read.text
    assert "sshpass -p Hid-bbb-11 ssh node8" in read.text


BESIDE = SEED.replace("  name: sample\n", '  name: sample\n  annotations: {token: "Hid-one-1"}\n')
AUTHS = SEED + '  registry:\n    auths: {h.example: {username: a, password: "Hid-reg-3"}}\n'
CHART = SEED + '  addons:\n  - {name: one, sources: {chart: {name: a, repo: "https://c.example", token: "Hid-4"}}}\n'
LABEL = SEED.replace("- {name: node1,", '- {name: node1, labels: {a: "token=Hid-lb-55"},', 1)
UNKNOWN = SEED + "  foo:\n    password: Hid-foo-6\n"


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (BESIDE, 'token: "', 'token:"'),
        (AUTHS, 'a, password: "', 'a, password:"'),
        (CHART, 'token: "', 'token:"'),
        (LABEL, 'a: "token=', '"a token='),
        (UNKNOWN, f'password: "{MASK}"', f'"{MASK}": password'),
    ],
    ids=["beside", "registry", "addon", "label", "turned round"],
)
def test_a_mask_in_a_key_is_refused_at_its_line(text: str, old: str, new: str) -> None:
    read = typed_instead(text, (old, new))
    assert not read.complete
    line = read.text[: read.text.index(MASK, read.text.index(new[:4]))].count("\n") + 1
    assert any(mark.line == line and "secret is missing" in mark.text for mark in read.editor.marks)
    assert not any(each in mark.text + mark.hint for mark in read.editor.marks for each in STAND_IN)


def test_a_mask_in_a_key_of_a_page_is_refused_at_its_line() -> None:
    text = f"# A page\n\nAbout it.\n\n```yaml\n{AUTHS}```\n"
    read = typed_instead(text, ('a, password: "', 'a, password:"'))
    assert not read.complete


def test_dots_that_are_stored_in_a_key_may_stay() -> None:
    text = f'{AUTHS}x-a: {{"{MASK}": b}}\n'
    read = typed_instead(text, ("username: a", "username: b"))
    assert read.complete
    assert read.text == text.replace("username: a", "username: b")
