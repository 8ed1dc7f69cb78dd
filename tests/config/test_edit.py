"""An edit of a user's file changes only what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.config.dialects.render import documents as shaped
from clusters.config.dialects.render import render
from clusters.config.edit import edit, masked
from clusters.config.keys import Key, keys_of
from clusters.config.load import load
from clusters.config.schema import Host, Kubernetes, RoleGroups, System
from clusters.config.secret import MASK, Secret
from clusters.errors import ConfigError
from tests.config.documents import documents, seed_document

if TYPE_CHECKING:
    from clusters.config.schema import Document

GENTLY = settings(deadline=None, max_examples=min(40, settings().max_examples), suppress_health_check=list(HealthCheck))
OWN = (Path(__file__).parent / "own_file.yaml").read_text(encoding="utf-8")


def _own() -> Document:
    document = load(OWN).document
    assert document is not None
    return document


def _changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def _edited(**changes: Any) -> tuple[list[str], list[str]]:
    document = _own().model_copy(update=changes)
    text = edit(OWN, document)
    assert load(text).document == document
    return _changed_lines(OWN, text)


def test_nothing_changes_when_nothing_differs() -> None:
    assert edit(OWN, _own()) == OWN


def test_masked_only_secrets_differ_and_comments_stay() -> None:
    gone, fresh = _changed_lines(OWN, masked(OWN))
    assert len(gone) == len(fresh) > 0
    assert all(MASK in line for line in fresh)
    comments = [line for line in OWN.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in masked(OWN).splitlines() if "#" in line] == [
        line.partition("#")[2] for line in comments
    ]
    assert "Testing123" not in masked(OWN)


@pytest.mark.parametrize("dialect", ["v1alpha1", "v1alpha2", "v4"])
def test_texts_that_hold_a_secret_are_masked_as_everywhere(dialect: str) -> None:
    kubernetes = Kubernetes(apiserver_args=("oidc-client-secret=hush-1",))
    script = {"preInstall": [{"bash": "export TOKEN=hush-2\ncurl https://me:hush-3@example.com\n"}]}
    document = seed_document(kubernetes=kubernetes, system=System.model_validate(script))
    text = render(document, dialect=dialect, secrets="show") + "# as it was\n"
    found = masked(text)
    assert "hush" not in found and "Testing123" not in found and found.endswith("# as it was\n")
    assert "hush" not in render(document, dialect=dialect, secrets="mask")


@GENTLY
@given(documents())
def test_masked_any_document_is_the_same_without_its_secrets(document: Document) -> None:
    for dialect in ("v1alpha2", "v4"):
        text = render(document, dialect=dialect, secrets="show")
        again = load(masked(text)).document
        assert again is not None
        before = load(text).document
        assert before is not None
        assert shaped(again, dialect, "omit") == shaped(before, dialect, "omit")


def test_what_cannot_be_read_cannot_be_masked() -> None:
    with pytest.raises(ConfigError, match="is invalid"):
        masked("kind: [")


def test_one_field_is_one_line_and_its_comment_stays() -> None:
    kubernetes = _own().kubernetes.model_copy(update={"version": "v1.21.14", "max_pods": 200})
    assert _edited(kubernetes=kubernetes) == (
        ["    version: v1.20.2        # what the lab can run", '    maxPods: "110"'],
        ["    version: v1.21.14        # what the lab can run", "    maxPods: 200"],
    )


def test_a_key_that_was_not_there_is_added_below_its_section() -> None:
    kubernetes = _own().kubernetes.model_copy(update={"apiserver_cert_extra_sans": ("a.example.com",)})
    assert _edited(kubernetes=kubernetes) == ([], ["    apiserverCertExtraSans:", "    - a.example.com"])


def test_a_section_that_was_not_there_is_added() -> None:
    assert _edited(system=System(timezone="Europe/Berlin")) == ([], ["  system:", "    timezone: Europe/Berlin"])


def test_a_key_without_a_value_is_removed() -> None:
    registry = _own().registry.model_copy(update={"registry_mirrors": ()})
    removed, added = _edited(registry=registry)
    assert removed == ["    registryMirrors: [https://mirror.example.com, https://other.example.com]"]
    assert added == ["    registryMirrors: []"]


def test_a_password_changes_in_its_row() -> None:
    hosts = _own().hosts
    changed = (hosts[0].model_copy(update={"password": Secret("a: b"), "port": 2222}), *hosts[1:])
    removed, added = _edited(hosts=changed)
    assert len(removed) == 1
    assert added == [
        '  - {name: node1, address: 172.16.0.2, password: "a: b", user: ubuntu, port: 2222}   # the rack\'s top'
    ]


def test_a_machine_comes_and_another_goes() -> None:
    document = _own()
    hosts = (document.hosts[0], document.hosts[2], Host(name="node9", address="172.16.0.9"))
    groups = RoleGroups(etcd=("node1",), master=("node1",), worker=("node3", "node9"))
    text = edit(OWN, document.model_copy(update={"hosts": hosts, "role_groups": groups}))
    assert load(text).document == document.model_copy(update={"hosts": hosts, "role_groups": groups})
    assert "  - name: node9\n    address: 172.16.0.9\n" in text
    assert "node2" not in text.replace("# node2 is in repair on Mondays", "")
    for comment in ("# the rack's top", "# node2 is in repair on Mondays", "# written by hand", "# the last line"):
        assert comment in text


def test_a_machine_that_replaces_another_is_a_separate_row() -> None:
    hosts = _own().hosts
    removed, added = _edited(hosts=(hosts[0], Host(name="node2", address="192.0.2.7"), hosts[2]))
    assert removed == ["  - {name: node2, address: 172.16.0.3, user: ubuntu, password: Testing123}"]
    assert added == ["  - {name: node2, address: 192.0.2.7}"]
    removed, added = _edited(hosts=(hosts[0], Host(name="other", address="192.0.2.7"), hosts[2]))
    assert added == ["  - {name: other, address: 192.0.2.7}"]


def test_a_machine_with_another_name_keeps_its_row() -> None:
    hosts = _own().hosts
    removed, added = _edited(hosts=(hosts[0].model_copy(update={"name": "first"}), *hosts[1:]))
    assert added == [removed[0].replace("node1", "first")]


def test_a_list_on_one_line_stays_on_it() -> None:
    registry = _own().registry.model_copy(
        update={"registry_mirrors": ("https://other.example.com", "https://x.example.com")}
    )
    assert _edited(registry=registry)[1] == [
        '    registryMirrors: [https://other.example.com, "https://x.example.com"]'
    ]


def test_only_the_part_that_cannot_be_changed_in_place_is_rewritten() -> None:
    text = OWN.replace(
        "    containerManager:", "    apiserverArgs: &args [v=1]\n    kubeletArgs: *args\n    containerManager:"
    )
    document = load(text).document
    assert document is not None
    kubernetes = document.kubernetes.model_copy(update={"kubelet_args": ("v=2",), "apiserver_args": ("v=3",)})
    changed = document.model_copy(update={"kubernetes": kubernetes})
    edited = edit(text, changed)
    assert load(edited).document == changed
    for comment in ("# the rack's top", "# node2 is in repair on Mondays", "# written by hand", "# moves soon"):
        assert comment in edited


@pytest.mark.parametrize("key", [key for key in keys_of(Kubernetes).values() if key.kind in ("int", "bool", "text")])
def test_every_single_key_is_changed_without_touching_another_line(key: Key) -> None:
    value = {"int": 77, "bool": not key.default, "text": "other"}[key.kind]
    kubernetes = _own().kubernetes.model_copy(update={key.attribute: value})
    removed, added = _edited(kubernetes=kubernetes)
    assert len(removed) <= 1
    assert len(added) == 1
    assert added[0].startswith(f"    {key.name}: ")


def test_what_v1alpha1_cannot_hold_makes_the_file_v1alpha2() -> None:
    text = render(seed_document(), dialect="v1alpha1", secrets="show")
    document = seed_document(system=System(timezone="Europe/Berlin"))
    changed = edit("# mine\n" + text, document)
    assert changed.startswith("# mine\n")
    assert "kubekey.kubesphere.io/v1alpha2" in changed
    assert "port: 6443" in changed
    assert load(changed).document == document


def test_a_page_gives_its_code_block() -> None:
    page = f"Hello.\n\n```yaml\n{OWN}```\nBye.\n"
    document = _own().model_copy(update={"name": "other"})
    text = edit(page, document)
    assert text.startswith("# written by hand")
    assert _changed_lines(OWN, text) == (["  name: sample"], ["  name: other"])


def test_an_alias_is_not_changed_for_both() -> None:
    text = (
        render(seed_document(), secrets="show")
        .replace("    etcd:\n    - node1", "    etcd: &one [node1]")
        .replace("    master:\n    - node1", "    master: *one")
    )
    document = load(text).document
    assert document is not None
    groups = document.role_groups.model_copy(update={"master": ("node2",)})
    changed = document.model_copy(update={"role_groups": groups})
    assert load(edit(text, changed)).document == changed


def test_what_cannot_be_read_cannot_be_changed() -> None:
    with pytest.raises(ConfigError):
        edit("a: [", seed_document())


@GENTLY
@given(documents(), documents(), st.sampled_from(("v1alpha1", "v1alpha2", "v4")))
def test_what_comes_back_is_always_the_document(first: Document, second: Document, dialect: str) -> None:
    text = render(first, dialect=dialect, secrets="show")
    assert load(edit(text, second)).document == second
