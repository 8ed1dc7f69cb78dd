"""Secrets within texts of a document: YAML in YAML, command lines, headers, comments, tokens."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from clusters.config.load import load
from clusters.config.secret import MASK
from clusters.config.secrets.finder import hidden, hidden_text, places, secrets_in
from clusters.runs.documents import secrets_of
from clusters.runs.events.log_masks import Masks
from clusters.services.exports import config_export
from clusters.wizard.document.editor import editor, typed
from tests.security.filled import filled
from tests.security.pumps import LONGEST_SEARCH, at_most

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.config.schema import Document

X = "Hid-6x"
"""A secret in a script, a text or a comment; no word of any language."""

SCRIPTS = [
    "sshpass -p {} ssh -p 22 node1",
    "sshpass -p{} ssh node1",
    "SSHPASS={} sshpass -e ssh node1",
    "echo 'root:{}' | chpasswd",
    "echo root:{}|sudo chpasswd",
    "chpasswd <<< root:{}",
    "chpasswd <<EOF\nroot:{}\nEOF\necho done",
    "echo '{}' | passwd --stdin root",
    "echo {} | docker login --password-stdin -u me registry.example",
    "mysql -u root -p{} -e 'select 1'",
    "docker login -u me -p {} registry.example",
    "podman --log-level debug login registry.example -u me -p {}",
    "curl -u me:{} https://repo.example/x",
    "curl -ume:{} https://repo.example/x",
    "PGPASSWORD={} psql -h db",
    "tool --password {} --verbose",
    "tool --password={} --verbose",
    "tool -storepass {} -v",
    "helm install x y --set a.password={},b=2",
    "helm install x y --set 'users[0].passwords[1]={}'",
    "kubectl create secret generic x --from-literal=any={}",
    "redis-cli -h db -a {} ping",
    "openssl rsa -passin pass:{} -in k",
    "aws configure set aws_secret_access_key {}",
    "# once it was: sshpass -p {} ssh node1",
    "sshpass \\\n  -p {} ssh node1",
    "cat > ~/.netrc <<EOF\nmachine git.example login me password {}\nEOF",
    "kubectl apply -f - <<'EOF'\nkind: Secret\nstringData:\n  any: {}\nEOF",
]
TEXTS = [
    "env:\n- name: DB_PASSWORD\n  value: {}\n- name: MODE\n  value: open\n",
    "env:\n- value: {}\n  name: DB_PASSWORD\n- name: MODE\n  value: open\n",
    "env:\n- name: DB_PASSWORD\n  required: true\n  value: '{}'\n",
    '{{"env": [{{"name": "API_TOKEN", "value": "{}"}}, {{"name": "MODE", "value": "open"}}]}}',
    "a: {{{{ .Values.x }}}}\n{{{{ if y }}}}\nenv:\n- name: DB_PASSWORD\n  value: {}\n{{{{ end }}}}\n",
    "kind: Secret\ndata:\n  name: {}\n",
    "outer: |\n  kind: Secret\n  stringData:\n    any: {}\n",
    "args: [--oidc-client-secret, {}, --v, '2']\n",
    "command: [sshpass, -p, {}, ssh]\n",
    "password: |\n  {}\nother: open\n",
    "{{{{ x }}}}\npassword: |\n  {}\nother: open\n",
    'auths: {{registry.example: {{"auth": "{}"}}}}\n',
    "dsn: user:{}@tcp(db.example:3306)/x",
    "Authorization: Bearer {}",
    "authorization: token {}",
    "curl -H 'Authorization: Basic {}' https://x.example",
    "machine git.example\n  login me\n  password {}\n",
    "https://{}@mirror.example/x",
    "https://{}:x-oauth-basic@mirror.example/x",
    "Server=db;Password={};Database=x",
    "jwt: {}\n",
    "salt: {}\n",
    "sessionCookie: {}\n",
    "SIGNING={}",
    "hmac: '{}'\n",
]
COMMENTS = [
    "# password is {}",
    "# the password of node1 is now {}, since May",
    "# pw: {}",
    "# the root password: {}",
    "# password {}",
    "# (password: {}",
    "# token -> {}",
]
TOKENS = [
    "AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9, "github_pat_" + "a1B2" * 9, "xoxb-1234567890-abcdef",
    "glpat-" + "a1B2" * 5, "abcdef.0123456789abcdef", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "$6$saltsalt$" + "aB3/" * 20, "npm_" + "a1B2" * 9, "hvs." + "a1B2" * 6,
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
    base64.b64encode(b"-----BEGIN EC PRIVATE KEY-----\nabc\n").decode(),
]  # fmt: skip
OPEN = [
    "add salt: a pinch of it", "# salt: to taste", "the cookie of the day", "# the password is wrong",
    "# password is required", "# the password is stored in the vault",
    "# password: see the handbook", "# token expired", "cookie: {secure: true, sameSite: lax}", "seed: 42",
    "hmac: sha256", "signing: required", "name: MODE\nvalue: open\n",
    "see Bearer authentication", "Basic authentication is off", "https://git@repo.example/x", "ssh://me@host.example",
    "cat /etc/passwd | grep root:x", "mysql -p app", "docker run -p 80:8080 nginx", "ssh -p 22 root@node1",
    "sshpass -e ssh node1", "echo root:$PASSWORD | chpasswd", "sshpass -p \"$PW\" ssh node1", "mkdir -p /opt/x",
    "curl -u $LOGIN https://x.example", "machine learning login name password field is new", "a.example:6443/x@y",
    "sha256:" + "0a" * 32, "set -e\nset -x", "docker login -u me --password-stdin registry.example",
    "key: app\noperator: Equal\nvalue: open\n", "basalt: black", "kubeadm.alphaversionabcdef",
]  # fmt: skip


def shell(text: str) -> str:
    return str(hidden({"bash": text}, mask=True)["bash"])


@pytest.mark.parametrize("form", SCRIPTS)
def test_a_secret_on_the_command_line_of_a_script_is_hidden_and_all_else_is_not(form: str) -> None:
    assert shell(form.format(X)) == form.format(MASK)


@pytest.mark.parametrize("form", TEXTS)
def test_only_the_secret_in_a_text_with_special_syntax_is_hidden(form: str) -> None:
    assert hidden({"x": form.format(X)}, mask=True)["x"] == form.format(MASK)


@pytest.mark.parametrize("form", COMMENTS)
def test_a_secret_that_a_comment_talks_about_is_hidden(form: str) -> None:
    assert hidden_text(form.format(X)) == form.format(MASK)
    assert shell(f"echo a\n{form.format(X)}\necho b") == f"echo a\n{form.format(MASK)}\necho b"


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_known_by_its_looks_wherever_it_stands(token: str) -> None:
    for text in (f"see {token} there", f"echo {token}", f"# {token}"):
        assert hidden_text(text) == text.replace(token, MASK) == shell(text)


@pytest.mark.parametrize("text", OPEN)
def test_what_holds_no_secret_stays_readable(text: str) -> None:
    assert hidden({"x": text}, mask=True)["x"] == text
    assert shell(text) == text


def test_lists_of_arguments_hide_what_follows_the_option() -> None:
    kept = hidden(["--v", "2", "--oidc-client-secret", X, "--password", X, "-h"], mask=True)
    assert kept == ["--v", "2", "--oidc-client-secret", MASK, "--password", MASK, "-h"]


def test_a_secret_of_kubernetes_is_hidden_whatever_its_keys_are_called() -> None:
    kept = hidden({"kind": "Secret", "metadata": {"name": "x"}, "data": {"name": X, "path": X}}, mask=True)
    assert kept == {"kind": "Secret", "metadata": {"name": "x"}, "data": {"name": MASK, "path": MASK}}


def test_what_is_coded_in_a_secret_is_known_to_the_masks_as_well() -> None:
    login = base64.b64encode(f"me:{X}".encode()).decode()
    whole = base64.b64encode(json.dumps({"auths": {"registry.example": {"auth": login}}}).encode()).decode()
    for value in ({".dockerconfigjson": whole}, {"kind": "Secret", "data": {"x": login}}, {"auth": login}):
        assert X in [each.reveal() for each in secrets_in(value)]
    assert "p@ss-1" in [each.reveal() for each in secrets_in("https://me:p%40ss-1@host.example")]
    assert "pw-of-it-1" in [each.reveal() for each in secrets_in("openssl x -passin pass:pw-of-it-1")]


TEXT = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: sample}
spec:
  hosts:
  - {name: node1, address: 10.99.0.1}
  roleGroups: {etcd: [node1], master: [node1], worker: [node1]}
  registry: {registryMirrors: ["https://Hidden-mirror-1@mirror.example"]}
  kubernetes:
    version: v1.30.4
    apiserverArgs: [--oidc-client-secret, Hidden-list-2, --password, Hidden-list-3]
  system:
    preInstall:
    - name: prepare
      bash: |
        sshpass -p Hidden-script-4 ssh node1  # password is Hidden-note-5
        echo 'root:Hidden-script-6' | chpasswd
        cat > key <<EOF
        -----BEGIN EC PRIVATE KEY-----
        SGlkZGVuLWtleS03
        -----END EC PRIVATE KEY-----
        EOF
        echo end
  addons:
  - name: db
    sources:
      chart:
        name: db
        valuesFile: |
          env:
          - {name: A_PASSWORD, value: Hidden-env-8}  # pw: Hidden-pw-9
          - name: B_PASSWORD
            value: Hidden-env-10
          objects: |
            kind: Secret
            data:
              any: Hidden-data-11
          dsn: me:Hidden-dsn-12@tcp(db)
          open: everybody sees this
      yaml:
        values:
          Authorization: Bearer Hidden-bearer-13
          args: [sshpass, -pHidden-arg-14, ssh]
"""
SECRETS = [
    "Hidden-mirror-1", "Hidden-list-2", "Hidden-list-3", "Hidden-script-4", "Hidden-note-5", "Hidden-script-6",
    "SGlkZGVuLWtleS03", "Hidden-env-8", "Hidden-pw-9", "Hidden-env-10", "Hidden-data-11", "Hidden-dsn-12",
    "Hidden-bearer-13", "Hidden-arg-14",
]  # fmt: skip


