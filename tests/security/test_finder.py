"""One finder detects all secrets of a document: the editor and exports hide them, and the log masks them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from clusters.config.edit import masked
from clusters.config.load import load
from clusters.config.secret import MASK
from clusters.config.secrets.finder import hidden, places, secrets_in
from clusters.config.secrets.names import is_secret_key
from clusters.runs.documents import secrets_of
from clusters.runs.events.log_masks import Masks
from clusters.services.differences import differences
from clusters.services.exports import config_export
from clusters.wizard.document.editor import editor, typed
from tests.security.patterns import every_pattern
from tests.security.pumps import LONGEST_SEARCH, at_most

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.config.schema import Document

pytestmark = pytest.mark.django_db

TEXT = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata:
  name: sample
# the password of before: Hidden-comment-1
spec:
  hosts:
  - {name: node1, address: 10.99.0.1, user: root, password: Hidden-login-2}  # token=Hidden-comment-3
  roleGroups:
    etcd: [node1]
    master: [node1]
    worker: [node1]
  kubernetes:
    version: v1.30.4
    apiserverArgs:
    - oidc-client-secret=Hidden argument;4
    - v=2
  system:
    preInstall:
    - name: prepare
      bash: |
        set -e
        export ETCD_ROOT_PASSWORD=Hidden-variable-5
        # the old pwd: Hidden-in-script-6
        curl -u me:Hidden-curl-7 https://u:Hidden-url-8@repo.example/x
        mysql --password Hidden-option-9 -e 'select 1'
        echo done
  addons:
  - name: ceph
    sources:
      chart:
        name: rook
        repo: https://charts:Hidden-repo-10@charts.example/x
        values:
        - ceph.adminKey=Hidden-helm-11
        - replicas=3
      yaml:
        values:
          env:
          - {name: DB_PASSWORD, value: Hidden-env-12}
          args: [--token, Hidden-list-13]
          tls.key: Hidden-tls-14
          plain: everybody sees this
"""
SECRETS = [
    "Hidden-comment-1", "Hidden-login-2", "Hidden-comment-3", "Hidden argument;4", "Hidden-variable-5",
    "Hidden-in-script-6", "Hidden-curl-7", "Hidden-url-8", "Hidden-option-9", "Hidden-repo-10", "Hidden-helm-11",
    "Hidden-env-12", "Hidden-list-13", "Hidden-tls-14",
]  # fmt: skip
OPEN = ("everybody sees this", "replicas=3", "echo done", "repo.example", "v=2", "name: DB_PASSWORD", "adminKey=")


def document() -> Document:
    found = load(TEXT).document
    assert found is not None
    return found


