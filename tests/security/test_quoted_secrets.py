"""No finding quotes a secret that the finder masks: not on a page, in an error, or in an acknowledgement."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.config.document_masks.findings import without_secrets_in
from clusters.config.finding import warning
from clusters.config.keys import keys_of
from clusters.config.load import load
from clusters.config.schema import Document
from clusters.config.secret import MASK, STAND_IN
from clusters.config.yaml.tree import excerpt
from clusters.services import draft_import, findings_of
from clusters.wizard.document.editor import editor, typed
from tests.conftest import SEED
from tests.security.pumps import MOST_GROWTH, growth_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.config.finding import Finding
    from clusters.config.keys import Model

VALUES = (
    "https://me:Hidqx-9@ho st.example:99999/x y",
    "--token=Hidqx-9 x",
    "Authorization: Bearer Hidqx-9-abcdef",
    # Escaped in quotes, and cut in its middle.
    "--password=Hidqx'\"\\\té-9",
    "PASSWORD=Hidqx-9\n",
    f"{'x' * 38} --password=Hidqx-{'9abc' * 20}",
)
# The one in C writes the same, several times as fast.
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
ETCD = SEED + '  etcd:\n    extraArgs: ["ETCD_ROOT_PASSWORD=Hidqx-91\\n"]\n'


def paths(model: type[Model], above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of the schema; 0 is the first entry of a list, `t` one of a table."""
    for each in keys_of(model).values():
        if each.name.startswith("---"):
            continue
        here = (*above, each.name)
        yield here
        if each.inner is not None and each.kind in ("model", "models", "table"):
            yield from paths(each.inner, here + {"model": (), "models": (0,), "table": ("t",)}[each.kind])


def put(data: dict[str, Any], path: tuple[Any, ...], value: Any) -> bool:
    """Whether the value could be put there."""
    here: Any = data["spec"]
    for place, following in itertools.pairwise(path):
        if isinstance(place, int):
            here += [{"name": "n"}] if not here else []
        elif not isinstance(here.get(place), dict | list):
            here[place] = [] if isinstance(following, int) else {}
        here = here[place]
        if not isinstance(here, dict | list):
            return False
    if not isinstance(here, dict):
        return False
    here[path[-1]] = value
    return True


def texts(findings: tuple[Finding, ...]) -> list[str]:
    """All that people read."""
    return [text for each in findings for text in (each.message, each.hint, each.found, each.allowed)]


def leaks(text: str) -> bool:
    """Whether a piece of the secret stands there, in whatever case."""
    return "hidq" in text.lower()


@pytest.mark.parametrize("word", ["node", "Cluster", "password", "control-plane"])
def test_a_secret_that_is_an_ordinary_word_hides_no_words_of_slipway(word: str) -> None:
    sentence = f"Machine {word} (node1) is not known to the {word}."
    found = warning("a", "spec", f"{sentence} Found '{word}', not \"{word}\".", hint=sentence, found=word)
    masked = without_secrets_in([found], {"password": word})[0]
    assert masked.message == f"{sentence} Found '{MASK}', not '{MASK}'."
    assert (masked.hint, masked.found) == (sentence, MASK)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("value", VALUES)
def test_no_key_of_the_schema_has_its_secret_quoted(value: str) -> None:
    base = yaml.safe_load(SEED)
    masked, quoted = 0, []
    for path in paths(Document):
        for each in (value, [value], {"a": value}, {"password": value}):
            data = copy.deepcopy(base)
            if not put(data, path, each):
                continue
            text = yaml.dump(data, Dumper=DUMPER, sort_keys=False, width=1000)
            loaded = load(text)
            if loaded.document is None:
                quoted += [(path, text) for text in texts(loaded.findings) if leaks(text)]
                continue
            seen = editor(loaded.document, text)
            if leaks(seen.text) or MASK not in seen.text:
                continue
            masked += 1
            said = [mark.text + mark.hint for mark in seen.marks] + texts((*seen.found, *loaded.findings))
            quoted += [(path, text) for text in said if leaks(text)]
    assert not quoted
    assert masked > 50


def test_a_refused_text_does_not_have_its_secret_quoted() -> None:
    for row in ("port: token=Hidqx-9", "port: {password: Hidqx-9}", "password=Hidqx-9: a, password=Hidqx-9: b"):
        loaded = load(SEED.replace("- {name: node1,", f"- {{name: node1, {row},"))
        assert not any(map(leaks, texts(loaded.findings))), row


@pytest.fixture
def drafted(alice: User) -> Any:
    cluster, found = draft_import(actor=alice, text=ETCD)
    assert cluster is not None, found
    return cluster


def test_pages_do_not_quote_a_stored_secret(drafted: Any, alice: User, client: Client) -> None:
    client.force_login(alice)
    session = client.session
    session["password_given_at"] = 0
    session.save()
    for page in ("kubernetes", "review"):
        body = client.get(f"/clusters/{drafted.pk}/wizard/{page}/").content.decode()
        assert "is not an assignment" in body, page
        assert not leaks(body), page
    document = load(drafted.document).document
    assert document is not None
    assert not any(map(leaks, texts(findings_of(drafted, document))))


def test_a_secret_is_not_uncovered_by_what_is_typed_around_its_mask() -> None:
    text = ETCD.replace("\\n", "")
    document = load(text).document
    assert document is not None
    seen = editor(document, text).text
    read = typed(document, text, seen.replace(f"ETCD_ROOT_PASSWORD={MASK}", f"ETCD_ROOT_PASSWORD={MASK}\\n"))
    assert any("is not an assignment" in mark.text for mark in read.editor.marks)
    assert not any(leaks(mark.text + mark.hint) for mark in read.editor.marks)


