"""Masks stand where the secrets stand in the text: nothing else of a document changes when it is opened or saved."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.config.dialects.markdown import source_of
from clusters.config.dialects.render import render
from clusters.config.document_masks.comments import comments_of
from clusters.config.document_masks.texts import masked_text
from clusters.config.edit import masked
from clusters.config.load import load
from clusters.config.secret import MASK, Secret
from clusters.services import draft_import, draft_update
from clusters.services.drafts import text_with
from clusters.wizard.document.editor import Typed, editor, typed
from tests.config.documents import seed_document
from tests.conftest import SEED
from tests.security.pumps import MOST_GROWTH, growth_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.config.schema import Document

CASES = sorted((Path(__file__).parent.parent / "config").glob("[cp]*/**/*.yaml"))
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAhid4Hid4Hid4\nHid-pem-1\n-----END RSA PRIVATE KEY-----\n"
BELOW = "".join(f"        {line}\n" for line in PEM.splitlines())

ROWS = SEED[SEED.index("  - {name: node1") : SEED.index("  roleGroups")]
SHARED = """\
  # the machines of the left rack share one
  - {name: node1, address: 10.99.0.1, user: ubuntu, password: &left Hid-one-1} # front
  - name: node2  # back
    password: *left
    address: 10.99.0.2
  - &base
    name: node3
    address: 10.99.0.3
    # of all others
    password: 'Hid-it''s-2'
  - {<<: *base, name: node4, address: 10.99.0.4}
"""
MERGED = """\
x-logins: &login
  user: ubuntu # everywhere
  password: !!str "Hid-\\x6fne-1"
