"""A secret is masked in every form in which programs write it, and harmless text stays unchanged."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.config.load import load
from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import secrets_in
from clusters.config.secrets.ordinary_words import ORDINARY
from clusters.runs.events.log_masks import Masks

AWKWARD = "p'a$s\"w`ö/r d&1\\"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "\n".join(
    base64.b64encode(bytes([number] * 52)).decode()[:70] for number in range(1, 9)
)
PEM += "\nYWJjZGVmZ2hpamts\n-----END OPENSSH PRIVATE KEY-----\n"


def printf_q(text: str) -> str:
    command = ["bash", "-c", 'printf %q "$1"', "bash", text]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8"}).stdout


@pytest.mark.parametrize(
    "form",
    [
        AWKWARD,
        shlex.quote(AWKWARD),
        printf_q(AWKWARD),
        quote(AWKWARD),
        quote(AWKWARD, safe="").lower(),
        quote_plus(AWKWARD),
        json.dumps(AWKWARD),
        json.dumps(AWKWARD, ensure_ascii=False),
        repr(AWKWARD),
        base64.b64encode(AWKWARD.encode()).decode(),
        base64.b64encode((AWKWARD + "\n").encode()).decode(),
        base64.urlsafe_b64encode(AWKWARD.encode()).decode(),
    ],
)
def test_each_encoding_of_a_secret_is_masked(form: str) -> None:
    said = Masks([Secret(AWKWARD)]).text(f"before {form} after")
    assert MASK in said
    assert said.startswith("before ")
    assert said.endswith(" after")
    for part in ("p'a", "w`", "r d&1", form.strip("'\"")[3:-3]):
        assert part not in said


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=4).filter(
        lambda t: len(t.strip()) > 3 and t.strip().lower() not in ORDINARY
    )
)
def test_any_secret_is_masked_in_plain_text(text: str) -> None:
    masks = Masks([Secret(text)])
    assert text.strip() not in masks.text(f"<{text}>").replace(MASK, "")
    assert masks.lines([f"a {line} b" for line in text.splitlines()])


@given(st.text("abcdefgh123456", min_size=12, max_size=30), st.text("xyz", max_size=5))
def test_a_secret_inside_coded_credentials_is_not_readable(secret: str, user: str) -> None:
    coded = base64.b64encode(f"{user}:{secret}".encode()).decode()
    left = Masks([Secret(secret)]).text(coded).split(MASK)
    assert len(left) > 1
    for part in left:
        usable = part.rstrip("=")[: len(part.rstrip("=")) // 4 * 4]
        assert secret[:4] not in base64.b64decode(usable).decode("latin-1")


def test_a_key_of_many_lines_is_masked_line_by_line_and_coded() -> None:
    masks = Masks([Secret(PEM)])
    lines = PEM.splitlines()
    assert masks.lines(lines)[1:-1] == [MASK] * (len(lines) - 2)
    assert masks.lines(lines)[0] == lines[0]
    wrapped = base64.encodebytes(PEM.encode()).decode().splitlines()
    assert not set(wrapped[:-1]) & set(masks.lines(wrapped))


def test_a_short_secret_is_masked_only_as_a_whole_word() -> None:
    masks = Masks([Secret("abc7")])
    assert masks.text("abc7 abc7e user:abc7@host") == f"{MASK} abc7e user:{MASK}@host"


def test_an_empty_secret_masks_nothing() -> None:
    assert Masks([Secret(""), Secret("  ")]).lines(["", "a b"]) == ["", "a b"]


def test_all_of_plain_data_is_masked() -> None:
    data = {"a": ["x Geheim1", {"Geheim1": 1}], "b": ("Geheim1",), "c": None, "d": 7}
    assert Masks([Secret("Geheim1")]).value(data) == {"a": [f"x {MASK}", {MASK: 1}], "b": [MASK], "c": None, "d": 7}


def test_secrets_are_found_where_the_document_does_not_expect_them(seed: str) -> None:
    document = load(
        seed.replace("  network:", "  registry:\n    auths:\n      r.example: {password: hid-den1}\n  network:")
    )
    assert document.document is not None
    found = {secret.reveal() for secret in secrets_in(document.document)}
    assert found == {"Qcloud@123", "Testing123", "hid-den1"}


def test_only_the_keys_of_a_kubeconfig_are_secret() -> None:
    text = "clusters:\n- server: https://lb:6443\nusers:\n- user:\n    client-key-data: S0VZ\n    token: 'abc.def'\n"
    assert [secret.reveal() for secret in secrets_in(text)] == ["S0VZ", "abc.def"]
