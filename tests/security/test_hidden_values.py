"""Secrets in values without effect are masked and known: overridden merges, comments of blocks."""

from __future__ import annotations

import pytest

from clusters.config.edit import masked
from clusters.config.load import load
from clusters.config.secret import MASK
from clusters.runs.documents import secrets_of
from clusters.wizard.document.editor import editor, typed
from tests.conftest import SEED

OVERRIDDEN = {
    "inline": SEED.replace("- {name: node1,", "- {<<: {password: Hid-merge-1}, name: node1,", 1),
    "a list": SEED.replace("- {name: node1,", "- {<<: [{password: 'Hid-#merge-1'}], name: node1,", 1),
    "in another": SEED.replace("- {name: node1,", "- {<<: {<<: {password: Hid-1}, password: Hid-2}, name: node1,", 1),
    "beside": "x-a: {<<: {password: Hid-merge-1}, password: Hid-merge-2}\n" + SEED,
    "in a text": SEED + "  addons:\n  - name: a\n    sources: {chart: {name: a, repo: 'https://c.example', values: "
    "['{a: {<<: {password: Hid, x: 1}, password: Hid-2}}']}}\n",
}


@pytest.mark.parametrize("text", OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_a_merged_secret_that_does_not_count_is_masked_and_known(text: str) -> None:
    before = load(text).document
    assert before is not None
    seen = editor(before, text).text
    assert "Hid" not in seen
    assert "Hid" not in masked(text)
    known = {each.reveal() for each in secrets_of(text)}
    assert any(each.startswith("Hid") for each in known)
    again = typed(before, text, seen.replace("name: sample", "name: other"))
    assert again.complete
    assert again.text == text.replace("name: sample", "name: other")


def test_defaults_that_a_machine_overrides_stay_as_they_are() -> None:
    text = "x-all: &all {user: ubuntu, password: Hid-all-1}\n" + SEED.replace(
        "- {name: node1,", "- {<<: *all, name: node1,", 1
    )
    before = load(text).document
    assert before is not None
    seen = editor(before, text).text
    assert f'x-all: &all {{user: ubuntu, password: "{MASK}"}}\n' in seen
    assert typed(before, text, seen).text == text


def test_a_comment_behind_the_sign_of_a_block_is_masked() -> None:
    script = "    - name: a\n      bash: | # password: Hid-block-1\n        echo 1 # a\n"
    text = f"{SEED}  system:\n    preInstall:\n{script}"
    before = load(text).document
    assert before is not None
    seen = editor(before, text).text
    assert f"bash: | # password: {MASK}\n        echo 1 # a\n" in seen
    assert typed(before, text, seen).text == text