"""
ETCD = f"""\
  etcd:
    type: external
    external: # of the other team
      endpoints: [https://10.2.0.1:2379]
      caFile: |
        -----BEGIN CERTIFICATE-----
        MIIBszCCAVmgAwIBAgIUQUJDREVGR0hJSktMTU5PUFFSU1Qw
        -----END CERTIFICATE-----
      keyFile: |
{BELOW}      # renewed in May
"""
SCRIPT = """\
  system:
    preInstall:
    - name: one
      bash: |
        echo "• … é" # odd characters
        export DB_PASSWORD=Hid-one-1

        sshpass -p Hid-two-2 ssh node1   # there
    - name: folded
      bash: >-
        sshpass -p Hid-three-3
        ssh node2
    - {name: quoted, bash: "echo \\"\\u2026\\"\\nexport A_TOKEN=Hid-\\"four\\" \\
         && curl -u me:Hid-five-5 x"}
    - {name: single, bash: 'echo it''s; export A_TOKEN=Hid-six-6

        echo b'}
"""
DOCUMENTS = {
    "a password by an anchor and a merge key": SEED.replace(ROWS, SHARED),
    "a login that stands outside of the document": (MERGED + SEED.replace(', password: "Testing123"', "")).replace(
        "{name: node", "{<<: *login, name: node"
    ),
    "a key of etcd in PEM": SEED + ETCD,
    "scripts in every style": SEED + SCRIPT,
    "an older dialect with newer keys": (SEED + ETCD + SCRIPT).replace("v1alpha2", "v1alpha1"),
    "dots that are stored": SEED + SCRIPT.replace("odd characters", MASK),
    "a password without quotes, and a comment": SEED.replace('"Qcloud@123"}', "Hid-plain-1 # plain\n    }"),
    "a page": f"# A page\n\n```yaml\n{SEED + SCRIPT}```\n",
}


def document(text: str) -> Document:
    found = load(text).document
    assert found is not None, load(text).findings
    return found


def text_in_editor(text: str) -> str:
    return editor(document(text), text).text


def back(text: str, change: Callable[[str], str] = str) -> Typed:
    return typed(document(text), text, change(text_in_editor(text)))


def lines(text: str) -> list[str]:
    return text.split("\n")


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_only_secrets_are_masked_and_an_untouched_text_is_stored_as_it_was(text: str) -> None:
    stored = source_of(text)
    found = text_in_editor(text)
    assert "Hid-" not in found and "Hid-" not in masked(text)
    assert len([*comments_of(found)]) == len([*comments_of(stored)]) == len([*comments_of(masked(text))])
    if PEM.splitlines()[1] not in text:
        assert len(lines(found)) == len(lines(stored))
    for line in lines(found):
        assert MASK in line or line in lines(stored), line
    again = back(text)
    assert (again.complete, again.text, again.document) == (True, stored, document(text))


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize(
    ("old", "new"),
    [("kubePodsCIDR: 10.233.64.0/18", "kubePodsCIDR: 10.234.0.0/16"), ("address: 10.99.0.1", "address: 10.99.0.77"),
     ("name: node1,", "name: first,")],
)  # fmt: skip
def test_of_a_text_with_another_line_all_others_are_stored_as_they_were(text: str, old: str, new: str) -> None:
    assert text_in_editor(text).count(old) == 1
    again = back(text, lambda each: each.replace(old, new))
    assert again.complete
    assert lines(again.text) == lines(source_of(text).replace(old, new))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_document_of_the_corpus_keeps_its_text(case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    found = load(text)
    if found.document is None:
        assert any(finding.blocking for finding in found.findings)
        return
    stored = text_with(text, found.document)
    again = typed(document(stored), stored, text_in_editor(stored))
    assert (again.complete, again.text, again.document) == (True, stored, document(stored))
    assert len([*comments_of(text_in_editor(stored))]) == len([*comments_of(stored)])
    # A key of several lines is one mask, and so is a password that is written as a block.
    keys = stored.count("PRIVATE KEY-----") // 2 + stored.count("password: |")
    for each in (text_in_editor(stored), masked(stored)):
        assert (each.count("\n") < stored.count("\n")) if keys else (each.count("\n") == stored.count("\n"))


def test_an_aliased_mask_is_the_same_secret_of_every_machine_and_none_of_a_new_one() -> None:
    text = DOCUMENTS["a password by an anchor and a merge key"]
    hosts = document(text).hosts
    assert [each.password for each in hosts] == [Secret("Hid-one-1")] * 2 + [Secret("Hid-it's-2")] * 2
    assert text_in_editor(text).count(MASK) == 2
    renamed = back(text, lambda each: each.replace("name: node4", "name: last"))
    assert renamed.document is not None and renamed.document.hosts[3].password == Secret("Hid-it's-2")
    thief = "  - {name: thief, password: *left, address: 10.66.6.6}\n  roleGroups:"
    refused = back(text, lambda each: each.replace("  roleGroups:", thief))
    assert not refused.complete


def test_a_password_typed_at_an_anchor_is_that_of_every_machine_with_an_alias() -> None:
    text = DOCUMENTS["a password by an anchor and a merge key"]
    again = back(text, lambda each: each.replace(f'&left "{MASK}"', "&left fresh-1"))
    assert again.text == text.replace("Hid-one-1", "fresh-1")
    assert again.document is not None
    assert [each.password for each in again.document.hosts[:2]] == [Secret("fresh-1")] * 2


@pytest.mark.parametrize(
    "place",
    ["x-note: {0}\napiVersion:", "x-note: # {0}\napiVersion:"],
    ids=["outside of the document", "a comment"],
)
def test_a_copy_of_a_line_with_a_mask_uncovers_no_secret_elsewhere(place: str) -> None:
    text = SEED.replace("Qcloud@123", "Hid-one-1")
    row = next(line for line in lines(text_in_editor(text)) if "name: node1" in line)
    copy = place.format(row.removeprefix("  - "))
    again = back(text, lambda each: each.replace("apiVersion:", copy, 1))
    assert not again.complete or "Hid-" not in editor(document(again.text), again.text).text


BESIDE = SEED.replace("  name: sample\n", "  name: sample\n  annotations: {a: b, token: Hid-one-1} # ours\n").replace(
    "apiVersion:", "x-logins: # of all\n  password: Hid-two-2\n  literal: •••• ••••••••\napiVersion:", 1
)


def test_secrets_beside_the_document_are_masked_and_come_back() -> None:
    assert "Hid-" not in text_in_editor(BESIDE) and "Hid-" not in masked(BESIDE)
    assert back(BESIDE).text == BESIDE
    again = back(BESIDE, lambda each: each.replace("a: b,", "a: c,").replace("10.99.0.1", "10.99.0.7"))
    assert again.text == BESIDE.replace("a: b,", "a: c,").replace("10.99.0.1", "10.99.0.7")


@pytest.mark.parametrize(
    ("old", "new"),
    [(f'  password: "{MASK}"', f'  note: "{MASK}"'), ("token: ", "notes: "),
     ("x-logins:", f'x-more: {{password: "{MASK}"}}\nx-logins:')],
)  # fmt: skip
def test_an_unknown_mask_beside_the_document_is_refused_at_its_line(old: str, new: str) -> None:
    changed = text_in_editor(BESIDE).replace(old, new, 1)
    again = typed(document(BESIDE), BESIDE, changed)
    marked = [lines(changed)[mark.line - 1] for mark in again.editor.marks if "secret is missing" in mark.text]
    assert not again.complete and len(marked) == 1 and MASK in marked[0]
    assert new.split(":")[0] in marked[0]


def test_an_alias_of_a_password_at_a_place_that_is_shown_is_refused() -> None:
    text = DOCUMENTS["a password by an anchor and a merge key"]
    again = back(text, lambda each: each.replace("name: node2 ", "user: *left\n    name: node2 "))
    assert not again.complete


def test_secrets_below_keys_of_the_same_path_are_masked_as_well() -> None:
    values = "{a.b: {password: Hid-one-1}, a: {b: {password: Hid-two-2}}}"
    text = SEED + f"  addons:\n  - name: one\n    sources: {{chart: {{name: a, x: {values}}}}}\n"
    in_place = masked_text(text, document(text))
    assert in_place is not None and "Hid-" not in in_place.text
    assert "Hid-" not in text_in_editor(text) and "Hid-" not in masked(text)
    dots = text.replace("clusterName: cluster.local", f"clusterName: cluster.local\n    apiserverArgs: [a={MASK}]")
    assert "Hid-" not in masked(dots) and f"a={MASK}" in masked(dots)
    assert back(text).text == text, "what was not touched is stored as it was, however it is shown"


@pytest.mark.parametrize("head", ["|", "| # in May", ">-"])
def test_a_value_that_cannot_be_masked_where_it_is_written_changes_no_other(head: str) -> None:
    plain = SEED.replace('password: "Qcloud@123"', "password: Hid-plain-1")
    body = f"{head}\n        curl -u me:Hid-one-1 a\r        b\n"
    text = f"{plain}  system:\n    preInstall:\n    - name: a\n      bash: {body}"
    assert document(text).system.pre_install[0].bash.count("Hid-one-1") == 1
    assert masked_text(text, document(text)) is not None
    assert "Hid-" not in text_in_editor(text) and text_in_editor(text).count("in May") == text.count("in May")
    assert back(text).text == text
    read = back(text, lambda seen: seen.replace("name: sample", "name: other"))
    assert read.complete and read.document is not None
    assert read.document.system == document(text).system
    edited = text.replace("name: sample", "name: other")
    assert read.text.startswith(edited[: edited.index("bash:")])


@pytest.mark.parametrize("text", [SEED, SEED + "# password: Hid-one-1\n"])
def test_a_byte_order_mark_stays(text: str) -> None:
    text = "\ufeff" + text
    assert "\ufeff" not in text_in_editor(text)
    assert back(text).text == text == text_with(text, document(text))
    read = back(text, lambda seen: seen.replace("name: sample", "name: other"))
    assert read.text == text.replace("name: sample", "name: other")
    assert read.document is not None and text_with(text, read.document) == read.text


def test_a_secret_beside_dots_that_are_stored_is_masked_in_an_export() -> None:
    text = DOCUMENTS["dots that are stored"]
    assert MASK in text and "Hid-one-1" in text
    assert "Hid-" not in masked(text)


def test_a_script_stays_a_block_in_a_file_of_another_dialect() -> None:
    script = {"preInstall": [{"name": "a", "bash": "echo •…é\nexport A_TOKEN=Hid-one-1\n"}]}
    found = document(SEED).system.model_validate(script)
    text = render(seed_document(system=found))
    assert f"bash: |\n        echo •…é\n        export A_TOKEN={MASK}\n" in text


BODIES = {
    "a line that is indented further": ">-\n        curl -u me:Hid-one-1 a\n          b\n        c\n",
    "blanks at an end": ">\n        curl -u me:Hid-one-1 a  \n        b\n",
    "a line of blanks": ">\n        curl -u me:Hid-one-1 a\n          \n        b\n",
    "empty lines": ">\n\n        curl -u me:Hid-one-1 a\n\n\n          b\n\n        c\n        d\n",
    "breaks that are kept": ">+\n        curl -u me:Hid-one-1 a\n        b\n\n\n",
    "a number in the head": ">2-\n          curl -u me:Hid-one-1 a\n        b\n",
    "a tab": ">\n        a\n        \tcurl -u me:Hid-one-1\n        b\n",
    "a comment in the head": "> # in May\n        curl -u me:Hid-one-1 a\n        b\n",
    "a comment in the head of a literal block": "| # in May\n        curl -u me:Hid-one-1 a\n        b\n",
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lines", "lines of Windows"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_block_of_whatever_shape_is_masked_where_it_is_written(body: str, ends: str) -> None:
    plain = SEED.replace('password: "Qcloud@123"', "password: Hid-plain-1")
    text = f"{plain}  system:\n    preInstall:\n    - name: a\n      bash: {body}".replace("\n", ends)
    assert masked_text(text, document(text)) is not None
    assert text_in_editor(text).replace(MASK, "Hid-one-1") == text.replace("Hid-plain-1", '"Hid-one-1"').replace(
        "Qcloud@123", "Hid-one-1"
    ).replace("Testing123", "Hid-one-1")
    read = back(text, lambda seen: seen.replace("name: sample", "name: other"))
    assert read.complete
    assert read.text == text.replace("name: sample", "name: other")


SCRIPTS = "  system:\n    preInstall:\n"
LARGE: dict[str, tuple[str, str, str]] = {
    "machines that share a password": (
        SEED[: SEED.index(ROWS)] + "  - {name: n, address: 10.99.0.1, password: &p Hid-1}\n",
        "  - {name: m, address: 10.99.0.2, password: *p}\n",
        SEED[SEED.index("  roleGroups") :],
    ),
    "lines of a script": (
        f"{SEED}{SCRIPTS}    - name: one\n      bash: |\n", "        export A_TOKEN=Hid-1\n        echo\n", ""
    ),
    "escapes": (
        f'{SEED}{SCRIPTS}    - {{name: one, bash: "echo ', "\\x41\\n \\\n      export A_TOKEN=Hid-1\\n", '"}\n'
    ),
    "lines that are folded": (
        f"{SEED}{SCRIPTS}    - name: one\n      bash: >\n", "        export A_TOKEN=Hid-1\n\n", ""
    ),
}  # fmt: skip
NUMBERS = itertools.count()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("made", LARGE.values(), ids=LARGE)
def test_many_secrets_are_masked_and_come_back_in_proportion(made: tuple[str, str, str]) -> None:
    head, many, end = made

    def work(count: int) -> Callable[[], object]:
        # A text that was read before is not read again.
        text = f"# {next(NUMBERS)}\n{head}{many * count}{end}"
        found = document(text)

        def once() -> None:
            hidden = masked_text(text, found)
            assert hidden is not None and "Hid-" not in hidden.text
            assert hidden.unmasked(f"# new\n{hidden.text}") == f"# new\n{text}"

        return once

    assert growth_of(work) < MOST_GROWTH


@pytest.mark.django_db
def test_an_imported_text_keeps_its_comments_and_dialect_when_a_form_changes_it(alice: User) -> None:
    text = DOCUMENTS["an older dialect with newer keys"]
    cluster, _findings = draft_import(actor=alice, text=text)
    assert cluster is not None and cluster.document == text
    fresh = document(text).model_copy(update={"name": "other"})
    draft_update(actor=alice, cluster=cluster, document=fresh, version=cluster.version)
    cluster.refresh_from_db()
    assert cluster.document == text.replace("name: sample", "name: other")
