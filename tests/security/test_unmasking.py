"""A mask that returns in the editor restores its secret, or the save is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.config.document_masks.unmask import with_stand_ins
from clusters.config.load import load
from clusters.config.secret import MASK, STAND_IN, Secret
from clusters.services import draft_import
from clusters.wizard.document.editor import Typed, editor, typed
from tests.conftest import SEED
from tests.security.filled import filled
from tests.security.pumps import MOST_GROWTH, growth_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

    from clusters.config.schema import Document


SCRIPTS = """\
  system:
    preInstall:
    - name: one
      bash: |
        export DB_PASSWORD=Hid-one-1
        echo one
    - name: two
      bash: |
        echo first
        sshpass -p Hid-two-1 ssh node1
        echo second
        sshpass -p Hid-two-2 ssh node1
"""
ADDONS = """\
  addons:
  - name: one
    sources: {chart: {name: a, repo: "https://user:Hid-repo-1@host.example", values: [password=Hid-chart-1]}}
  - name: two
    sources:
      chart: {name: b, repo: "https://user:Hid-repo-2@host.example", values: [password=Hid-chart-2]}
      yaml:
        values:
          env:
          - {name: A_PASSWORD, value: Hid-env-1}
          - {name: B_PASSWORD, value: Hid-env-2}
          object:
            kind: Secret
            data: {any: Hid-data-1}
"""
TEXT = SEED + SCRIPTS + ADDONS


def document(text: str = TEXT) -> Document:
    found = load(text).document
    assert found is not None, load(text).findings
    return found


def read(edited: Typed) -> Document:
    """The document that an edited text became."""
    assert edited.document is not None
    return edited.document


def saved(old: str, new: str, text: str = TEXT) -> Typed:
    shown = editor(document(text), text).text
    assert old in shown and "Hid-" not in shown
    return typed(document(text), text, shown.replace(old, new, 1))


def save(client: Client, alice: User, old: str, new: str, *, htmx: bool, text: str = TEXT) -> tuple[Response, str, str]:
    """What the page answers, what is stored then, and what was typed."""
    cluster, _findings = draft_import(actor=alice, text=text)
    assert cluster is not None
    client.force_login(alice)
    shown = editor(document(text), cluster.document).text
    assert old in shown
    text = shown.replace(old, new, 1)
    data = {"draft_version": cluster.version, "page": "roles", "text": text}
    headers = {"HX-Request": "true"} if htmx else {}
    answer = client.post(f"/clusters/{cluster.pk}/wizard/document/", data, headers=headers)
    cluster.refresh_from_db()
    return answer, cluster.document, text


REFUSED = {
    "another variable": (f"DB_PASSWORD={MASK}", f"MYDB_PASSWORD={MASK}", "spec.system.preInstall.0.bash"),
    "another user": (f"user:{MASK}@", f"us:{MASK}@", "spec.addons.0.sources.chart.repo"),
    "no secret any more": ("kind: Secret", "kind: ConfigMap", "spec.addons.1.sources.yaml.values.object.data.any"),
    "a name of no secret": ("A_PASSWORD", "A_USER", "spec.addons.1.sources.yaml.values.env.0.value"),
    "no URL any more": (f":{MASK}@host.example", f":{MASK}", "spec.addons.0.sources.chart.repo"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(("old", "new", "path"), REFUSED.values(), ids=REFUSED)
def test_a_mask_without_its_secret_is_refused_and_changes_nothing(
    client: Client, alice: User, old: str, new: str, path: str, htmx: bool
) -> None:
    answer, stored, written = save(client, alice, old, new, htmx=htmx)
    shown = answer.content.decode()
    assert answer.status_code == 422 and f"{path}: the secret is missing" in shown
    assert stored == TEXT and "Hid-" not in shown
    assert new in written
    assert htmx or new in shown.replace("&quot;", '"')


LITERAL = (
    SEED
    + f"""\
  system:
    preInstall:
    - name: one
      bash: |
        echo {MASK}
        sshpass -p Hid-two-1 ssh node1
