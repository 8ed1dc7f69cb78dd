"""A document without a Kubernetes version: Slipway uses its newest proven one, warns, and writes it to the file."""

from __future__ import annotations

import pytest

from clusters.config.dialects.render import DIALECTS, render
from clusters.config.edit import edit
from clusters.config.finding import Severity
from clusters.config.kubernetes_versions import newest_proven
from clusters.config.load import load
from clusters.config.schema import Kubernetes
from tests.config.documents import seed_document

SECTIONS = (
    "",
    "  kubernetes:\n",
    "  kubernetes: {}\n",
    "  kubernetes: {version: ~}\n",
    '  kubernetes: {version: ""}\n',
)
HEAD = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {name: sample}\nspec:\n"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_newest_proven_version_is_used_with_a_warning_about_kubekeys(section: str) -> None:
    loaded = load(f"{HEAD}  hosts: []\n{section}")
    assert loaded.document is not None and loaded.document.kubernetes.version == newest_proven()
    (warned,) = (each for each in loaded.findings if each.id == "default.kubernetes_version")
    assert warned.severity is Severity.WARNING and warned.path == "spec.kubernetes.version"
    assert "Slipway installs v1.37.2" in warned.message and "KubeKey would install v1.23.17" in warned.message


@pytest.mark.parametrize("section", SECTIONS)
def test_a_text_that_is_saved_or_exported_names_it_and_keeps_the_rest(section: str) -> None:
    text = f"{HEAD}  hosts: []  # none yet\n{section}"
    document = load(text).document
    assert document is not None
    saved = edit(text, document)
    assert "version: v1.37.2" in saved and "# none yet" in saved
    again = load(saved)
    assert again.document == document and again.names_version
    assert edit(saved, document) == saved


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_written_with_the_version(dialect: str) -> None:
    named = "kube_version: v1.37.2" if dialect == "v4" else "version: v1.37.2"
    text = render(seed_document(kubernetes=Kubernetes(container_manager="containerd")), dialect=dialect)
    assert named in text and load(text).names_version
    without = text.replace(f"    {named}\n", "")
    document = load(without).document
    assert without != text and document is not None and not load(without).names_version
    assert named in edit(without, document)


def test_a_version_of_the_wrong_type_is_that_error_alone() -> None:
    ids = [each.id for each in load(f"{HEAD}  kubernetes: {{version: [v1.37.2]}}\n").findings]
    assert "type.text" in ids and "default.kubernetes_version" not in ids


@pytest.mark.parametrize("written", ["1.37.2", '" v1.37.2 "', "'1.37.2'"])
def test_a_version_has_one_spelling_regardless_of_the_text(written: str) -> None:
    text = f"{HEAD}  hosts: []\n  kubernetes: {{version: {written}, containerManager: containerd}}\n"
    document = load(text).document
    assert document is not None and document.kubernetes.version == "v1.37.2"
    assert edit(text, document) == text, "what means the same stays as it was written"
