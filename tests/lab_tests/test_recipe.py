"""Products are made once per recipe, whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.lab.commands import LabError, run
from tests.lab.recipe import PUT_AWAY, Product, digest_of, obtain, place_of, put_away, remove_put_away
from tests.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.recipe import Build


def counting(digest: str, made: list[str]) -> Product:
    def make(build: Build) -> None:
        made.append(digest)
        (build.target / "content").write_text(digest)

    return Product("thing", digest, 1, make)


def test_a_product_is_made_once_even_when_two_want_it(tmp_path: Path) -> None:
    made: list[str] = []
    thing = counting("0" * 16, made)
    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(lambda _: obtain(thing, tmp_path), range(4)))
    assert places == {place_of(thing, tmp_path)}
    assert made == ["0" * 16]


def test_a_changed_recipe_makes_a_new_product_and_forgets_the_old(tmp_path: Path) -> None:
    made: list[str] = []
    old, new = counting("0" * 16, made), counting("1" * 16, made)
    obtain(old, tmp_path)
    obtain(new, tmp_path)
    assert (tmp_path / "thing" / "content").read_text() == "1" * 16
    assert not place_of(old, tmp_path).exists()


def test_a_product_under_the_disk_of_a_host_is_kept(tmp_path: Path) -> None:
    made: list[str] = []
    old = obtain(counting("0" * 16, made), tmp_path)
    disk = tmp_path / "labs/any/hosts/node1"
    disk.mkdir(parents=True)
    (disk / "base").symlink_to(old)
    obtain(counting("1" * 16, made), tmp_path)
    assert old.is_dir()


def test_forgetting_spares_a_product_whose_name_only_begins_the_same(tmp_path: Path) -> None:
    made: list[str] = []
    other = Product("thing-source", "2" * 16, 1, counting("2" * 16, made).make)
    obtain(other, tmp_path)
    obtain(counting("0" * 16, made), tmp_path)
    assert place_of(other, tmp_path).is_dir()


def test_a_product_that_failed_half_way_is_made_from_the_start(tmp_path: Path) -> None:
    tries: list[bool] = []

    def make(build: Build) -> None:
        tries.append((build.target / "half").exists())
        (build.target / "half").touch()
        if len(tries) == 1:
            run(["sh", "-c", "echo the reason; exit 3"], log=build.log)

    thing = Product("thing", "0" * 16, 1, make)
    with pytest.raises(LabError, match=r"sh ended with 3(.|\n)*the reason"):
        obtain(thing, tmp_path)
    assert not (tmp_path / "thing").exists()
    obtain(thing, tmp_path)
    assert tries == [False, False]


def test_a_digest_depends_on_contents_and_their_order(tmp_path: Path) -> None:
    file = tmp_path / "recipe"
    file.write_text("one")
    first = digest_of(file, "v1")
    assert first == digest_of(file, "v1")
    assert first != digest_of("v1", file)
    assert digest_of("ab", "c") != digest_of("a", "bc")
    file.write_text("two")
    assert first != digest_of(file, "v1")


def test_a_removed_product_is_moved_away_at_once_and_deleted_soon(tmp_path: Path) -> None:
    left = tmp_path / f"{PUT_AWAY}of-somebody-who-ended"
    for place in (tmp_path / "go-mod", left):
        (place / "deep").mkdir(parents=True)
        (place / "deep/file").touch()
        (place / "deep").chmod(0o555)
    put_away(tmp_path / "go-mod")
    assert not (tmp_path / "go-mod").exists()
    put_away(tmp_path / "go-mod")
    remove_put_away(tmp_path)
    wait_for(lambda: not list(tmp_path.iterdir()), 60, "an empty cache")
