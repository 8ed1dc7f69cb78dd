"""Twice the size of a document takes about twice the time: comparing, suggesting, masking, and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.alignment import aligned
from clusters.config.document_masks.unmask import with_secrets, with_stand_ins
from clusters.config.edit import edit
from clusters.config.load import load
from clusters.config.rules import check
from clusters.config.schema import Host, RoleGroups
from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import hidden, replaced
from clusters.config.suggestions import nearest, share_of_suggestions
from clusters.config.yaml.tree import Mapping, read
from clusters.runs.events.log_masks import Masks
from tests.config.documents import seed_document
from tests.conftest import SEED
from tests.security.pumps import MOST_GROWTH, STRETCH, at_most, growth_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document
    from clusters.config.yaml.tree import Node

FEW = 150
MOST_OF_TEN = 25
"""Times as long for ten times the machines: more than what grows with them needs, less than a quadratic 100."""
MEASURABLE = 0.05
"""Seconds of the processor that count as the least, so that a small and a smaller time are not compared."""


def many(text: str, count: int) -> str:
    """The same text with every number from 0 on."""
    return "".join(text.replace("#", str(number)) for number in range(count))


def arguments(text: str, count: int) -> str:
    """The document of three machines with these arguments of the API server."""
    return SEED.replace("    proxyMode", "    apiserverArgs:\n" + many(text, count) + "    proxyMode")


LISTS: dict[str, Callable[[int], str]] = {
    "two arguments in turn": lambda count: arguments("    - a\n    - token=x\n", count),
    "machines of one name": lambda count: SEED.replace(
        "  roleGroups:", "  - {name: n, address: 10.99.0.1, password: 'hush-hush'}\n" * count + "  roleGroups:"
    ),
    "arguments on one line": lambda count: SEED.replace(
        "    proxyMode", "    apiserverArgs: [" + many("token=x#, ", count) + "]\n    proxyMode"
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("made", LISTS.values(), ids=LISTS)
def test_every_entry_of_a_list_is_replaced_in_proportion(made: Callable[[int], str]) -> None:
    def work(count: int) -> Callable[[], object]:
        text = made(count)
        document = load(text).document
        assert document is not None
        fresh = replaced(document, lambda secret: f"{secret}-other")
        return lambda: edit(text, fresh)

    assert at_most(MOST_GROWTH, work, (FEW, STRETCH * FEW), MEASURABLE, most=60, tries=2)


def test_comments_stay_with_entries_of_which_there_are_several_alike() -> None:
    text = SEED.replace(
        "    proxyMode", "    apiserverArgs:\n    - v=2 # one\n    - a=b # two\n    - v=2 # three\n    proxyMode"
    )
    document = load(text).document
    assert document is not None
    for args, comments in (
        (("v=2", "c=d", "v=2"), ("# one", "# two", "# three")),
        (("v=2", "v=2"), ("# one", "# three")),
        (("x=y", "v=2", "a=b", "v=2"), ("# one", "# two", "# three")),
    ):
        changed = document.kubernetes.model_copy(update={"apiserver_args": args})
        fresh = document.model_copy(update={"kubernetes": changed})
        edited = edit(text, fresh)
        assert load(edited).document == fresh
        assert tuple(part for part in ("# one", "# two", "# three") if part in edited) == comments


def test_what_is_aligned_covers_both_lists_in_order() -> None:
    old, new = list("abacabad"), list("acabxad")
    stretches = list(aligned(old, new))
    assert [each for one in stretches for each in old[one.first : one.last]] == old
    assert [each for one in stretches for each in new[one.start : one.stop]] == new
    assert all(old[each.first : each.last] == new[each.start : each.stop] for each in stretches if each.same)
    assert sum(each.last - each.first for each in stretches if each.same) >= 4


GUESSES: dict[str, Callable[[int], str]] = {
    "gates": lambda count: arguments("    - feature-gates=SomethingUnknown#=true\n", count),
    "fields of kubelet": lambda count: SEED.replace(
        "    proxyMode", "    kubeletConfiguration:\n" + many("      maxPodz#: 3\n", count) + "    proxyMode"
    ),
    "groups of scripts": lambda count: (
        SEED + "  system:\n    preInstall:\n" + many("    - {name: s#, bash: echo, role: nobody#}\n", count)
    ).replace("  roleGroups:\n", "  roleGroups:\n" + many("    group#: [node1]\n", count)),
}


@pytest.mark.thorough
@pytest.mark.parametrize("made", GUESSES.values(), ids=GUESSES)
def test_unknown_words_are_looked_up_within_the_work_budget(made: Callable[[int], str]) -> None:
    def work(count: int) -> Callable[[], object]:
        document = load(made(count)).document
        assert document is not None
        return lambda: check(document)

    work(1)()
    assert at_most(2.5, work, (600, 600 * STRETCH), 4 * MEASURABLE, most=60, tries=2)


def test_suggestions_end_with_their_share_of_work() -> None:
    words = ["a" * 60 + str(number) for number in range(100)]
    with share_of_suggestions():
        found = [nearest("a" * 60 + "x", words, 0.6) for _ in range(100)]
    assert found[0] and not found[-1]
    assert nearest("a" * 60 + "x", words, 0.6)
    assert nearest("a" * 10_000, ["a" * 9_999], 0.6) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("secret", ["s#x", "pa#ss", "longer-secret-#"])
def test_many_secrets_are_learned_and_masked_in_proportion(secret: str) -> None:
    def work(count: int) -> Callable[[], object]:
        known = [Secret(secret.replace("#", str(number))) for number in range(count)]
        text = many(f"{secret} \n", count)
        return lambda: Masks(known).text(text)

    assert growth_of(work) < MOST_GROWTH


NESTED = (
    "${PASSWORD:-",
    "password==",
    "password=<",
    "PASSWORD=$(",
    'TOKEN="`',
    "password={{ ",
    "name: password\nvalue: $(",
)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("unit", NESTED)
@pytest.mark.parametrize("key", ["bash", "x"])
def test_values_that_are_computed_from_others_are_looked_through_in_proportion(unit: str, key: str) -> None:
    assert growth_of(lambda length: lambda: hidden({key: unit * length}, mask=True)) < MOST_GROWTH


def test_few_and_many_short_secrets_are_masked_alike() -> None:
    text = "x12345 12345x 12345-12345 (12345)_12345 .123. a.123.b"
    few = Masks([Secret("12345"), Secret(".123.")])
    more = Masks([Secret("12345"), Secret(".123."), *(Secret(f"{number:05}") for number in range(90_000, 90_200))])
    assert few.text(text) == more.text(text) == f"x12345 12345x {MASK}-{MASK} ({MASK})_12345 {MASK} a{MASK}b"


@pytest.mark.thorough
def test_many_masked_arguments_get_their_secrets_back_in_proportion() -> None:
    def work(count: int) -> Callable[[], object]:
        before = load(arguments("    - token=hush-hush-#\n", count)).document
        shown = load(with_stand_ins(arguments(f"    - token={MASK}\n", count))).document
        assert before is not None and shown is not None
        assert with_secrets(shown, before)[0] == before
        return lambda: with_secrets(shown, before)

    assert at_most(MOST_GROWTH, work, (FEW, STRETCH * FEW), MEASURABLE, most=60, tries=2)


def section(node: Node, *names: str) -> Mapping:
    """The mapping at these keys of a document."""
    for name in names:
        assert isinstance(node, Mapping)
        _, node = node.pairs[name]
    assert isinstance(node, Mapping)
    return node


def test_reading_a_document_leaves_the_shared_tree_as_it_is() -> None:
    text = SEED.replace("    proxyMode", "    etcdBackupDir: /backup\n    proxyMode")
    read.cache_clear()
    document = load(text).document
    assert document is not None and document.etcd.backup_dir == "/backup"
    (whole,) = read(text)
    assert "etcdBackupDir" in section(whole, "spec", "kubernetes").pairs
    assert "etcd" not in section(whole, "spec").pairs


def machines(count: int) -> Document:
    """A document with so many machines, of which one in a hundred has a finding."""
    hosts = tuple(
        Host(
            name=f"node{number}",
            address=f"10.{number // 200}.1.{number % 200 + 1}",
            password=Secret("hush-hush"),
            labels={"rack": "-wrong" if number % 100 == 0 else "a"},
        )
        for number in range(count)
    )
    groups = RoleGroups(etcd=("node0",), master=("node0",), worker=(f"node[0:{count - 1}]",))
    return seed_document(hosts=hosts, role_groups=groups)


@pytest.mark.thorough
def test_checking_ten_times_the_machines_takes_about_ten_times_as_long() -> None:
    def work(count: int) -> Callable[[], object]:
        document = machines(count)
        return lambda: check(document)

    # Checking 500 takes less than this; comparing each pair of 5,000 takes more than 25 times as long.
    assert at_most(MOST_OF_TEN, work, (500, 5_000), least=0.02, most=60, tries=2)
