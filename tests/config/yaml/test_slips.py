"""A missing space, a colon or quotes of another script: the error is at its place and never quotes the value."""

from __future__ import annotations

import pytest

from clusters.config.finding import Finding, format_finding
from clusters.config.load import load

HOST = "  - name: slate\n    address: 10.44.0.11\n    user: mason\n    password: Hidden-44\n    port: 2201\n"
TEXT = f"""\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: quarry
spec:
  hosts:
{HOST}  roleGroups: {{etcd: [slate], master: [slate], worker: [slate]}}
  kubernetes: {{version: v1.36.3, containerManager: containerd}}
"""


def _error(text: str) -> Finding:
    (found,) = (each for each in load(text).findings if each.blocking)
    return found


def test_the_text_itself_has_no_error() -> None:
    assert load(TEXT).document is not None


@pytest.mark.parametrize("key", ["address", "user", "password", "port"])
@pytest.mark.parametrize("colon", [":", "\uff1a"])
def test_a_colon_without_a_space_is_named_at_its_key(key: str, colon: str) -> None:
    text = TEXT.replace(f"    {key}: ", f"    {key}{colon}", 1)
    found = _error(text)
    assert found.id == "yaml.colon"
    assert text.split("\n")[found.line - 1][found.column - 1 :].startswith(f"{key}{colon}")
    assert key in found.message and ("full-width" in found.message) is (colon != ":")
    assert "Hidden-44" not in format_finding(found)


@pytest.mark.parametrize(
    ("key", "slip"), [("password", "password:Hidden-45"), ("port", "port:2202"), ("user", "user\uff1amason")]
)
def test_a_row_with_a_missing_space_names_the_key(key: str, slip: str) -> None:
    text = TEXT.replace(HOST, f"  - {{name: slate, address: 10.44.0.11, {slip}}}\n")
    found = _error(text)
    assert (found.id, found.path) == ("yaml.colon", f"spec.hosts.0.{key}")
    assert "Hidden-45" not in format_finding(found)


def test_a_key_of_kubekey_4_without_a_space_is_named() -> None:
    text = (
        "apiVersion: kubekey.kubesphere.io/v1\nkind: Inventory\nspec:\n  hosts:\n    slate:\n"
        "      internal_ipv4: 10.44.0.11\n      connector:\n        user: mason\n        private_key:/root/key\n"
    )
    found = _error(text.replace("private_key:/root/key", "private_key:id_rsa"))
    assert (found.id, found.line, found.column) == ("yaml.colon", 9, 9)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("user: mason", "user: 'mason\n      port:2202'"),
        TEXT + "  system:\n    preInstall:\n    - name: first\n      bash: |\n        echo\n        port:2202\n",
        TEXT.replace("name: quarry", "name: quarry # port:22"),
        TEXT + "  registry: {registryMirrors: ['https://mirror.quarry.example']}\n",
    ],
)
def test_the_same_word_in_a_text_or_a_comment_is_no_slip(text: str) -> None:
    assert all(each.id != "yaml.colon" for each in load(text).findings)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("password: Hidden-44", "password: \u201cHidden-44\u201d", "spec.hosts.0.password"),
        ("port: 2201", "port: \u201c2201\u201d", "spec.hosts.0.port"),
        ("address: 10.44.0.11", "address: \u201810.44.0.11\u2019", "spec.hosts.0.address"),
        ("version: v1.36.3", "version: \u201cv1.36.3\u201d", "spec.kubernetes.version"),
    ],
)
def test_typographic_quotes_are_named_at_their_value(old: str, new: str, path: str) -> None:
    found = _error(TEXT.replace(old, new))
    assert (found.id, found.path) == ("yaml.typographic_quotes", path)
    assert "Hidden-44" not in format_finding(found)


def test_typographic_quotes_in_real_quotes_are_part_of_a_password() -> None:
    document = load(TEXT.replace("password: Hidden-44", "password: '\u201cHidden-44\u201d'")).document
    assert document is not None and document.hosts[0].password is not None
    assert document.hosts[0].password.reveal() == "\u201cHidden-44\u201d"
