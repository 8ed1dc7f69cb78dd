"""Forms of secrets that were once shown, and honest texts that were once hidden; Slipway's own files are honest."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.config.defaults import starter_document
from clusters.config.load import load
from clusters.config.logins import note_for_kubekey
from clusters.config.render import DIALECTS, render
from clusters.config.schema import Host
from clusters.config.secret import MASK
from clusters.config.secret_comments import secrets_in_comments
from clusters.config.secret_finder import hidden, hidden_text, secrets_in
from clusters.runs.documents import secrets_of
from clusters.wizard.editor import editor
from tests.config.documents import seed_document

GOLDEN = Path(__file__).parents[1] / "catalog"
IN_GOLDEN = ("abcdef.0123456789abcdef", '"hub-password"', r'"pass\"word"')
"""The secrets in the files that are compared, as they stand there."""
X = "Hid-6x"


def shell(text: str) -> str:
    return str(hidden({"bash": text}, mask=True)["bash"])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("secrets", ["omit", "mask"])
def test_what_slipway_writes_into_a_file_has_no_mask_that_no_secret_is_behind(dialect: str, secrets: str) -> None:
    for document in (starter_document(), seed_document(hosts=(Host(name="node1", address="10.0.0.1"),))):
        text = render(document, dialect=dialect, secrets=secrets)
        assert hidden_text(text) == text
        assert list(secrets_in_comments(text)) == []
        read = load(text).document
        assert read is not None
        assert editor(read, text).text == text
        assert list(secrets_of(text)) == []


def test_a_file_with_logins_hides_those_and_nothing_else() -> None:
    for dialect in DIALECTS:
        text = render(seed_document(), dialect=dialect)
        assert list(secrets_in_comments(text)) == []
        assert [each.reveal() for each in secrets_in(seed_document())] == ["Testing123"]
    named = (Host(name="node1", address="10.0.0.1", credential="ops"),)
    note = note_for_kubekey(seed_document(hosts=named))
    assert note and hidden_text(note) == note


def test_the_files_that_machines_get_hide_their_few_secrets_and_nothing_else() -> None:
    files = [each for each in GOLDEN.rglob("golden/**/*") if each.is_file() and each.suffix not in (".py", ".pyc")]
    assert len(files) > 50
    for file in files:
        text = wanted = file.read_text()
        for secret in IN_GOLDEN:
            wanted = wanted.replace(secret, f'"{MASK}"' if '"' in secret else MASK)
        assert hidden_text(text) == wanted == hidden({"x": text}, mask=True)["x"], file.name
        assert shell(text) == wanted, file.name


@pytest.mark.parametrize(
    "comment",
    ["# KubeKey: text", "# KubeKey 3: as its sample has it", "# as KubeKey: v1.23.17", "# KubeKey's API: see its docs",
     "# written for KubeKey=3"],
)  # fmt: skip
def test_a_comment_on_kubekey_is_shown(comment: str) -> None:
    assert hidden_text(comment) == comment == shell(comment)


def test_other_names_that_end_as_a_key_does_count() -> None:
    for comment in ("# AdminKubeKey: {}", "# KUBE_KEY: {}", "# KubeKey's api_key: {}", "# KubeKey password: {}"):
        assert hidden_text(comment.format(X)) == comment.format(MASK)
