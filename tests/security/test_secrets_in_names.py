"""Names with logins, names with dots, and names of other documents: none hides a secret from the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.dialects.render import render
from clusters.config.document_masks.findings import without_secrets_in
from clusters.config.edit import masked
from clusters.config.finding import warning
from clusters.config.load import load
from clusters.config.paths import joined, keys_in
from clusters.config.secret import MASK
from clusters.config.secrets.finder import secrets_in
from clusters.services.differences import differences
from clusters.wizard.document.editor import editor, typed
from tests.conftest import SEED

if TYPE_CHECKING:
    from clusters.config.schema import Document

SECRET = "Hidqx-9"
URL = f"https://me:{SECRET}@r.example"
LOGIN = f'    auths:\n      "{URL}": {{username: a, password: Hidqx-8}}  # of the registry\n'
REGISTRY = f"  registry:\n{LOGIN}"
NAMED = {
    "auths": SEED + REGISTRY,
    "without a scheme": SEED + REGISTRY.replace("https://", ""),
    "labels": SEED.replace("- {name: node1,", f"- {{labels: {{'{URL}': a}}, name: node1,", 1),
    "an unknown key": f"{SEED}  '{URL}': 1 # a\n",
    "below an unknown key": f"{SEED}  x-other: {{'{URL}': {{a: 1}}}} # a\n",
    "beside spec": f"{SEED}x-other:\n  '{URL}': 1 # a\n",
}


def document_of(text: str) -> Document:
    """The document of a valid text."""
    found = load(text).document
    assert found is not None
    return found


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_login_in_a_name_is_masked_in_editor_and_exports(text: str) -> None:
    before = document_of(text)
    seen = editor(before, text).text
    assert "Hidqx" not in seen + masked(text)
    assert f"me:{MASK}@r.example" in seen
    assert seen.count("\n") == text.count("\n")
    for dialect in ("v1alpha1", "v1alpha2", "v4"):
        for secrets in ("mask", "omit"):
            assert "Hidqx" not in render(before, dialect=dialect, secrets=secrets)
    again = typed(before, text, seen.replace("name: sample", "name: other"))
    assert again.complete
    assert again.text == text.replace("name: sample", "name: other")


@pytest.mark.parametrize("name", ["auths", "an unknown key", "labels"])
def test_a_login_in_a_name_is_known_to_the_masks_of_logs(name: str) -> None:
    assert SECRET in {each.reveal() for each in secrets_in(document_of(NAMED[name]))}


def test_a_masked_name_is_not_sent_to_another_host() -> None:
    text = NAMED["auths"]
    before = document_of(text)
    again = typed(before, text, editor(before, text).text.replace("@r.example", "@other.example"))
    assert not again.complete
    assert SECRET not in again.text


def test_a_masked_login_in_an_imported_name_is_reported() -> None:
    exported = render(document_of(NAMED["auths"]), secrets="mask")
    found = [each for each in load(exported).findings if each.id == "secret.masked"]
    assert any(keys_in(each.path)[-1] == f"https://me:{MASK}@r.example" and each.line for each in found)


def test_two_names_that_look_the_same_stay_two() -> None:
    text = SEED + REGISTRY + LOGIN.removeprefix("    auths:\n").replace(SECRET, "Hidqx-7")
    before = document_of(text)
    seen = editor(before, text).text
    assert "Hidqx" not in seen
    again = typed(before, text, seen.replace("name: sample", "name: other"))
    assert again.complete
    assert again.document is not None
    assert again.document.registry == before.registry


def test_differences_show_no_login_in_a_name() -> None:
    before = document_of(NAMED["auths"])
    other = document_of(NAMED["auths"].replace("username: a", "username: b"))
    found = differences(before, other)
    assert [(each.theirs, each.mine) for each in found] == [("a", "b")]
    assert SECRET not in found[0].path


EVERYWHERE = {
    "labels": SEED.replace("- {name: node1,", "- {labels: {password: Hidqx-9}, name: node1,", 1),
    "hosts file": f'{SEED}  dns: {{dnsEtcHosts: "10.1.1.1 a # password: {SECRET}"}}\n',
    "registry": f"{SEED}  registry: {{privateRegistry: 'me:{SECRET}@r.example'}}\n",
}


@pytest.mark.parametrize("text", EVERYWHERE.values(), ids=EVERYWHERE)
def test_files_of_kubekey_4_are_masked_like_the_others(text: str) -> None:
    before = document_of(text)
    assert SECRET in render(before, dialect="v4", secrets="show")
    for secrets in ("mask", "omit"):
        assert "Hidqx" not in render(before, dialect="v4", secrets=secrets)


@pytest.mark.parametrize("name", ["config", "inventory", "kubesphere", "spec.x"])
def test_a_key_beside_spec_is_not_taken_for_a_part_of_the_document(name: str) -> None:
    text = f"{SEED}{name}: 'curl -u me:{SECRET} https://h.example'\n"
    before = document_of(text)
    assert SECRET not in editor(before, text).text + masked(text)
    found = next(each for each in load(text).findings if each.id == "key.unknown")
    assert found.line == text.count("\n")


# The third and the fourth never had equal paths: they would, without escaped quotes, and with dashes left out.
COLLIDING = {
    "values of a chart": "  x-values: {a.b: password=Hidqx-1, a: {b: password=Hidqx-2}} # both\n",
    "the other way round": "  x-values: {a: {b: password=Hidqx-2}, a.b: password=Hidqx-1} # both\n",
    "quotes in a key": "  x-values: {'\"a.b\"': password=Hidqx-1, a.b: password=Hidqx-2} # both\n",
    "dashes of a document": "  ---x: {password: Hidqx-1} # a\n  x: 2\n",
    "deeper": "  x-k: {a.b.c: --token=Hidqx-1, a: {b.c: --token=Hidqx-22}}\n",
}


@pytest.mark.parametrize("text", COLLIDING.values(), ids=COLLIDING)
def test_names_with_dots_change_nothing_else_of_the_text(text: str) -> None:
    whole = SEED.replace("kind: Cluster", "kind:   Cluster # odd blanks") + text
    before = document_of(whole)
    seen = editor(before, whole).text
    assert "Hidqx" not in seen
    assert "kind:   Cluster # odd blanks" in seen
    assert [line for line in seen.splitlines() if MASK not in line] == [
        line for line in whole.splitlines() if "Hidqx" not in line and "assword" not in line
    ]
    again = typed(before, whole, seen.replace("name: sample", "name: other"))
    assert again.text == whole.replace("name: sample", "name: other")


@pytest.mark.parametrize("keys", [["a", "b"], ["a.b"], ['"a', 'b"'], ["a\\.", '"'], ["", ""], ['"', ""], ["a", "0"]])
def test_a_path_gives_its_keys_back(keys: list[str]) -> None:
    assert keys_in(joined("spec", *keys)) == ["spec", *keys]


@pytest.mark.parametrize(
    ("path", "visible"),
    [
        (joined("spec.registry.auths", URL, "password"), f'spec.registry.auths."https://me:{MASK}@r.example".password'),
        (f"spec.x-a.{SECRET}abc.y", f"spec.x-a.{MASK}.y"),
        ("spec.hosts.0.name", "spec.hosts.0.name"),
    ],
)
def test_the_path_of_a_finding_shows_no_secret(path: str, visible: str) -> None:
    data = {"x-b": {"password": f"{SECRET}abc"}, "x-c": {"password": "hosts"}}
    found = without_secrets_in([warning("a.b", path, "One.")], data)
    assert found[0].path == visible


def test_no_finding_of_a_text_shows_a_login_in_a_name() -> None:
    text = f"{SEED}---\napiVersion: kubekey.kubesphere.io/v1\nkind: Config\nspec:\n  '{URL}': 1\n"
    found = load(text).findings
    assert any(MASK in each.path for each in found)
    assert not any(SECRET in f"{each.path} {each.message} {each.hint}" for each in found)