@pytest.mark.parametrize(
    "quoted",
    [
        excerpt("a --password=Hidqx-9,b"),
        "Hidqx-9,b",
        "'Hidqx-9'",
        "a-password-hidqx-9-b",
        f"'{'z' * 50} Hidq…'",
        repr(repr("--password=Hidqx-9,b")),
    ],
)
def test_a_secret_is_masked_in_whatever_form_it_is_quoted(quoted: str) -> None:
    finding = warning("x", "spec.x", f"The value {quoted} sets nothing.", hint=f"Not {quoted}?", found=quoted)
    found = without_secrets_in([finding], {"x": "a --password=Hidqx-9,b", "long": "PASSWORD=Hidqx-9"})
    assert not any(map(leaks, texts(found)))
    assert found[0].message.startswith("The value ")
    assert found[0].message.endswith(" sets nothing.")


def test_a_secret_that_begins_another_one_is_masked_at_the_end_of_a_sentence() -> None:
    finding = warning("x", "spec.x", "Not Hidqx-9", hint="--password=Hidqx-9", found="hidqx-9")
    found = without_secrets_in([finding], {"password": "Hidqx-9", "token": "Hidqx-91", "passwd": "Hidqx-912345"})
    assert not any(map(leaks, texts(found)))


def test_a_sentence_without_a_secret_stays_as_it_is() -> None:
    finding = warning("x", "spec.x", "For 'node1' the password is missing: a token's value, 'abc', is none.")
    assert without_secrets_in([finding], {"password": "no", "token": "a", "key": "x"}) == (finding,)


def test_what_stands_in_for_a_mask_is_in_no_message() -> None:
    text = SEED + "  registry:\n    auths: {h.example: {username: a, password: Hidqx-3}}\n"
    document = load(text).document
    assert document is not None
    for row in (f'{{"a{MASK}": b}}', f"[a{'x' * 56}{MASK}]", f'{{"{MASK}": 1, "{MASK}": 2}}'):
        read = typed(document, text, editor(document, text).text + f"  hosts2: {row}\n  timezone: {row}\n")
        for each in (*read.editor.reading, *read.editor.found):
            assert not any(mark in f"{each.message}{each.hint}{each.found}" for mark in STAND_IN), row
            assert ascii(STAND_IN[0])[1:-1] not in f"{each.message}{each.hint}{each.found}", row


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("privateRegistry", '"me:Hidqx-1@h.example"', f'"me:{MASK}@h.example"'),
        ("registryMirrors", '["me:Hidqx-1@h.example:5000"]', f'["me:{MASK}@h.example:5000"]'),
        ("insecureRegistries", '["me:Hidqx-1@10.1.1.1"]', f'["me:{MASK}@10.1.1.1"]'),
        ("privateRegistry", "h.example:5000", "h.example:5000"),
    ],
)
def test_a_login_before_a_registry_is_masked_without_a_scheme(key: str, value: str, wanted: str) -> None:
    text = SEED + f"  registry:\n    {key}: {value}\n"
    document = load(text).document
    assert document is not None
    seen = editor(document, text)
    assert f"    {key}: {wanted}\n" in seen.text
    assert not any(leaks(mark.text + mark.hint) for mark in seen.marks)
    assert typed(document, text, seen.text).text == text


def test_a_digest_is_not_a_login() -> None:
    text = SEED.replace("    containerManager", "    imageRepo: nginx:1.2@sha256:abcdef\n    containerManager")
    document = load(text).document
    assert document is not None
    assert "nginx:1.2@sha256:abcdef" in editor(document, text).text


def test_a_short_secret_is_masked_where_another_one_would_begin_in_it() -> None:
    finding = warning("x", "spec.x", "Found Hid4 2xy.")
    found = without_secrets_in([finding], {"password": "Hid4", "token": "d42x"})[0]
    assert found.message == f"Found {MASK} 2xy."


def of_many(size: int) -> Callable[[], object]:
    """So many findings about so many secrets that begin alike."""
    secrets = [f"--password=Hidqx-{number:06}" for number in range(size)]
    findings = [warning("x", "spec.x", f"The value {excerpt(each)} of a{each}b sets nothing…") for each in secrets]
    return lambda: without_secrets_in(findings, secrets)


def test_many_findings_take_time_in_proportion() -> None:
    assert growth_of(of_many, 500) < MOST_GROWTH


def of_lengths(sign: str) -> Callable[[int], Callable[[], object]]:
    """So many secrets of one sign, each longer than the one before, and as many findings with many of that sign."""

    def made(size: int) -> Callable[[], object]:
        secrets = {f"a{number}": {"password": sign * (number + 4)} for number in range(size)}
        findings = [warning("x", "spec.x", f"The value {sign * 200} sets nothing at {n}.") for n in range(50)]
        return lambda: without_secrets_in(findings, secrets)

    return made


@pytest.mark.sampled(2)
@pytest.mark.parametrize("sign", ["a", "!"])
def test_secrets_that_begin_alike_take_time_in_proportion(sign: str) -> None:
    assert growth_of(of_lengths(sign)) < MOST_GROWTH


def test_a_long_secret_is_masked_as_a_whole() -> None:
    secret = "".join(f"Hidq{number:03}-" for number in range(40))
    finding = warning("x", "spec.x", f"The value of {secret} is here.", hint=f"({secret.lower()})")
    found = without_secrets_in([finding], {"password": secret})[0]
    assert found.message == f"The value of {MASK}- is here."
    assert not leaks(found.hint)