def visible_secrets(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_no_secret_of_a_document_is_shown_in_the_editor_and_all_else_is() -> None:
    text = editor(document(), TEXT).text
    assert visible_secrets(text) == []
    assert [each for each in OPEN if each not in text and each != "adminKey="] == []


def test_no_secret_of_a_document_leaves_in_an_export(alice: User) -> None:
    from clusters.services import draft_import

    cluster, _findings = draft_import(actor=alice, text=TEXT)
    assert cluster is not None
    for dialect in ("v1alpha1", "v1alpha2", "v4"):
        assert visible_secrets(config_export(actor=alice, cluster=cluster, dialect=dialect)) == [], dialect
    assert visible_secrets(config_export(actor=alice, cluster=cluster, with_secrets=True)) == SECRETS


def test_the_masks_of_a_log_know_every_secret_of_a_document() -> None:
    masks = Masks(secrets_of(TEXT))
    for secret in SECRETS:
        assert masks.text(f"x {secret} y") == f"x {MASK} y"


def test_what_the_editor_hides_is_stored_as_it_was_when_the_text_comes_back() -> None:
    text = editor(document(), TEXT).text
    again = typed(document(), TEXT, text.replace("echo done", "echo over").replace("v=2", "v=4"))
    assert again.document is not None
    assert visible_secrets(again.text) == SECRETS
    assert again.document == load(TEXT.replace("echo done", "echo over").replace("v=2", "v=4")).document
    assert load(again.text).document == again.document


def test_a_mask_with_no_secret_behind_it_is_marked_and_not_stored() -> None:
    text = editor(document(), TEXT).text
    again = typed(document(), TEXT, text.replace("oidc-client-secret=", "service-account-secret="))
    assert any("secret is missing" in mark.text for mark in again.editor.marks)
    assert not again.complete


def test_no_secret_is_shown_where_two_edits_meet() -> None:
    other = load(TEXT.replace("Hidden", "Masked")).document
    assert other is not None
    told = [text for each in differences(document(), other) for text in (each.theirs, each.mine)]
    assert told and visible_secrets("\n".join(told)) == [] and "Masked-" not in "\n".join(told)


@pytest.mark.parametrize(
    "name",
    ["password", "ETCD_ROOT_PASSWORD", "oidc-client-secret", "ceph.adminKey", "tls.key", "SIGNING_KEY",
     "client-key-data", "apikey", "passphrase", "s3.secretAccessKey", "db_pass", "bootstrapToken", "certificateKey",
     "encryption-key", "PSK"],
)  # fmt: skip
def test_these_are_names_of_secrets(name: str) -> None:
    assert is_secret_key(name)


@pytest.mark.parametrize(
    "name",
    ["key", "publicKey", "topologyKey", "privateKeyPath", "secretName", "imagePullSecrets", "existingSecret", "monkey",
     "token-ttl", "authorizedKeys", "bypass", "compass", "tokenizer", "passthrough", "hostKey", "matchLabelKeys",
     "tls-private-key-file", "discovery-token-ca-cert-hash", "automountServiceAccountToken", "labelKey", "author"],
)  # fmt: skip
def test_these_are_none(name: str) -> None:
    assert not is_secret_key(name)


@pytest.mark.parametrize(
    "text",
    ["PASSWORD=$1", 'token="$TOKEN"', "password: {{ .Values.password }}", "TOKEN=$(cat /run/token)",
     "password: <yours>", "secret=true", "token == other", "curl -u 1000:1000 x", "https://a.example:6443/x@y",
     "passwd: /etc/kubernetes/pw",     "the password is wrong", "kubeadm token create", "2001:db8::1", "see https://u.example/a:b"],
)  # fmt: skip
def test_the_name_of_a_secret_is_not_a_secret(text: str) -> None:
    assert places(text, in_shell=True) == []


def test_what_is_hidden_and_what_is_found_are_the_same() -> None:
    known = {secret.reveal() for secret in secrets_in(document())}
    data = document().model_dump(by_alias=True)
    assert set(SECRETS) - {"Hidden-comment-1", "Hidden-comment-3"} <= known
    assert visible_secrets(str(hidden(data, mask=True))) == [] == visible_secrets(str(hidden(data, mask=False)))
    assert visible_secrets(masked(TEXT)) == ["Hidden-comment-1", "Hidden-comment-3"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "unit",
    ["a", "a=", "password=", "password: x ", "--token x ", "--token ", "token='", 'pw="\\', "://u:", "-u a:", "\n",
     " ", "# ", "password=a,", "token=a,b=", "-----BEGIN PRIVATE KEY-----", "authorization: ",
     "eyJaaaaaaaa.", "\n - token: "],
)  # fmt: skip
def test_a_text_eight_times_as_long_is_searched_in_about_eight_times_the_time(unit: str) -> None:
    """Quadratic would be 64 times; the clock of the processor's time goes in steps of four milliseconds."""

    def search(shell: bool, size: int) -> Callable[[], object]:
        return partial(places, (unit * size)[:size], in_shell=shell)

    for shell in (False, True):
        assert at_most(24, partial(search, shell), (40_000, 320_000), 0.008, LONGEST_SEARCH)


@pytest.mark.thorough
def test_no_other_module_looks_for_secrets_by_their_names() -> None:
    found, _unknown = every_pattern()
    words = ("pas+w", "passw", "secret", "token|", "|token", "PRIVATE KEY")
    modules = {
        each.where.partition(":")[0] for each in found if any(word in str(each.pattern.pattern) for word in words)
    }
    finder = {module for module in modules if module.startswith("clusters/config/secrets/")}
    # These look for messages of sudo and of a login, and for a block of PEM where a path is expected.
    messages = {"clusters/remote/session/sudo.py", "clusters/remote/ssh.py", "clusters/selectors/causes.py"}
    others = messages | {"clusters/config/rules/etcd.py"}
    assert modules - finder == others