"""
)


@pytest.mark.django_db
def test_dots_that_were_stored_as_such_come_back_as_such(client: Client, alice: User) -> None:
    answer, stored, _written = save(client, alice, "lb.kubesphere.local", "api.example", htmx=True, text=LITERAL)
    assert answer.status_code == 200 and "Hid-" not in answer.content.decode()
    assert load(with_stand_ins(stored)).document == document(
        with_stand_ins(LITERAL).replace("lb.kubesphere.local", "api.example")
    )


@pytest.mark.django_db
def test_a_draft_of_a_masked_file_can_be_edited_before_its_secrets_are_typed(client: Client, alice: User) -> None:
    text = SEED.replace("Testing123", MASK)
    answer, stored, _written = save(client, alice, "lb.kubesphere.local", "api.example", htmx=True, text=text)
    assert answer.status_code == 200 and stored == text.replace("lb.kubesphere.local", "api.example")


def test_a_script_before_others_leaves_them_theirs() -> None:
    again = saved("    - name: one\n      bash", "    - name: zero\n      bash: echo zero\n    - name: one\n      bash")
    assert document().system.pre_install == read(again).system.pre_install[1:]


def without_entry(name: str, behind: str) -> Typed:
    shown = editor(document(), TEXT).text
    start, end = shown.index(name), shown.index(behind)
    return typed(document(), TEXT, shown[:start] + shown[end:])


def test_an_entry_keeps_its_secrets_when_the_one_before_it_is_deleted() -> None:
    addons = without_entry("  - name: one\n    sources", "  - name: two\n    sources")
    assert read(addons).addons == document().addons[1:]
    scripts = without_entry("    - name: one\n      bash", "    - name: two\n      bash")
    assert read(scripts).system.pre_install == document().system.pre_install[1:]
    env = without_entry("          - {name: A_PASSWORD", "          - {name: B_PASSWORD")
    assert "Hid-env-2" in env.text and "Hid-env-1" not in env.text


@pytest.mark.parametrize(("old", "new"), [("second", "third"), ("second", "second\n        echo more")])
def test_a_secret_stays_when_the_line_above_it_is_another(old: str, new: str) -> None:
    again = saved(f"echo {old}", f"echo {new}")
    assert again.document == document(TEXT.replace(f"echo {old}", f"echo {new}"))


L = f"sshpass -p {MASK} ssh node1"


@pytest.mark.parametrize(
    ("script", "typed_in", "wanted"),
    [
        ("{0}\n{1}", "{L}", None),
        ("{0}\n{1}\n{2}", "{L}\n{L}", None),
        ("{0}\n{1}\n{2}", "{L}\n{L}\n{L}\n{L}", None),
        ("a\n{0}\nb\n{1}\nc", "a\n{L}\nc", None),
        ("a\n{0}\nb\n{1}\nc", "b\n{L}\nc", "b\n{1}\nc"),
        ("a\n{0}\nb\n{1}\nc", "a\n{L}\nb\nc", "a\n{0}\nb\nc"),
        ("a\n{0}\nb\n{1}\nc", "b\n{L}\na\n{L}\nc", "b\n{1}\na\n{0}\nc"),
        ("a\n{0}\na\n{1}\na\n{2}", "a\n{L}\na\n{L}", None),
        ("{0}\n{1}", "{L} -v\n{L}", "{0} -v\n{1}"),
        ("a\n{0}\nb\n{1}", "x\n{L}\ny\n{L}", "x\n{0}\ny\n{1}"),
        ("{0}", "{L}\n{L} -v", "{0}\n{0} -v"),
    ],
)  # fmt: skip
def test_lines_that_look_alike_get_their_own_secrets_or_none(script: str, typed_in: str, wanted: str | None) -> None:
    lines = [f"sshpass -p Hid-{number} ssh node1" for number in range(3)]
    missing: set[str] = set()
    found = filled(with_stand_ins(typed_in.format(L=L)), script.format(*lines), "x", missing)
    assert (None if missing else found) == (wanted and wanted.format(*lines))


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (["a", "b"], [MASK], None),
        (["a", "b"], [MASK, MASK], ["a", "b"]),
        ([{"password": "a"}, {"password": "b"}], [{"password": MASK}], None),
        ([{"name": "x", "password": "a"}, {"name": "x", "password": "b"}], [{"name": "x", "password": MASK}], None),
        ([{"name": "x", "password": "a"}], [{"name": "y", "password": MASK}], [{"name": "y", "password": "a"}]),
        ([{"on": 1, "password": "a"}, {"password": "b"}], [{"on": 2, "password": MASK}, {"password": MASK}],
         [{"on": 2, "password": "a"}, {"password": "b"}]),
    ],
)  # fmt: skip
def test_which_of_several_equal_entries_is_gone_is_not_guessed(before: Any, after: Any, wanted: Any) -> None:
    fresh = [STAND_IN if each == MASK else {**each, "password": STAND_IN} for each in after]
    missing: set[str] = set()
    found = filled({"passwords": fresh}, {"passwords": before}, "x", missing)
    assert (None if missing else found["passwords"]) == wanted


def test_a_password_stays_with_its_address_when_two_names_are_swapped() -> None:
    shown = editor(document(), TEXT).text
    swapped = shown.replace("name: node1,", "name: x,").replace("name: node2,", "name: node1,")
    again = typed(document(), TEXT, swapped.replace("name: x,", "name: node2,"))
    assert [host.name for host in read(again).hosts[:2]] == ["node2", "node1"]
    assert [host.password for host in read(again).hosts] == [host.password for host in document().hosts]


def test_a_machine_without_a_name_keeps_its_password() -> None:
    text = TEXT.replace("name: node2, ", "")
    again = saved("lb.kubesphere.local", "api.example", text)
    assert read(again).hosts[1].password == Secret("Testing123")


SHAPES: dict[str, Callable[[int], tuple[Any, Any]]] = {
    "lines that look alike": lambda count: ("\n".join(f"curl -u a:h-{n} x\ne {n}" for n in range(count)),) * 2,
    "one line": lambda count: (" ".join(f"token=h-{n};" for n in range(count)),) * 2,
    "entries": lambda count: ([{"name": f"n{n}", "password": f"h-{n}"} for n in range(count)],) * 2,
    "entries without names": lambda count: ([{"password": f"h-{n}"} for n in range(count)],) * 2,
}


@pytest.mark.thorough
@pytest.mark.parametrize("made", SHAPES.values(), ids=SHAPES)
def test_many_masks_get_their_secrets_back_in_proportion(made: Callable[[int], tuple[Any, Any]]) -> None:
    from clusters.config.secrets.finder import hidden

    def masked(value: Any) -> Any:
        if isinstance(value, str):
            return with_stand_ins(str(hidden(value, mask=True)))
        return [each | {"password": with_stand_ins(MASK)} for each in value]

    def work(count: int) -> Callable[[], object]:
        value = made(count)[0]
        shown, missing = masked(value), set[str]()
        assert filled(shown, value, "x", missing) == value and not missing
        return lambda: filled(shown, value, "x", set())

    assert growth_of(work) < MOST_GROWTH


COMMENTS = SEED.replace(
    "  roleGroups:", "  # password: oldfirst11\n  # password: oldsecond22\n  # node3 had Testing123\n  roleGroups:"
)


def with_comments(change: Callable[[str], str]) -> Typed:
    return typed(document(COMMENTS), COMMENTS, change(editor(document(COMMENTS), COMMENTS).text))


def test_comments_that_look_alike_keep_their_own_secrets() -> None:
    again = with_comments(lambda text: text.replace("lb.kubesphere.local", "api.example"))
    assert again.text == COMMENTS.replace("lb.kubesphere.local", "api.example")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(f"# password: {MASK}\n", "", 1),
        lambda text: text.replace(f"# password: {MASK}\n", f"# passwort: {MASK}\n", 1),
        lambda text: text.replace(f'"{MASK}"', "fresh-1"),
    ],
    ids=["one of two is gone", "another word", "the machine's password is another"],
)
def test_a_comment_whose_secret_is_not_known_or_would_be_shown_is_refused(change: Callable[[str], str]) -> None:
    again = with_comments(change)
    marked = [again.text.split("\n")[mark.line - 1] for mark in again.editor.marks if "comment in line" in mark.text]
    assert marked and all("# " in line for line in marked)
    assert not again.complete


def test_a_comment_goes_with_its_line() -> None:
    rows = "".join(f"    - v={n} # password: old-secret-{n}\n" for n in range(3))
    text = SEED.replace("    proxyMode", f"    apiserverArgs:\n{rows}    proxyMode")
    shown = editor(document(text), text).text
    again = typed(document(text), text, shown.replace(f"    - v=1 # password: {MASK}\n", ""))
    assert again.text == text.replace("    - v=1 # password: old-secret-1\n", "")