def document(text: str = TEXT) -> Document:
    found = load(text).document
    assert found is not None, load(text).findings
    return found


def visible_secrets(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.django_db
def test_none_of_them_is_shown_in_the_editor_or_an_export_and_all_are_known_to_a_log(alice: User) -> None:
    from clusters.services import draft_import

    text = editor(document(), TEXT).text
    assert visible_secrets(text) == [] and "everybody sees this" in text and "echo end" in text
    cluster, _findings = draft_import(actor=alice, text=TEXT)
    assert cluster is not None
    for dialect in ("v1alpha1", "v1alpha2", "v4"):
        assert visible_secrets(config_export(actor=alice, cluster=cluster, dialect=dialect)) == [], dialect
    masks = Masks(secrets_of(TEXT))
    assert [each for each in SECRETS if each in masks.text(f"x {each} y")] == []


@pytest.mark.parametrize(("old", "new"), [("", ""), ("echo end", "echo over"), ("everybody sees this", "nobody does")])
def test_what_the_editor_hides_comes_back_unharmed_when_it_is_saved(old: str, new: str) -> None:
    text = editor(document(), TEXT).text
    again = typed(document(), TEXT, text.replace(old, new) if old else text)
    assert again.document == document(TEXT.replace(old, new) if old else TEXT)
    assert load(again.text).document == again.document and visible_secrets(again.text) == SECRETS


THREE = "login --password Hid-1\nlogin --password Hid-2\nlogin --password Hid-3"
SAME = "curl -u me:Hidden-one https://a.example\necho then\ncurl -u me:Hidden-two https://a.example\necho end\n"


@pytest.mark.parametrize(
    ("value", "change", "wanted"),
    [
        (SAME, lambda text: text.split("\n", 1)[1], SAME.split("\n", 1)[1]),
        (THREE, lambda text: f"{text} -q", f"{THREE} -q"),
        (THREE, lambda text: text.replace("\n", " -q\n", 1), THREE.replace("\n", " -q\n", 1)),
        (THREE, lambda text: text.replace("\n", "\n\n", 1), THREE.replace("\n", "\n\n", 1)),
        (["--a", "x", "--token", "Hid-1"], lambda words: words[2:], ["--token", "Hid-1"]),
        (["--token", "Hid-1"], lambda words: ["--new", "y", *words], ["--new", "y", "--token", "Hid-1"]),
        ("password: |\n  Hid-1\n  Hid-2\n", lambda text: f"c: 3\n{text}", "c: 3\npassword: |\n  Hid-1\n  Hid-2\n"),
    ],
)  # fmt: skip
def test_a_mask_that_moved_is_the_secret_that_it_was(value: Any, change: Any, wanted: Any) -> None:
    from clusters.config.document_masks.unmask import with_stand_ins

    masked = change(hidden(value, mask=True))
    typed_in = with_stand_ins(masked) if isinstance(masked, str) else [with_stand_ins(each) for each in masked]
    missing: set[str] = set()
    assert filled(typed_in, value, "x", missing) == wanted and not missing


def test_a_copied_line_among_equal_lines_has_no_separate_secret() -> None:
    from clusters.config.document_masks.unmask import with_stand_ins

    masked = with_stand_ins(hidden(THREE, mask=True))
    missing: set[str] = set()
    filled(f"{masked.splitlines()[0]}\n{masked}", THREE, "x", missing)
    assert missing == {"x"}
    alike, missing = "login --password Hid-1\necho", set()
    masked = with_stand_ins(hidden(alike, mask=True))
    assert filled(f"{masked}\n{masked}", alike, "x", missing) == f"{alike}\n{alike}" and not missing


def test_a_mask_behind_another_option_is_missing() -> None:
    from clusters.config.secret import STAND_IN

    missing: set[str] = set()
    filled(["--other-token", STAND_IN], ["--token", "Hid-1"], "x", missing)
    assert missing == {"x.1"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    "unit",
    ["name: A_TOKEN\nvalue: x\n", "- value: x\n", "sshpass -p ", "echo a | chpasswd\n", "cat <<EOF\n", "password: |\n",
     "a:b@tcp(", "machine a login b ", "# password is ", "# password ", "Bearer ", "https://a", "mysql -p'", "set a b ",
     "Private-Lines: 1\nab", "LS0tLS1CRUdJTiBQUklW\n", "{a: ", "- - ", "a: |\n ", "\\\n",
     "sh -c 'mysql -p\"", "(echo a) | passwd ", "((", "sed s/a/b/ ", "sed 's/token", "echo a > token ", "a.b:1:c:d:",
     "abcde1.0a1b2c3d4e5f6a7b, ", "create user a ", "bindpw --a ", "?sig=", "<a>b</", "name='a' value=", "pgpass",
     "mysql -p\\\""],
)  # fmt: skip
def test_a_text_eight_times_as_long_is_searched_in_about_eight_times_the_time(unit: str) -> None:
    def search(key: str, size: int) -> Callable[[], object]:
        return partial(hidden, {key: (unit * size)[:size]}, mask=True)

    for key in ("bash", "x"):
        assert at_most(24, partial(search, key), (10_000, 80_000), 0.008, LONGEST_SEARCH)


def test_lines_of_a_log_are_not_read_as_yaml() -> None:
    assert places("kind: Secret\ndata:\n  any: open\n") == []
