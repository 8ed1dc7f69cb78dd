"""A Markdown page: which of its blocks are the document, and that lines and columns are those of the page."""

from __future__ import annotations

import pytest

from clusters.config.dialects.markdown import lines_above, source_of, without_fence
from clusters.config.load import load

CLUSTER = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: quarry
spec:
  hosts:
  - {name: slate, address: 10.44.0.11, user: mason, password: Testing-44}
  roleGroups: {etcd: [slate], control-plane: [slate], worker: [slate]}
  controlPlaneEndpoint: {domain: api.quarry.example, address: "", port: 6443}
  kubernetes: {version: v1.36.3, containerManager: containerd}
"""
INVENTORY = """\
apiVersion: kubekey.kubesphere.io/v1
kind: Inventory
metadata: {name: quarry}
spec:
  hosts:
    slate: {connector: {host: 10.44.0.11, user: mason, password: Testing-44}}
  groups:
    kube_control_plane: {hosts: [slate]}
    kube_worker: {hosts: [slate]}
    etcd: {hosts: [slate]}
"""
CONFIG = """\
apiVersion: kubekey.kubesphere.io/v1
kind: Config
metadata: {name: quarry}
spec:
  kubernetes: {kube_version: v1.35.6}
"""
MANIFEST = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Manifest\nmetadata: {name: m}\nspec: {arches: [arm64]}\n"
DOCUMENT = load(CLUSTER).document


def _fenced(*blocks: str) -> str:
    return "A page.\n\n" + "\nThen:\n\n".join(f"```yaml\n{block}```\n" for block in blocks)


def _indented(text: str, by: str) -> str:
    return "".join(by + line if line.strip() else line for line in text.splitlines(keepends=True))


PAGES = {
    "a manifest before it": _fenced(MANIFEST, CLUSTER),
    "a manifest before it in its block": _fenced(f"{MANIFEST}---\n{CLUSTER}"),
    "a secret before it": _fenced("apiVersion: v1\nkind: Secret\ndata: {}\n", CLUSTER),
    "a kubeconfig before it": _fenced("apiVersion: v1\nkind: Config\nclusters: []\n", CLUSTER),
    "a list before it": _fenced("- kind: one\n- kind: two\n", CLUSTER),
    "a cluster of another project before it": _fenced("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n", CLUSTER),
    "a prompt above it": _fenced(f"$ cat quarry.yaml\n{CLUSTER}"),
    "a here document": _fenced(f"cat <<'END' > quarry.yaml\n{CLUSTER}END\nkk create cluster -f quarry.yaml\n"),
    "a prompt below it": _fenced(f"{CLUSTER}$ kk create cluster -f quarry.yaml\n"),
    "an indented fence": "1. Write:\n\n" + _indented(f"```yaml\n{CLUSTER}```\n", "   ") + "\n2. Install.\n",
    "a fence beside a list's mark": f"- ```yaml\n{_indented(CLUSTER, '  ')}  ```\n",
    "a longer fence": f"Text\n\n````\n{CLUSTER}````\n",
    "an indented code block": f"Write this:\n\n{_indented(CLUSTER, '    ')}\nThen install.\n",
    "a code block of tabs": "Write this:\n\n" + "".join(f"\t{line}\n" for line in CLUSTER.splitlines()) + "\nDone.\n",
    "an open fence": f"Text\n\n```\n{CLUSTER}",
    "the kind above the version": _fenced(
        "kind: Cluster\napiVersion: kubekey.kubesphere.io/v1alpha2\n" + CLUSTER.partition("kind: Cluster\n")[2]
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_the_first_cluster_of_a_page_is_the_document(page: str) -> None:
    text = PAGES[page]
    assert DOCUMENT is not None
    assert load(text).document == DOCUMENT
    assert load(source_of(text)).document == DOCUMENT
    assert source_of(source_of(text)) == source_of(text)
    assert without_fence(text).count("\n") == text.count("\n")
    first = source_of(text).split("\n")[0]
    assert text.split("\n")[lines_above(text)].strip() == first.strip()


def test_a_finding_in_an_indented_block_has_the_column_of_the_page() -> None:
    text = _indented(CLUSTER.replace("port: 6443", "port: many"), "    ")
    page = f"Write this:\n\n{text}\nDone.\n"
    (finding,) = (each for each in load(page).findings if each.blocking)
    line = page.split("\n")[finding.line - 1]
    assert line[finding.column - 1 :].startswith("port: many")


@pytest.mark.parametrize("order", [(INVENTORY, CONFIG), (CONFIG, INVENTORY)])
def test_an_inventory_and_a_config_in_two_blocks_are_one_document(order: tuple[str, str]) -> None:
    loaded = load(_fenced(MANIFEST, *order))
    assert loaded.document is not None
    assert [host.name for host in loaded.document.hosts] == ["slate"]
    assert loaded.document.kubernetes.version == "v1.35.6"
    assert load(source_of(_fenced(MANIFEST, *order))).document == loaded.document


def test_other_documents_of_a_page_are_named_at_their_lines() -> None:
    page = _fenced(CLUSTER, MANIFEST, CLUSTER)
    named = [each for each in load(page).findings if each.id == "yaml.block_ignored"]
    lines = page.split("\n")
    assert [lines[each.line - 1] for each in named] == [MANIFEST.split("\n")[0], CLUSTER.split("\n")[0]]
    assert [each.found for each in named] == ["'Manifest'", "'Cluster'"]


def test_a_document_without_a_header_after_the_cluster_is_not_left_out_in_silence() -> None:
    (found,) = (each for each in load(_fenced(f"{CLUSTER}---\nspec:\n  hosts: []\n")).findings if each.blocking)
    assert found.id == "yaml.documents"


@pytest.mark.parametrize("before", ["", "# A comment\n\n", "---\n"])
def test_a_document_with_fences_in_its_texts_is_no_page(before: str) -> None:
    text = f"{before}{CLUSTER}  dns:\n    dnsEtcHosts: |\n      ```\n      10.44.0.9 store.example\n      ```\n"
    assert source_of(text) == text
    loaded = load(text).document
    assert loaded is not None and "store.example" in loaded.dns.dns_etc_hosts
