"""Products of the lab's build: each is cached under the digest of the recipe that made it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import progress
from tests.lab.commands import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT_CACHE = "/var/cache/slipway-lab"
PUT_AWAY = ".away-"
NONE = subprocess.DEVNULL


def cache_root() -> Path:
    """The directory of products and hosts: outside the repository, so that a clean checkout keeps them."""
    return Path(os.environ.get("SLIPWAY_LAB_CACHE") or DEFAULT_CACHE)


def digest_of(*parts: Path | str) -> str:
    """The digest of a recipe: the contents of its files and its parameters, in order."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        whole.update(f"{len(content)}:".encode())
        whole.update(content)
    return whole.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Product:
    """Something built once: `make` fills an empty directory, and never sees an incomplete one of an earlier attempt."""

    name: str
    digest: str
    usual_seconds: float
    make: Callable[[Build], None]


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a product: `target` is the directory to fill, `log` gets the output of programs."""

    cache: Path
    target: Path
    log: Path

    def need(self, product: Product) -> Path:
        """Another product that this one is made from."""
        return obtain(product, self.cache)


def place_of(product: Product, cache: Path) -> Path:
    """The directory of a finished product."""
    return cache / "products" / f"{product.name}-{product.digest}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock: a second process waits for the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def obtain(product: Product, cache: Path | None = None) -> Path:
    """The finished product, built now if necessary; `<cache>/<name>` points to it afterwards."""
    cache = cache or cache_root()
    place = place_of(product, cache)
    with locked(cache / "locks" / f"{product.name}.lock"):
        if not place.is_dir():
            _make(product, cache, place)
        _point(cache / product.name, place)
    return place


def _make(product: Product, cache: Path, place: Path) -> None:
    log = cache / "logs" / f"{product.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    for stale in place.parent.glob(f".{product.name}-*.part"):
        remove_tree(stale)
    part = place.with_name(f".{place.name}.part")
    part.mkdir()
    with progress.step(product.name, product.usual_seconds):
        product.make(Build(cache, part, log))
    part.rename(place)
    _forget_older(product, place, cache)


def _point(link: Path, place: Path) -> None:
    wanted = place.relative_to(link.parent)
    if link.is_symlink() and link.readlink() == wanted:
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(wanted)
    fresh.replace(link)


def _forget_older(product: Product, place: Path, cache: Path) -> None:
    """Remove products of earlier recipes, except those that a host still uses."""
    for other in place.parent.glob(f"{product.name}-*"):
        suffix = other.name.removeprefix(f"{product.name}-")
        if other != place and len(suffix) == len(product.digest) and not _in_use(other, cache):
            remove_tree(other)


def _in_use(place: Path, cache: Path) -> bool:
    """Whether a host, running or switched off, has its disk over this product."""
    links = [*cache.glob("hosts/*/base"), *cache.glob("labs/*/hosts/*/base")]
    return any(link.is_symlink() and link.readlink() == place for link in links)


def remove_tree(path: Path) -> None:
    """Remove a directory, if it exists; refuses one with something mounted below it."""
    if not path.exists():
        return
    below = f"{path.resolve()}/"
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if any(f"{point}/".startswith(below) for point in mounted):
        raise LabError(f"{path} is not removed: something is mounted in it", hint="python -m tests.lab down")
    shutil.rmtree(path)


def put_away(path: Path) -> None:
    """Move a directory, if it exists, out of the way immediately; `remove_put_away` removes it."""
    if path.exists():
        path.rename(path.with_name(f"{PUT_AWAY}{secrets.token_hex(8)}"))


def remove_put_away(cache: Path) -> None:
    """Start to remove directories that were put away, also by earlier processes; it runs in the background."""
    places = [str(place) for place in cache.glob(f"{PUT_AWAY}*")]
    if places:
        calm = ["setsid", "--fork", "nice", "-n", "19", "ionice", "-c", "3"]
        # A process that inherited a pipe would keep its reader waiting.
        subprocess.run([*calm, "rm", "-rf", *places], check=True, stdin=NONE, stdout=NONE, stderr=NONE)
